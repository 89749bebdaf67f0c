"""What the page Generate shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memviz import figures, measures, tables
from memviz.figures import provenance
from memviz.trace import Trace
from memviz.ui.parts import generation
from memviz.ui.parts.generation.text import READ_LABELS
from memviz.ui.share import export
from memviz.ui.share.reading_code import saving
from memviz.ui.shell.i18n import t


@dataclass(frozen=True)
class Generate:
    """A prompt with what was written after it, as words."""

    trace: Trace
    job: generation.GenerationJob
    word: int | None = None
    name: str = "generate"

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and how it was written."""
        made = self.trace.generation
        assert made is not None
        choices: dict[str, Any] = {
            "written": f"{len(self.trace.steps)} tokens, from position {made.first} on",
            "temperature": f"{made.temperature:g}",
            "top-k": str(made.top_k or ""),
            "top-p": "" if made.top_p is None else f"{made.top_p:g}",
            "seed": str(made.seed) if made.temperature else "",
            "stop": ", ".join(made.stops),
            "prompt as": "a chat, by the model's own template" if made.chat else "",
            "chosen by a person": f"token {made.first + made.prefix - 1}" if made.prefix else "",
            "stopped": made.stop,
        }
        return provenance(self.trace, view="links at the positions that predict a word", **choices)

    def texts(self) -> dict[str, str]:
        """What was typed, by the name of its box."""
        return {"text": self.job.text, "system": self.job.options.system}

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return tables.written_table(self.trace), self.provenance_fields()

    def npz(self) -> bytes:
        made = self.trace.generation
        assert made is not None
        read, read_for = generation.links_of(self.trace)
        arrays = {
            "logprobs": self.trace.logprobs[self.trace.written],
            "ranks": made.ranks,
            "entropies": made.entropies,
            "ids": np.array([token.id for token in self.trace.tokens]),
            "tokens": np.array([token.text for token in self.trace.tokens]),
            "words": np.array([word.text for word in self.trace.words]),
            "surprise": measures.word_surprise(self.trace),
        }
        arrays |= {f"read.{name}": array for name, array in vars(read).items()}
        arrays |= {f"read_for.{name}": array for name, array in vars(read_for).items()}
        return tables.npz(arrays, self.provenance_fields())

    def png(self) -> bytes:
        return figures.words_png(self.trace.words, *generation.links_of(self.trace), **self._options())

    def svg(self) -> str:
        return figures.words_svg(self.trace.words, *generation.links_of(self.trace), **self._options())

    def _options(self) -> Mapping[str, Any]:
        return {
            "word": self.word,
            "surprise": measures.word_surprise(self.trace),
            "card_titles": (READ_LABELS["remembers"], READ_LABELS["remembered_by"]),
            "tint": "excess",
            "title": t("Where does the next word come from?"),
            "provenance": self.provenance_fields(),
            "translate": t,
        }

    def html(self) -> str:
        return export.words_page(
            self.trace,
            *generation.links_of(self.trace),
            word=self.word,
            provenance=self.provenance_fields(),
            tint="excess",
            labels=generation.labels(),
            writing=generation.writing_of(self.trace),
            title=t("Where does the next word come from?"),
            hint=t("Click a written word: how sure the model was, what else it could have written, and what it read."),
        )

    def code(self) -> str:
        options = self.job.options
        tokens = self.job.cut if self.job.cut is not None else options.tokens
        prompt = f"chat={options.messages(self.job.text)!r}" if options.chat else repr(self.job.text)
        choices = [
            (name, value)
            for name, value, usual in (
                ("temperature", options.temperature, 0.0),
                ("top_k", options.top_k, None),
                ("top_p", options.top_p, None),
                ("seed", options.seed, 0),
                ("stop", options.stop, ()),
                ("prefix", self.job.prefix, ()),
            )
            if value != usual
        ]
        arguments = "".join(f", {name}={value!r}" for name, value in choices)
        picture = saving(
            "memviz-generate.png",
            "memviz.figures.words_png",
            "trace.words, *memviz.measures.writing_links(trace.memory(), trace.words)",
            f"word={self.word}",
            "surprise=memviz.measures.word_surprise(trace)",
            'tint="excess"',
            "provenance=memviz.figures.provenance(trace)",
        )
        return f"""import memviz

trace = memviz.generate({prompt}, max_new_tokens={tokens}, model={self.job.model!r}{arguments})
print(trace.output)

table = memviz.tables.written_table(trace)
print(table[["token", "probability", "rank", "entropy"]].to_string(index=False))
{picture}"""
