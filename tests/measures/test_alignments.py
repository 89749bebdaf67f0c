"""Alignments, their error and coverage: against hand-made weights, and against their definitions written out."""

from __future__ import annotations

import numpy as np
import pytest

from memviz import measures
from memviz.errors import MeasureError, TraceError
from memviz.measures import Gold
from memviz.memory import Memory
from memviz.tokens import Word
from tests.memories import memory_of, memory_with, weights_of, words_of

SOURCE = "the bl·ack cat . [</s>]"
TARGET = "o ga·to preto . [</s>]"


def cross(weights: np.ndarray) -> Memory:
    """A cross-attention of these weights [layer, head, query, key]."""
    return memory_with(weights, TARGET, SOURCE, kind="cross")


SIDES = words_of(TARGET), words_of(SOURCE)
#        the bl  ack cat .   </s>
RIGHT = [
    [0.9, 0.0, 0.0, 0.1, 0.0, 0.0],  # o
    [0.0, 0.1, 0.1, 0.8, 0.0, 0.0],  # ga
    [0.2, 0.0, 0.2, 0.6, 0.0, 0.0],  # to
    [0.0, 0.3, 0.3, 0.4, 0.0, 0.0],  # preto: each piece less than cat, together more
    [0.0, 0.0, 0.0, 0.0, 0.2, 0.8],  # . : </s> does not count
    [0.2, 0.2, 0.2, 0.2, 0.1, 0.1],  # </s>
]
LATE = [[0.2] * 5 + [0.0], *RIGHT[:-1]]  # the same, one step later
MEMORY = cross(np.array([[RIGHT, LATE]]))
GOLD = Gold.parse("0-0 2-1 1-2 3-3")


def test_pieces_are_summed_over_the_source_and_averaged_over_the_target() -> None:
    found = measures.word_weights(MEMORY, SIDES, layer=0, head=0)
    expected = [
        [0.9, 0.0, 0.1, 0.0, 0.0],
        [0.1, 0.2, 0.7, 0.0, 0.0],
        [0.0, 0.6, 0.4, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.2, 0.8],
        [0.2, 0.4, 0.2, 0.1, 0.1],
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_head_aligns_word_by_word() -> None:
    found = measures.alignment(MEMORY, SIDES, layer=0, head=0)
    assert found.source.tolist() == [0, 2, 1, 3, -1]
    np.testing.assert_allclose(found.weight, [0.9, 0.7, 0.6, 0.2, np.nan], atol=1e-6)
    assert found.pairs == {(0, 0), (2, 1), (1, 2), (3, 3)}
    assert measures.aer([found.pairs], [GOLD]) == 0


def test_a_head_that_is_late_is_right_when_shifted() -> None:
    plain = measures.alignment(MEMORY, SIDES, layer=0, head=1)
    shifted = measures.alignment(MEMORY, SIDES, layer=0, head=1, shift=1)
    assert measures.aer([plain.pairs], [GOLD]) > 0.5
    assert shifted.pairs == GOLD.sure
    assert shifted.source.tolist() == [0, 2, 1, 3, -1]
    weights = measures.word_weights(MEMORY, SIDES, layer=0, head=1, shift=1)
    assert np.isnan(weights[-1]).all(), "after the last token nothing is entered"
    np.testing.assert_allclose(weights[:-1], measures.word_weights(MEMORY, SIDES, layer=0, head=0)[:-1], atol=1e-6)
    assert measures.aer_by_head(MEMORY, SIDES, GOLD, shift=1)[0, 1] == 0
    assert measures.aer_by_head(MEMORY, SIDES, GOLD)[0].tolist() == [0, measures.aer([plain.pairs], [GOLD])]


def test_added_tokens_in_front_do_not_move_the_numbers() -> None:
    memory = memory_of("[en] the cat", "[pt] o ga·to [</s>]")[0]
    sides = words_of("[en] the cat"), words_of("[pt] o ga·to [</s>]")
    found = measures.alignment(memory, sides, layer=0, head=0)
    assert found.source[0] == -1
    assert set(found.source[1:]) <= {1, 2}
    assert {source for source, _ in found.pairs} <= {0, 1}
    assert {target for _, target in found.pairs} == {0, 1}


@pytest.mark.parametrize(("layer", "head"), [(None, None), (1, None), (1, 3)])
def test_means_over_heads_by_definition(layer: int | None, head: int | None) -> None:
    memory = memory_of(TARGET, SOURCE, seed=3)[0]
    weights = weights_of(memory)
    weights = (
        weights.mean((0, 1)) if layer is None else weights[layer].mean(0) if head is None else weights[layer, head]
    )
    found = measures.word_weights(memory, SIDES, layer=layer, head=head)
    cover = measures.word_coverage(memory, SIDES, layer=layer, head=head)
    for row, target in enumerate(SIDES[0]):
        for column, source in enumerate(SIDES[1]):
            each = [sum(weights[t, s] for s in source.tokens) for t in target.tokens]
            assert found[row, column] == pytest.approx(np.mean(each), abs=1e-5)
    for column, source in enumerate(SIDES[1]):
        assert cover[column] == pytest.approx(sum(weights[:, s].sum() for s in source.tokens), abs=1e-5)
    assert cover.sum() == pytest.approx(len(memory.queries), abs=1e-4)


def test_coverage_and_confidence_by_definition() -> None:
    for memory in (MEMORY, memory_of(TARGET, SOURCE, seed=4)[0]):
        weights = weights_of(memory)
        np.testing.assert_allclose(measures.coverage(memory), weights.sum(2), atol=1e-5)
        np.testing.assert_allclose(measures.confidence(memory), weights[:, :, :5, :5].max(3).mean(2), atol=1e-5)
    bare = memory_of("o gato", "the black cat", seed=5)[0]
    np.testing.assert_allclose(measures.confidence(bare), weights_of(bare).max(3).mean(2), atol=1e-5)
    nothing = memory_of("[</s>]", SOURCE)[0]
    assert np.isnan(measures.confidence(nothing)).all()


def test_the_best_head() -> None:
    uneven = cross(np.array([[LATE, np.full((6, 6), 1 / 6)], [RIGHT, np.full((6, 6), 1 / 6)]]))
    assert measures.best_head(uneven, SIDES, GOLD) == (1, 0)
    assert measures.best_head(uneven, SIDES, GOLD, shift=1) == (0, 0)
    even = np.full((6, 6), 1 / 6)
    assert measures.best_head(cross(np.array([[even, even], [even, RIGHT]])), SIDES) == (1, 1)


# -- gold alignments, from the examples of the paper and of awesome-align's tool -----------------------


def test_the_error_rate_by_hand() -> None:
    gold = Gold.parse("0-0 1-1 2p2")
    assert measures.aer([frozenset({(0, 0), (1, 1)})], [gold]) == 0
    assert measures.aer([frozenset({(0, 0), (1, 1), (2, 2)})], [gold]) == 0, "a possible link is no error"
    assert measures.aer([frozenset({(0, 0)})], [gold]) == pytest.approx(1 - 2 / 3), "a sure one is missing"
    assert measures.aer([frozenset({(0, 1)})], [gold]) == 1
    assert measures.aer([frozenset()], [gold]) == 1
    assert np.isnan(measures.aer([], []))
    both = [frozenset({(0, 0), (1, 1)}), frozenset({(5, 5)})]
    assert measures.aer(both, [gold, gold]) == pytest.approx(1 - 4 / (3 + 4))


def test_a_gold_line_is_read() -> None:
    gold = Gold.parse(" 0-0 2-1  1p2\n")
    assert gold.sure == {(0, 0), (2, 1)}
    assert gold.possible == {(0, 0), (2, 1), (1, 2)}
    assert Gold.parse("") == Gold(frozenset(), frozenset())


@pytest.mark.parametrize("link", ["0", "-", "0-", "a-b", "0--1", "1,2", "0-1-2", "1x2", "-1-2", "0p", "²-1"])
def test_what_is_no_link_is_refused(link: str) -> None:
    with pytest.raises(MeasureError, match="no link between two words") as error:
        Gold.parse(f"0-0 {link}")
    assert error.value.values["link"] == link


def test_gold_for_other_words_is_refused() -> None:
    for line in ("4-0", "0-4", "0p9"):
        with pytest.raises(MeasureError, match=r"there are 4 source and 4 target words"):
            measures.aer_by_head(MEMORY, SIDES, Gold.parse(line))
    Gold.parse("3-3").check(SIDES)


def test_words_by_space_keep_their_signs() -> None:
    text = "The $5 book is red."
    found = [
        Word(t, (n,), 0, 1, False, space=s)
        for n, (t, s) in enumerate(
            [("The", False), ("$", True), ("5", False), ("book", True), ("is", True), ("red", True), (".", False)]
        )
    ]
    found.append(Word("</s>", (7,), 0, 0, True))
    joined = measures.words_by_space(found)
    assert [word.text for word in joined] == [*text.split(), "</s>"]
    assert [word.tokens for word in joined] == [(0,), (1, 2), (3,), (4,), (5, 6), (7,)]
    gold = Gold.parse("4-4 1p0")
    assert gold.in_words((joined, joined)) == (("$5", "The"), ("red.", "red."))
    assert gold.in_words((found, found)) == (("$", "The"), ("is", "is"))
    with pytest.raises(MeasureError, match="leads nowhere"):
        Gold.parse("5-0").in_words((joined, joined))


def book() -> tuple[Word, ...]:
    """The words of "The $5 book is red.", then </s>."""
    texts = ["The", "$", "5", "book", "is", "red", "."]
    result = [Word(text, (n,), n, n + 1, False, space=n > 0 and text not in "5.") for n, text in enumerate(texts)]
    return (*result, Word("</s>", (7,), 7, 7, True))


@pytest.mark.parametrize("call", [measures.aer_by_head, measures.best_head])
def test_an_alignment_that_fits_two_counts_is_refused_until_one_is_chosen(call) -> None:
    memory, sides = memory_of("a b c d e f g [</s>]", "a b c d e f g [</s>]", seed=6)[0], (book(), book())
    with pytest.raises(MeasureError) as error:
        call(memory, sides, Gold.parse("4-4 0-0"))
    assert str(error.value) == (
        "The links fit two ways of counting words: 4-4 joins “is” and “is” where signs are words, “red.” and “red.” "
        'where only white space divides words. Say which they count: Gold.parse(line, counts="signs"), or '
        'counts="spaces".'
    )
    assert measures.Gold.parse("4-4 0-0").is_ambiguous(sides)
    spaced = measures.words_by_space(sides[0]), measures.words_by_space(sides[1])
    for counts, counted in (("signs", sides), ("spaces", spaced)):
        gold = Gold.parse("4-4 0-0", counts)
        assert not gold.is_ambiguous(sides)
        assert gold.counted_sides(sides) == counted
        rates = [
            [
                measures.aer([measures.alignment(memory, counted, layer=layer, head=head).pairs], [gold])
                for head in range(memory.heads)
            ]
            for layer in range(memory.layers)
        ]
        np.testing.assert_allclose(measures.aer_by_head(memory, sides, gold), rates, atol=1e-6)
    assert not Gold.parse("4-4 0-0").is_ambiguous(spaced), "of these words nothing can be joined"


def test_an_alignment_that_fits_one_count_is_scored_by_it() -> None:
    sides = book(), book()
    assert Gold.parse("6-6 4-4").counted_sides(sides) == sides, "there is no seventh word by white space"
    assert Gold.parse("0-0 1-1").counted_sides(sides) == sides, "$ is of $5 either way"
    with pytest.raises(MeasureError, match="leads nowhere"):
        Gold.parse("7-0").counted_sides(sides)
    with pytest.raises(MeasureError, match="leads nowhere: there are 5 source and 5 target words"):
        Gold.parse("6-6", "spaces").counted_sides(sides)
    with pytest.raises(MeasureError, match=r"“words” is no way of counting words\. Choose one of: signs, spaces"):
        Gold.parse("0-0", "words")
    same = Word("a", (0,), 0, 1, False), Word("a", (1,), 1, 2, False, space=True), Word("a", (2,), 2, 3, False)
    with pytest.raises(MeasureError, match="1-1 joins “a” and “a” where signs are words, “a” and “a” where"):
        Gold.parse("0-0 1-1").counted_sides(((same[0], same[2], same[1]), (same[0], same[2], same[1])))


def test_only_cross_attention_aligns() -> None:
    memory = memory_of("a b c", causal=True)[0]
    sides = words_of("a b c"), words_of("a b c")
    for call in (measures.word_weights, measures.alignment, measures.word_coverage):
        with pytest.raises(MeasureError, match=r"is about cross-attention.*of the kind self"):
            call(memory, sides, layer=0, head=0)
    for call in (measures.coverage, measures.confidence):
        with pytest.raises(MeasureError, match="is about cross-attention"):
            call(memory)


def test_a_head_that_is_not_there() -> None:
    for call in (measures.word_weights, measures.alignment, measures.word_coverage):
        with pytest.raises(TraceError, match=r"no head L0\.H2"):
            call(MEMORY, SIDES, layer=0, head=2)
        with pytest.raises(TraceError, match=r"no head L1\.H0"):
            call(MEMORY, SIDES, layer=1)
