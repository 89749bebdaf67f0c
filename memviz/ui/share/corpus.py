"""What the page Corpus shows, to be taken along: the numbers of every head, the charts, Python."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memviz import figures, tables
from memviz.serving.ticket import Ticket
from memviz.ui.parts.corpus.atlas import CorpusView, mean_grid, role_grid
from memviz.ui.share.actions import offer_file
from memviz.ui.shell.i18n import language_tag, t
from memviz.version import __version__


def corpus_bar(view: CorpusView) -> None:
    """The small actions at the foot of the page. No text of the corpus is in the files."""
    row = st.container(horizontal=True, gap="small")
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        st.caption(t("The files hold the numbers of every head and where they come from; no text of the corpus."))
        files, ticket = st.container(horizontal=True), Ticket(view)
        name = "memviz-corpus"
        offer_file(files, "CSV", ticket, _csv, file=f"{name}.csv", mime="text/csv", key="export_csv")
        offer_file(files, "PNG", ticket, _png, file=f"{name}.png", mime="image/png", key="export_png")
        offer_file(files, "SVG", ticket, _svg, file=f"{name}.svg", mime="image/svg+xml", key="export_svg")
        offer_file(files, "HTML", ticket, _html, file=f"{name}.html", mime="text/html", key="export_html")
        offer_file(
            files,
            t("Metadata of the CSV"),
            ticket,
            _metadata,
            file=f"{name}.csv-metadata.json",
            mime="application/json",
            key="export_metadata",
        )
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(code(view), language="python")


def provenance(view: CorpusView) -> dict[str, str]:
    """Where the numbers come from: model, input and its hash, how many texts, which measure."""
    settings, counts = view.results.settings, view.results.counts
    return {
        "model": settings["model"],
        "revision": settings["revision"],
        "input": settings["input"],
        "input sha256": settings["sha256"],
        "texts": f"{counts.texts:,} read, {counts.cut:,} cut, {counts.errors:,} rows left out",
        "measure": f"{view.measure.label} ({view.measure.unit})",
        "interval": "95 %, bootstrap over texts, 1,000 draws",
        "MemViz": __version__,
    }


def _csv(view: CorpusView) -> str:
    return tables.csv(view.table)


def _metadata(view: CorpusView) -> bytes:
    return tables.metadata(view.table, provenance(view), file="memviz-corpus.csv").encode()


def _svg(view: CorpusView) -> str:
    return figures.scores_svg(view.interval.mean, **_sheet(view))


def _png(view: CorpusView) -> bytes:
    return figures.scores_png(view.interval.mean, **_sheet(view))


def _sheet(view: CorpusView) -> dict[str, Any]:
    """What the drawing of all heads is made with."""
    source = t(
        "**{texts} texts** of {input} · {model} · {layers} layers × {heads} heads",
        texts=f"{view.results.counts.texts:,}",
        input=view.results.settings["input"],
        model=view.results.settings["model"],
        layers=view.results.shape[0],
        heads=view.results.shape[1],
    )
    return {
        "label": t(view.measure.label),
        "unit": t(view.measure.unit),
        "notes": f"{t('Mean over all texts')} · {source.replace('*', '')}",
        "provenance": provenance(view),
        "translate": t,
    }


def _html(view: CorpusView) -> str:
    return figures.html(
        [mean_grid(view), role_grid(view)],
        title=t("What does every head do, over many texts?"),
        intro=t(view.measure.question),
        provenance=provenance(view),
        language=language_tag(),
        translate=t,
    )


def code(view: CorpusView) -> str:
    """The Python that repeats it."""
    return f"""import memviz

results = memviz.corpus.Results.open({str(view.results.path)!r})
table = results.table({view.measure.name!r})  # mean, 95 % interval and most frequent role of every head
table.to_csv("memviz-corpus.csv", index=False)
"""
