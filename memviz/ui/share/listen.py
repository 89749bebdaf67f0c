"""What the page Listen shows, to be taken along: word times, subtitles, pictures, Python."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from memviz import figures, tables
from memviz.figures import head_name
from memviz.figures import provenance as provenance_of
from memviz.measures import WordTime
from memviz.serving.ticket import Ticket
from memviz.ui.parts.listen import HeardAgain, ListenView
from memviz.ui.share.actions import offer_file, offer_settings_link
from memviz.ui.shell.i18n import t


@dataclass(frozen=True, eq=False)
class Listen:
    """What is taken along: the view; the words letter by letter and what was heard again, where asked for."""

    view: ListenView
    letters: tuple[WordTime, ...] = ()
    again: HeardAgain | None = None

    def table(self) -> pd.DataFrame:
        """Every word with its times."""
        return tables.word_times_table(self.view.words, self.letters)

    def provenance(self) -> dict[str, str]:
        """Where the numbers come from; of the sound its hash."""
        heard = self.view.heard
        fields = provenance_of(heard.trace, heard.trace.memory("cross"))
        names = ("MemViz", "model", "revision", "quantisation", "licence", "device", "precision", "attention")
        heads = ", ".join(head_name(*pair) for pair in self.view.heads)
        return {name: fields[name] for name in names if name in fields} | {
            "heads": heads,
            "times_by": ", ".join(head_name(*pair) for pair in heard.trace.model.alignment_heads) or "every head",
            "seconds": f"{heard.span[0]:.2f} to {heard.span[1]:.2f}",
            "sound_sha256": heard.sha256,
        }

    def csv(self) -> str:
        """The table, and where it comes from in columns of their own."""
        fields = self.provenance()
        names = ("model", "revision", "MemViz", "sound_sha256")
        return tables.csv(self.table().assign(**{name: fields.get(name, "") for name in names}))

    def srt(self) -> str:
        """The words as subtitles."""
        return tables.srt(self.view.words)

    def json(self) -> bytes:
        """The words with their times, and where they come from."""
        words = self.table().to_dict(orient="records")
        again = None if self.again is None else {"covered": self.again.covered, "written": self.again.trace.output}
        content: dict[str, Any] = {"provenance": self.provenance(), "words": words}
        if again is not None:
            content["heard again"] = again
        return json.dumps(content, ensure_ascii=False, indent=1).encode()

    def svg(self) -> str:
        """The drawing."""
        return figures.sound_svg(*self._sheet(), **self._options())

    def png(self) -> bytes:
        """The same as a PNG."""
        return figures.sound_png(*self._sheet(), **self._options())

    def _sheet(self) -> tuple[Any, ...]:
        return self.view.words, self.view.weights

    def _options(self) -> dict[str, Any]:
        heard = self.view.heard
        return {
            "samples": heard.spectrogram.samples,
            "mel": heard.spectrogram.mel,
            "span": heard.span,
            "name": self.view.name,
            "provenance": self.provenance(),
            "title": t("When was each word heard?"),
            "translate": t,
        }

    def code(self) -> str:
        """The Python that repeats it."""
        heard, options = self.view.heard, self.view.heard.options
        more = f", start={options.start}, language={options.language!r}"
        code = f"""import memviz

reader = memviz.load({heard.model!r})
trace = reader.transcribe({heard.name!r}{more})
print(trace.output)
for word in memviz.measures.word_times(trace):
    print(f"{{word.start:6.2f}} {{word.end:6.2f}} {{word.text}}")
weights = memviz.measures.mean_weights(trace, heads={list(self.view.heads)!r})  # [token, frame of 20 ms]
"""
        if self.letters:
            code += f"""
spelled = reader.transcribe({heard.name!r}, target=trace.output, by_character=True{more})
for word in memviz.measures.character_times(spelled):
    print(f"{{word.start:6.2f}} {{word.end:6.2f}} {{word.text}}")
"""
        if self.again is not None:
            change = self.again.options
            code += f"""
forget = memviz.Forget({list(change.forget.keys) if change.forget else []!r})
again = reader.transcribe(
    {heard.name!r}, forget=forget, kind={change.kind!r}, prefix={change.prefix!r}{more}
)
print(again.output)
"""
        return code


def listen_bar(listen: Listen) -> None:
    """The small actions at the foot of the page. The sound itself never leaves the machine; PNG and SVG draw it."""
    row = st.container(horizontal=True, gap="small")
    offer_settings_link(row)
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        st.caption(t("The files name the sound by its hash; PNG and SVG show its waveform and spectrogram."))
        files = st.container(horizontal=True)
        light = replace(listen.view.heard, content=b"")  # no file needs the recording
        ticket = Ticket(replace(listen, view=replace(listen.view, heard=light)))
        for label, make, file, mime in (
            ("CSV", Listen.csv, "memviz-listen.csv", "text/csv"),
            ("SRT", Listen.srt, "memviz-listen.srt", "application/x-subrip"),
            ("JSON", Listen.json, "memviz-listen.json", "application/json"),
            ("PNG", Listen.png, "memviz-listen.png", "image/png"),
            ("SVG", Listen.svg, "memviz-listen.svg", "image/svg+xml"),
        ):
            offer_file(files, label, ticket, make, file=file, mime=mime, key=f"export_{label.lower()}")
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(listen.code(), language="python")
