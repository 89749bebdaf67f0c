"""Drawings as SVG and as PNG: one head, all heads, words and links on one sheet."""
