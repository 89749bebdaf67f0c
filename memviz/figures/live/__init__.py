"""Figures that answer the pointer: what the scripts of the app's components draw, wherever they are put.

assets          the scripts, styles and markup
word_drawing    the text as words, with what each attends to
cross_drawing   two rows of words, joined by links
"""
