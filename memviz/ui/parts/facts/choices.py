"""Which experiment, on which text? And which models can be asked, where this one cannot."""

from __future__ import annotations

import streamlit as st

from memviz.models import CATALOGUE
from memviz.trace import Trace
from memviz.ui.parts import experiment
from memviz.ui.shell import address, frame, runs, samples, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

VIEW = "facts"  # under this name the choice of the experiment stands in the address
VIEWS = {
    "lens": "Logit lens",
    "conflict": "Fact against context",
    "heart": "Known by heart",
    "mlps": "MLPs",
    "entities": "Names, dates, places",
}
HINTS = {
    "lens": (
        "What would the model say if it stopped after this layer? Each layer's state goes through the model's own last "
        "norm and head: one cell for each layer and position."
    ),
    "conflict": (
        "The text says one thing, the weights another. Then the one edge to the text's word is cut, beside what "
        "happens when any other word is covered instead."
    ),
    "heart": (
        "How surprising is each token of a text that may have been learned, and how far does the model go on with it "
        "by itself? Beside it stands an invented text of the same kind."
    ),
    "mlps": (
        "In which layers does the model need its feed-forward networks (MLPs) at one word? A few layers at a time they "
        "write nothing there; beside it stands the same at every other word."
    ),
    "entities": (
        "Names, dates and places of your text, found by their spelling: which of them do later words look back at, "
        "more than at other words?"
    ),
}


def choose_view() -> str:
    """Which experiment? A name of `VIEWS`."""
    return experiment.choose_view(t("What did it know?"), VIEWS, HINTS, key=VIEW)


def read_text(view: str) -> Trace:
    """The reading of the text that was pasted; stops the page with a message when there is none."""
    model = frame.model_name()
    return runs.read(model, frame.choose_text(samples.facts(model, view), second=False), None)


def continues_texts(trace: Trace) -> bool:
    """Does this model continue texts? Where it does not, the page says so and offers those that do."""
    if trace.next_tokens:
        return True
    st.warning(
        t("{model} does not continue texts, so it cannot be asked this. Choose one that does:", model=_title(trace)),
        icon=":material/edit_note:",
    )
    offer_writers()
    return False


def offer_writers() -> None:
    """Buttons that choose a model which continues texts."""
    row = st.container(horizontal=True, gap="small")
    for name in [name for name in frame.writer_names() if name in CATALOGUE][:4]:
        row.button(CATALOGUE[name].title, key=f"take_{name}", on_click=_take, args=(name,))


def _take(name: str) -> None:
    state.put(frame.MODEL, name)
    state.hold(frame.MODEL)


def _title(trace: Trace) -> str:
    name = trace.model.name
    return literal(CATALOGUE[name].title if name in CATALOGUE else name)


def type_text(name: str, label: str, usual: str, trace: Trace, *, placeholder: str = "", tall: bool = False) -> str:
    """What stands in a box of a view: typed, from a link, or ``usual``; one typed for another text is let go."""
    of, subject = f"{name}_of", (trace.model.name, trace.text)
    if name not in st.session_state:
        st.session_state[name] = address.get(name) or usual
    elif st.session_state.get(of, subject) != subject:
        st.session_state[name] = usual
    st.session_state[of] = subject
    if address.get(name) not in (None, st.session_state[name]):
        address.put(name, "")
    box = st.text_area if tall else st.text_input
    return str(box(label, key=name, placeholder=placeholder, persist_state="session") or "")
