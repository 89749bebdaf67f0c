"""A memory gives back exactly the weights that its scores define, however they are asked for."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from memviz.errors import MeasureError, TraceError
from memviz.memory import Forget, Memory, Scores
from memviz.memory.edges import edge_masks
from tests import oracle
from tests.memories import memory_of, memory_with, tokens

KINDS = {
    "plain": {"queries": 9},
    "one token": {"queries": 1},
    "causal": {"queries": 9, "causal": True},
    "windowed": {"queries": 30, "causal": True, "window": 5},
    "windowed both ways": {"queries": 30, "window": 5},
    "bias by distance": {"queries": 9, "bias": "distance"},
    "one bias for all heads": {"queries": 9, "bias": "one", "causal": True},
    "bias table": {"queries": 9, "bias": "table"},
    "capped": {"queries": 9, "softcap": 1.5},
    "sink": {"queries": 20, "sink": True, "causal": True, "window": 6},
    "two texts": {"queries": 5, "keys": 8, "bias": "distance"},
    "two texts, one long": {"queries": 8, "keys": 3, "bias": "table"},
    "everything": {"queries": 20, "causal": True, "window": 7, "bias": "distance", "softcap": 2.0, "sink": True},
    "forgetting": {"queries": 12, "causal": True, "forget": Forget(keys=[3, -2])},
    "forgetting some": {"queries": 12, "forget": Forget(keys=[3, 4], queries=[5, -1], layers=[1], heads=[0, 3])},
    "forgetting the first": {
        "queries": 12, "causal": True, "window": 4, "sink": True, "forget": Forget(keys=[0, 1]),
    },
}  # fmt: skip


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest) -> tuple[Memory, np.ndarray]:
    return memory_of(**KINDS[request.param])


def everywhere(memory: Memory) -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(memory.layers) for head in range(memory.heads)]


def test_a_pattern_is_the_softmax_of_its_scores(both: tuple[Memory, np.ndarray]) -> None:
    memory, own = both
    for layer, head in everywhere(memory):
        found = memory.pattern(layer, head)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, own[layer, head], rtol=0, atol=2e-6)
        assert (found[own[layer, head] == 0] == 0.0).all()


@pytest.mark.parametrize(
    "chosen",
    [
        [0], [-1], [2, 0, 1], [1, 1, 1, 0], [], slice(None), slice(None, None, -1), slice(1, -1), slice(0, 0), range(3),
        np.array([2, 1]), "backwards", "mask",
    ],
    ids=str,
)  # fmt: skip
def test_chosen_rows_and_columns_are_parts_of_the_whole(chosen: object) -> None:
    """Also all of them in another order, which has as many positions as the whole."""
    for kind in ("everything", "plain", "two texts", "forgetting"):
        memory, own = memory_of(**KINDS[kind])
        rows, cols = len(memory.queries), len(memory.keys)
        for_rows = {"backwards": list(range(rows))[::-1], "mask": np.arange(rows) % 3 == 1}
        for_cols = {"backwards": list(range(cols))[::-1], "mask": np.arange(cols) % 3 == 1}
        row = for_rows[chosen] if isinstance(chosen, str) else chosen
        col = for_cols[chosen] if isinstance(chosen, str) else chosen
        row_index = np.arange(rows)[row if isinstance(row, slice | np.ndarray) else list(row)]
        col_index = np.arange(cols)[col if isinstance(col, slice | np.ndarray) else list(col)]
        for one in (memory, memory_with(own)):
            found = one.pattern(1, 2, rows=row)
            np.testing.assert_allclose(found, own[1, 2][row_index], rtol=0, atol=2e-6)
            found = one.pattern(1, 2, cols=col)
            np.testing.assert_allclose(found, own[1, 2][:, col_index], rtol=0, atol=2e-6)
            found = one.pattern(1, 2, rows=row, cols=col)
            np.testing.assert_allclose(found, own[1, 2][np.ix_(row_index, col_index)], rtol=0, atol=2e-6)


def test_rows_columns_edges_and_means(both: tuple[Memory, np.ndarray]) -> None:
    memory, own = both
    rows, cols = len(memory.queries), len(memory.keys)
    for one in (memory, memory_with(own)):
        for query in {0, rows - 1, -1}:
            np.testing.assert_allclose(one.row(query), own[:, :, query], rtol=0, atol=2e-6)
        for key in {0, cols // 2, -1}:
            np.testing.assert_allclose(one.column(key), own[..., key], rtol=0, atol=5e-6)
        queries, keys = np.arange(rows).repeat(cols), np.tile(np.arange(cols), rows)
        for layer, head in everywhere(memory):
            edges = one.weights_at(layer, head, queries, keys)
            np.testing.assert_allclose(edges, own[layer, head].ravel(), rtol=0, atol=5e-6)
            last = one.weights_at(layer, head, np.array([-1]), np.array([-1]))
            np.testing.assert_allclose(last, own[layer, head, -1, -1], rtol=0, atol=5e-6)
        np.testing.assert_allclose(one.mean(1), own[1].mean(0), rtol=0, atol=2e-6)
        np.testing.assert_allclose(one.mean(), own.mean((0, 1)), rtol=0, atol=2e-6)


def test_rows_sum_to_one_unless_a_sink_takes_its_share(both: tuple[Memory, np.ndarray]) -> None:
    memory, own = both
    sums = own.sum(axis=-1)
    for one in (memory, memory_with(own)):
        assert one.has_sink_logits == (sums.max() < 0.9999 or memory.scores[0].sink is not None)
    for layer, head in everywhere(memory):
        np.testing.assert_allclose(memory.pattern(layer, head).sum(axis=-1), sums[layer, head], rtol=0, atol=1e-5)


def test_what_is_asked_for_can_be_written_and_the_memory_stays() -> None:
    memory, own = memory_of(9, causal=True)
    for one in (memory, memory_with(own)):
        found = one.pattern(0, 0)
        found[:] = 7
        np.testing.assert_allclose(one.pattern(0, 0), own[0, 0], rtol=0, atol=2e-6)


def test_how_many_could_see_a_key() -> None:
    for kind, made in KINDS.items():
        memory, own = memory_of(**made)
        for layer in range(memory.layers):
            seen = own[layer] > 0
            assert memory.queries_seeing(layer).tolist() == seen.sum(axis=1).tolist(), kind
            assert memory.keys_seen(layer).tolist() == seen.sum(axis=2).tolist(), kind
            if memory.forget is None:
                assert memory_with(own).queries_seeing(layer).tolist() == seen.sum(axis=1).tolist()
                assert (memory.visible(layer) == memory_with(own).visible(layer)).all()


def test_what_was_forgotten_stays_linear_in_the_text() -> None:
    """A table of all edges of this text would take 400 MB."""
    count, rng = 20_000, np.random.default_rng(0)
    stop = np.arange(1, count + 1, dtype=np.int32)
    scores = Scores(
        query=rng.normal(size=(1, count, 4)).astype(np.float32),
        key=rng.normal(size=(1, count, 4)).astype(np.float32),
        scale=0.5,
        visible=np.stack([np.zeros_like(stop), stop], axis=1),
    )
    small, _ = memory_of(9)
    summary = replace(small.summary, normaliser=np.ones((1, 1, count), dtype=np.float32))
    long = Memory(
        "self", tokens(count), tokens(count), 1, 1, True, (scores,), summary, Forget(keys=[3, 900], heads=[0])
    )
    tracemalloc.start()
    try:
        assert not long.column(900)[0, 0, 901:].any()
        assert long.weights_at(0, 0, np.array([1000, 1000]), np.array([3, 4])).astype(bool).tolist() == [False, True]
        assert long.row(1000)[0, 0, [3, 900]].tolist() == [0, 0]
        assert long.queries_seeing(0)[0, [2, 3, 900, 901]].tolist() == [count - 2, 0, 0, count - 901]
        assert long.keys_seen(0)[0, [2, 3, 4, 1000]].tolist() == [3, 3, 4, 999]
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_wrong_questions_are_answered_with_what_is_there() -> None:
    memory, _ = memory_of(9)
    with pytest.raises(TraceError, match=r"no head L2\.H0 in this memory. It has layers 0 to 1 and heads 0 to 3"):
        memory.pattern(2, 0)
    for bad in (lambda: memory.weights_at(0, 4, np.array([0]), np.array([0])), lambda: memory.pattern(0, -1)):
        with pytest.raises(TraceError, match="There is no head"):
            bad()
    for position in (9, -10):
        wanted = f"There is no position {position}: this memory has 9 of them"
        for ask in (
            lambda place=position: memory.pattern(0, 0, rows=[place]),
            lambda place=position: memory.pattern(0, 0, cols=[0, place]),
            lambda place=position: memory.row(place),
            lambda place=position: memory.column(place),
            lambda place=position: memory.weights_at(0, 0, np.array([0]), np.array([place])),
        ):
            with pytest.raises(TraceError, match=wanted):
                ask()
    with pytest.raises(TraceError, match="is no list of positions"):
        memory.pattern(0, 0, rows=np.array([True, False]))


def test_only_one_text_can_be_compared_with_itself() -> None:
    memory_of(9)[0].require_one_sequence("Distance")
    with pytest.raises(MeasureError, match="“Distance” compares positions of one text"):
        memory_of(3, 4)[0].require_one_sequence("Distance")


def test_how_large_it_is() -> None:
    memory, own = memory_of(9)
    scores = 2 * 4 * (4 * 9 * 6 + 2 * 9 * 6)
    assert scores < memory.nbytes < scores + 10_000
    assert memory_with(own).nbytes > own.nbytes


# Forget


def test_forgetting_is_written_down_as_plain_numbers() -> None:
    forget = Forget(keys=np.array([3, 4]), queries=range(2), layers=[np.int64(1)])
    assert forget == Forget((3, 4), (0, 1), (1,))
    assert type(forget.keys[0]) is int
    assert hash(forget) == hash(Forget((3, 4), (0, 1), (1,)))


def test_what_forgetting_touches() -> None:
    assert Forget(keys=[1]).touches(0)
    assert not Forget(keys=[]).touches(0)
    assert Forget(keys=[1], layers=[2]).touches(2)
    assert not Forget(keys=[1], layers=[2]).touches(1)
    assert not Forget(keys=[1], layers=[]).touches(0)
    assert Forget(keys=[1], heads=[2]).covers(2)
    assert not Forget(keys=[1], heads=[2]).covers(0)
    assert Forget(keys=[1]).covers(5)


def edges(forget: Forget, spans: np.ndarray) -> np.ndarray:
    """The edges that are seen and forgotten in the first head of the first layer: bool [query, key]."""
    count = len(spans)
    masks = edge_masks(forget.cuts(0, heads=1, queries=count, keys=count), heads=1, spans=spans)
    column = np.arange(count)
    return masks[0].among(column, column) & (column >= spans[:, :1]) & (column < spans[:, 1:])


def test_which_edges_are_cut() -> None:
    causal = np.stack([np.zeros(4, dtype=int), np.arange(1, 5)], axis=1)
    assert np.argwhere(edges(Forget(keys=[1]), causal)).tolist() == [[1, 1], [2, 1], [3, 1]]
    assert np.argwhere(edges(Forget(keys=[0]), causal)).tolist() == [[1, 0], [2, 0], [3, 0]]
    assert np.argwhere(edges(Forget(keys=[-1, 0], queries=[-1]), causal)).tolist() == [[3, 0], [3, 3]]
    assert not edges(Forget(keys=[3], queries=[0, 1]), causal).any(), "a key they never saw"
    with pytest.raises(TraceError, match=r"Position 2 would have nothing left to read. Leave it at least one key"):
        edges(Forget(keys=[0, 1, 2], queries=[3, 2]), causal)


def test_layers_and_heads_that_are_not_there_are_refused() -> None:
    Forget(keys=[0], layers=[1], heads=[3]).check(layers=2, heads=4)
    Forget(keys=[0]).check(layers=2, heads=4)
    with pytest.raises(TraceError, match=r"There is no layer 2 to forget in: this memory has 2 of them. .* 0 to 1"):
        Forget(keys=[0], layers=[0, 2]).check(layers=2, heads=4)
    with pytest.raises(TraceError, match="There is no head -1 to forget in"):
        Forget(keys=[0], heads=[-1]).check(layers=2, heads=4)


def test_a_memory_needs_neither_torch_nor_streamlit() -> None:
    code = "import sys, memviz.memory, memviz.trace; print({'torch', 'streamlit', 'plotly'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("keys", [3, "12", (1.5,), [None]])
def test_what_to_forget_is_a_list_of_positions(keys: object) -> None:
    with pytest.raises(TraceError, match="no list of positions"):
        Forget(keys=keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [10, 300])
def test_weights_are_as_exact_as_single_precision_holds_scores_of_that_size(size: int) -> None:
    """Rows take their maximum away first, so that nothing is lost but what a score of that size has lost already.

    Columns and edges take away what the reading kept of a row, which is rounded as a score is.
    """
    memory, _ = memory_of(9, layers=1, heads=1, bias="table")
    scores = memory.scores[0]
    nothing = np.zeros_like(scores.query)
    bias = scores.bias + np.float32(size)
    memory = replace(memory, scores=(replace(scores, query=nothing, bias=bias),))
    truth, normaliser = oracle.softmax(memory.scores[0], np.ones((1, 9, 9), dtype=bool))
    kept = normaliser.astype(np.float32)[None]
    memory = replace(memory, summary=replace(memory.summary, normaliser=kept))
    rounding = size * np.finfo(np.float32).eps
    np.testing.assert_allclose(memory.pattern(0, 0), truth[0], rtol=1e-6, atol=0)
    by_column = memory.columns(0, 0, range(9))
    places = np.indices((9, 9)).reshape(2, -1)
    for found in (by_column, memory.weights_at(0, 0, *places).reshape(9, 9)):
        np.testing.assert_allclose(found, truth[0], rtol=rounding, atol=0)
