"""Which pages are there, and how does one come from one to another? A new page is one line here, and its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page as StreamlitPage

from memviz.ui.shell import address
from memviz.ui.shell.i18n import t


@dataclass(frozen=True)
class Page:
    """One page: its path in the address, its name in the list of pages, the question it answers, its icon.

    ``translates``, ``writes``: does it need a model that translates, or one that continues a text? ``model``: the name
    of the one that it begins with, where nobody chose another; "" for the first that there is. ``sense``: does it need
    one that hears or sees? ``chooses``: may its model be chosen, or does the page bring its own?
    """

    path: str
    title: str
    question: str
    icon: str
    translates: bool = False
    writes: bool = False
    model: str = ""
    sense: Literal["", "speech", "vision"] = ""
    chooses: bool = True

    @property
    def file(self) -> str:
        """The script of the page."""
        return f"pages/{self.path}.py"


SECTIONS = {
    "Attention": (
        Page("home", "Home", "Which words does the model's attention connect?", ":material/home:"),
        Page("heads", "Heads", "Which heads do what?", ":material/grid_on:"),
        Page("recall", "Recall", "What does this word remember, and who remembers it?", ":material/history:"),
        Page("formula", "Formula", "How does one look-up work, in numbers?", ":material/function:"),
        Page("compare", "Compare", "What changes with the text, the head or the model?", ":material/compare_arrows:"),
    ),
    "Generation": (
        Page("translate", "Translate", "What did the decoder read to write this word?", ":material/translate:", True),
        Page("generate", "Generate", "Where does the next word come from?", ":material/edit_note:", writes=True),
    ),
    "Sound and pictures": (
        Page(
            "listen", "Listen", "From which moment of a sound was each word read?", ":material/hearing:", sense="speech"
        ),
        Page("look", "Look", "What does every head look at in a picture?", ":material/visibility:", sense="vision"),
    ),
    "Evidence": (
        Page(
            "forget", "Forget", "What changes when a word is forgotten?", ":material/visibility_off:", model="smollm2"
        ),
        Page("facts", "Facts", "What did it know before it read?", ":material/fact_check:", model="smollm2"),
        Page("corpus", "Corpus", "What does every head do, over many texts?", ":material/library_books:"),
    ),
    "Learning": (
        Page(
            "lessons",
            "Lessons",
            "What does a Transformer remember? A course in steps.",
            ":material/school:",
            chooses=False,
        ),
        Page("train", "Train", "How is a memory written?", ":material/model_training:", model="minilm"),
        Page("words", "Words", "What does a word mean before any context?", ":material/scatter_plot:", model="minilm"),
        Page("resources", "Resources", "What does a reading cost, and where does the text go?", ":material/memory:"),
        Page("glossary", "Glossary", "What do the numbers mean?", ":material/menu_book:"),
    ),
}
"""All pages, section by section."""
PAGES = {page.path: page for pages in SECTIONS.values() for page in pages}
"""All pages by their path, in the order of the list; the first is there to begin with."""
FIRST = next(iter(PAGES))


def choose_page() -> StreamlitPage:
    """The page that is open, of the list of all pages.

    The first stands at the root of the address, and under its path too: Streamlit gives a default page no path.
    """
    first, *others = PAGES.values()
    return st.navigation(  # flat: a list with headings in it is not read out as a list
        [
            _listed(first, default=True, url_path=""),
            *(_listed(page, url_path=page.path) for page in others),
            _listed(first, visibility="hidden", url_path=first.path),
        ],
        expanded=True,
    )


def _listed(page: Page, **options: Any) -> StreamlitPage:
    return st.Page(page.file, title=t(page.title), icon=page.icon, **options)


def page_of(url_path: str) -> Page:
    """The page that stands under this path of the address, which is "" for the first."""
    return PAGES[url_path or FIRST]


def open_page(path: str) -> None:
    """Leaves this page for another."""
    st.switch_page(PAGES[path].file, query_params=address.written())  # what stands there: no entry of its own


def link_pages(place: DeltaGenerator, *, besides: str) -> None:
    """A door to every page ``besides`` this, named by its question, section by section."""
    for title, pages in SECTIONS.items():
        row = place.container(horizontal=True, gap="medium", vertical_alignment="center")
        row.caption(f"**{t(title)}**", width="content")
        for page in pages:
            if page.path != besides:
                row.page_link(page.file, label=t(page.question), icon=page.icon)
