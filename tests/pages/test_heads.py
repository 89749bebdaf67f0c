"""The page Heads: which head stands there, and how another is chosen."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from memviz import measures
from memviz.tokens import Word
from memviz.ui.parts.heads.sentence import sentence
from tests.conftest import CAT

pytestmark = pytest.mark.models

MARY = "When Mary and John went to the shop, John gave a drink to Mary. When Mary and John went home, John gave"


def head_of(here) -> tuple[int, int]:
    """The head that stands in the select box."""
    layer, head = here.app.selectbox(key="named_head").value
    return int(layer), int(head)


LOOKS = {
    "previous token": (measures.previous_token, 0.5),
    "induction": (measures.induction, 0.3),
    "duplicate token": (measures.duplicate_token, 0.3),
}
"""The roles of a decoder that say at which other token a head looks: score and threshold."""


def clearest(memory, *roles: str) -> tuple[int, int]:
    """The head that passes the threshold of its role most, among those that have one of these."""
    names, times = measures.roles(memory), np.zeros((memory.layers, memory.heads))
    for role in roles:
        score, threshold = LOOKS[role]
        times = np.where(names == role, score(memory) / threshold, times)
    return divmod(int(times.argmax()), memory.heads)


def choose_role(here, role: str) -> None:
    """Presses the chip of a role in the grid."""
    here.app.session_state["grid_self"] = {"arranged": {"order": "", "role": role, "click": len(role)}}
    here._run()


def test_the_page_opens_on_the_head_that_shows_most_until_somebody_chooses(visit, smollm2) -> None:
    here = visit("heads", text=MARY, model="smollm2")
    memory = smollm2.read(MARY).memory()
    assert head_of(here) == clearest(memory, *LOOKS), "the clearest of the roles that say at which other token it looks"
    assert not {"layer", "head"} & set(here.address), "nobody chose"
    here.read(CAT)
    assert head_of(here) == clearest(smollm2.read(CAT).memory(), *LOOKS)
    here.choose("named_head", (17, 5))
    assert (here.address["layer"], here.address["head"]) == ("17", "5")
    here.read(MARY)
    assert head_of(here) == (17, 5), "a choice stays"


def test_a_link_names_the_head_that_nobody_chose(visit, smollm2) -> None:
    here = visit("heads", text=MARY, model="smollm2")
    layer, head = clearest(smollm2.read(MARY).memory(), *LOOKS)
    for link in here.links:
        query = parse_qs(urlsplit(link).query)
        assert (query["layer"], query["head"]) == ([str(layer)], [str(head)])


def test_an_old_link_that_names_only_a_head_means_the_first_layer(visit) -> None:
    assert head_of(visit("heads", text=CAT, model="minilm", head="5")) == (0, 5)


def test_a_head_can_be_typed_by_its_name(visit) -> None:
    box = visit("heads", text=CAT, model="smollm2").app.selectbox(key="named_head")
    assert "L17.H5" in box.options
    assert len(box.options) == 30 * 9


def test_a_role_opens_its_best_head_and_none_is_a_role(visit, smollm2) -> None:
    here = visit("heads", text=MARY, model="smollm2")
    memory = smollm2.read(MARY).memory()
    choose_role(here, "previous token")
    assert head_of(here) == clearest(memory, "previous token")
    assert here.address["role"] == "previous token"
    choose_role(here, "none")
    layer, head = head_of(here)
    assert measures.roles(memory)[layer, head] == ""
    assert here.address["role"] == "none"
    (line,) = (line for line in here.sentences if line.startswith(f"**L{layer}.H{head}**"))
    assert "no clear role" in line
    choose_role(here, "")
    assert head_of(here) == (layer, head), "the grid is whole again, and the head stays"


def test_a_mean_over_a_layer_asks_for_the_layer_alone(visit) -> None:
    here = visit("heads", text=CAT, model="minilm", layer="3", head="1", shown="layer")
    here.choose("mean_layer", 4)
    assert (here.address["layer"], here.address["head"]) == ("4", "1")
    here.choose("shown", "head")
    assert head_of(here) == (4, 1)


def frames(here) -> list[tuple[str, float, float]]:
    """The frames in the heatmap: (along which side, from, to)."""
    layout = json.loads(here.app.get("plotly_chart")[0].proto.spec)["layout"]
    shapes = [shape for shape in layout.get("shapes", []) if shape["type"] == "rect"]
    return [
        ("row", shape["y0"], shape["y1"]) if "domain" in shape.get("xref", "") else ("column", shape["x0"], shape["x1"])
        for shape in shapes
    ]


def test_the_sentence_is_there_and_the_word_one_came_with_marks_its_row_and_its_column(visit) -> None:
    here = visit("heads", text=CAT, model="minilm", layer="3", head="1", word="8")
    assert frames(here) == [("row", 7.5, 8.5), ("column", 7.5, 8.5)]
    assert "The cat sat on the mat because :orange[**it**] was tired\\." in here.sentences
    code = here.app.get("code")[0].value
    assert "mark=((8,), (8,))" in code
    here.read("A dog ran away.")
    assert frames(here) == [], "the word was one of another text"
    assert "A dog ran away\\." in here.sentences


def test_the_tokens_of_a_marked_word_are_marked_where_tokens_are_shown(visit, minilm) -> None:
    text = "The zookeepers were unhappy."
    tokens = minilm.read(text).words[2].tokens
    assert len(tokens) > 1
    here = visit("heads", text=text, model="minilm", word="2", by_word="false")
    assert [frame for frame in frames(here) if frame[0] == "row"] == [("row", n - 0.5, n + 0.5) for n in tokens]


def test_of_a_long_text_the_part_around_the_word_is_shown() -> None:
    text = [Word(f"w{n}", (n,), n, n + 1, False, space=n > 0) for n in range(100)]
    line = sentence(text, 60)
    assert line.startswith("… w36 w37")
    assert ":orange[**w60**]" in line
    assert line.endswith("w84 …")
    assert sentence(text[:3], None) == "w0 w1 w2"
