"""The memory that fades: the numbers in its pictures against the recurrence itself."""

from __future__ import annotations

import numpy as np
import pytest

from memviz import figures
from memviz.errors import TraceError
from memviz.figures.charts import recurrent
from memviz.memory.recurrent import Recurrent, recurrent_memory
from tests.memories import NASTY, tokens

LAYERS, UNITS = 2, 40
WRITTEN = ["O", "gato", "preto", "bebe", "</s>"]
ENTERED = ["⟨start⟩", "O", "gato", "preto", "bebe"]


def memory(gates: np.ndarray, written: list[str] = WRITTEN, entered: list[str] = ENTERED) -> Recurrent:
    """A memory with these gates [layer, step, unit]."""
    gates = np.asarray(gates, dtype=np.float32)
    none = np.zeros_like(gates)
    return recurrent_memory(tokens(written), tokens(entered), gates=gates, candidates=none, states=none)


RANDOM = memory(np.random.default_rng(0).uniform(0.05, 0.95, (LAYERS, 5, UNITS)))


@pytest.mark.parametrize("unit", [None, 3])
def test_the_cells_are_what_is_held_and_the_first_column_what_is_left(unit: int | None) -> None:
    start, heat = figures.recurrent(RANDOM, 1, unit).data
    gates = RANDOM.gates[1].astype(np.float64) if unit is None else RANDOM.gates[1][:, [unit]].astype(np.float64)
    for row in range(5):
        for col in range(5):
            expected = ((1 - gates[col]) * np.prod(gates[col + 1 : row + 1], axis=0)).mean() if col <= row else np.nan
            assert heat.z[row][col] == pytest.approx(expected, abs=1e-6, nan_ok=True)
        assert start.z[row][0] == pytest.approx(np.prod(gates[: row + 1], axis=0).mean(), abs=1e-6)
        assert np.nansum(heat.z[row]) + start.z[row][0] == pytest.approx(1, abs=1e-5)
    assert (start.x0, heat.x0) == (0, 1)
    assert (heat.zmin, heat.zmax, start.zmin, start.zmax) == (0, 1, 0, 1)


def test_rows_and_columns_have_their_names() -> None:
    figure = figures.recurrent(RANDOM, 0)
    across, down = figure.layout.xaxis.labelalias, figure.layout.yaxis.labelalias
    assert [across[str(place)] for place in range(6)] == ["still the initial state", *ENTERED]
    assert [down[str(place)] for place in range(5)] == [*WRITTEN[:4], "&lt;/s&gt;"]
    assert list(figure.layout.xaxis.range) == [-0.5, 5.5]
    assert list(figure.layout.yaxis.range) == [4.5, -0.5]
    assert "is still the initial state" in figure.data[0].hovertemplate
    assert "came in with “%{x}”" in figure.data[1].hovertemplate
    nasty = figures.recurrent(memory(RANDOM.gates, list(NASTY[:5]), list(NASTY[:5])), 0, title="<b>")
    assert nasty.layout.yaxis.labelalias["0"] == "&lt;b&gt;bold&lt;/b&gt;"
    assert nasty.layout.title.text == "&lt;b&gt;"


def test_it_says_what_it_is_and_what_it_is_not() -> None:
    mean, one = figures.recurrent(RANDOM, 1), figures.recurrent(RANDOM, 1, 7)
    assert mean.layout.meta["caption"].startswith("layer 1, the mean over 40 units · each row sums to 100 %")
    assert one.layout.meta["caption"].startswith("layer 1, unit 7 of 40 · ")
    assert "no look-up happens: what was written fades" in one.layout.meta["caption"]
    assert figures.provenance_fields(one)["unit"] == "unit 7"
    newest = np.mean([1 - RANDOM.gates[1, step].mean() for step in range(5)])
    left = np.prod(RANDOM.gates[1], axis=0).mean()
    assert f"on average {figures.percent(newest)} of what is held has just come in" in figures.alt(mean)
    assert f"{figures.percent(left)} is still the initial state" in figures.alt(mean)
    said = figures.caption({"layer": "1", "unit": "unit 7", "shows": "recurrent state"})
    assert said == "layer 1 · unit 7 · recurrent state"


def test_long_memories_are_pooled_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrent, "LARGEST", 2)
    figure = figures.recurrent(RANDOM, 0)
    held, left = RANDOM.pattern(0), RANDOM.remainder(0)
    start, heat = figure.data
    np.testing.assert_allclose(heat.z[1], [held[3:, :3].max(), np.tril(held)[3:, 3:].max()])
    np.testing.assert_allclose(np.ravel(start.z), [left[:3].max(), left[3:].max()])
    assert np.isnan(heat.z[0][1]), "three steps, none of which has seen what comes later"
    assert "one cell = 3 × 3 steps" in figure.layout.meta["caption"]
    assert figure.layout.xaxis.labelalias["1"] == "0 ⟨start⟩…"


def test_a_single_step() -> None:
    figure = figures.recurrent(memory(np.full((1, 1, 1), 0.25), ["</s>"], ["⟨start⟩"]), 0)
    assert [float(np.ravel(trace.z)[0]) for trace in figure.data] == [0.25, 0.75]


def test_what_is_not_there_is_said() -> None:
    for layer, unit, said in ((2, None, "no layer 2"), (0, 40, "no unit 40")):
        with pytest.raises(TraceError, match=said):
            figures.recurrent(RANDOM, layer, unit)


def test_bars_count_the_units_between_their_ends() -> None:
    figure = figures.half_lives(RANDOM)
    assert len(figure.data) == LAYERS
    for layer, bar in enumerate(figure.data):
        lives = np.log(0.5) / np.log(RANDOM.gates[layer].mean(axis=0, dtype=np.float64))
        ends = np.asarray(bar.customdata, dtype=float)
        expected = [((lives >= low) & (lives < high)).sum() for low, high in ends]
        assert list(bar.y) == expected
        assert sum(bar.y) == UNITS
        np.testing.assert_allclose(np.asarray(bar.x), ends.mean(axis=1))
        assert (np.asarray(bar.width) < ends[:, 1] - ends[:, 0]).all()
        assert f"L{layer} {np.median(lives):.2g}" in figures.alt(figure)
        assert figure.layout.shapes[layer].x0 == pytest.approx(np.median(lives), rel=1e-5)
        assert figure.layout.shapes[layer].label.text == f"median {np.median(lives):.2g}"
    ranges = {tuple(axis.range) for axis in (figure.layout.xaxis, figure.layout.xaxis2)}
    assert len(ranges) == 1
    assert figure.layout.xaxis.type == "log"
    assert "shorter or longer" not in figure.layout.meta["caption"]


def test_units_that_never_forget_or_never_keep_are_counted_at_the_ends() -> None:
    gates = np.stack([np.zeros((5, 3)), np.ones((5, 3)), np.full((5, 3), 0.5)])
    figure = figures.half_lives(memory(gates))
    assert [int(np.argmax(bar.y)) for bar in figure.data[:2]] == [0, recurrent.BARS - 1]
    low, high = figure.data[2].customdata[int(np.argmax(figure.data[2].y))]
    assert low <= 1 <= high
    assert [shape.label.text for shape in figure.layout.shapes] == ["median 0", "median ∞", "median 1"]
    assert "the first and the last bar hold all that is shorter or longer" in figure.layout.meta["caption"]
