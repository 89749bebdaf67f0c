"""What Python sends to the components, and whom it believes."""

from __future__ import annotations

import component_samples as samples
import numpy as np
import pytest
from streamlit.components.v2.bidi_component.serialization import serialize_mixed_data
from streamlit.proto.BidiComponent_pb2 import BidiComponent

from memviz.measures import Links
from memviz.ui.components import grid, heads_grid, words, words_view
from memviz.ui.components.choice import Report, settle


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What a component would have been given."""
    caught: dict = {}
    for module in (grid, words):
        monkeypatch.setattr(module, "_mount", lambda *, data, **rest: caught.update(data))
    return caught


def view(text: list[dict], **changes: object) -> int | None:
    inputs = {
        "remembers": samples.links(len(text), seed=1),
        "remembered_by": samples.links(len(text), seed=2),
        "labels": {},
        "pinned": None,
        "key": "w",
    }
    return words_view(text, **{**inputs, **changes})


def bytes_on_the_wire(data: dict) -> int:
    message = BidiComponent()
    serialize_mixed_data(data, message)
    assert message.WhichOneof("data") == "mixed", "an array became text"
    return message.ByteSize()


def column(data: dict, name: str, kind: type) -> np.ndarray:
    return np.frombuffer(data["arrays"][name][0].as_py(), dtype=kind)


def test_8192_words_are_less_than_a_megabyte(sent: dict) -> None:
    view(samples.words("long"))
    assert sent["links"] == 4
    assert 700_000 < bytes_on_the_wire(sent) < 1_000_000


@pytest.mark.parametrize("shape", [(6, 12), (30, 9), (32, 32)])
def test_the_grid_sends_little_more_than_its_thumbnails(sent: dict, shape: tuple[int, int]) -> None:
    arrays = samples.heads(*shape)
    heads_grid(**arrays, labels={}, score_labels={}, selected=(0, 0), key="g")
    assert bytes_on_the_wire(sent) < arrays["thumbnails"].size * 1.05 + 4_000


def test_links_are_sent_in_the_order_given_and_exact(sent: dict) -> None:
    weight = np.array([[0.1, 0.7, 0.0], [0.2, 0.3, 0.25]], dtype=np.float32)
    lift = np.array([[1, np.nan, 3], [4, 5, 6]], dtype=np.float32)
    index = np.array([[0, 1, 0], [1, 0, 1]])
    table = Links(index, weight, lift, weight, layer=index + 4, head=index + 10)
    view(
        [{"text": "a"}, {"text": "b", "special": True, "space": True, "newline": 2}],
        remembers=table,
        remembered_by=samples.none(2),
    )
    np.testing.assert_array_equal(column(sent, "remembers_weight", np.float32), weight.ravel())
    assert column(sent, "remembers_index", np.uint16).tolist() == [0, 1, 0, 1, 0, 1]
    assert column(sent, "remembers_layer", np.uint8).tolist() == [4, 5, 0, 5, 4, 5]
    assert column(sent, "remembers_head", np.uint8).tolist() == [10, 11, 0, 11, 10, 11]
    np.testing.assert_array_equal(column(sent, "remembers_lift", np.float32), [1, np.nan, 0, 4, 5, 6])
    assert column(sent, "remembered_by_weight", np.float32).tolist() == [0] * 6
    assert column(sent, "flags", np.uint16).tolist() == [0, 15]


def test_links_and_words_are_not_changed(sent: dict) -> None:
    table = samples.links(13, seed=3)
    before = [part.copy() for part in (table.index, table.weight, table.lift)]
    for part in (table.index, table.weight, table.lift):
        part.setflags(write=False)
    view(samples.words("english"), remembers=table, remembered_by=table)
    for was, part in zip(before, (table.index, table.weight, table.lift), strict=True):
        np.testing.assert_array_equal(was, part)


def test_labels_replace_english_and_nothing_else_is_sent(sent: dict) -> None:
    view(samples.words("english"), labels={"lift": "提升度", "unknown": "x"})
    assert sent["labels"]["lift"] == "提升度"
    assert set(sent["labels"]) == set(words.LABELS)


def test_names_of_roles_and_scores_are_translated(sent: dict) -> None:
    heads_grid(
        **samples.heads(2, 3),
        labels={"diffuse": "分散"},
        score_labels={"previous token": "前一个词元"},
        selected=(0, 0),
        key="g",
    )
    assert "前一个词元" in sent["scores"]
    assert "分散" in sent["roles"]
    assert set(sent["labels"]) == set(grid.LABELS)


def test_a_pin_outside_the_text_is_no_pin(sent: dict) -> None:
    assert view(samples.words("english"), pinned=99) is None
    assert sent["pinned"] is None


def test_an_empty_text_and_one_word_are_sent(sent: dict) -> None:
    assert view([]) is None
    assert view([{"text": "\ud800"}], pinned=0) == 0
    assert sent["words"] == ["?"]


@pytest.mark.parametrize("wrong", [{"thumbnails": np.zeros((2, 3, 4, 4))}, {"roles": np.array([["", ""]])}])
def test_arrays_of_another_shape_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        heads_grid(**{**samples.heads(2, 3), **wrong}, labels={}, score_labels={}, selected=(0, 0), key="g")


def test_scores_of_another_shape_are_refused_by_name() -> None:
    arrays = samples.heads(2, 3) | {"scores": {"induction": np.zeros((3, 2))}}
    with pytest.raises(ValueError, match="induction"):
        heads_grid(**arrays, labels={}, score_labels={}, selected=(0, 0), key="g")


def test_links_must_fit_the_text() -> None:
    with pytest.raises(ValueError, match="one row"):
        view(samples.words("english"), remembers=samples.links(3, seed=1))
    outside = Links(*(np.full((1, 1), 7),) * 6)
    with pytest.raises(ValueError, match="word 7"):
        view([{"text": "a"}], remembers=outside)
    with pytest.raises(ValueError, match="one shape"):
        view([{"text": "a"}, {"text": "b"}], remembers=Links(*(np.zeros((2, 3)),) * 5, np.zeros((3, 2))))


@pytest.mark.parametrize(
    "head", [{"layer": 9, "head": 0}, {"layer": -1, "head": 0}, {"layer": "0", "head": 0}, {}, {"layer": True}]
)
def test_a_reported_head_that_is_none_is_not_believed(monkeypatch: pytest.MonkeyPatch, head: dict) -> None:
    monkeypatch.setattr(grid.st, "session_state", {"g": {"head": head}})
    assert grid.last_click("g", shape=(6, 12)) is None


# --- who chose last ---------------------------------------------------------------------------


def steps(*runs: tuple) -> list[tuple]:
    """Answer and turn after each run of (subject, page_value, report)."""
    choice, history = None, []
    for subject, page_value, report in runs:
        choice = settle(choice, subject=subject, page_value=page_value, report=report)
        history.append((choice.value, choice.turn, choice.sent_value))
    return history


def test_a_click_wins_and_its_echo_sends_nothing() -> None:
    click = Report("B", 1)
    assert steps(("t", "A", None), ("t", "A", click), ("t", "B", click), ("t", "B", click)) == [
        ("A", 0, "A"),
        ("B", 0, "A"),
        ("B", 0, "A"),
        ("B", 0, "A"),
    ]


def test_a_choice_on_the_page_wins_right_after_a_click() -> None:
    click = Report("B", 1)
    assert steps(("t", "A", None), ("t", "A", click), ("t", "A", click))[-1] == ("A", 1, "A")


def test_the_page_wins_when_it_changes_its_mind() -> None:
    click = Report("B", 1)
    assert steps(("t", "A", None), ("t", "A", click), ("t", "B", click), ("t", "A", click), ("t", "A", click))[-2:] == [
        ("A", 1, "A"),
        ("A", 1, "A"),
    ]


def test_the_same_click_again_is_a_new_choice() -> None:
    runs = [("t", "A", None), ("t", "A", Report("B", 1)), ("t", "C", Report("B", 1)), ("t", "C", Report("B", 2))]
    assert [answer for answer, *_ in steps(*runs)] == ["A", "B", "C", "B"]


def test_another_text_forgets_the_click() -> None:
    assert steps(("t", None, None), ("t", None, Report(5, 1)), ("u", None, Report(5, 1)))[-1] == (None, 1, None)


def test_a_component_that_comes_back_starts_from_the_page() -> None:
    assert steps(("t", "A", None), ("t", "A", Report("B", 1)), ("t", "A", None))[-1] == ("A", 1, "A")


def test_escape_is_a_choice_too() -> None:
    runs = [("t", 3, None), ("t", 3, Report(None, 1)), ("t", None, Report(None, 1))]
    assert [answer for answer, *_ in steps(*runs)] == [3, None, None]
