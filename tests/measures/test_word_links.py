"""Links between words, against the same definitions worked through pair by pair."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from memviz.errors import TraceError
from memviz.measures import Links, links, most_distinctive, sink_positions
from memviz.measures.links import is_exhaustive
from memviz.measures.rest import without_keys
from memviz.memory import Forget, Memory
from memviz.tokens import Word, merge
from tests.memories import LONG, PLAIN, memory_of, memory_with, shift, uniform, weights_of, words_of

module = importlib.import_module("memviz.measures.links")  # the package's own `links` is the function

Pair = tuple[int, int]
Numbers = tuple[float, float, float]  # weight, lift, excess
Text = tuple[Memory, tuple[Word, ...], tuple[Word, ...]]

MEMORIES = {
    "causal": {"queries": PLAIN, "causal": True},
    "causal, special tokens": {"queries": LONG, "causal": True, "seed": 1},
    "encoder": {"queries": LONG, "seed": 2},
    "window": {"queries": PLAIN, "causal": True, "window": (None, 4), "seed": 3},
    "encoder window": {"queries": LONG, "window": (None, 3), "seed": 4},
    "sinks": {"queries": PLAIN, "causal": True, "sink": True, "seed": 5},
    "decoder": {"queries": PLAIN, "causal": True, "kind": "decoder", "seed": 6},
    "cross": {"queries": PLAIN, "keys": LONG, "seed": 7},
    "forgetting": {"queries": LONG, "seed": 8, "forget": Forget(keys=[3, 7, 8, 9], heads=[1, 2])},
    "a part of a word forgets": {
        "queries": PLAIN,
        "causal": True,
        "seed": 9,
        "forget": Forget(keys=[5, 9], queries=[12], heads=[1, 3]),
    },
    "forgetting some": {
        "queries": PLAIN,
        "causal": True,
        "window": (None, 4),
        "seed": 9,
        "forget": Forget(keys=[1, 2, 5], queries=[3, 6, 7]),
    },
}


@pytest.fixture(params=MEMORIES)
def sample(request: pytest.FixtureRequest) -> Text:
    """A memory with the words along its two sides."""
    return sample_of(request.param)


@cache
def sample_of(kind: str) -> Text:
    memory, _ = memory_of(**MEMORIES[kind])
    return memory, words_of(memory.queries), words_of(memory.keys)


# -- the definitions, worked through ------------------------------------------------------------------


def itself(memory: Memory, word: Word, looked_at: Sequence[Word]) -> int:
    """Which of the words looked at is this word?"""
    if memory.kind == "cross":
        return -1
    place = word.tokens[0] + (memory.kind == "decoder")  # a decoder reads its own words one place later
    return next((number for number, other in enumerate(looked_at) if place in other.tokens), -1)


@cache
def in_one_head(sample: Text, layer: int, head: int, without: tuple[int, ...] = ()) -> dict[Pair, Numbers]:
    """Weight, lift and excess of every pair of words that has a link."""
    memory, asking, looked_at = sample
    weights = memory.pattern(layer, head).tolist()
    may = memory.pattern(layer, head) > 0
    gone = {place % len(memory.keys) for place in without}
    kept = [[0.0 if key in gone else one for key, one in enumerate(row)] for row in weights]
    found = {}
    for q, query in enumerate(asking):
        for k, key in enumerate(looked_at):
            if k == itself(memory, query, looked_at):
                continue
            plain = sum(kept[i][j] for i in query.tokens for j in key.tokens) / len(query.tokens)
            left = {i: sum(kept[i]) if gone else 1 for i in query.tokens}  # nothing is renormalised without a reason
            shares = [sum(kept[i][j] for j in key.tokens) / left[i] for i in query.tokens if left[i] > 1e-4]
            if sum(shares) == 0:
                continue
            others = [i for i in range(len(memory.queries)) if i not in query.tokens]
            given_by = [sum(kept[i][j] for j in key.tokens) for i in others]
            left_by = [sum(kept[i]) if gone else 1 for i in others]
            shares_by = [given / left for given, left in zip(given_by, left_by, strict=True) if left > 1e-4]
            seers = sum(any(may[i, j] for j in key.tokens) for i in others)
            looked = sum(given_by) > 1e-5 * sum(row[j] for row in kept for j in key.tokens)  # less is rounding
            usual = sum(given_by) / seers if seers and looked else 0.0
            near = [at_distance(memory, weights, i, j) for i in query.tokens for j in key.tokens if j not in gone]
            excess = plain - max(usual, sum(near) / len(query.tokens))
            weight, usual_share = sum(shares) / len(query.tokens), sum(shares_by) / seers if usual else 0.0
            found[q, k] = weight, weight / usual_share if usual_share else np.nan, excess
    return found


def at_distance(memory: Memory, weights: list[list[float]], query: int, key: int) -> float:
    """The mean weight of the other pairs of tokens at the same distance, without those that lead to the first key."""
    if memory.kind == "cross":
        return 0.0
    rows, cols = len(memory.queries), len(memory.keys)
    places = [(i, i - query + key) for i in range(rows) if 0 < i - query + key < cols]
    others = [weights[i][j] for i, j in places if (i, j) != (query, key)]
    return sum(others) / len(others) if others else 0.0


def heads(memory: Memory) -> list[tuple[int, int]]:
    return list(np.ndindex(memory.layers, memory.heads))


def best_heads(sample: Text, chosen: list[tuple[int, int]], without: tuple[int, ...] = ()) -> dict[Pair, tuple]:
    """Every pair in the head where its excess is largest: (weight, lift, excess, layer, head)."""
    best: dict[Pair, tuple] = {}
    for layer, head in chosen:
        for pair, numbers in in_one_head(sample, layer, head, without).items():
            if pair not in best or numbers[2] > best[pair][2]:
                best[pair] = (*numbers, layer, head)
    return best


def listed(table: Links, *, by_key: bool = False) -> dict[Pair, tuple]:
    """What a table of links says, by (query word, key word); its empty places must be empty everywhere."""
    out = {}
    for word, place in np.ndindex(table.index.shape):
        other = int(table.index[word, place])
        entry = tuple(getattr(table, name)[word, place] for name in ("weight", "lift", "excess", "layer", "head"))
        if other < 0:
            assert (other, entry[0], entry[2], entry[3], entry[4]) == (-1, 0, 0, 0, 0)
            assert np.isnan(entry[1])
            assert (table.index[word, place:] == -1).all(), "nothing comes after an empty place"
            continue
        out[(other, word) if by_key else (word, other)] = entry
    return out


def agree(found: dict[Pair, tuple], expected: dict[Pair, tuple]) -> None:
    assert found.keys() == expected.keys()
    for pair, (weight, lift, excess, *where) in expected.items():
        np.testing.assert_allclose(found[pair][0], weight, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found[pair][1], lift, rtol=5e-3)
        np.testing.assert_allclose(found[pair][2], excess, rtol=1e-3, atol=1e-5)
        assert list(found[pair][3:]) == where


def removed(memory: Memory) -> tuple[tuple[int, ...], ...]:
    """Nothing; the resting places; and a token inside of a word beside them."""
    return (), (0, -1) if memory.keys[-1].special else (0,), (0, 2)


# -- short texts: every weight ------------------------------------------------------------------------


def test_over_all_heads_a_pair_is_shown_where_it_is_most_special(sample: Text) -> None:
    memory, *_ = sample
    for without in removed(memory):
        remembers, remembered_by = links(*sample, without=without, count=50)
        expected = best_heads(sample, heads(memory), without)
        agree(listed(remembers), expected)
        agree(listed(remembered_by, by_key=True), expected)
        assert len({entry[3:] for entry in expected.values()}) > 4, "else the heads would hardly be told apart"


def test_one_head(sample: Text) -> None:
    memory, *_ = sample
    for without in removed(memory):
        expected = {pair: (*numbers, 1, 2) for pair, numbers in in_one_head(sample, 1, 2, without).items()}
        remembers, remembered_by = links(*sample, layer=1, head=2, without=without, count=50)
        agree(listed(remembers), expected)
        agree(listed(remembered_by, by_key=True), expected)


@pytest.mark.parametrize("where", [{"layer": 1}, {"head": 3}])
def test_the_heads_of_one_layer_or_one_head_of_every_layer(where: dict[str, int]) -> None:
    sample = memory_of(PLAIN, causal=True)[0], words_of(PLAIN), words_of(PLAIN)
    chosen = [(a, b) for a, b in heads(sample[0]) if where.get("layer", a) == a and where.get("head", b) == b]
    agree(listed(links(*sample, **where, count=50)[0]), best_heads(sample, chosen))


@pytest.mark.parametrize("cells", [0, module.CELLS], ids=["strongest keys", "every weight"])
def test_a_search_pauses_after_every_head_and_may_be_stopped(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    memory, queries, keys = sample_of("causal")
    monkeypatch.setattr(module, "CELLS", cells)
    pauses: list[int] = []
    links(memory, queries, keys, pause=lambda: pauses.append(1))
    assert len(pauses) == memory.layers * memory.heads

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        links(memory, queries, keys, pause=stop)


def test_links_are_ordered_by_excess_over_heads_and_by_weight_in_one(sample: Text) -> None:
    for options, name in (({}, "excess"), ({"layer": 0, "head": 1}, "weight")):
        for table in links(*sample, count=50, **options):
            values = np.where(table.index >= 0, getattr(table, name), -np.inf)
            assert (values[:, :-1] >= values[:, 1:]).all()


def test_a_few_links_are_the_first_of_all(sample: Text) -> None:
    for options in ({}, {"layer": 1, "head": 0}):
        for few, many in zip(links(*sample, count=3, **options), links(*sample, count=50, **options), strict=True):
            assert few.index.shape[1] == 3
            for name in ("index", "weight", "lift", "excess", "layer", "head"):
                np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:, :3])


def test_one_word_at_a_time_and_a_full_list_give_the_same(sample: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = links(*sample, without=[0])
    monkeypatch.setattr(module, "BLOCK", 1)
    monkeypatch.setattr(module, "MANY", 1)
    for one, other in zip(whole, links(*sample, without=[0]), strict=True):
        for name in ("index", "layer", "head"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        for name in ("weight", "lift", "excess"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-4, atol=1e-6)


def test_a_lift_of_thousands_does_not_depend_on_how_many_rows_are_computed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is over the little that is left of a sum, once nearly all of it is taken away."""
    spelt, largest = words_of(LONG), 0.0
    for seed in range(24):
        memory = memory_of(LONG, causal=True, seed=seed)[0]
        tables = [links(memory, spelt, spelt, count=50)[0]]
        with monkeypatch.context() as patch:
            patch.setattr(module, "BLOCK", 1)
            tables.append(links(memory, spelt, spelt, count=50)[0])
        whole, single = map(listed, tables)
        for pair, (_, lift, *_) in whole.items():
            np.testing.assert_allclose(lift, single[pair][1], rtol=1e-4)
            largest = max(largest, np.nan_to_num(lift))
    assert largest > 3000


def test_an_edge_has_the_same_weight_whatever_it_is_looked_up_with() -> None:
    memory = memory_of(LONG, causal=True, seed=5, sink=True)[0]
    rows, cols = np.indices((len(memory.queries), len(memory.keys))).reshape(2, -1)
    together = memory.weights_at(1, 2, rows, cols)
    singly = [memory.weights_at(1, 2, rows[place : place + 1], cols[place : place + 1]) for place in range(len(rows))]
    assert together.tobytes() == np.concatenate(singly).tobytes()


def test_words_of_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = "·".join("abcdefghijklmnopqrst") + " x y " + "·".join("abcdefghij") + " z"
    sample = memory_of(spec, window=(None, 9), seed=11)[0], words_of(spec), words_of(spec)
    expected = best_heads(sample, heads(sample[0]), without=(0, 3))
    agree(listed(links(*sample, without=[0, 3], count=50)[0]), expected)
    monkeypatch.setattr(importlib.import_module("memviz.measures.side"), "FEW", 99)
    agree(listed(links(*sample, without=[0, 3], count=50)[0]), expected)


def test_a_weight_is_that_of_the_merged_pattern(sample: Text) -> None:
    memory, *_ = sample
    merged = merge(memory.pattern(0, 3), memory.queries, memory.keys)
    for (query, key), (weight, *_) in listed(links(*sample, layer=0, head=3, count=50)[0]).items():
        np.testing.assert_allclose(weight, merged[query, key], rtol=1e-5)


def test_what_is_left_of_a_row_is_renormalised(sample: Text) -> None:
    memory, asking, looked_at = sample
    table = listed(links(*sample, layer=1, head=1, without=(0, 3), count=50)[0])
    rows = without_keys(memory.pattern(1, 1), np.array([0, 3]))
    own = merge(rows, memory.queries, memory.keys)
    for number, word in enumerate(asking):
        total = sum(entry[0] for (query, _), entry in table.items() if query == number)
        me = itself(memory, word, looked_at)
        expected = rows[list(word.tokens)].sum(axis=1).mean() - (own[number, me] if me >= 0 else 0)
        np.testing.assert_allclose(total, expected, rtol=1e-4, atol=1e-5)


def test_dropped_rows_sum_to_one_or_are_empty() -> None:
    weights = np.stack([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.2, 0.2, 0.6]]).astype(np.float32)
    before = weights.copy()
    np.testing.assert_allclose(
        without_keys(weights, np.array([0])), [[0, 0.6, 0.4], [0, 0, 0], [0, 0.25, 0.75]], rtol=1e-6
    )
    np.testing.assert_array_equal(weights, before)
    nothing = np.array([[1 - 5e-5, 4e-5, 1e-5]], dtype=np.float32)
    assert (without_keys(nothing, np.array([0])) == 0).all(), (
        "weights are exact to 1e-5: that would show rounding as 80 %"
    )


def test_taking_keys_out_changes_weights_and_lifts_and_not_what_is_special() -> None:
    sample = memory_of(LONG, seed=9)[0], words_of(LONG), words_of(LONG)
    plain, hidden = (listed(links(*sample, without=gone, count=50)[0]) for gone in ((), (0, -1)))
    assert hidden.keys() < plain.keys()
    assert all(key not in (0, len(sample[2]) - 1) for _, key in hidden)
    for pair, (weight, _, excess, *where) in hidden.items():
        assert weight > plain[pair][0]
        assert (excess, *where) == plain[pair][2:]


def test_a_lift_stands_beside_the_weights_of_the_same_picture() -> None:
    """A column of what is left: the weight of the row over the mean of the others, as anyone reads it off."""
    half = [[0.9, 0.05, 0.05], [0.5, 0.25, 0.25], [0.0, 0.8, 0.2], [0.6, 0.1, 0.3]]
    memory, spelt = memory_with(np.pad(np.array(half), ((0, 0), (0, 1)))), words_of("a b c d")
    rows = without_keys(memory.pattern(0, 0), np.array([0]))
    np.testing.assert_allclose(rows[:, 1], [0.5, 0.5, 0.8, 0.25], rtol=1e-5)
    table = listed(links(memory, spelt, spelt, layer=0, head=0, without=[0])[0])
    weight, lift, *_ = table[2, 1]
    assert weight == pytest.approx(0.8)
    assert lift == pytest.approx(0.8 / np.mean([0.5, 0.5, 0.25]), rel=1e-4)
    assert listed(links(memory, spelt, spelt, layer=0, head=0)[0])[2, 1][1] == pytest.approx(
        0.8 / np.mean([0.05, 0.25, 0.1]), rel=1e-4
    )


def test_lifts_of_what_is_left_do_not_depend_on_how_many_columns_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    renormalised = importlib.import_module("memviz.measures.renormalised")
    sample = memory_of(LONG, seed=9)[0], words_of(LONG), words_of(LONG)
    whole = listed(links(*sample, without=(0, -1), count=50)[0])
    monkeypatch.setattr(renormalised, "AT_ONCE", 1)
    agree(listed(links(*sample, without=(0, -1), count=50)[0]), whole)


def test_special_words_are_words_too() -> None:
    memory, spelt = memory_of(LONG)[0], words_of(LONG)
    remembers, remembered_by = links(memory, spelt, spelt, count=50)
    assert (remembers.index[0] >= 0).sum() == len(spelt) - 1, "the first word is [CLS]"
    assert 0 in remembers.index[3]
    assert (remembered_by.index[-1] >= 0).sum() == len(spelt) - 1, "the last is [SEP]"


def test_a_word_has_no_link_to_itself(sample: Text) -> None:
    memory, asking, looked_at = sample
    own = {(number, itself(memory, word, looked_at)) for number, word in enumerate(asking)}
    found = listed(links(*sample, count=50)[0]).keys()
    assert not own & found
    if memory.kind == "decoder":
        assert (0, 0) in found, "the first word written looks at the start token"
        assert (5, 5) in found, "and every word at the one before it, which stands at its own place"


def test_one_token_has_no_links() -> None:
    for table in links(memory_of("Hello", causal=True)[0], words_of("Hello"), words_of("Hello")):
        assert listed(table) == {}
        assert table.index.shape == (1, 8)


def test_without_words_there_is_nothing() -> None:
    assert [table.index.shape for table in links(memory_of("Hello", causal=True)[0], (), words_of("Hello"))] == [
        (0, 8),
        (1, 8),
    ]


def test_a_dense_memory_is_read_like_any_other() -> None:
    memory, spelt = memory_of(PLAIN, seed=3, causal=True)[0], words_of(PLAIN)
    held = memory_with(weights_of(memory), PLAIN)
    for ours, theirs in zip(links(memory, spelt, spelt), links(held, spelt, spelt), strict=True):
        np.testing.assert_array_equal(ours.index, theirs.index)
        np.testing.assert_allclose(ours.excess, theirs.excess, rtol=1e-3, atol=1e-5)


def test_what_is_not_there_is_refused() -> None:
    memory, spelt = memory_of(PLAIN, causal=True)[0], words_of(PLAIN)
    for wrong in ({"layer": 2, "head": 0}, {"head": 4}, {"without": [99]}):
        with pytest.raises(TraceError):
            links(memory, spelt, spelt, **wrong)


def test_a_column_that_all_look_at_and_a_neighbour_do_not_hide_a_link() -> None:
    size, (query, key) = 12, (9, 4)
    column = np.full((size, size), 0.02)
    column[:, 5] = 0.78
    special = uniform(size, causal=False) * 0.6
    special[query, key] += 0.4
    special[[row for row in range(size) if row != query]] /= 0.6
    memory = memory_with(np.stack([column, shift(size, 1), special]))
    spelt = words_of(" ".join(f"w{number}" for number in range(size)))
    remembers, _ = links(memory, spelt, spelt)
    assert (remembers.index[query, 0], remembers.head[query, 0]) == (key, 2)
    assert remembers.weight[query, 0] < 0.5 < memory.pattern(0, 0)[query, 5] < memory.pattern(0, 1)[query, query - 1]
    assert remembers.excess[query, 0] > 0.3
    others = remembers.excess[query][remembers.index[query] != key]
    assert (others < 0.05).all()


def test_a_long_way_back_the_first_token_does_not_hide_a_link() -> None:
    size = 12
    rest = np.zeros((size, size))
    rest[:, 0] = 0.9
    rest += 0.1 * uniform(size)
    rest[-1] = 0
    rest[-1, 1] = 1  # as far back as the token before it looks to reach the first one
    remembers, _ = links(memory_with(rest), *[words_of(" ".join(f"w{number}" for number in range(size)))] * 2)
    assert remembers.index[-1, 0] == 1
    assert remembers.excess[-1, 0] > 0.9


# -- long texts: the strongest key of every token -----------------------------------------------------


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text is a long one; no pattern may be rebuilt."""
    monkeypatch.setattr(module, "CELLS", 0)


def strongest_pairs(sample: Text, layer: int, head: int, without: Sequence[int]) -> set[Pair]:
    """The pairs of words that hold the strongest key of some token."""
    memory, asking, looked_at = sample
    special = [place for place, token in enumerate(memory.keys) if token.special] or [0]
    weights = memory.pattern(layer, head)
    weights[:, special] = 0
    gone = {place % len(memory.keys) for place in without}
    out = set()
    for q, word in enumerate(asking):
        for token in word.tokens:
            top = int(weights[token].argmax())
            k = next(number for number, other in enumerate(looked_at) if top in other.tokens)
            if weights[token].any() and top not in gone and k != itself(memory, word, looked_at):
                out.add((q, k))
    return out


@pytest.mark.usefixtures("long")
def test_on_a_long_text_every_link_is_the_same_and_every_strongest_key_is_there(sample: Text) -> None:
    memory, *_ = sample
    for without in removed(memory):
        expected: dict[Pair, tuple] = {}
        for layer, head in heads(memory):
            numbers = in_one_head(sample, layer, head, without)
            for pair in strongest_pairs(sample, layer, head, without):
                if pair not in expected or numbers[pair][2] > expected[pair][2]:
                    expected[pair] = (*numbers[pair], layer, head)
        remembers, remembered_by = links(*sample, without=without, count=50)
        agree(listed(remembers), expected)
        agree(listed(remembered_by, by_key=True), expected)


@pytest.mark.usefixtures("long")
def test_one_head_of_a_long_text(sample: Text) -> None:
    numbers = in_one_head(sample, 1, 2, (0,))
    expected = {pair: (*numbers[pair], 1, 2) for pair in strongest_pairs(sample, 1, 2, (0,))}
    table = links(*sample, layer=1, head=2, without=(0,), count=50)[0]
    agree(listed(table), expected)
    weights = np.where(table.index >= 0, table.weight, -1)
    assert (weights[:, :-1] >= weights[:, 1:]).all()


def test_both_ways_agree_on_every_pair_that_both_show_in_one_head(
    sample: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    for without in removed(sample[0]):
        every = listed(links(*sample, layer=0, head=0, without=without, count=50)[0])
        monkeypatch.setattr(module, "CELLS", 0)
        some = listed(links(*sample, layer=0, head=0, without=without, count=50)[0])
        monkeypatch.undo()
        assert some.keys() < every.keys()
        agree(some, {pair: every[pair] for pair in some})


@pytest.mark.usefixtures("long")
def test_a_dense_memory_of_a_long_text() -> None:
    memory, spelt = memory_of(PLAIN, seed=3, causal=True)[0], words_of(PLAIN)
    held = memory_with(weights_of(memory), PLAIN)
    for without in ((), (0,)):
        ours, theirs = (listed(links(one, spelt, spelt, without=without, count=50)[0]) for one in (memory, held))
        agree(theirs, {pair: (*(float(x) for x in entry[:3]), *entry[3:]) for pair, entry in ours.items()})


@pytest.mark.usefixtures("long")
def test_a_long_text_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a whole pattern of a long text")

    asked = []
    look_up = Memory.weights_at

    def counted(self: Memory, layer: int, head: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        asked.append(len(queries))
        return look_up(self, layer, head, queries, keys)

    monkeypatch.setattr(importlib.import_module("memviz.measures.pairs"), "AT_ONCE", 5)
    monkeypatch.setattr(Memory, "pattern", refuse)
    monkeypatch.setattr(Memory, "weights_at", counted)
    memory, spelt = memory_of(PLAIN, causal=True)[0], words_of(PLAIN)
    links(memory, spelt, spelt, without=[0])
    assert max(asked) == 5
    assert sum(asked) <= memory.layers * memory.heads * len(memory.queries) * 9, "words have three tokens at most"


@pytest.mark.usefixtures("long")
def test_the_longest_words_of_a_long_text_are_left_out_where_they_would_take_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    top_keys = importlib.import_module("memviz.measures.top_keys")
    spec = "a·b·c·d·e·f x y z·g·h·i·j·k"
    memory, spelt = memory_of(spec, causal=True)[0], words_of(spec)
    whole = listed(links(memory, spelt, spelt, count=50)[0])
    assert (3, 0) in whole
    monkeypatch.setattr(top_keys, "EDGES", 1)
    some = listed(links(memory, spelt, spelt, count=50)[0])
    assert (3, 0) not in some
    assert {(1, 0), (2, 0)} <= some.keys()


@pytest.mark.usefixtures("long")
def test_a_row_of_which_next_to_nothing_is_left_has_no_link_on_a_long_text() -> None:
    rest = np.eye(6) * 1e-5 + 1e-6 * uniform(6, causal=False)
    rest[:, 0] = 1 - rest[:, 1:].sum(axis=1)
    rest[5] = [0.2, 0, 0.8, 0, 0, 0]
    spelt = words_of("a b c d e f")
    assert listed(links(memory_with(rest), spelt, spelt, without=[0])[0]).keys() == {(5, 2)}


def test_a_text_is_long_above_so_many_weights() -> None:
    memory = memory_of(PLAIN, causal=True)[0]
    assert is_exhaustive(memory)
    assert not is_exhaustive(memory, heads=module.CELLS)
    assert is_exhaustive(replace(memory, layers=3, heads=3), heads=1)
    sizes = len(memory.queries) * len(memory.keys)
    assert is_exhaustive(memory, heads=module.CELLS // sizes)
    assert not is_exhaustive(memory, heads=module.CELLS // sizes + 1)


@pytest.mark.parametrize("kind", ["sinks", "causal, special tokens", "encoder"])
def test_the_most_distinctive_links_are_of_two_words_that_are_no_sinks(kind: str) -> None:
    memory, words, _ = sample_of(kind)
    rows, _ = links(memory, words, words)
    sinks = set(sink_positions(memory))

    def counts(word: Word) -> bool:
        return any(letter.isalnum() for letter in word.text) and not sinks & set(word.tokens)

    every = [
        (float(rows.excess[place, rank]), place, rank)
        for place, word in enumerate(words)
        for rank, other in enumerate(rows.index[place])
        if other >= 0 and counts(word) and counts(words[other])
    ]
    found = most_distinctive(rows, words, memory)
    assert 0 < len(every) < (rows.index >= 0).sum(), "some are left out"
    assert [rows.excess[place, rank] for place, rank in found] == sorted((each[0] for each in every), reverse=True)
    assert {(place, rank) for _, place, rank in every} == {(int(place), int(rank)) for place, rank in found}
    assert most_distinctive(rows, [replace(word, text="…") for word in words], memory).shape == (0, 2)
