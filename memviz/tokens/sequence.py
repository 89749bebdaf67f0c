"""What does the model read instead of the text?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from memviz.errors import EmptyTextError
from memviz.tokens.alignment import MARKS, without_word_marks
from memviz.tokens.pieces import Inputs, Languages, Pieces, decode, encode
from memviz.tokens.spelling import WHITE, Span, SpanUnion, clean, printable, trim, with_accents


@dataclass(frozen=True, slots=True)
class Token:
    """One slot of the model's memory.

    ``start``/``end`` are character offsets in the text of its ``segment`` (0 = the text, 1 = its pair), without white
    space at the edges. ``special`` = added by the tokenizer; a "[SEP]" that a person typed is a token like any other.
    """

    geometry: ClassVar[Literal["line"]] = "line"

    text: str  # what a person sees; never empty
    id: int  # in the vocabulary of the tokenizer
    start: int
    end: int
    word: int  # running number of its word over the whole sequence; an added token is a word of its own
    special: bool
    segment: int = 0
    group: int = -1  # tokens that share a character share this running number (the two or four bytes of 猫, 😀)


def tokenise(
    tokenizer: Any,
    text: str,
    pair: str | None = None,
    *,
    target: bool = False,
    languages: Languages | None = None,
) -> tuple[tuple[Token, ...], Inputs]:
    """Which tokens does the model read instead of this text?

    ``tokenizer``: a transformers tokenizer, fast or written in Python; it is not changed, and many threads may share
    it. Nothing is truncated or padded. ``pair`` = a second text (an empty one counts as none). ``target`` = read as
    the output side of a translation. ``languages`` = codes that the tokenizer knows, of the source and of the target;
    without, those that it was told.

    A text that begins with the start token that the tokenizer adds is read with one, not with two: the characters that
    spell it belong to no token (`start_token_end`).

    Returns the tokens and the model's inputs (``input_ids``, ``attention_mask`` …) as lists of equal length. Offsets
    count in ``clean(text)``.

    Raises:
        EmptyTextError: the text has characters, but the tokenizer keeps none of them.
        ReadingError: the text cannot be encoded, or the target language is unknown.
    """
    texts = [clean(part) for part in (text, pair or "")[: 2 if pair else 1]]
    pieces = _with_one_start(encode(tokenizer, texts, target=target, languages=languages), texts[0])
    for source, part in enumerate(texts):
        if part.strip(WHITE) and source not in pieces.sources:
            raise EmptyTextError(
                "The tokenizer of this model keeps none of the {count} characters of the text.",
                todo="Add a word, or choose another model.",
                count=len(part),
            )
    return _tokens(pieces, texts), pieces.inputs


def align(tokenizer: Any, ids: Sequence[int], text: str) -> tuple[Token, ...]:
    """Which tokens are these ``ids`` of the ``tokenizer``, when a model wrote them as this text?

    For generated and translated text, which is not tokenised again. ``special`` = an id that the tokenizer calls
    special. Pieces that cannot be found in the text share the characters that are left over; nothing raises.
    """
    return _tokens(decode(tokenizer, ids, text), [text])


def start_token_end(tokens: Sequence[Token], text: str) -> int:
    """Where does a text go on that begins with the start token of its ``tokens``? 0 for one that does not.

    The start token is then the first of the tokens, special and once; its characters stand in none of them.
    """
    text = clean(text)
    if not tokens or not tokens[0].special or tokens[0].segment:
        return 0
    begin = len(text) - len(text.lstrip(WHITE))
    end = begin + len(tokens[0].text)
    inside = any(token.start < min(end, token.end) for token in tokens if not token.special and token.segment == 0)
    return end if text.startswith(tokens[0].text, begin) and not inside else 0


def _with_one_start(pieces: Pieces, text: str) -> Pieces:
    """The pieces, with one start token where the ``text`` brings the one that the tokenizer adds.

    The added one is taken out, with white space before the other, which then counts as added: the model reads exactly
    the ids that follow.
    """
    ids, sources = pieces.inputs["input_ids"], pieces.sources
    begin = len(text) - len(text.lstrip(WHITE))
    place = next((place for place, source in enumerate(sources) if source == 0 and pieces.spans[place][1] > begin), 0)
    if not place or set(sources[1:place]) - {0} or sources[0] is not None or ids[0] != ids[place]:
        return pieces
    if 0 not in sources[place + 1 :]:  # nothing else is there to be read
        return pieces
    inputs = {name: values[place:] for name, values in pieces.inputs.items()}
    spans = [(0, 0), *pieces.spans[place + 1 :]]
    return Pieces(inputs, pieces.strings[place:], [None, *sources[place + 1 :]], spans)


def _tokens(pieces: Pieces, texts: Sequence[str]) -> tuple[Token, ...]:
    """Which token is which: its place, its word, its group, and what a person sees of it?"""
    segments = _segments(pieces.sources)
    spans = _places(pieces, segments, texts)
    starts = _word_starts(pieces, spans, texts)
    spans = [(starts[place], starts[place]) if place in starts else span for place, span in enumerate(spans)]
    labels, groups = _groups(pieces, spans, texts)
    numbers = _numbers(pieces.sources, segments, spans, texts, starts=starts)
    added = [source is None for source in pieces.sources]
    fields = zip(labels, pieces.inputs["input_ids"], spans, numbers, added, segments, groups, strict=True)
    return tuple(
        Token(text, number, start, end, word, special, segment, group)
        for text, number, (start, end), word, special, segment, group in fields
    )


def _segments(sources: Sequence[int | None]) -> list[int]:
    """Which text does each piece stand with? An added piece stands with the text before it."""
    segments, current = [], 0
    for source in sources:
        current = current if source is None else source
        segments.append(current)
    return segments


def _places(pieces: Pieces, segments: Sequence[int], texts: Sequence[str]) -> list[Span]:
    """Where does each piece lie, once accents are given back and pieces without characters have found a place?

    Added pieces stand at the start or at the end of their text, other empty ones not before the characters so far.
    Where no piece could be placed, all share the text.
    """
    spans = list(pieces.spans)
    for segment, text in enumerate(texts):
        if text.strip(WHITE) and not _inked(pieces.sources, spans, segment):
            whole = trim(text, (0, len(text)))
            spans = [whole if source == segment else span for source, span in zip(pieces.sources, spans, strict=True)]
        inked = _inked(pieces.sources, spans, segment)
        for place, span in zip(inked, with_accents(text, [spans[place] for place in inked]), strict=True):
            spans[place] = span
        end = 0
        for place in (place for place, owner in enumerate(segments) if owner == segment):
            start, stop = spans[place]
            if pieces.sources[place] is None:
                start = stop = len(text) if inked and place > inked[-1] else end
            elif start == stop:
                start = stop = max(start, end)
            spans[place] = start, stop
            end = max(end, stop)
    return spans


def _word_starts(pieces: Pieces, spans: Sequence[Span], texts: Sequence[str]) -> dict[int, int]:
    """Which pieces are nothing but the mark (▁) of the word that follows at once, and where does that word begin?"""
    starts = {}
    for place, (string, source) in enumerate(zip(pieces.strings[:-1], pieces.sources, strict=False)):
        if source is None or string not in MARKS or pieces.sources[place + 1] != source:
            continue
        (begin, end), (start, stop) = spans[place : place + 2]
        mere = not texts[source][begin:end].strip(WHITE)  # a person may type the mark, too
        if mere and end == start < stop and texts[source][start] not in WHITE:
            starts[place] = start
    return starts


def _inked(sources: Sequence[int | None], spans: Sequence[Span], segment: int) -> list[int]:
    """Which pieces hold characters of that text?"""
    return [
        i
        for i, (source, span) in enumerate(zip(sources, spans, strict=True))
        if source == segment and span[0] < span[1]
    ]


def _groups(pieces: Pieces, spans: Sequence[Span], texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """What does a person see of each piece, and which pieces share a character and so show the same?"""
    labels = [""] * len(spans)
    keys: list[tuple[int, int]] = [(-1, place) for place in range(len(spans))]
    for segment, text in enumerate(texts):
        inked = _inked(pieces.sources, spans, segment)
        hulls = SpanUnion.joined(spans[place] for place in inked)
        for place in inked:
            number = hulls.around(spans[place][0])
            keys[place] = segment, number
            labels[place] = printable(text[slice(*hulls.spans[number])])
    for place, (string, source) in enumerate(zip(pieces.strings, pieces.sources, strict=True)):
        labels[place] = labels[place] or printable(string if source is None else without_word_marks(string)) or "␣"
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return labels, [order[key] for key in keys]


def _numbers(
    sources: Sequence[int | None],
    segments: Sequence[int],
    spans: Sequence[Span],
    texts: Sequence[str],
    *,
    starts: Collection[int],
) -> list[int]:
    """Which word does each piece belong to, counted in reading order?

    A piece without characters joins the word that it stands inside of, or that it is the mark of (``starts``);
    between words it is one of its own.
    """
    keys = [(segment, span[0], place) for place, (segment, span) in enumerate(zip(segments, spans, strict=True))]
    for segment, text in enumerate(texts):
        hulls = SpanUnion.words(text, [spans[place] for place in _inked(sources, spans, segment)])
        first: dict[int, int] = {}
        for place, (source, (start, end)) in enumerate(zip(sources, spans, strict=True)):
            word = hulls.around(start) if source == segment else -1
            if word >= 0 and (start < end or place in starts or hulls.spans[word][0] < start):
                keys[place] = segment, hulls.spans[word][0], first.setdefault(word, place)
    order = {key: number for number, key in enumerate(sorted(set(keys)))}
    return [order[key] for key in keys]
