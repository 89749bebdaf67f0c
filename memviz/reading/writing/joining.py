"""How do the sentences of a text become one trace again?"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memviz.memory import read_only
from memviz.reading.engine.notes import SENTENCE_IN_PARTS, numbered
from memviz.reading.writing.sentences import Span, split_sentences
from memviz.tokens import Token
from memviz.trace import Note, Trace


def join_sentences(text: str, spans: Sequence[Span], parts: Sequence[Trace], *, notes: Sequence[Note] = ()) -> Trace:
    """The trace of a whole text whose parts were translated on their own.

    ``spans`` are the parts' places in the text. Tokens and targets are those of the parts, one after the other, with
    offsets and numbers of the whole; log-probabilities and steps follow them. The white space between two parts is kept
    in the output. Memories stay in the parts. ``notes`` are those on the whole text; those on a part that say the same
    of it are left out, the others say which sentence they are about, or which part where sentences were cut.
    """
    output, places = _output(text, spans, parts)
    cut = any(note.code == SENTENCE_IN_PARTS for note in notes)
    codes = {note.code for note in notes if note.code}
    own = [
        numbered(number, note, cut=cut)
        for number, part in enumerate(parts, start=1)
        for note in part.notes
        if note.code not in codes
    ]
    return Trace(
        text=text,
        output=output,
        tokens=_shifted([(part.tokens, start) for part, (start, _) in zip(parts, spans, strict=True)]),
        targets=_shifted([(part.targets, start) for part, start in zip(parts, places, strict=True)]),
        model=parts[0].model,
        memories={},
        logprobs=read_only(np.concatenate([part.logprobs for part in parts])),
        seconds={name: sum(part.seconds[name] for part in parts) for name in parts[0].seconds},
        steps=tuple(step for part in parts for step in part.steps),
        notes=(*notes, *own),
        parts=tuple(parts),
    )


def _output(text: str, spans: Sequence[Span], parts: Sequence[Trace]) -> tuple[str, list[int]]:
    """(the whole output, where each part's begins in it)."""
    begins = {start for start, _ in split_sentences(text)}
    output, places, end = "", [], 0
    for part, (start, stop) in zip(parts, spans, strict=True):
        between = text[end:start]
        inside = start == end and start not in begins and not (_wide(text[end - 1]) or _wide(text[start]))
        if places and not inside:  # else it is a word that was cut
            output += between if between.strip() == "" and between else _space(output)
        places.append(len(output))
        output += part.output or ""
        end = stop
    return output, places


def _space(before: str) -> str:
    """What stands between two parts that no white space separates in the source: nothing after 。！？."""
    return "" if before and _wide(before[-1]) else " "


def _wide(character: str) -> bool:
    """Is this a character of a writing that puts no spaces between words?"""
    return unicodedata.east_asian_width(character) in "WF"


def _shifted(rows: Sequence[tuple[Sequence[Token], int]]) -> tuple[Token, ...]:
    """The tokens of several texts as those of one: offsets moved, words and groups counted on."""
    found: list[Token] = []
    for tokens, start in rows:
        word = max((token.word for token in found), default=-1) + 1
        group = max((token.group for token in found), default=-1) + 1
        found += [
            replace(t, start=t.start + start, end=t.end + start, word=t.word + word, group=t.group + group)
            for t in tokens
        ]
    return tuple(found)
