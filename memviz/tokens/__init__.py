"""Tokens and words: what the model reads, and what a person reads.

A token is what the model attends to; a word is what a person reads. Words are cut by writing system (`word_spans`) and
not by the tokenizer; a token that reaches into two words makes them one.

    spelling   characters: what cannot be read, where words are, what is visible
    raw_bytes  pieces that are bytes
    alignment  pieces without offsets, walked along the text
    pieces     calling a tokenizer without changing it
    sequence   Token
    word       Word; attention between words; names that differ; what was dropped
"""

from __future__ import annotations

from memviz.tokens.sequence import Token, align, start_token_end, tokenise
from memviz.tokens.spelling import clean, printable, require_text, right_to_left, word_spans
from memviz.tokens.word import Word, distinct_names, distinct_texts, dropped_characters, merge, word_pairs, words

__all__ = [
    "Token",
    "Word",
    "align",
    "clean",
    "distinct_names",
    "distinct_texts",
    "dropped_characters",
    "merge",
    "printable",
    "require_text",
    "right_to_left",
    "start_token_end",
    "tokenise",
    "word_pairs",
    "word_spans",
    "words",
]
