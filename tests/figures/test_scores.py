"""One number a head."""

from __future__ import annotations

import numpy as np
import pytest

from memviz import figures, measures
from memviz.errors import MeasureError
from tests.memories import memory_of, tokens

TEXT = tokens(["[CLS]", "the", "cat", "sat"], special=(0,))


def test_the_cells_are_the_scores_on_the_measures_own_scale() -> None:
    memory, truth = memory_of(TEXT)
    [heat] = figures.scores(memory, "previous_token").data
    np.testing.assert_allclose(heat.z, np.stack([truth[:, :, q, q - 1] for q in range(1, 4)]).mean(0), atol=1e-6)
    assert (heat.zmin, heat.zmax) == (0.0, 1.0)


def test_an_open_scale_ends_at_the_largest_of_the_trace() -> None:
    memory, _ = memory_of(TEXT)
    [heat] = figures.scores(memory, "mean_distance").data
    assert heat.zmax == pytest.approx(measures.mean_distance(memory).max())


def test_what_is_undefined_is_empty() -> None:
    figure = figures.scores(memory_of(tokens(["one"]))[0], "previous_token")
    assert np.isnan(np.asarray(figure.data[0].z)).all()
    assert "Highest: nothing" in figures.alt(figure)


def test_layers_are_rows_from_the_top() -> None:
    figure = figures.scores(memory_of(TEXT)[0], "induction")
    assert figure.layout.yaxis.labelalias["1"] == "L1"
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.labelalias["2"] == "H2"


@pytest.mark.parametrize("name", ["received", "inducton", "nothing"])
def test_another_measure_is_refused_with_a_list(name: str) -> None:
    with pytest.raises(MeasureError, match=f"“{name}” does not give one number for each head") as refusal:
        figures.scores(memory_of(TEXT)[0], name)
    offered = refusal.value.values["names"].split(", ")
    assert set(offered) == {one for one, m in measures.MEASURES.items() if m.axes == ("layer", "head")}
    if name == "inducton":
        assert offered[0] == "induction"


def test_the_text_alternative_names_the_highest() -> None:
    memory, _ = memory_of(TEXT)
    score = measures.first_token(memory)
    layer, head = np.unravel_index(score.argmax(), score.shape)
    said = figures.alt(figures.scores(memory, "first_token"))
    assert f"Highest: L{layer}.H{head} {score.max():.3g}" in said
    assert "2 layers by 4 heads" in said


@pytest.mark.parametrize("shape", [(6, 12), (30, 9), (2, 2)])
def test_a_page_with_less_room_keeps_the_cells_of_a_grid_of_heads_square(shape: tuple[int, int]) -> None:
    layers, heads = shape
    layout = figures.head_grid(np.ones(shape), label="Score", unit="share").layout
    narrow, margin = layout.meta["narrow"], layout.margin
    high = layout.height - margin.t - margin.b
    assert high / narrow["cells"] == pytest.approx(layers / heads, rel=0.01)
    assert narrow["least"] - narrow["beside"] >= 20 * heads, "a name such as H11 can be read"
