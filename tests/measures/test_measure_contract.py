"""What every measure promises: axes, unit, range, finite numbers, and hands off the memory."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest
from handmade import PLAIN, drawn

from memviz.errors import MeasureError
from memviz.measures import MEASURES, Measure, measure
from memviz.memory import Memory, Scores, Summary

OF_ONE_TEXT = {
    "distance",
    "duplicate_token",
    "induction",
    "mean_distance",
    "next_token",
    "previous_token",
    "rollout",
    "self_attention",
    "span",
}
OF_TWO_TEXTS = {"confidence", "coverage"}


@pytest.fixture(params=sorted(MEASURES))
def measured(request: pytest.FixtureRequest) -> Measure:
    """One measure after the other."""
    return MEASURES[request.param]


def compute(measure: Measure, memory: Memory) -> np.ndarray:
    return measure.compute(memory, 1, 2) if measure.of_one_head else measure.compute(memory)


def refused(measure: Measure, memory: Memory) -> bool:
    """Is this measure not defined here?"""
    if measure.name in (OF_ONE_TEXT if memory.kind == "cross" else OF_TWO_TEXTS):
        return True
    if measure.name == "value_norm" and not memory.summary.value_norm.size:
        return True
    return measure.name == "rollout" and memory.causal


def fingerprint(memory: Memory) -> str:
    """Of every array that a memory holds."""
    held = [(memory.summary, Summary), *((layer, Scores) for layer in memory.scores)]
    arrays = [getattr(thing, item.name) for thing, kind in held for item in fields(kind)]
    arrays = [array for array in [*arrays, memory.weights] if isinstance(array, np.ndarray)]
    assert all(array.flags.writeable for array in arrays), "else nothing could be seen here"
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_the_measures_that_are_promised_are_there() -> None:
    others = {"received", "entropy", "slots", "sink_share", "lift", "value_norm", "first_token"}
    assert set(MEASURES) >= OF_ONE_TEXT | OF_TWO_TEXTS | others


def test_a_measure_has_the_shape_of_its_axes_and_stays_in_its_range(measured: Measure, memory: Memory) -> None:
    if refused(measured, memory):
        with pytest.raises(MeasureError) as error:
            compute(measured, memory)
        assert error.value.todo
        return
    values = compute(measured, memory)
    sizes = {
        "layer": memory.layers,
        "head": memory.heads,
        "query": len(memory.queries),
        "key": len(memory.keys),
        "distance": len(memory.keys),
    }
    assert values.shape == tuple(sizes[axis] for axis in measured.axes)
    assert values.dtype == np.float32
    assert not np.isinf(values).any()
    if "NaN" not in measured.compute.__doc__:
        assert np.isfinite(values).all()
    known = values[~np.isnan(values)]
    assert measured.low is None or (known >= measured.low - 1e-6).all()
    assert measured.high is None or (known <= measured.high + 1e-5).all()


def test_a_measure_leaves_the_memory_as_it_was(measured: Measure, memory: Memory) -> None:
    before = fingerprint(memory)
    if not refused(measured, memory):
        compute(measured, memory)
    assert fingerprint(memory) == before


@pytest.mark.parametrize("name", sorted(OF_ONE_TEXT))
def test_cross_attention_is_refused_where_positions_are_compared(name: str) -> None:
    with pytest.raises(MeasureError, match="belong to two texts") as error:
        compute(MEASURES[name], drawn(PLAIN, kind="cross", keys="uno dos tres", causal=False))
    assert str(error.value).startswith(f"“{error.value.values['what']}” compares positions")
    assert MEASURES[name].label.startswith(str(error.value.values["what"]))


def test_value_norms_that_are_not_known_are_refused() -> None:
    memory = drawn(PLAIN)
    unknown = replace(memory.summary, value_norm=np.zeros((2, 4, 0), dtype=np.float32))
    with pytest.raises(MeasureError, match="output projection could not be found"):
        MEASURES["value_norm"].compute(replace(memory, summary=unknown), 0, 0)


def test_rollout_of_a_causal_memory_is_refused() -> None:
    with pytest.raises(MeasureError, match="biased towards early tokens"):
        MEASURES["rollout"].compute(drawn(PLAIN))


def test_a_measure_says_what_it_is(measured: Measure) -> None:
    assert measured.question.endswith("?")
    assert measured.question == measured.compute.__doc__.splitlines()[0]
    for part in (measured.label, measured.unit, measured.formula, measured.source, measured.caveat):
        assert part
        assert part == part.strip()
    assert "$" not in measured.formula
    assert measured.formula.count("{") == measured.formula.count("}")
    assert measured.caveat.endswith(".")
    assert measured.group in ("read", "recall", "forget", "cross")
    assert set(measured.axes) <= {"layer", "head", "query", "key", "distance"}
    assert measured.of_one_head == ("layer" not in measured.axes and measured.name != "rollout")


def test_labels_differ() -> None:
    assert len({one.label for one in MEASURES.values()}) == len(MEASURES)


def test_a_measure_without_a_question_is_not_filed() -> None:
    def nameless(memory: Memory) -> np.ndarray:
        return memory.summary.mass

    with pytest.raises(TypeError, match="first line asks"):
        measure("x", group="read", unit="x", axes=("key",), formula="x", source="x", caveat="x")(nameless)
    assert "nameless" not in MEASURES


def test_filing_a_measure_returns_it_unchanged() -> None:
    def received_twice(memory: Memory) -> np.ndarray:
        """How strongly, twice?"""
        return 2 * memory.summary.mass

    file = measure(
        "Twice", group="read", unit="weight", axes=("layer", "head", "key"), formula="2", source="-", caveat="-."
    )
    try:
        assert file(received_twice) is received_twice
        filed = MEASURES["received_twice"]
        assert (filed.question, filed.low, filed.high, filed.of_one_head) == ("How strongly, twice?", 0.0, None, False)
    finally:
        MEASURES.pop("received_twice")
