"""What is said of a result follows from its numbers: also that it shows nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memviz.figures.style.fact_statements import (
    conflict_statement,
    entity_statement,
    feedforward_statement,
    lens_statement,
    windows_beyond,
)
from memviz.tokens import Word


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(text, (place,), 0, 1, False) for place, text in enumerate(texts))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (None, "rank 40 before the first layer and rank **3** after the last, with 20.0"),
        (0, "is the likeliest before the first layer already"),
        (1, "from layer **L0** on it is the likeliest and stays so"),
        (2, "only after the last layer, **L1**, is it the likeliest, with 20.0"),
    ],
)
def test_a_lens_says_from_which_layer_on(first: int | None, said: str) -> None:
    ranks = np.array([[9, 40], [9, 5], [9, 3]])
    result = SimpleNamespace(
        ranks=ranks, probabilities=np.full((3, 2), 0.2), position=1, first_layer=first, answer=" Paris"
    )
    assert said in lens_statement(result).render()
    result.answer = "\n"
    assert lens_statement(result).render().startswith("“⏎” "), "white space is seen"


def networks(values: list[float], controls: list[list[float]]) -> Any:
    return SimpleNamespace(
        question=SimpleNamespace(kind="continuation", answer=" Paris"),
        words=words("France", *"abcdefg"),
        numbers=(0,),
        others=tuple(range(1, 1 + len(controls[0]))),
        starts=tuple(range(0, 2 * len(values), 2)),
        window=2,
        layers=2 * len(values) - 1,
        before=0.8,
        values=np.array(values),
        controls=np.array(controls),
    )


def test_networks_are_beyond_only_where_no_other_word_matters_as_much() -> None:
    result = networks([0.1, 0.5, 0.7], [[0.2] * 6, [0.4, 0.8, 0.8, 0.8, 0.8, 0.8], [0.8] * 6])
    assert windows_beyond(result) == [0, 2]
    said = feedforward_statement(result).render().replace("\u00a0", " ")
    assert "Without the MLPs of L0–1 at “France” the answer “Paris” goes from **80 %** to **10 %**" in said
    assert "not distinguishable" not in said
    assert "in 2 of 3 windows (L0–1, L4); chance alone would give 0.4" in said


def test_networks_that_are_no_worse_than_others_are_not_told_from_chance() -> None:
    said = feedforward_statement(networks([0.3, 0.6], [[0.2] * 6, [0.5] * 6])).render()
    assert "not distinguishable from chance there. In none of the 2 windows" in said
    few = feedforward_statement(networks([0.1, 0.6], [[0.2] * 2, [0.5] * 2])).render()
    assert "Only 2 other words can be compared: too few to say." in few


def spans(lifts: list[float], controls: list[float]) -> Any:
    return SimpleNamespace(
        words=words("Ingrid", "Oslo", *(f"w{n}" for n in range(len(controls)))),
        entities=tuple(SimpleNamespace(text=text, kind="name") for text in ("Ingrid", "Oslo")),
        lifts=np.array(lifts),
        others=tuple(range(2, 2 + len(controls))),
        controls=np.array(controls),
        control=float(np.median(controls)) if controls else float("nan"),
    )


@pytest.mark.parametrize(
    ("lifts", "controls", "said"),
    [
        ([2.0, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9], "None of the 5 other words is looked at as hard"),
        (
            [0.85, 0.5],
            [0.5, 0.6, 0.7, 0.8, 0.9],
            "“w4” gets 0.9 ×: not distinguishable from other words here. 1 of the 2",
        ),
        ([2.0, 0.5], [0.5, 0.6], "Only 2 other words can be compared: too few to say."),
        ([float("nan")] * 2, [0.5] * 6, "2 names, dates and places were found, and too few words follow any of them"),
        ([float("nan"), 1.0], [0.5] * 6, "Of 1 names, dates and places, later words look back hardest at “Oslo”"),
    ],
)
def test_entities_are_compared_with_all_other_words(lifts: list[float], controls: list[float], said: str) -> None:
    assert said in entity_statement(spans(lifts, controls)).render().replace("\u00a0", " ")


def side(answer: str, before: float, after: float) -> Any:
    effects = np.array([0.1, 0.2, 0.1, 0.0, 0.1])
    return SimpleNamespace(
        question=SimpleNamespace(kind="continuation", answer=answer),
        words=words("Rome", *"abcde"),
        covered=(0,),
        before=before,
        after=after,
        controls=np.full(5, 0.7),
        control_effects=effects,
        effect=float(np.log(before / after)),
        runs=tuple((n,) for n in range(1, 6)),
        layers=None,
        heads=None,
        range=(0.7, 0.7),
        verdict="beyond",
    )


@pytest.mark.parametrize(
    ("text", "weights", "said"),
    [
        ((0.8, 0.01), (0.1, 0.7), "is no longer once it cannot be looked at"),
        ((0.2, 0.01), (0.3, 0.7), "was not the likelier of the two to begin with"),
        ((0.8, 0.5), (0.1, 0.3), "stays the likelier of the two"),
    ],
)
def test_a_switch_is_said_only_where_there_is_one(text: Any, weights: Any, said: str) -> None:
    context, fact = side(" Rome", *text), side(" Paris", *weights)
    switched = text[0] > weights[0] and text[1] < weights[1]
    result = SimpleNamespace(context=context, fact=fact, switched=switched)
    assert said in conflict_statement(result).render()
