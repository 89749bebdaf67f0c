"""What is said of the result of an experiment? Computed from its numbers alone, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from memviz.figures.style.numbers import decimal, head_name, percent
from memviz.note import Note

Verdict = Literal["beyond", "within", "few"]


class CoverResult(Protocol):
    """What `memviz.experiments.cover` gives, as far as it is told of."""

    @property
    def question(self) -> Any: ...

    @property
    def before(self) -> float: ...

    @property
    def after(self) -> float: ...

    @property
    def controls(self) -> np.ndarray: ...

    @property
    def effect(self) -> float: ...

    @property
    def control_effects(self) -> np.ndarray: ...

    @property
    def runs(self) -> tuple[tuple[int, ...], ...]: ...

    @property
    def layers(self) -> tuple[int, ...] | None: ...

    @property
    def heads(self) -> tuple[int, ...] | None: ...

    @property
    def range(self) -> tuple[float, float]: ...

    @property
    def verdict(self) -> Verdict: ...


def value_text(kind: str, value: float) -> str:
    """A ``value`` of an answer as it is written: a share of one as 52 % or 0.02 %; a cosine as 0.841.

    ``kind`` is that of the question, see `memviz.reading.questions.Question`.
    """
    if kind == "vector":
        return decimal(value, digits=3)
    return percent(value) if np.isnan(value) or value >= 0.0095 else percent(value, digits=1)


def cover_statement(result: CoverResult, names: Sequence[str]) -> Note:
    """What covering the words of these ``names`` did, beside what covering others did: one sentence and its verdict."""
    kind = result.question.kind
    values = {
        "words": "”, “".join(names),
        "where": where(result),
        "answer": (result.question.answer or "").strip(),
        "before": value_text(kind, result.before),
        "after": value_text(kind, result.after),
        "comparison": _comparison(result),
    }
    if kind == "vector":
        return Note(
            "Covering “{words}”{where} turned the vector of the text: its cosine to the vector of the unchanged text "
            "is **{after}**{comparison}",
            values,
        )
    if kind == "translation":
        return Note(
            "Covering “{words}”{where} took the mean probability of the tokens of the translation from **{before}** to "
            "**{after}**{comparison}",
            values,
        )
    return Note("Covering “{words}”{where} took “{answer}” from **{before}** to **{after}**{comparison}", values)


def where(result: CoverResult) -> Note | str:
    """In which head or layers alone the word was covered; "" for everywhere."""
    if result.layers is None:
        return ""
    if result.heads is not None and len(result.layers) == len(result.heads) == 1:
        return Note(" in {head} alone", {"head": head_name(result.layers[0], result.heads[0])})
    return Note(" in layers {layers} alone", {"layers": ", ".join(map(str, result.layers))})


def _comparison(result: CoverResult) -> Note:
    """The rest of the sentence: the controls, and whether the effect is larger than theirs."""
    count, kind = len(result.runs), result.question.kind
    if result.verdict == "few":
        if not count:
            return Note(". No other word can be covered for comparison: too few other words to say.")
        return Note(
            ". Only {count} other words can be covered for comparison: too few other words to say.", {"count": count}
        )
    low, high = (value_text(kind, value) for value in result.range)
    values = {"count": count, "low": low, "high": high, "verdict": _verdict(result)}
    if all(len(run) == 1 for run in result.runs):
        return Note("; covering any of {count} other words left it between **{low}** and **{high}**. {verdict}", values)
    return Note(
        "; covering any of {count} other places with as many tokens left it between **{low}** and **{high}**. "
        "{verdict}",
        values,
    )


def _verdict(result: CoverResult) -> Note:
    if result.question.kind == "translation":  # the mean over its tokens hides how far all of them fell together
        effects = np.abs(result.control_effects)
        values = {
            "effect": decimal(abs(result.effect)),
            "low": decimal(float(effects.min())),
            "high": decimal(float(effects.max())),
        }
        if result.verdict == "beyond":
            return Note(
                "All its tokens together changed by {effect} nats, with others covered by {low} to {high}: no other "
                "changes it as much.",
                values,
            )
        return Note(
            "All its tokens together changed by {effect} nats, with others covered by {low} to {high}: not "
            "distinguishable from chance here.",
            values,
        )
    if result.verdict == "beyond":
        return Note("No other changes it as much.")
    return Note("That is within what covering others does: not distinguishable from chance here.")
