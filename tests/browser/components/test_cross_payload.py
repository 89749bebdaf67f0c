"""What Python sends of a translation's links, and whom it believes."""

from __future__ import annotations

import numpy as np
import pytest
from cross_samples import CAT, Crossing, crossing
from test_payload import bytes_on_the_wire, column

from memviz.ui.components import cross, cross_view
from memviz.ui.components.choice import Report
from memviz.ui.components.cross import LINKS, MOST_HEADS, Pin, overlay_links, select_links


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the component would have been given."""
    caught: dict = {}
    monkeypatch.setattr(cross, "_mount", lambda *, data, **rest: caught.update(data))
    return caught


def view(sample: Crossing, **changes: object) -> Pin | None:
    inputs = {"labels": {}, "pinned": None, "key": "c", "right_to_left": sample.right_to_left}
    return cross_view(sample.sources, sample.targets, sample.weights, **{**inputs, **changes})


def test_2000_by_2000_words_are_less_than_a_megabyte(sent: dict) -> None:
    sample = crossing("2000x2000")
    others = [(f" alternativa{i}", 0.01) for i in range(10)]
    for word in sample.targets:
        word["steps"] = [{"text": "uma", "probability": 0.5, "others": others}] * 3
    view(sample)
    assert 600_000 < bytes_on_the_wire(sent) < 1_000_000
    assert len(sent["others"][0]) == 3, "as many as fit, the likeliest first"
    assert sent["others"][0][0] == " alternativa0"


def test_all_alternatives_of_a_sentence_are_sent_exactly(sent: dict) -> None:
    view(crossing("cat"))
    assert sent["tokens"] == ["O", "gato", "preto", "be", "be", "leite", "frio", ".", "</s>"]
    assert sent["others"][3] == ["re", "é"]
    assert column(sent, "token_count", np.uint16).tolist() == [1, 1, 1, 2, 1, 1, 1, 1]
    probability = column(sent, "probability", np.float32)
    np.testing.assert_array_equal(probability[:2], np.array([0.981, 0.9832], dtype=np.float32))
    assert np.isnan(probability[-1])
    assert column(sent, "other_probability", np.float32)[:2].tolist() == [np.float32(0.0108), np.float32(0.0046)]


def test_links_are_sent_strongest_first_and_exact(sent: dict) -> None:
    view(crossing("cat"))
    index, weight = column(sent, "index", np.uint32).reshape(8, 8), column(sent, "weight", np.float32).reshape(8, 8)
    np.testing.assert_array_equal(index, np.argsort(-CAT, axis=1, kind="stable"))
    np.testing.assert_array_equal(weight, -np.sort(-CAT, axis=1))
    np.testing.assert_array_equal(column(sent, "rest", np.float32), 0)
    assert column(sent, "known", np.uint8).tolist() == [1] * 8
    assert column(sent, "target_special", np.uint8).tolist() == [0] * 7 + [1]


def test_at_most_sixteen_links_are_sent_and_the_rest_is_their_sum() -> None:
    weights = crossing("100x30").weights
    links = select_links(weights)
    assert links["weight"].shape == (30, LINKS)
    for row, drawn_weights, rest in zip(weights, links["weight"], links["rest"], strict=True):
        ordered = np.sort(row.astype(np.float64))[::-1]
        np.testing.assert_array_equal(drawn_weights, ordered[:LINKS].astype(np.float32))
        assert rest == pytest.approx(ordered[LINKS:].sum(), abs=1e-6)


@pytest.mark.parametrize(("keep", "count"), [(0.0, 0), (0.4, 1), (0.5, 1), (0.6, 2), (0.75, 2), (0.8, 3), (1.0, 4)])
def test_the_fewest_weights_that_reach_the_share_are_kept(keep: float, count: int) -> None:
    links = select_links(np.array([[0.125, 0.5, 0.125, 0.25]]), keep=keep)
    assert (links["weight"] > 0).sum() == count
    assert links["weight"].sum() + links["rest"].sum() == 1
    assert links["index"][0, :count].tolist() == [1, 3, 0, 2][:count]


def test_a_row_with_nan_in_it_is_unknown_and_nothing_is_changed() -> None:
    weights = np.array([[0.5, 0.5], [np.nan, 1.0]], dtype=np.float32)
    weights.setflags(write=False)
    links = select_links(weights)
    assert links["known"].tolist() == [1, 0]
    assert links["weight"].tolist() == [[0.5, 0.5], [0, 0]]
    assert links["index"].tolist()[0] == [0, 1], "the earlier word first, where two are equal"
    assert links["rest"].tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_no_words_and_one_word_are_sent(sent: dict, shape: tuple[int, int]) -> None:
    assert view(crossing(f"{shape[1]}x{shape[0]}")) is None
    assert len(column(sent, "weight", np.float32)) == shape[0] * shape[1]


def test_weights_of_another_shape_and_a_share_above_one_are_refused() -> None:
    sample = crossing("cat")
    with pytest.raises(ValueError, match=r"\(8, 8\), got \(7, 8\)"):
        cross.drawing(sample.sources, sample.targets, sample.weights[:7], labels={})
    with pytest.raises(ValueError, match=r"keep .* got 1\.5"):
        cross.drawing(sample.sources, sample.targets, sample.weights, labels={}, keep=1.5)


def test_half_a_character_and_labels_are_sent(sent: dict) -> None:
    word = {"text": "\ud800", "steps": [{"text": "\udc00", "probability": 1.0, "others": [("\ud800", 0.0)]}]}
    view(Crossing([word], [word], np.ones((1, 1))), labels={"rest": "其余", "unknown name": "x"})
    assert (sent["sources"], sent["targets"], sent["tokens"], sent["others"]) == (["?"], ["?"], ["?"], [["?"]])
    assert sent["labels"]["rest"] == "其余"
    assert set(sent["labels"]) == set(cross.LABELS)


def test_a_pin_outside_the_rows_is_no_pin(sent: dict) -> None:
    sample = crossing("cat")
    assert view(sample, pinned=Pin("target", 8)) is None
    assert sent["pinned"] is None
    assert view(sample, pinned=Pin("source", 7), key="other") == Pin("source", 7)
    assert sent["pinned"] == {"side": "source", "index": 7}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ({"side": "target", "index": 1, "click": 5}, Report(Pin("target", 1), 5)),
        ({"side": None, "index": None, "click": 6}, Report(None, 6)),
        ({"side": "target", "index": 8}, Report(None)),
        ({"side": "target", "index": -1}, Report(None)),
        ({"side": ["target"], "index": 0}, Report(None)),
        ({"side": "target", "index": "0"}, Report(None)),
        ("target", None),
        (None, None),
    ],
)
def test_a_report_is_believed_only_if_it_names_a_word(monkeypatch: pytest.MonkeyPatch, word: object, expected) -> None:
    monkeypatch.setattr(cross.st, "session_state", {"c": {"word": word}})
    assert cross._report("c", rows={"source": 8, "target": 8}) == expected


def test_the_links_of_several_heads_are_those_of_each_with_its_number() -> None:
    weights = np.random.default_rng(5).dirichlet(np.ones(7), size=(3, 4)).astype(np.float32)
    links = overlay_links(weights)
    assert links["index"].shape == (4, 21)
    assert (np.diff(links["weight"], axis=1) <= 0).all(), "strongest first"
    for head in range(3):
        for target in range(4):
            mine = links["head"][target] == head
            row = np.zeros(7, dtype=np.float32)
            row[links["index"][target][mine]] = links["weight"][target][mine]
            np.testing.assert_array_equal(row, weights[head, target])
    weights[1, 2, 0] = np.nan
    assert overlay_links(weights)["known"].tolist() == [1, 1, 0, 1]


def test_heads_are_sent_by_name_and_no_more_than_can_be_told_apart(sent: dict) -> None:
    sample = crossing("cat")
    view(sample)
    assert (sent["heads"], sent["facing"]) == ([], False)
    assert "head" not in sent["arrays"].column_names
    view(Crossing(**{**vars(sample), "weights": np.stack([CAT, CAT[::-1]])}), heads=("L0.H1", "L2.H3"), facing=True)
    assert (sent["heads"], sent["facing"]) == (["L0.H1", "L2.H3"], True)
    assert set(column(sent, "head", np.uint8)) == {0, 1}
    many = ["x"] * (MOST_HEADS + 1)
    with pytest.raises(ValueError, match="at most 4 heads"):
        cross.drawing(sample.sources, sample.targets, np.stack([CAT] * len(many)), labels={}, heads=many)
    with pytest.raises(ValueError, match="head, target word"):
        cross.drawing(sample.sources, sample.targets, CAT, labels={}, heads=many[:2])


def test_words_written_alike_are_told_apart_by_their_place(sent: dict) -> None:
    sources = [{"text": text} for text in "to be or not to be".split()]
    targets = [{"text": "ser"}, {"text": "ou", "name": "ou #7"}, {"text": "ser"}]
    cross_view(sources, targets, np.full((3, 6), 1 / 6, dtype=np.float32), labels={}, pinned=None, key="c")
    assert sent["sources"] == ["to", "be", "or", "not", "to", "be"]
    assert sent["names"] == {
        "source": {"0": "to #0", "1": "be #1", "4": "to #4", "5": "be #5"},
        "target": {"0": "ser #0", "1": "ou #7", "2": "ser #2"},
    }
