"""What does a trace or a memory show where a cell ends in it? A widget where there can be one, and always a picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from memviz import extras, figures, measures
from memviz.figures.sheets.drawing import Drawing
from memviz.figures.sheets.grid_sheet import patches_sheet
from memviz.figures.sheets.sound_sheet import sound_sheet
from memviz.memory import Memory
from memviz.notebook.language import t
from memviz.notebook.views import CrossView, WordsView, cross, words
from memviz.sources import Picture, Sound
from memviz.trace import Trace
from memviz.version import __version__

MOST = 600  # words of a text that shows itself; the links of a longer one are searched when they are asked for
Bundle = tuple[dict[str, Any], dict[str, Any]]


def bundle(thing: Trace | Memory) -> Bundle:
    """(what to show, by its type; metadata) of a ``thing`` that was read: a trace or a memory."""
    if isinstance(thing, Memory):
        return _heads(thing, repr(thing))
    if isinstance(thing.source, Sound):
        return _heard(thing), {}
    if isinstance(thing.source, Picture):
        return _page(thing, _patches(thing), t("memviz.notebook.overlay(trace, picture) lays a head over it.")), {}
    if len(thing.words) > MOST:
        note = t("A long text: memviz.notebook.words(trace) shows its words.")
        return {"text/plain": repr(thing), "text/html": _html(thing, note=note)}, {}
    return _links(thing)


def _links(trace: Trace) -> Bundle:
    """The words of a text with their links; of a translation, both sentences, the first where there are several."""
    shown = trace.parts[0] if trace.parts else trace
    is_translated = "cross" in shown.memories
    note = ""
    if trace.parts:
        note = t("The first of {count} sentences; trace.parts holds them all.", count=len(trace.parts))
    sheet = (CrossView(shown) if is_translated else WordsView(shown)).sheet()
    if not extras.is_installed("anywidget"):
        note += " " + t("To make it answer the pointer: {command}", command=extras.command("notebook"))
        return _page(trace, sheet, note), {}
    widget = (cross if is_translated else words)(shown)
    data, metadata = _of_widget(widget)
    return _page(trace, sheet, note) | {kind: data[kind] for kind in data if not kind.startswith("text/")}, metadata


def _of_widget(widget: Any) -> Bundle:
    """What a widget shows; the front ends differ in whether there is metadata."""
    bundle = widget._repr_mimebundle_()
    return bundle if isinstance(bundle, tuple) else (bundle or {}, {})


def _page(trace: Trace, sheet: Drawing, note: str = "") -> dict[str, Any]:
    """A drawing as HTML, which every front end shows, and the trace in one line."""
    return {"text/plain": repr(trace), "text/html": _html(trace, sheet=sheet, note=note)}


def _html(trace: Trace, *, sheet: Drawing | None = None, note: str = "") -> str:
    """A line, and a picture below it; as an image, because a page that does not trust a notebook shows no other."""
    line = f"<p>{escape(repr(trace))} {escape(note.strip())}</p>"
    if sheet is None:
        return line
    return line + image(sheet.svg().encode(), "image/svg+xml", sheet.alt_text)


def image(content: bytes, mime: str, alternative: str) -> str:
    """The ``content`` of a picture's file as HTML."""
    source = f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<img src="{source}" alt="{escape(alternative, quote=True)}" style="max-width: 100%; height: auto">'


def _heads(memory: Memory, line: str) -> Bundle:
    """All heads as small pictures."""
    provenance = {"MemViz": __version__, "memory": memory.kind, "tokens": f"{len(memory.queries)}"}
    png = figures.grid_png(memory, provenance=provenance, translate=t)
    return {"text/plain": line, "image/png": base64.b64encode(png).decode("ascii")}, {}


def _patches(trace: Trace) -> Drawing:
    """Where every head looks; the numbers of a picture are in the trace, the picture itself is not."""
    assert isinstance(trace.source, Picture)
    provenance = figures.provenance(trace, trace.memory())
    return patches_sheet(trace.memory(), trace.source, provenance=provenance, translate=t)


def _heard(trace: Trace) -> dict[str, Any]:
    """When each word was heard, as a drawing and as a table."""
    times = measures.word_times(trace)
    page = _page(trace, _sound_sheet(trace, times))
    heads = "".join(f"<th>{escape(name)}</th>" for name in (t("word"), t("start (s)"), t("end (s)")))
    rows = "".join(
        f"<tr><td>{escape(word.text)}</td><td>{word.start:.2f}</td><td>{word.end:.2f}</td></tr>" for word in times
    )
    return page | {"text/html": f"{page['text/html']}<table><tr>{heads}</tr>{rows}</table>"}


def _sound_sheet(trace: Trace, times: Sequence[measures.WordTime]) -> Drawing:
    """When each word was heard; the sound itself is not in the trace."""
    memory, sound = trace.memory("cross"), trace.source
    assert isinstance(sound, Sound)
    every = tuple((layer, head) for layer in range(memory.layers) for head in range(memory.heads))
    heads = trace.model.alignment_heads or every
    mean = measures.mean_weights(trace)
    weights = np.array([mean[list(word.tokens)].mean(axis=0) for word in times]).reshape(-1, mean.shape[1])
    heard = [frame for frame in sound.units if not frame.special]
    return sound_sheet(
        times,
        weights,
        samples=np.zeros(0),
        mel=np.zeros((0, 0)),
        span=(heard[0].start, heard[-1].end),
        name=", ".join(figures.head_name(*pair) for pair in heads),
        provenance=figures.provenance(trace, memory),
        translate=t,
    )
