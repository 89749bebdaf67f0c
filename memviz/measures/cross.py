"""What was each target word read from? Alignment, how sure it is, and whether every source word was used.

``sides`` are the words along the two sides of a cross-attention, ``trace.sides("cross")``: target words, source words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from memviz.errors import MeasureError
from memviz.measures.registry import measure
from memviz.memory import Memory
from memviz.note import Note
from memviz.sources import special_places
from memviz.tokens import Word

Sides = tuple[Sequence[Word], Sequence[Word]]
Counting = Literal["signs", "spaces"]
COUNTINGS: tuple[Counting, ...] = get_args(Counting)
Pairs = frozenset[tuple[int, int]]
"""Links between words, (source, target). Added tokens such as </s> and bare spaces are not counted as words."""


@measure(
    "Coverage",
    group="cross",
    unit="target tokens",
    axes=("layer", "head", "key"),
    formula=r"\text{cov}_s = \sum_t c_{ts}",
    source="Tu et al. 2016, Modeling Coverage for Neural Machine Translation",
    caveat="Only where a head aligns does a low value hint at a word that was left out; other heads look elsewhere.",
)
def coverage(memory: Memory) -> np.ndarray:
    """How many target tokens was each source token read for?

    float32 [layer, head, key], from 0; the sum over all keys is the number of target tokens. About 1 for a word
    translated by one token. Raises `MeasureError` for anything but cross-attention.
    """
    _cross(memory, "Coverage")
    return memory.summary.mass


@measure(
    "Alignment confidence",
    group="cross",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{t \notin \text{special}}\; \max_{s \notin \text{special}} c_{ts}",
    source="Voita et al. 2019, Analyzing Multi-Head Self-Attention: the confidence of a head",
    caveat=(
        "A head can be confident and wrong: some align with the previous word, which is the decoder input at this step."
    ),
)
def confidence(memory: Memory) -> np.ndarray:
    """How confident is each head of the source token it reads?

    float32 [layer, head], 0..1: the largest weight on a source token, mean over target tokens; added tokens such as
    </s> are left out on both sides. NaN where nothing but them was written. Raises `MeasureError` for anything but
    cross-attention.
    """
    _cross(memory, "Alignment confidence")
    special = set(special_places(memory.queries))
    places = [place for place in range(len(memory.queries)) if place not in special]
    if not places:
        return np.full((memory.layers, memory.heads), np.nan, dtype=np.float32)
    top = memory.summary.top_weight
    if not any(token.special for token in memory.keys):  # then the summary left out the first token
        patterns = (memory.pattern(layer, head) for layer in range(memory.layers) for head in range(memory.heads))
        top = np.stack([pattern.max(axis=1) for pattern in patterns]).reshape(top.shape)
    return top[:, :, places].mean(axis=-1)


@dataclass(frozen=True, eq=False)
class Alignment:
    """Which source word was each target word read from? One entry a target word, added tokens included.

    source   int [target word]: the place of the source word among the source words; −1 for an added token or a bare
             space, and where nothing was written after it to be shifted from
    weight   float32 [target word]: how much of the look-up went there; NaN where there is no source
    pairs    the same as links, counting the words of the text only
    """

    source: np.ndarray
    weight: np.ndarray
    pairs: Pairs


@dataclass(frozen=True)
class Gold:
    """A hand-made alignment.

    sure       links that must be there
    possible   links that may be there, the sure ones included
    counts     which words the numbers count: "signs" are words of their own, as in `Trace.sides`, or only white
               "spaces" divide words, as in `words_by_space`; ``None``: nobody said
    """

    sure: Pairs
    possible: Pairs
    counts: Counting | None = None

    @classmethod
    def parse(cls, text: str, counts: Counting | None = None) -> Gold:
        """A line in the Pharaoh format: ``0-0 2-1 1p2`` are source-target, ``p`` for a link that is only possible.

        Words count from 0; ``counts`` says which words, see `Gold`. Raises `MeasureError` for anything else.
        """
        if counts not in (None, *COUNTINGS):
            raise MeasureError(
                "“{counts}” is no way of counting words.",
                todo="Choose one of: {names}.",
                counts=str(counts),
                names=", ".join(COUNTINGS),
            )
        if not isinstance(text, str):
            raise MeasureError(
                "A reference alignment is a text; this is {kind}.",
                todo="Write source-target, such as 0-0 or 2-1, and 1p2 for a link that is only possible.",
                kind=type(text).__name__,
            )
        sure: set[tuple[int, int]] = set()
        possible: set[tuple[int, int]] = set()
        for link in text.split():
            source, mark, target = link.partition("p" if "p" in link else "-")
            if not (mark and _small(source) and _small(target)):
                raise MeasureError(
                    "“{link}” is no link between two words.",
                    todo="Write source-target, such as 0-0 or 2-1, and 1p2 for a link that is only possible.",
                    link=link,
                )
            (possible if mark == "p" else sure).add((int(source), int(target)))
        return cls(frozenset(sure), frozenset(sure | possible), counts)

    def check(self, sides: Sides) -> None:
        """Raises `MeasureError` for a link to a word that is not there."""
        targets, sources = (sum(map(_inked, words)) for words in sides)
        for source, target in sorted(self.possible):
            if source >= sources or target >= targets:
                raise MeasureError(
                    "The link {source}-{target} leads nowhere: there are {sources} source and {targets} target words.",
                    todo="Words count from 0, and signs such as the full stop are words of their own.",
                    source=source,
                    target=target,
                    sources=sources,
                    targets=targets,
                )

    def in_words(self, sides: Sides) -> tuple[tuple[str, str], ...]:
        """Which words does each link join, (source, target), when its numbers count the words of ``sides``?

        In the order of the source. Raises `MeasureError` for a link to a word that is not there.
        """
        self.check(sides)
        targets, sources = ([word.text for word in words if _inked(word)] for words in sides)
        return tuple((sources[source], targets[target]) for source, target in sorted(self.possible))

    def is_ambiguous(self, sides: Sides) -> bool:
        """Do the numbers fit both ways of counting words, and mean other words each time? Not where it was said."""
        return self.counts is None and self._misfit(sides) is not None

    def counted_sides(self, sides: Sides) -> Sides:
        """Which words do the numbers count, of ``sides``, those of the trace?

        What ``counts`` says; where it says nothing, the way that fits, or either where both mean the same words.
        Raises `MeasureError` where both fit and mean other words, and for a link to a word that is not there.
        """
        counted = _by_space(sides) if self.counts == "spaces" else sides
        self.check(counted)
        link = None if self.counts is not None else self._misfit(sides)
        if link is None:
            return counted
        spaced = _by_space(sides)
        raise MeasureError(
            "The links fit two ways of counting words: {source}-{target} joins “{sign_source}” and “{sign_target}” "
            "where signs are words, “{space_source}” and “{space_target}” where only white space divides words.",
            todo='Say which they count: Gold.parse(line, counts="signs"), or counts="spaces".',
            source=link[0],
            target=link[1],
            sign_source=_text_words(sides[1])[link[0]].text,
            sign_target=_text_words(sides[0])[link[1]].text,
            space_source=_text_words(spaced[1])[link[0]].text,
            space_target=_text_words(spaced[0])[link[1]].text,
        )

    def _misfit(self, sides: Sides) -> tuple[int, int] | None:
        """The first link that joins other words when only white space divides them; ``None`` where none does."""
        spaced = _by_space(sides)
        try:
            self.check(spaced)
        except MeasureError:
            return None  # it fits one way at most
        (targets, sources), (wide_targets, wide_sources) = (
            [[set(word.tokens) for word in _text_words(side)] for side in both] for both in (sides, spaced)
        )
        for source, target in sorted(self.possible):
            if not (sources[source] <= wide_sources[source] and targets[target] <= wide_targets[target]):
                return source, target
        return None


def words_by_space(words: Sequence[Word]) -> tuple[Word, ...]:
    """Which words does white space alone divide, so that signs belong to the word they touch (``red.``, ``$5``)?

    ``words`` are those of a text in order. Many alignments made by hand count so. Special tokens and bare spaces stay
    as they are.
    """
    joined: list[Word] = []
    for word in words:
        before = joined[-1] if joined else None
        if before is None or word.space or word.segment != before.segment or not (_inked(word) and _inked(before)):
            joined.append(word)
            continue
        tokens = *before.tokens, *word.tokens
        joined[-1] = replace(before, text=before.text + word.text, tokens=tokens, end=word.end)
    return tuple(joined)


def _by_space(sides: Sides) -> Sides:
    return words_by_space(sides[0]), words_by_space(sides[1])


def _text_words(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if _inked(word)]


def word_weights(
    memory: Memory, sides: Sides, *, layer: int | None = None, head: int | None = None, shift: int = 0
) -> np.ndarray:
    """How much of the look-up for each target word went to each source word?

    float32 [target word, source word], 0..1: the sum over the pieces of the source word, the mean over those of the
    target word. Without a ``head`` the mean over the heads of the layer, without a ``layer`` over all. ``shift=1``
    takes each word's weights from the step after it was written, when it is what the decoder enters: some heads that
    were not taught, such as L0.H5 of firefox-en-pt, align there (Chen et al. 2020, Accurate Word Alignment Induction).
    NaN where there is no such step.

    Raises `MeasureError` for anything but cross-attention, `TraceError` for a head that is not there.
    """
    _cross(memory, "Alignment")
    pattern = memory.mean(layer) if layer is None or head is None else memory.pattern(layer, head)
    targets, sources = sides
    summed = np.stack([pattern[:, list(word.tokens)].sum(axis=1) for word in sources], axis=1)
    out = np.full((len(targets), len(sources)), np.nan, dtype=np.float32)
    for number, word in enumerate(targets):
        rows = [token + shift for token in word.tokens if 0 <= token + shift < len(pattern)]
        if rows:
            out[number] = summed[rows].mean(axis=0)
    return out


def alignment(
    memory: Memory, sides: Sides, *, layer: int | None = None, head: int | None = None, shift: int = 0
) -> Alignment:
    """Which source word was each target word read from?

    The source word with the largest weight of `word_weights` (which has ``shift``), added tokens such as </s> left out.
    Raises as it does.
    """
    weights = word_weights(memory, sides, layer=layer, head=head, shift=shift)
    return _strongest(weights, sides)


def word_coverage(memory: Memory, sides: Sides, *, layer: int | None = None, head: int | None = None) -> np.ndarray:
    """How many target tokens was each source word read for? float32 [source word], from 0.

    The sum over all source words is the number of target tokens. Without a ``head`` the mean over the heads of the
    layer, without a ``layer`` over all. Raises as `word_weights` does.
    """
    tokens = coverage(memory)
    if layer is None or head is None:
        tokens = tokens.mean(axis=(0, 1)) if layer is None else tokens[_layer(memory, layer)].mean(axis=0)
    else:
        memory.require_head(layer, head)
        tokens = tokens[layer, head]
    return np.array([tokens[list(word.tokens)].sum() for word in sides[1]], dtype=np.float32)


def aer(alignments: Sequence[Pairs], gold: Sequence[Gold]) -> float:
    """How wrong are these ``alignments`` of some sentences, by a hand-made one of each, ``gold``? A rate, 0..1.

    ``1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|)`` over all sentences together; 0 is without error. NaN where there is no
    link at all. These are numbers only: take the alignments of the words of `Gold.counted_sides`. Och & Ney 2003, A
    Systematic Comparison of Various Statistical Alignment Models.
    """
    pairs = list(zip(alignments, gold, strict=True))
    right = sum(len(links & each.sure) + len(links & each.possible) for links, each in pairs)
    total = sum(len(links) + len(each.sure) for links, each in pairs)
    return 1 - right / total if total else float("nan")


def aer_by_head(memory: Memory, sides: Sides, gold: Gold, *, shift: int = 0) -> np.ndarray:
    """How wrong is each head's alignment of this sentence, by a hand-made one? float32 [layer, head], 0..1.

    ``sides`` are ``trace.sides("cross")``; which words of them the ``gold``, made by hand, counts it says itself or the
    numbers tell (`Gold.counted_sides`). ``shift`` is that of `word_weights`. Raises as that does, and `MeasureError`
    where the gold has words that are not there, or fits two ways of counting words and does not say which.
    """
    sides = gold.counted_sides(sides)
    out = np.empty((memory.layers, memory.heads), dtype=np.float32)
    for layer in range(memory.layers):
        for head in range(memory.heads):
            links = alignment(memory, sides, layer=layer, head=head, shift=shift)
            out[layer, head] = aer([links.pairs], [gold])
    return out


def best_head(memory: Memory, sides: Sides, gold: Gold | None = None, *, shift: int = 0) -> tuple[int, int]:
    """Which head aligns this sentence best? (layer, head): the smallest error by ``gold``.

    Without it, the surest head (`confidence`), which may be sure of the word before. ``shift`` is that of
    `word_weights`. Raises as `aer_by_head` does.
    """
    scores = -np.nan_to_num(confidence(memory)) if gold is None else aer_by_head(memory, sides, gold, shift=shift)
    layer, head = np.unravel_index(int(np.argmin(scores)), scores.shape)
    return int(layer), int(head)


def _strongest(weights: np.ndarray, sides: Sides) -> Alignment:
    targets, sources = sides
    in_text = np.array([_inked(word) for word in sources])
    source = np.full(len(targets), -1, dtype=np.int64)
    weight = np.full(len(targets), np.nan, dtype=np.float32)
    pairs = set()
    place = np.cumsum(in_text) - 1  # among the words of the text
    number = -1
    for row, word in enumerate(targets):
        if not _inked(word):
            continue
        number += 1
        if in_text.any() and not np.isnan(weights[row]).any():
            source[row] = int(np.where(in_text, weights[row], -1).argmax())
            weight[row] = weights[row, source[row]]
            pairs.add((int(place[source[row]]), number))
    return Alignment(source, weight, frozenset(pairs))


def _small(number: str) -> bool:
    """Is this the number of a word?"""
    return number.isdecimal() and len(number) < 7


def _inked(word: Word) -> bool:
    """Is this a word of the text? Added tokens are none, nor is a piece of mere white space."""
    return not word.special and word.start < word.end and not set(word.text) <= set("␣⏎⇥")


def _layer(memory: Memory, layer: int) -> int:
    memory.require_head(layer, 0)
    return layer


def _cross(memory: Memory, what: str) -> None:
    if memory.kind != "cross":
        raise MeasureError(
            "“{what}” is about cross-attention, what a decoder reads of a source; this memory is of the kind {kind}.",
            todo="Translate a text, and choose its cross-attention.",
            what=Note(what),
            kind=memory.kind,
        )
