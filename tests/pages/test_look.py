"""Look: the page shows what the model looks at in its picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from memviz.serving import cache
from memviz.ui.parts.source_file import MEDIA
from tests.reading.senses import seeing


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every model is the tiny one, and is on this machine."""
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: seeing())
    monkeypatch.setattr("memviz.ui.shell.runs._ask_before_fetching", lambda model, place: None)
    cache.forget_everything()
    yield
    cache.forget_everything()


def test_the_head_in_full_is_the_models_and_a_link_opens_it(visit) -> None:
    here = visit("look", picture="coffee", layer="1", head="2", patch="7")
    assert here.errors == []
    pattern = seeing().look(MEDIA / "coffee.jpg").memory().pattern(1, 2)[8, 1:]
    row, column = divmod(int(pattern.argmax()), 6)
    said = "\n".join(here.sentences)
    assert "L1.H2" in said
    assert "row 2, column 2 looks most at" in said
    assert f"looks most at row {row + 1}, column {column + 1} " in said.replace("\\", "")
    assert here.address["patch"] == "7"
    assert here.address["picture"] == "coffee"


def test_who_looks_at_a_patch_is_another_question(visit) -> None:
    here = visit("look", direction="seen", layer="0", head="1", patch="3")
    pattern = seeing().look(MEDIA / "cat.jpg").memory().pattern(0, 1)[1:, 4]
    row, column = divmod(int(pattern.argmax()), 6)
    assert f"is looked at most by row {row + 1}, column {column + 1} " in "\n".join(here.sentences).replace("\\", "")


def test_the_models_on_offer_are_those_that_see(visit) -> None:
    here = visit("look")
    assert [box.key for box in here.app.sidebar.selectbox] == ["viewer"]
    assert here.app.sidebar.selectbox[0].value == "dinov2"
    assert "dinov2" not in visit("glossary").app.sidebar.selectbox(key="model").options


def test_without_a_picture_the_page_says_what_to_do(visit) -> None:
    said = [box.value for box in visit("look", picture_from="upload").app.info]
    assert any("stays on the machine" in text for text in said)


def test_its_numbers_can_be_taken_along(visit) -> None:
    from memviz.ui.parts.look.heads import LookView
    from memviz.ui.parts.look.subject import Seen, _shown
    from memviz.ui.share.look import code, overlay_png, weights_table

    content = (MEDIA / "cat.jpg").read_bytes()
    trace = seeing().look(content)
    weights = trace.memory().pattern(2, 0)[0, 1:].reshape(6, 6)
    view = LookView(Seen(content, "cat.jpg", _shown(content), trace), 2, 0, -1, "looks", weights)
    frame = weights_table(view)
    np.testing.assert_array_equal(frame["weight"], weights.ravel())
    assert frame["head"].unique().tolist() == ["L2.H0"]
    assert len(frame["picture_sha256"][0]) == 64
    assert overlay_png(view).startswith(b"\x89PNG")
    assert "pattern[0][1:].reshape(6, 6)" in code(view)
    compile(code(view), "code", "exec")
