"""The numbers behind a heatmap, against the same numbers worked out cell by cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memviz import figures, measures
from memviz.errors import MeasureError, TraceError
from memviz.figures.data import cells
from memviz.figures.data.cells import pattern_data, weights
from memviz.figures.data.view import PatternView, side
from memviz.memory import Forget
from tests.memories import memory_of, tokens, words_of

TEXTS = ["[CLS]", "the", "un", "##believ", "##able", "cat", "[SEP]", "it", "sat", "##s", "[SEP]"]
PAIR = tokens(TEXTS, second=7, special=(0, 6, 10))
WORDS = words_of(PAIR)


def seen(memory, **options) -> np.ndarray:
    return pattern_data(memory, PatternView(**options)).values


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize(("layer", "head"), [(0, 0), (1, 2)])
def test_one_head_shows_its_exact_weights(layer: int, head: int, dense: bool) -> None:
    memory, truth = memory_of(PAIR, dense=dense)
    values = seen(memory, layer=layer, head=head)
    np.testing.assert_allclose(values, truth[layer, head], atol=1e-6)
    np.testing.assert_array_equal(values, memory.pattern(layer, head))


@pytest.mark.parametrize("window", [None, 3])
def test_what_a_query_cannot_see_is_empty(window: int | None) -> None:
    memory, truth = memory_of(PAIR, causal=True, window=window)
    values = seen(memory, layer=0, head=1)
    query, key = np.indices(values.shape)
    hidden = (key > query) | (key <= query - (window or 99))
    assert np.isnan(values[hidden]).all()
    np.testing.assert_allclose(values[~hidden], truth[0, 1][~hidden], atol=1e-6)


@pytest.mark.parametrize(("layer", "head", "axes"), [(None, None, (0, 1)), (1, None, (1,)), (None, 2, (0,))])
def test_a_mean_is_the_mean(layer: int | None, head: int | None, axes: tuple[int, ...]) -> None:
    memory, truth = memory_of(PAIR)
    part = truth if layer is None else truth[layer : layer + 1]
    part = part if head is None else part[:, head : head + 1]
    np.testing.assert_allclose(seen(memory, layer=layer, head=head), part.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(weights(memory, layer, head), part.mean((0, 1)), atol=1e-6)


def test_words_add_up_towards_and_average_from() -> None:
    memory, truth = memory_of(PAIR)
    values = seen(memory, layer=1, head=0, query_words=WORDS, key_words=WORDS)
    expected = np.zeros((len(WORDS), len(WORDS)))
    for i, query in enumerate(WORDS):
        for j, key in enumerate(WORDS):
            expected[i, j] = np.mean([sum(truth[1, 0, q, k] for k in key.tokens) for q in query.tokens])
    np.testing.assert_allclose(values, expected, atol=1e-6)
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)


def test_words_on_one_side_only() -> None:
    targets = tokens(["O", "ga", "##to"])
    memory, truth = memory_of(targets, PAIR)
    values = seen(memory, layer=0, head=0, query_words=words_of(targets))
    np.testing.assert_allclose(values[0], truth[0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(values[1], truth[0, 0, 1:].mean(0), atol=1e-6)
    assert values.shape == (2, len(PAIR))


def test_keys_taken_out_leave_rows_that_sum_to_one() -> None:
    memory, truth = memory_of(PAIR)
    values = seen(memory, layer=0, head=2, without=(0, -1))
    kept = truth[0, 2].copy()
    kept[:, [0, 10]] = 0
    np.testing.assert_allclose(values[:, 1:10], (kept / kept.sum(1, keepdims=True))[:, 1:10], atol=1e-6)
    assert np.isnan(values[:, [0, 10]]).all()
    np.testing.assert_allclose(np.nansum(values, axis=1), 1, atol=1e-5)
    exact = weights(memory, 0, 2, without=(0, -1))
    np.testing.assert_allclose(exact, kept / kept.sum(1, keepdims=True), atol=1e-6)


def test_of_a_word_only_some_tokens_can_be_taken_out() -> None:
    memory, truth = memory_of(PAIR)
    values = seen(memory, layer=0, head=2, without=(3,), query_words=WORDS, key_words=WORDS)
    kept = truth[0, 2].copy()
    kept[:, 3] = 0
    kept /= kept.sum(1, keepdims=True)
    np.testing.assert_allclose(values[0, 2], kept[0, [2, 4]].sum(), atol=1e-6)


def test_value_norms_are_weights_times_norms_on_one_scale() -> None:
    memory, truth = memory_of(PAIR)
    norms = memory.summary.value_norm
    one, other = (pattern_data(memory, PatternView(layer=0, head=head, values="value norm")) for head in (0, 1))
    np.testing.assert_allclose(one.values, truth[0, 0] * norms[0, 0], atol=1e-5)
    assert one.high == other.high
    plain = [place for place, token in enumerate(PAIR) if not token.special]
    strongest = (truth * norms[:, :, None])[:, :, :, plain]
    assert one.high >= 0.9 * strongest.max() or one.high >= (truth[..., 0] * norms[:, :, :1]).max()
    mean = seen(memory, values="value norm", without=(0,))
    np.testing.assert_allclose(mean[:, 1:], (truth * norms[:, :, None]).mean((0, 1))[:, 1:], atol=1e-5)
    assert np.isnan(mean[:, 0]).all()


def test_the_scale_of_value_norms_reaches_to_the_first_key() -> None:
    """A sink is no top key: special tokens are left out there."""
    memory, truth = memory_of(PAIR)
    norms = memory.summary.value_norm.copy()
    norms[:, :, 0] = 100 * norms.max()
    heavy = replace(memory, summary=replace(memory.summary, value_norm=norms))
    high = pattern_data(heavy, PatternView(layer=0, head=0, values="value norm")).high
    assert high == pytest.approx((truth[..., 0] * norms[:, :, :1]).max(), rel=1e-4)


def test_a_word_is_found_in_the_cells_of_the_window() -> None:
    found = side(tokens("cat dog bird fish horse cat mouse"), None, window=slice(2, 7), largest=3)
    assert (found.first, found.step, found.cells) == (2, 2, 3)
    assert found.matching("horse") == [1]
    assert found.matching("cat") == [1], "the first cat stands before the window"
    assert found.matching("OUS") == [2]
    assert found.matching("") == []


@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
def test_only_the_strongest_weights_up_to_a_share_are_kept(share: float) -> None:
    memory, truth = memory_of(PAIR)
    values = seen(memory, layer=1, head=1, cumulative=share)
    for row, exact in zip(values, truth[1, 1], strict=True):
        needed, total = [], 0.0
        for key in sorted(range(len(exact)), key=lambda k: -exact[k]):
            if total >= share:
                break
            needed.append(key)
            total += exact[key]
        assert np.flatnonzero(np.isfinite(row)).tolist() == sorted(needed)
        np.testing.assert_allclose(row[needed], exact[needed], atol=1e-6)


def test_a_window_cuts_and_changes_no_number() -> None:
    memory, truth = memory_of(PAIR)
    values = seen(memory, layer=0, head=0, window=(slice(2, 6), slice(-4, None)), cumulative=1.0)
    np.testing.assert_allclose(values, truth[0, 0][2:6, -4:], atol=1e-6)


@pytest.mark.parametrize("by_word", [False, True])
@pytest.mark.parametrize("block", [4_000_000, 200])
def test_too_many_cells_are_max_pooled(monkeypatch: pytest.MonkeyPatch, block: int, by_word: bool) -> None:
    monkeypatch.setattr(cells, "BLOCK", block)
    texts = tokens([f"w{n}" if n % 3 else f"##w{n}" for n in range(1, 42)])
    memory, truth = memory_of(texts, causal=True)
    made = words_of(texts) if by_word else None
    what = pattern_data(memory, PatternView(layer=1, head=2, query_words=made, key_words=made, largest=8))
    exact = seen(memory, layer=1, head=2, query_words=made, key_words=made)
    step = -(-len(exact) // 8)
    assert (what.rows.step, what.cols.step) == (step, step)
    assert what.values.shape == (-(-len(exact) // step),) * 2
    assert max(what.values.shape) <= 8
    if not by_word:
        np.testing.assert_allclose(np.nan_to_num(exact), np.tril(truth[1, 2]), atol=1e-6)
    for row in range(len(what.values)):
        for col in range(len(what.values)):
            under = exact[row * step : (row + 1) * step, col * step : (col + 1) * step]
            some = under[np.isfinite(under)]
            got = what.values[row, col]
            assert np.isnan(got) if not len(some) else got == pytest.approx(some.max(), abs=1e-6)


@pytest.mark.parametrize("by_word", [False, True])
def test_what_each_text_of_a_pair_gives_to_each(by_word: bool) -> None:
    memory, truth = memory_of(PAIR)
    made = WORDS if by_word else None
    mass = pattern_data(memory, PatternView(layer=1, head=0, query_words=made, key_words=made)).mass
    if by_word:
        rows = [np.mean([truth[1, 0, q] for q in word.tokens], axis=0) for word in WORDS]
        first = np.array(rows[: len([w for w in WORDS if w.segment == 0])])
    else:
        first = truth[1, 0][:7]
    assert mass is not None
    np.testing.assert_allclose(mass[0], [first[:, :7].sum() / len(first), first[:, 7:].sum() / len(first)], atol=1e-6)
    np.testing.assert_allclose(mass.sum(1), 1, atol=1e-6)


def test_there_are_no_quadrants_of_one_text_or_of_a_window() -> None:
    assert pattern_data(memory_of(tokens(["a", "b"]))[0], PatternView(layer=0, head=0)).mass is None
    assert (
        pattern_data(memory_of(PAIR)[0], PatternView(layer=0, head=0, window=(slice(0, 8), slice(None)))).mass is None
    )


def test_forgotten_edges_have_no_weight() -> None:
    memory, truth = memory_of(PAIR, forget=Forget(keys=(5,), queries=(7,)))
    values = seen(memory, layer=0, head=0)
    assert values[7, 5] == 0
    np.testing.assert_allclose(values, truth[0, 0], atol=1e-6)


def test_nothing_that_was_given_is_changed() -> None:
    memory, _ = memory_of(PAIR)
    before = [array.copy() for array in vars(memory.summary).values() if isinstance(array, np.ndarray)]
    seen(memory, values="value norm", without=(0,), cumulative=0.5)
    after = [array for array in vars(memory.summary).values() if isinstance(array, np.ndarray)]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 2, "head": 0}, "no head L2.H0"),
        ({"layer": None, "head": 7}, "no head L0.H7"),
        ({"without": (99,)}, "no position 99"),
        ({"window": (slice(20, 30), slice(None))}, "window 20:30 holds nothing"),
        ({"window": (slice(0, 9, 2), slice(None))}, "holds nothing"),
        ({"query_words": words_of(tokens(["a", "b"]))}, "2 words are not made of the 11 tokens"),
    ],
)
def test_what_is_not_there_is_refused(options: dict, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        seen(memory_of(PAIR)[0], **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": "raw"}, "“raw” is no way to see a pattern. Choose “weight”, “value norm”, “log” or “rollout”."),
        ({"cumulative": 0.0}, "cumulative share of 0.0 keeps nothing"),
        ({"largest": 0}, "at least one cell"),
    ],
)
def test_a_view_that_means_nothing_is_refused(options: dict, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        PatternView(**options)


def test_unknown_value_norms_are_said() -> None:
    memory, _ = memory_of(PAIR)
    object.__setattr__(memory.summary, "value_norm", np.zeros((2, 3, 0), dtype=np.float32))
    with pytest.raises(MeasureError, match="value norms of this model are not known"):
        seen(memory, values="value norm")


def test_a_rollout_is_the_measures_own_whatever_the_window_and_the_words() -> None:
    memory, _ = memory_of(tokens([f"w{n}" for n in range(7)]), causal=False)
    exact = measures.rollout(memory)
    np.testing.assert_allclose(exact.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(figures.weights(memory, view="rollout"), exact)
    heatmap = figures.pattern(memory, view="rollout", window=(slice(2, 5), slice(0, 4)))
    np.testing.assert_array_equal(np.asarray(heatmap.data[0].z), exact[2:5, :4])
    assert "all 2 layers, one after the other · rollout" in heatmap.layout.meta["caption"]
    assert heatmap.data[0].zmax == 1
    assert figures.pattern_png(memory, view="rollout", provenance={}).startswith(b"\x89PNG")
    causal, _ = memory_of(tokens([f"w{n}" for n in range(7)]), causal=True)
    with pytest.raises(MeasureError, match="biased towards early tokens"):
        figures.pattern(causal, view="rollout")
    with pytest.raises(MeasureError, match="over all layers and heads"):
        figures.pattern(memory, 0, 1, view="rollout")
