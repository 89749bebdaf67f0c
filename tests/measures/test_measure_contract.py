"""What every measure promises: axes, unit, range, finite numbers, and hands off the memory."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from memviz.errors import MeasureError
from memviz.measures import MEASURES, Measure, measure
from memviz.memory import Memory
from tests.memories import KINDS, PLAIN, memory_of, memory_of_kind

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


def compute(measure: Measure, memory: Memory) -> np.ndarray:
    return measure.compute(memory, 1, 2) if measure.of_one_head else measure.compute(memory)


def refused(measure: Measure, memory: Memory) -> bool:
    """Is this measure not defined here?"""
    if measure.name in (OF_ONE_TEXT if memory.kind == "cross" else OF_TWO_TEXTS):
        return True
    if measure.name in ("value_norm", "sink_value_share") and not memory.summary.value_norm.size:
        return True
    return measure.name == "rollout" and memory.causal


PAIRS = [pytest.param(name, kind, id=f"{name}-{kind}") for name in sorted(MEASURES) for kind in KINDS]
REFUSED = [pair for pair in PAIRS if refused(MEASURES[pair.values[0]], memory_of_kind(pair.values[1]))]
DEFINED = [pair for pair in PAIRS if pair not in REFUSED]


def arrays_of(memory: Memory) -> list[np.ndarray]:
    """Every array that a memory holds."""
    holders = [memory, memory.summary, *memory.scores]
    return [value for holder in holders for value in vars(holder).values() if isinstance(value, np.ndarray)]


def writeable(memory: Memory) -> Memory:
    """A copy into which a careless measure could write."""
    copy = deepcopy(memory)
    for array in arrays_of(copy):
        array.setflags(write=True)
    return copy


def test_the_measures_that_are_promised_are_there() -> None:
    others = {"received", "entropy", "slots", "sink_share", "lift", "value_norm", "first_token"}
    assert set(MEASURES) >= OF_ONE_TEXT | OF_TWO_TEXTS | others


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_a_measure_that_is_not_defined_here_says_what_to_do(name: str, kind: str) -> None:
    with pytest.raises(MeasureError) as error:
        compute(MEASURES[name], memory_of_kind(kind))
    assert error.value.todo


@pytest.mark.parametrize(("name", "kind"), DEFINED)
def test_a_measure_has_the_shape_of_its_axes_and_stays_in_its_range(name: str, kind: str) -> None:
    measure, memory = MEASURES[name], memory_of_kind(kind)
    values = compute(measure, memory)
    sizes = {
        "layer": memory.layers,
        "head": memory.heads,
        "query": len(memory.queries),
        "key": len(memory.keys),
        "distance": len(memory.keys),
    }
    assert values.shape == tuple(sizes[axis] for axis in measure.axes)
    assert values.dtype == np.float32
    assert not np.isinf(values).any()
    if "NaN" not in measure.compute.__doc__:
        assert np.isfinite(values).all()
    known = values[~np.isnan(values)]
    assert measure.low is None or (known >= measure.low - 1e-6).all()
    assert measure.high is None or (known <= measure.high + 1e-5).all()


@pytest.mark.parametrize(("name", "kind"), DEFINED)
def test_a_measure_leaves_the_memory_as_it_was(name: str, kind: str) -> None:
    memory = writeable(memory_of_kind(kind))
    before = [array.tobytes() for array in arrays_of(memory)]
    compute(MEASURES[name], memory)
    assert [array.tobytes() for array in arrays_of(memory)] == before


@pytest.mark.parametrize("name", sorted(OF_ONE_TEXT))
def test_cross_attention_is_refused_where_positions_are_compared(name: str) -> None:
    with pytest.raises(MeasureError, match="belong to two texts") as error:
        compute(MEASURES[name], memory_of(PLAIN, "uno dos tres")[0])
    assert str(error.value).startswith(f"“{error.value.values['what']}” compares positions")
    assert MEASURES[name].label.startswith(str(error.value.values["what"]))


def test_value_norms_that_are_not_known_are_refused() -> None:
    memory = memory_of(PLAIN, causal=True)[0]
    unknown = replace(memory.summary, value_norm=np.zeros((2, 4, 0), dtype=np.float32))
    with pytest.raises(MeasureError, match="output projection could not be found"):
        MEASURES["value_norm"].compute(replace(memory, summary=unknown), 0, 0)


def test_rollout_of_a_causal_memory_is_refused() -> None:
    with pytest.raises(MeasureError, match="biased towards early tokens"):
        MEASURES["rollout"].compute(memory_of(PLAIN, causal=True)[0])


def test_a_measure_says_what_it_is() -> None:
    wrong = [f"{name}: {trouble}" for name, measure in MEASURES.items() for trouble in in_words(measure)]
    assert not wrong, "\n".join(wrong)


def in_words(measure: Measure) -> Iterator[str]:
    """What is wrong with the words of a measure."""
    if not measure.question.endswith("?") or measure.question != measure.compute.__doc__.splitlines()[0]:
        yield f"its question is {measure.question!r}"
    for part in ("label", "unit", "formula", "source", "caveat"):
        text = getattr(measure, part)
        if not text or text != text.strip():
            yield f"its {part} is {text!r}"
    if "$" in measure.formula or measure.formula.count("{") != measure.formula.count("}"):
        yield f"its formula is {measure.formula!r}"
    if not measure.caveat.endswith("."):
        yield "its caveat is not a sentence"
    if measure.group not in ("read", "recall", "forget", "cross"):
        yield f"its group is {measure.group!r}"
    if not set(measure.axes) <= {"layer", "head", "query", "key", "distance"}:
        yield f"its axes are {measure.axes}"
    if measure.of_one_head != ("layer" not in measure.axes and measure.name != "rollout"):
        yield f"of_one_head is {measure.of_one_head}"


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
