"""Values of a wrong type or of an absurd size, given to what a person makes: a refusal of ours, at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from memviz import Ablate, Eviction, Forget, Reader, Trace
from memviz.errors import MemVizError
from memviz.measures import Gold
from memviz.memory.places import MOST
from memviz.models import locate
from memviz.reading.engine.devices import choose
from memviz.reading.writing.request import TranslationRequest
from tests.reading.families import FAMILIES, tokenizer

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
NO_WHOLE = {
    "1.5": 1.5,
    "a list": [1],
    "a text": "1",
    "bytes": b"1",
    "an object": object(),
    "a matrix": np.zeros((2, 2)),
}
NO_LANGUAGES: dict[str, Any] = {**NO_POSITIONS, "one of them": ["en"], "three": ["en", "pt", "fr"]}


@cache
def reader() -> Any:
    """A tiny decoder."""
    return Reader(FAMILIES["llama"].build(), tokenizer("bos"))


@cache
def writer() -> Any:
    """A tiny encoder-decoder."""
    return Reader(FAMILIES["bart"].build(), tokenizer("end"))


@cache
def trace() -> Trace:
    """A reading."""
    return reader().read("the cat")


CALLS |= {
    "read": (lambda value: reader().read(value), NO_TEXT),
    "read a pair": (
        lambda value: reader().read("the cat", value),
        {"123": 123, "a list": ["a"], "an object": object()},
    ),
    "read_ids": (lambda value: reader().read_ids(value), NO_TEXT | {"a text": "abc", "10^30": [10**30], "-1": [-1]}),
    "read ablate": (lambda value: reader().read("the cat", ablate=value), NO_POSITIONS),
    "read forget": (lambda value: reader().read("the cat", forget=value), NO_POSITIONS),
    "window start": (lambda value: reader().window("the cat sat", value), NO_WHOLE | {"None": None}),
    "window tokens": (lambda value: reader().window("the cat sat", 0, value), NO_WHOLE),
    "translate": (lambda value: writer().translate(value), NO_TEXT),
    "target": (lambda value: writer().translate("the cat", value), {**NO_POSITIONS, "a text": 5}),
    "languages": (lambda value: writer().translate("the cat", languages=value), NO_LANGUAGES),
    "task": (lambda value: writer().translate("the cat", task=value), {**NO_POSITIONS, "a text": 5}),
    "precision": (lambda value: choose(None, value, weights=0), NO_POSITIONS),
    "memory of a kind": (lambda value: trace().memory(value), NO_POSITIONS),
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
