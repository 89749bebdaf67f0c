"""Drawings of our own: all heads, words and links on one sheet."""
