"""Values of a wrong type or of an absurd size, given to what a person makes: a refusal of ours, at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from memviz import Ablate, Eviction, Forget, Trace
from memviz.errors import MemVizError
from memviz.measures import Gold
from memviz.memory.places import MOST
from memviz.models import locate
from memviz.reading.writing.request import TranslationRequest

NO_POSITIONS = {
    "1.5": 1.5,
    "a text": "x",
    "bytes": b"x",
    "an object": object(),
    "[1.5]": [1.5],
    "['a']": ["a"],
    "[None]": [None],
    "[[1]]": [[1]],
    "NaN": float("nan"),
    "True": True,
    "a matrix": np.zeros((2, 2), dtype=int),
    "an array of fractions": np.array([1.5]),
    "an array of one number": np.array(3),
    "2^70": (2**70,),
    "-2^70": (-(2**70),),
    "10^9 positions": range(10**9),
    "endless positions": itertools.count(),
    "an array of 2^21 positions": np.zeros(1 << 21, dtype=np.int8),
}
NO_TEXT: dict[str, Any] = {
    "None": None,
    "{}": {},
    **{name: value for name, value in NO_POSITIONS.items() if name != "a text"},
}
CALLS: dict[str, tuple[Callable[[Any], object], dict[str, Any]]] = {
    "Forget keys": (lambda value: Forget(keys=value), {"None": None, **NO_POSITIONS}),
    "Forget queries": (lambda value: Forget([1], queries=value), NO_POSITIONS),
    "Forget layers": (lambda value: Forget([1], layers=value), NO_POSITIONS),
    "Forget heads": (lambda value: Forget([1], heads=value), NO_POSITIONS),
    "Forget also": (lambda value: Forget([1], also=value), {"None": None, **NO_POSITIONS}),
    "Ablate layer": (lambda value: Ablate(value, 1), {"None": None, "a list": [1], "1.5": 1.5, "a text": "1"}),
    "Ablate head": (lambda value: Ablate(1, value), {"None": None, "a list": [1], "1.5": 1.5, "a text": "1"}),
    "Ablate by": (lambda value: Ablate(1, 1, by=value), {"None": None, **NO_POSITIONS}),
    "Ablate kind": (lambda value: Ablate(1, 1, kind=value), NO_POSITIONS),
    "Eviction recent": (lambda value: Eviction(recent=value), {"1.5": 1.5, "a list": [1], "a text": "1", "0": 0}),
    "Eviction first": (lambda value: Eviction(first=value), {"1.5": 1.5, "a list": [1], "a text": "1", "-1": -1}),
    "Gold.parse": (Gold.parse, NO_TEXT),
    "locate": (locate, NO_TEXT),
    "beam": (lambda value: TranslationRequest(beam=value), {"None": None, **NO_POSITIONS}),
    "max_new_tokens": (
        lambda value: TranslationRequest(max_new_tokens=value),
        {name: value for name, value in NO_POSITIONS.items() if name != "an array of one number"},
    ),
    "Trace.load": (Trace.load, NO_TEXT),
}
CALLS["beam"][1].pop("an array of one number")  # numpy's whole numbers are whole numbers


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, (_, values) in CALLS.items() for name in values])
def test_a_value_that_makes_no_sense_is_refused_at_once(call: str, name: str) -> None:
    make, values = CALLS[call]
    with pytest.raises(MemVizError) as refused:
        make(values[name])
    assert len(str(refused.value)) < 400


def test_of_a_list_without_end_no_more_is_taken_than_any_text_has() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    with pytest.raises(MemVizError):
        Forget(keys=endless())
    assert 0 < len(taken) <= MOST + 1
