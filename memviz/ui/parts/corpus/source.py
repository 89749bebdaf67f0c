"""Which results are looked at: those of a folder, or of lines that are pasted and read now."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from memviz import corpus
from memviz.corpus import Pace, Results
from memviz.errors import CorpusError, MemVizError
from memviz.progress import Progress
from memviz.ui.shell import address, frame, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:
    from memviz import Reader

WAYS = {"folder": "a folder of results", "lines": "lines that I paste"}
WAY, FOLDER, LINES = "corpus_way", "corpus_folder", "corpus_lines"
READING, PASTED = "corpus_reading", "corpus_pasted"
EXAMPLE = "corpora/reviews"
MOST_LINES = 200
FEW = 20  # texts: an interval from fewer is said to be rough


@dataclass(frozen=True, eq=False)
class Pasted:
    """The results of lines that were pasted; their folder goes when nobody holds them any more."""

    results: Results


def choose_results() -> Results:
    """The results that are looked at; stops the page with a message where there are none."""
    way = st.segmented_control(
        t("Corpus"), list(WAYS), format_func=lambda name: t(WAYS[name]), required=True, **state.url_bound(WAY, WAYS)
    )
    results = _of_folder() if way == "folder" else _of_lines()
    _introduce(results, pasted=way == "lines")
    return results


def open_folder(path: str) -> Results:
    """The results in a folder below that of the operator, ``MEMVIZ_CORPORA``, else below where the app was started.

    Raises `CorpusError` for any other folder: a page may not look around on the machine that it runs on.
    """
    root = Path(os.environ.get("MEMVIZ_CORPORA", "").strip() or ".").expanduser().resolve()
    place = (root / Path(path.strip()).expanduser()).resolve()
    if not place.is_relative_to(root):
        raise CorpusError(
            "The pages open results only below the folder {root}.",
            todo="Move them there, or set MEMVIZ_CORPORA to the folder that holds them.",
            root=str(root),
        )
    return Results.open(place)


def _of_folder() -> Results:
    path = st.text_input(
        t("Folder of results"),
        placeholder=EXAMPLE,
        help=t("As given with --out on the command line, from the folder in which MemViz was started."),
        **state.url_bound(FOLDER, [""], others=True),
    )
    if not path.strip():
        st.info(t("Read a corpus on the command line, and give its folder here:"), icon=":material/terminal:")
        st.code(
            "python -m memviz corpus reviews.csv --model minilm --out corpora/reviews", language=None, wrap_lines=True
        )
        address.end_page()
    try:
        return open_folder(path)
    except MemVizError as error:
        show.problem(error)
        address.end_page()


def _of_lines() -> Results:
    st.session_state.setdefault(LINES, "")  # after Back to where nothing was pasted: the browser's box would keep it
    text = st.text_area(
        t("Your texts, one a line"),
        key=LINES,
        height=160,
        placeholder=t("Paste at most {count} lines here", count=MOST_LINES),
        help=t("The texts stay on the machine that runs MemViz."),
        persist_state="session",
    )
    lines = tuple(line for line in text.splitlines() if line.strip())
    whole = "\n".join(lines)
    if st.button(t("Read these lines"), key="corpus_read", type="primary", disabled=not lines):
        st.session_state[READING] = whole
    if len(lines) > MOST_LINES:
        st.warning(
            t("These are {count} lines; at most {most} are read here.", count=len(lines), most=MOST_LINES)
            + " "
            + t("Put them into a file, and read it on the command line."),
            icon=":material/terminal:",
        )
        address.end_page()
    if not lines or st.session_state.get(READING) != whole:
        st.info(t("Each line is read by itself, by the model on the left."), icon=":material/info:")
        address.end_page()
    stop = st.empty()
    stop.button(t("Stop"), key="corpus_stop", on_click=_stop)
    found = runs.experiment_on("corpus", frame.model_name(), whole, (), lambda *work: _read(lines, *work))
    stop.empty()
    if found is None:
        address.end_page()
    st.session_state[PASTED] = found  # for as long as somebody looks at it
    return found.results


def _stop() -> None:
    st.session_state[READING] = ""


def _read(lines: Sequence[str], reader: Reader, progress: Progress) -> Pasted:
    folder = tempfile.mkdtemp(prefix="memviz-corpus-")

    def tell(pace: Pace) -> None:
        progress(pace.fraction, pace.line().render(t))

    try:
        pasted = Pasted(corpus.run(list(lines), model=reader, out=folder, progress=tell))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(pasted, shutil.rmtree, folder, ignore_errors=True)
    return pasted


def _introduce(results: Results, *, pasted: bool) -> None:
    """What the results are of, and what must be known before they are believed."""
    counts, settings = results.counts, results.settings
    st.markdown(
        t(
            "**{texts} texts** of {input} · {model} · {layers} layers × {heads} heads",
            texts=f"{counts.texts:,}",
            input=t("your lines") if pasted else literal(settings["input"]),
            model=literal(settings["model"]),
            layers=results.shape[0],
            heads=results.shape[1],
        )
    )
    if not counts.texts:
        st.info(t("No text of this corpus could be read."), icon=":material/info:")
        _show_errors(results)
        address.end_page()
    if not results.complete:
        st.warning(
            t("This run is not complete. Go on with it on the command line (--resume)."), icon=":material/pending:"
        )
    if counts.texts < FEW:
        st.info(t("From fewer than {few} texts an interval is only rough.", few=FEW), icon=":material/info:")
    if counts.cut:
        st.info(
            t("Texts of which only the beginning was read, as much as fits: {count}.", count=f"{counts.cut:,}"),
            icon=":material/content_cut:",
        )
    if pasted:
        st.caption(
            t(
                "Your texts lie in a temporary folder on the machine that runs MemViz until later runs take its place; "
                "no page opens that folder."
            )
        )
    elif results.has_texts:
        st.caption(
            t("The texts stand beside the numbers in the folder of results: whoever can open it here can read them.")
        )
    else:
        st.caption(t("The texts were not kept: the numbers stand alone."))
    _show_errors(results)


def _show_errors(results: Results) -> None:
    if results.counts.errors:
        label = t("Rows that could not be read: {count}", count=f"{results.counts.errors:,}")
        with st.expander(label, icon=":material/error:"):
            rows = [
                {t("row"): each["row"], t("name of the text"): each["id"], t("reason"): each["note"].render(t)}
                for each in corpus.Folder(results.path).errors(100)
            ]
            st.dataframe(rows, hide_index=True, width="stretch")
