"""What is said of the result of an experiment? Computed from its numbers alone, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from memviz.figures.style.numbers import decimal, head_name, percent, signed
from memviz.note import Note
from memviz.tokens import distinct_texts

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


class UnplugResult(Protocol):
    """What `memviz.experiments.unplug` gives, as far as it is told of."""

    @property
    def question(self) -> Any: ...

    @property
    def heads(self) -> tuple[tuple[int, int], ...]: ...

    @property
    def before(self) -> float: ...

    @property
    def after(self) -> float: ...

    @property
    def effect(self) -> float: ...

    @property
    def controls(self) -> np.ndarray: ...

    @property
    def ordinary(self) -> tuple[float, float]: ...

    @property
    def ordinary_controls(self) -> np.ndarray: ...

    @property
    def verdict(self) -> Literal["beyond", "within"]: ...


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
    return Note(
        "Covering “{words}”{where} took the answer “{answer}” from **{before}** to **{after}**{comparison}", values
    )


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


def unplug_statement(result: UnplugResult) -> Note:
    """What unplugging heads did to an answer and to an ordinary text, beside random draws of other heads."""
    kind = result.question.kind
    low, high = float(result.controls.min()), float(result.controls.max())
    values = {
        "heads": ", ".join(head_name(*head) for head in result.heads),
        "answer": (result.question.answer or "").strip(),
        "before": value_text(kind, result.before),
        "after": value_text(kind, result.after),
        "count": len(result.controls),
        "low": value_text(kind, low),
        "high": value_text(kind, high),
        "verdict": _unplug_verdict(result),
        "ordinary": _ordinary(result),
    }
    if kind == "vector":
        return Note(
            "Without {heads} the cosine of the text's vector to that with all heads is **{after}**; without as many "
            "other heads of the same layers, drawn {count} times, it is between **{low}** and **{high}**. {verdict} "
            "{ordinary}",
            values,
        )
    if kind == "translation":
        return Note(
            "Without {heads} the mean probability of the tokens of the translation went from **{before}** to "
            "**{after}**; without as many other heads of the same layers, drawn {count} times, it is between **{low}** "
            "and **{high}**. {verdict} {ordinary}",
            values,
        )
    return Note(
        "Without {heads} “{answer}” went from **{before}** to **{after}**; without as many other heads of the same "
        "layers, drawn {count} times, it is between **{low}** and **{high}**. {verdict} {ordinary}",
        values,
    )


def _unplug_verdict(result: UnplugResult) -> Note:
    if result.effect <= 0:
        return Note("The answer did not become less likely.")
    if result.verdict == "beyond":
        return Note("No draw hurts it as much.")
    return Note("That is within what the draws do: not distinguishable from chance here.")


def _ordinary(result: UnplugResult) -> Note:
    before, after = result.ordinary
    values = {
        "before": decimal(before, digits=3),
        "after": decimal(after, digits=3),
        "low": decimal(float(result.ordinary_controls.min()), digits=3),
        "high": decimal(float(result.ordinary_controls.max()), digits=3),
    }
    if result.question.kind == "continuation":
        return Note(
            "On an ordinary text the loss per token went from {before} to {after} nats (with the draws {low} to "
            "{high}).",
            values,
        )
    return Note(
        "On an ordinary text the number went from {before} to {after} (with the draws {low} to {high}).", values
    )


def retrieval_statement(result: Any) -> Note:
    """What the model wrote, how much of it stands in the needle, and which head looked at what it was copying."""
    layer, head = np.unravel_index(int(np.argmax(result.scores)), result.scores.shape)
    values = {
        "output": result.output.strip(),
        "copied": result.copied,
        "count": len(result.trace.steps),
        "head": head_name(int(layer), int(head)),
        "share": percent(float(result.scores[layer, head])),
        "control": percent(float(result.controls[layer, head])),
    }
    if not result.scores.any():
        return Note(
            "The model wrote “{output}”; {copied} of {count} tokens stand in this part of the text, and no head looked "
            "hardest at one of them just before it was written.",
            values,
        )
    return Note(
        "The model wrote “{output}”; {copied} of {count} tokens stand in this part of the text. **{head}** looked "
        "hardest at **{share}** of its tokens just before they were written; at another stretch as long, at most at "
        "{control}.",
        values,
    )


def needle_statement(result: Any) -> Note:
    """In how many texts the answer was found, between which probabilities, and what it is without the needle."""
    values = {
        "exact": int(result.exact.sum()),
        "count": result.exact.size,
        "low": percent(float(result.values.min())),
        "high": percent(float(result.values.max())),
        "control": percent(float(result.controls.max()), digits=1),
        "verdict": _needle_verdict(result),
    }
    return Note(
        "In **{exact}** of {count} texts the model would write all of the answer by itself; the mean probability of "
        "its tokens lies between **{low}** and **{high}**, and without the needle it is at most **{control}**. "
        "{verdict}",
        values,
    )


def _needle_verdict(result: Any) -> Note:
    above = int((result.values > result.controls[:, None]).sum())
    if above == result.values.size:
        return Note("Wherever it stands, the needle makes the answer likelier.")
    return Note(
        "In {above} of {count} texts the needle makes the answer likelier.",
        {"above": above, "count": result.values.size},
    )


def agreement_statement(result: Any) -> Note:
    """Does attention rank the words as taking them away does, more than a random order would?"""
    count = len(result.blank.numbers)
    if not result.enough:
        return Note("Only {count} words of this text can be taken away: too short to say.", {"count": count})
    ranking = result.ranking("attention")
    values = {
        "count": count,
        "rho": signed(ranking.spearman),
        "low": signed(ranking.low),
        "high": signed(ranking.high),
    }
    if np.isnan(ranking.spearman):
        return Note("Taking words away changes nothing here, or all words alike: there is nothing to rank.")
    if ranking.verdict == "within":
        return Note(
            "For this text and this answer, attention (mean of all heads) ranks its {count} words with Spearman "
            "ρ = **{rho}** against taking them away; 95 % of random orders lie between {low} and {high}: not "
            "distinguishable from chance here.",
            values,
        )
    return Note(
        "For this text and this answer, attention (mean of all heads) ranks its {count} words with Spearman "
        "ρ = **{rho}** against taking them away; 95 % of random orders lie between {low} and {high}.",
        values,
    )


def strongest_statement(result: Any) -> Note | None:
    """What hiding the word does that attention calls strongest, beside the others; ``None`` for too few words."""
    scores = result.ranking("attention").scores
    if not result.enough or np.ptp(scores) == 0:
        return None
    place = int(np.argmax(scores))
    kind, changes = result.blank.question.kind, -np.asarray(result.blank.attention)
    if kind == "vector":
        changes = -changes  # 1 − cosine
    others = np.delete(changes, place)
    values = {
        "word": distinct_texts(result.blank.words)[result.blank.numbers[place]],
        "effect": f"{changes[place]:+.2g}".replace("-", "−"),
        "mean": f"{others.mean():+.2g}".replace("-", "−"),
        "spread": f"{others.std():.2g}",
        "count": len(others),
    }
    if kind == "vector":
        return Note(
            "Hiding “{word}”, which gets most attention, from all other words turns the vector of the text by "
            "**{effect}** (1 − cosine); hiding another word turns it by {mean} ± {spread} (mean and standard deviation "
            "over {count} words).",
            values,
        )
    return Note(
        "Hiding “{word}”, which gets most attention, from all other words changes log p of the answer by **{effect}**; "
        "hiding another word changes it by {mean} ± {spread} (mean and standard deviation over {count} words).",
        values,
    )


def uniqueness_statement(tokens: int, size: int) -> Note:
    """Could a head write the same with other weights? Of a text of so many ``tokens``, with values of ``size`` numbers.

    A row of weights is known from what it sums, and from its own sum of 1, for up to ``size`` + 1 keys whose values
    are independent (Brunner et al. 2020, On Identifiability in Transformers).
    """
    values = {"tokens": tokens, "size": size, "most": size + 1}
    if tokens > size + 1:
        return Note(
            "This text has {tokens} tokens, and a head sums vectors of {size} numbers: beyond {most} tokens other "
            "weights can give the very same sum, so that weights are not uniquely determined by what a head writes.",
            values,
        )
    return Note(
        "This text has {tokens} tokens, and a head sums vectors of {size} numbers: up to {most} tokens weights are, in "
        "general, uniquely determined by what a head writes.",
        values,
    )
