"""What was forgotten could not be seen: measures that count who sees what, held against counting edge by edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memviz import measures
from memviz.memory import Eviction, Forget, Memory
from tests import oracle
from tests.memories import LONG, PLAIN, memory_of, weights_of

FORGOTTEN = {
    "a key": {"queries": PLAIN, "causal": True, "forget": Forget(keys=[4])},
    "the first and the last": {"queries": PLAIN, "forget": Forget(keys=[0, -1])},
    "for some": {"queries": LONG, "forget": Forget(keys=[3, 4, 9], queries=[5, 6, -2])},
    "in one layer": {"queries": PLAIN, "causal": True, "forget": Forget(keys=[2, 5], layers=[1])},
    "in two heads": {
        "queries": PLAIN,
        "causal": True,
        "window": (None, 4),
        "forget": Forget(keys=[1, 6, 7], heads=[0, 3]),
    },
    "nearly all": {"queries": PLAIN, "forget": Forget(keys=range(1, 9), heads=[1])},
    "with sinks": {"queries": PLAIN, "causal": True, "sink": True, "forget": Forget(keys=[0, 3])},
    "two parts": {
        "queries": PLAIN,
        "causal": True,
        "forget": Forget(keys=[1, 6], heads=[0, 3]) | Forget(keys=[6, 2], queries=[9, 12], layers=[1]),
    },
    "parts that leave nothing": {"queries": "a b c d", "forget": Forget(keys=[0, 1]) | Forget(keys=[2, 3], heads=[1])},
    "a cache's window": {"queries": PLAIN, "causal": True, "eviction": Eviction.window(3)},
    "a window of one": {"queries": LONG, "causal": True, "eviction": Eviction.window(1)},
    "sinks and a window": {"queries": LONG, "causal": True, "eviction": Eviction.sinks(2, 4)},
    "a cache and a sliding window": {
        "queries": LONG,
        "causal": True,
        "window": (None, 6),
        "eviction": Eviction.sinks(3, 5),
    },
    "a cache and by name": {
        "queries": LONG,
        "causal": True,
        "eviction": Eviction.sinks(1, 5),
        "forget": Forget(keys=[0, 4, 5], heads=[1, 2]),
    },
    "from another text": {"queries": PLAIN, "keys": LONG, "forget": Forget(keys=[2, 7])},
}
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


def forgetful(
    forget: Forget | None = None, eviction: Eviction | None = None, **of: object
) -> tuple[Memory, np.ndarray]:
    """(a memory that was read without some edges, what could be seen: bool [layer, head, query, key])."""
    memory = memory_of(forget=forget, eviction=eviction, **of)[0]
    may = [
        oracle.allowed(
            scores.visible, len(memory.keys), heads=memory.heads, layer=layer, forget=forget, eviction=eviction
        )
        for layer, scores in enumerate(memory.scores)
    ]
    return memory, np.stack(may)


@pytest.fixture(params=FORGOTTEN)
def both(request: pytest.FixtureRequest) -> tuple[Memory, np.ndarray]:
    return forgetful(**FORGOTTEN[request.param])


def test_the_weights_are_those_of_what_may_be_seen(both: tuple[Memory, np.ndarray]) -> None:
    memory, may = both
    weights = weights_of(memory)
    assert not weights[~may].any()
    assert weights[may].all()
    np.testing.assert_allclose(weights.sum(axis=2), memory.summary.mass, **CLOSE)


def test_received_is_the_mean_over_the_queries_that_may_look(both: tuple[Memory, np.ndarray]) -> None:
    memory, may = both
    weights, found = weights_of(memory), measures.received(memory)
    for layer, head, key in np.ndindex(found.shape):
        asked = may[layer, head, :, key]
        expected = weights[layer, head, asked, key].mean() if asked.any() else np.nan
        np.testing.assert_allclose(found[layer, head, key], expected, **CLOSE)


def test_lift_compares_with_the_others_that_may_look(both: tuple[Memory, np.ndarray]) -> None:
    memory, may = both
    weights = weights_of(memory)
    for layer, head in np.ndindex(memory.layers, memory.heads):
        found = measures.lift(memory, layer, head)
        for query, key in np.ndindex(found.shape):
            asked = may[layer, head, :, key].copy()
            asked[query] = False
            if may[layer, head, query, key] and asked.any():
                expected = weights[layer, head, query, key] / weights[layer, head, asked, key].mean()
                np.testing.assert_allclose(found[query, key], expected, rtol=2e-3)
            else:
                assert np.isnan(found[query, key])


@pytest.mark.parametrize("case", [case for case in FORGOTTEN if "keys" not in FORGOTTEN[case]])
def test_distance_is_over_a_uniform_look_at_what_is_left(case: str) -> None:
    memory, may = forgetful(**FORGOTTEN[case])
    weights, found, size = weights_of(memory), measures.distance(memory), len(memory.keys)
    for layer, head, away in np.ndindex(found.shape):
        one = may[layer, head]
        pairs = [(i, j) for i in range(size) for j in range(1, size) if abs(i - j) == away and one[i, j]]
        chance = sum(1 / one[i].sum() for i, j in pairs)
        expected = sum(weights[layer, head, i, j] for i, j in pairs) / chance if pairs else np.nan
        np.testing.assert_allclose(found[layer, head, away], expected, rtol=1e-3, atol=1e-5)
        usual = chance / len(pairs) if pairs else np.nan
        np.testing.assert_allclose(measures.baseline(memory, layer, head)[away], usual, rtol=1e-5)


def test_a_head_that_spreads_over_all_that_is_left_is_broad() -> None:
    """Of twelve keys seven are forgotten: five are less than half of the text, and all that there is to see."""
    memory = memory_of(" ".join("abcdefghijkl"), layers=1)[0]
    scores = replace(memory.scores[0], query=np.zeros_like(memory.scores[0].query))
    forgot = replace(memory, scores=(scores,), forget=Forget(keys=range(5, 12), heads=[1]))
    summary = oracle.summary_of(weights_of(forgot), memory.keys, cross=False)
    assert measures.roles(replace(forgot, summary=summary)).tolist() == [["diffuse"] * 4]


def test_pairs_are_counted_of_what_may_be_seen(both: tuple[Memory, np.ndarray]) -> None:
    memory, may = both
    if len(memory.queries) != len(memory.keys):
        pytest.skip("no distances between two texts")
    query, key = np.indices(may.shape[2:])
    for layer, head in np.ndindex(may.shape[:2]):
        seen = may[layer, head] & (key > 0)
        counts = [(seen & (np.abs(query - key) == apart)).sum() for apart in range(len(key))]
        assert measures.pairs_by_distance(memory, layer, head).tolist() == counts
