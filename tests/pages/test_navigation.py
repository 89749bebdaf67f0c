"""The list of pages is written once: the app, the doors of Home and the titles of the pages follow it."""

from __future__ import annotations

import re

import pytest
import streamlit as st

from memviz.ui.shell.navigation import FIRST, PAGES
from tests.pages.visiting import ROOT


def test_every_file_of_a_page_is_listed_and_every_page_has_its_file() -> None:
    assert {page.file for page in PAGES.values()} == {f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py")}


def test_paths_and_titles_and_icons_tell_pages_apart() -> None:
    for values in ([getattr(page, name) for page in PAGES.values()] for name in ("title", "question", "icon")):
        assert len(set(values)) == len(values)
    assert all(PAGES[path].path == path for path in PAGES)


@pytest.mark.models
def test_home_has_a_door_to_every_other_page(visit) -> None:
    doors = [element.proto for element in visit("home", text="The cat sat.").app.get("page_link")]
    assert [door.label for door in doors] == [page.question for page in PAGES.values() if page.path != "home"]
    assert [door.icon for door in doors] == [page.icon for page in PAGES.values() if page.path != "home"]


@pytest.mark.models
@pytest.mark.parametrize("path", PAGES)
def test_the_title_of_a_page_is_its_question(visit, path: str) -> None:
    here = visit(path)
    assert here.app.title[0].value == PAGES[path].question
    translates = "translator" in [box.key for box in here.app.sidebar.selectbox]
    assert translates == PAGES[path].translates


def test_every_page_stands_under_its_path_and_the_first_at_the_root_too(visit, monkeypatch) -> None:
    listed: list[tuple[str, str, str]] = []

    def navigation(pages: list[st.Page], **options: bool) -> st.Page:
        listed.extend((page.url_path, page._page.name, page.visibility) for page in pages)
        return original(pages, **options)

    original = st.navigation
    monkeypatch.setattr(st, "navigation", navigation)
    visit("glossary")
    root, *others = listed
    assert root == ("", f"{FIRST}.py", "visible")
    assert sorted(path for path, _, _ in others) == sorted(PAGES)
    assert all(file == f"{path}.py" for path, file, _ in others)
    assert [path for path, _, visibility in others if visibility == "hidden"] == [FIRST]


def test_no_style_of_the_frame_is_taken_for_a_tag() -> None:
    """Streamlit cleans what `st.html` is given: a style with a "<" before a letter would be dropped as a whole."""
    sheets = sorted((ROOT / "memviz" / "ui" / "shell").glob("*.css"))
    assert [sheet.name for sheet in sheets if re.search(r"<[a-z/!]", sheet.read_text(), re.IGNORECASE)] == []
    assert {sheet.name for sheet in sheets} >= {"frame.css", "present.css"}
