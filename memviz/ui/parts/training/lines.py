"""Which lines does the classifier learn from: the sample that comes along, pasted ones, or a file?"""

from __future__ import annotations

import streamlit as st

from memviz.errors import TrainingError
from memviz.training.examples import MOST_BYTES, MOST_ROWS, SAMPLES, Examples, parse, sample
from memviz.ui.shell import show, state, uploads
from memviz.ui.shell.i18n import language, t
from memviz.ui.shell.markdown import literal

SOURCES = {"sample": "Sample", "paste": "Paste", "file": "CSV file"}
PASTED = "train_lines"  # what was pasted
LANGUAGES = {"en": "English", "zh": "Chinese"}
SHOWN = 200  # lines in the table


def choose_lines() -> Examples | None:
    """The labelled lines; ``None``, with what to do, where there are none yet or nothing can be learnt from them."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    source = row.segmented_control(
        t("Labelled lines"),
        list(SOURCES),
        format_func=lambda name: t(SOURCES[name]),
        required=True,
        **state.url_bound("lines_from", SOURCES),
    )
    try:
        examples = {"sample": _sample, "paste": _pasted, "file": _uploaded}[source or "sample"]()
    except TrainingError as error:
        show.problem(error)
        return None
    if examples is None:
        return None
    if examples.notes:
        st.info("  \n".join(note.render(t, literal) for note in examples.notes), icon=":material/info:")
    counts = ", ".join(f"{literal(label)}: {count}" for label, count in examples.counts.items())
    st.caption(t("{count} lines. {counts}.", count=len(examples), counts=counts))
    rows = examples.texts[:SHOWN], examples.labels[:SHOWN]
    with st.expander(t("The lines"), icon=":material/table:"):
        st.dataframe({t("line of text"): rows[0], t("label"): rows[1]}, hide_index=True, width="stretch")
    return examples


def _sample() -> Examples:
    default = language() if language() in SAMPLES else "en"
    name = st.segmented_control(
        t("Language of the lines"),
        list(SAMPLES),
        format_func=lambda code: t(LANGUAGES[code]),
        required=True,
        **state.url_bound("sample", SAMPLES, default=default),
    )
    st.caption(
        t(
            "Written for MemViz: complaints, praise and questions of people in shops, hotels, trains and libraries. "
            "MiniLM was trained on English, and has few Chinese words."
        )
    )
    return sample(name or default)


def _pasted() -> Examples | None:
    st.session_state.setdefault(PASTED, "")  # after Back to where nothing was pasted: the browser's box would keep it
    text = st.text_area(
        t("One line and its label a row"),
        key=PASTED,
        height=160,
        help=t("The label stands at the end or at the beginning, after a comma, a semicolon or a tab."),
        persist_state="session",
    )
    if not text.strip():
        st.info(t("Paste some lines with their labels, at least four of each label."), icon=":material/content_paste:")
        return None
    return parse(text)


def _uploaded() -> Examples | None:
    file = uploads.take(
        lambda: st.file_uploader(
            t("A table with a column of texts and a column of labels, at most {rows:,} rows", rows=MOST_ROWS),
            type=["csv", "tsv", "txt"],
            max_upload_size=MOST_BYTES // 1_000_000,
            key="lines_file",
        )
    )
    return None if file is None else parse(file.getvalue())
