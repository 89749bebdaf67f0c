"""What does a tokenizer make of a text: which pieces, from which text, and where in it?

Two kinds of transformers tokenizers exist: fast ones say where each piece lies, the others are aligned afterwards.
Both are called without truncation and padding, and neither is ever changed: a tokenizer is shared by many threads.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from memviz.errors import ReadingError
from memviz.tokens.alignment import locate, without_word_marks
from memviz.tokens.raw_bytes import byte_of, spread
from memviz.tokens.spelling import Span, trim

Inputs = dict[str, list[int]]
Languages = tuple[str, str]  # a tokenizer's codes for source and target

_COPIES: WeakKeyDictionary[Any, tuple[tuple, Any, Lock]] = WeakKeyDictionary()
_COPIES_LOCK = Lock()


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a tokenizer returned: the model's inputs and, per piece, its string, its text and its place in it."""

    inputs: Inputs
    strings: list[str]
    sources: list[int | None]  # 0 = the text, 1 = its pair, None = added by the tokenizer
    spans: list[Span]  # characters of that text, [start, end); (0, 0) for an added piece


def encode(tokenizer: Any, texts: Sequence[str], *, target: bool, languages: Languages | None = None) -> Pieces:
    """What does this tokenizer make of one text, or of two as a pair?

    ``target`` = read as the output side of a translation (``text_target``); ``languages`` = its codes for source and
    target, otherwise those it was told. Safe to call from many threads.

    Raises:
        ReadingError: a target was asked of a tokenizer that was not told its language.
    """
    untold = getattr(tokenizer, "tgt_lang", "") is None and hasattr(tokenizer, "_switch_to_target_mode")
    if target and languages is None and untold:
        raise ReadingError(
            "This model writes many languages, and none was chosen.",
            todo='Choose two of its language codes, such as languages=("en", "fr").',
        )
    names = ("text_target", "text_pair_target") if target else ("text", "text_pair")
    call = dict(zip(names, texts, strict=False), truncation=False, padding=False, verbose=False)
    if not getattr(tokenizer, "is_fast", False):
        copied = _shallow_copy(tokenizer)
        with _with_languages(copied, languages):
            return _encode_slow(copied, texts, call)
    if languages is None and not _would_change(tokenizer):
        return _encode_fast(tokenizer, texts, call)
    copied, lock = _private_copy(tokenizer)
    with lock, _with_languages(copied, languages):
        return _encode_fast(copied, texts, call)


def decode(tokenizer: Any, ids: Sequence[int], text: str) -> Pieces:
    """Which pieces are these ids, and where do they lie in the text they were written as?

    Ids that the tokenizer calls special, or a language, are not looked for in the text, except the one for unknown
    characters.
    """
    languages = getattr(tokenizer, "lang_code_to_id", {}).values()  # M2M-100 does not call its own special
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown == getattr(tokenizer, "eos_token_id", None):
        unknown = None  # of bytes nothing is unknown: GPT-2 and Whisper name their end token there
    special = {*tokenizer.all_special_ids, *languages} - {unknown}
    strings = _strings(tokenizer, ids)
    places = [place for place, number in enumerate(ids) if number not in special]
    spans: list[Span] = [(0, 0)] * len(ids)
    spans_of_text = locate([strings[place] for place in places], text, unknown=getattr(tokenizer, "unk_token", None))
    for place, span in zip(places, spans_of_text, strict=True):
        spans[place] = trim(text, span)
    sources = [None if number in special else 0 for number in ids]
    return Pieces({"input_ids": list(ids)}, strings, sources, spans)


def _would_change(tokenizer: Any) -> bool:
    """Would a plain call change this fast tokenizer? (``set_truncation_and_padding`` and language modes do.)"""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return hasattr(tokenizer, "_switch_to_input_mode") or (
        backend is not None
        and (
            backend.truncation is not None
            or backend.padding is not None
            or backend.encode_special_tokens != tokenizer.split_special_tokens
        )
    )


def _private_copy(tokenizer: Any) -> tuple[Any, Lock]:
    """Which copy of this tokenizer may we change? Made once, and again when its settings change (``src_lang``)."""
    simple = (item for item in dict(vars(tokenizer)).items() if isinstance(item[1], str | int | bool | None))
    settings = (len(tokenizer), *sorted(simple, key=lambda item: item[0]))
    with _COPIES_LOCK:
        cached = _COPIES.get(tokenizer)
        if cached is None or cached[0] != settings:
            try:
                private = copy.deepcopy(tokenizer)
            except Exception:  # a part written in Python cannot be copied: then the lock has to be enough
                private = None
            cached = _COPIES[tokenizer] = (settings, private, Lock())
    _, private, lock = cached
    return (tokenizer if private is None else private), lock


def _shallow_copy(tokenizer: Any) -> Any:
    """A Python tokenizer switches languages by setting attributes: which object may we set them on?

    A shallow one: vocabulary and sentencepiece model are shared, nothing is loaded again.
    """
    if not hasattr(tokenizer, "_switch_to_target_mode"):
        return tokenizer
    private = object.__new__(type(tokenizer))
    private.__dict__.update(vars(tokenizer))
    return private


@contextmanager
def _with_languages(tokenizer: Any, languages: Languages | None) -> Iterator[None]:
    """A tokenizer that we may change, told these languages; told afterwards what it was told before."""
    if languages is None:
        yield
        return
    before = tokenizer.src_lang, tokenizer.tgt_lang
    try:
        tokenizer.src_lang, tokenizer.tgt_lang = languages
        yield
    finally:
        tokenizer.src_lang, tokenizer.tgt_lang = before


def _encode_fast(tokenizer: Any, texts: Sequence[str], call: dict[str, Any]) -> Pieces:
    """Pieces of a tokenizer that knows its offsets."""
    batch = tokenizer(**call, return_offsets_mapping=True, return_special_tokens_mask=True)
    inputs = {name: list(values) for name, values in batch.items()}
    offsets, added = inputs.pop("offset_mapping"), inputs.pop("special_tokens_mask")
    sources = [None if mark else source for mark, source in zip(added, batch.sequence_ids(0), strict=True)]
    strings = _strings(tokenizer, inputs["input_ids"])
    spans = [
        (0, 0) if source is None else _placed(texts[source], span, string)
        for source, span, string in zip(sources, offsets, strings, strict=True)
    ]
    return Pieces(inputs, strings, sources, _unfused(texts, strings, sources, spans))


def _strings(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The pieces as the vocabulary spells them; an id outside of it is shown as ``#id``."""
    return [piece or f"#{number}" for piece, number in zip(tokenizer.convert_ids_to_tokens(ids), ids, strict=True)]


def _placed(text: str, span: Span, piece: str) -> Span:
    """Which characters does a fast piece stand for, without the white space around them?

    A piece that is nothing but a word-start mark (▁ before 猫) claims the character after it; that one is given back.
    """
    start = min(span[0], len(text))
    end = min(max(start, span[1]), len(text))
    inner = trim(text, (start, end))
    if without_word_marks(piece) or text[start:end] == piece:
        return inner
    return (start, end) if inner == (start, end) and text[start:end].isspace() else (start, inner[0])


def _unfused(texts: Sequence[str], strings: list[str], sources: list[int | None], spans: list[Span]) -> list[Span]:
    """Unigram gives a whole run of unknown characters to each of its bytes: which byte belongs to which character?"""
    result, index = list(spans), 0
    for (source, span), run in groupby(zip(sources, spans, strict=True)):
        count = len(list(run))
        raws = [byte_of(piece) for piece in strings[index : index + count]]
        if source is not None and span[1] - span[0] > 1 and None not in raws:
            inner = spread([bytes([raw]) for raw in raws if raw is not None], texts[source][slice(*span)])
            if inner is not None:
                result[index : index + count] = [(span[0] + start, span[0] + end) for start, end in inner]
        index += count
    return result


def _encode_slow(tokenizer: Any, texts: Sequence[str], call: dict[str, Any]) -> Pieces:
    """Pieces of a tokenizer without offsets, aligned to the text afterwards."""
    inputs = {name: list(values) for name, values in tokenizer(**call).items()}
    ids = inputs["input_ids"]
    if "text_target" in call and hasattr(tokenizer, "_switch_to_target_mode"):
        tokenizer._switch_to_target_mode()  # the call above has switched back
    pieces_by_text = [tokenizer.tokenize(text) for text in texts]
    strings = _strings(tokenizer, ids)
    sources = _sources(tokenizer, ids, pieces_by_text)
    spans: list[Span] = [(0, 0)] * len(ids)
    for source, text in enumerate(texts):
        places = [place for place, owner in enumerate(sources) if owner == source]
        # What `tokenize` returns spells unknown pieces out; ids only say <unk>.
        pieces = (
            pieces_by_text[source]
            if len(pieces_by_text[source]) == len(places)
            else [strings[place] for place in places]
        )
        located = locate(pieces, text, unknown=getattr(tokenizer, "unk_token", None))
        for place, piece, span in zip(places, pieces, located, strict=True):
            strings[place], spans[place] = piece, trim(text, span)
    return Pieces(inputs, strings, sources, spans)


def _sources(tokenizer: Any, ids: Sequence[int], pieces_by_text: Sequence[Sequence[str]]) -> list[int | None]:
    """Which piece comes from which text, and which did the tokenizer add?

    Stand-ins are sent through the tokenizer's own template. Where that does not fit, the texts' own ids are looked
    for; where they are not there either, every id that the tokenizer calls special counts as added.
    """
    standins = [[-1 - source] * len(pieces) for source, pieces in enumerate(pieces_by_text)]
    try:
        built = list(tokenizer.build_inputs_with_special_tokens(*standins))
    except (AttributeError, TypeError, ValueError):
        built = []
    if len(built) == len(ids):
        return [-1 - mark if mark < 0 else None for mark in built]
    embedded = _embedded([tokenizer.convert_tokens_to_ids(pieces) for pieces in pieces_by_text], ids)
    if embedded is not None:
        return embedded
    special, count = set(tokenizer.all_special_ids), 0
    sources: list[int | None] = []
    for number in ids:
        from_text = number not in special
        sources.append(int(len(pieces_by_text) > 1 and count >= len(pieces_by_text[0])) if from_text else None)
        count += from_text
    return sources


def _embedded(texts: Sequence[list[int]], ids: Sequence[int]) -> list[int | None] | None:
    """Which ids are those of the texts, in order and each in one piece? ``None``: they are not there."""
    sources: list[int | None] = [None] * len(ids)
    at, spare = 0, len(ids) - sum(map(len, texts))
    for source, ids_of_text in enumerate(texts):
        places = range(at, at + spare + 1)
        begin = next((place for place in places if list(ids[place : place + len(ids_of_text)]) == ids_of_text), None)
        if begin is None:
            return None
        spare -= begin - at
        at = begin + len(ids_of_text)
        sources[begin:at] = [source] * len(ids_of_text)
    return sources
