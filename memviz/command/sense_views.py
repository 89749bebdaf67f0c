"""What a sound or a picture shows on the command line: as lines, as a table, as pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

import memviz
from memviz.figures.sheets import overlay
from memviz.measures import WordTime
from memviz.sources import Picture
from memviz.trace import Trace

if TYPE_CHECKING:
    import pandas as pd

    from memviz.reading.sounds import Spectrogram

Heads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class SoundView:
    """When each written word was heard, by the heads that its makers named, or by one.

    trace         the reading
    heard         the sound as the model takes it
    content       the bytes of its file
    layer, head   of the head; both ``None`` for those that follow the sound
    """

    trace: Trace
    heard: Spectrogram
    content: bytes
    layer: int | None = None
    head: int | None = None
    name: str = field(default="words", init=False)

    def __post_init__(self) -> None:
        if self.layer is not None and self.head is not None:
            self.trace.memory("cross").require_head(self.layer, self.head)

    @property
    def heads(self) -> Heads:
        """The (layer, head) that are averaged."""
        if self.layer is not None and self.head is not None:
            return ((self.layer, self.head),)
        memory = self.trace.memory("cross")
        every = tuple((layer, head) for layer in range(memory.layers) for head in range(memory.heads))
        return self.trace.model.alignment_heads or every

    @cached_property
    def words(self) -> tuple[WordTime, ...]:
        """The words with their times."""
        return memviz.measures.word_times(self.trace, self.heads)

    def opening(self) -> str:
        """What stands above the rows."""
        return f"{(self.trace.output or '').strip()}\n\n"

    def rows(self) -> list[tuple[str, ...]]:
        """The listing, as texts below their headings."""
        rows: list[tuple[str, ...]] = [("WORD", "START", "END", "LOOKED AT MOST")]
        for word in self.words:
            rows.append((word.text.strip(), *(f"{second:.2f} s" for second in (word.start, word.end, word.peak))))
        return rows

    def listing(self) -> pd.DataFrame:
        """A row for each word: `tables.word_times_table`."""
        return memviz.tables.word_times_table(self.words)

    def table(self) -> pd.DataFrame:
        """The same."""
        return self.listing()

    def srt(self) -> str:
        """The words as subtitles."""
        return memviz.tables.srt(self.words)

    def provenance(self) -> dict[str, str]:
        """Where it comes from; of the sound its hash."""
        first = self.heard.start
        return memviz.figures.provenance(
            self.trace,
            self.trace.memory("cross"),
            heads=self._name,
            seconds=f"{first:.2f} to {first + self.heard.seconds:.2f}",
            sound_sha256=hashlib.sha256(self.content).hexdigest(),
        )

    def png(self) -> bytes:
        """The sound, and under it when each word was heard."""
        return memviz.figures.sound_png(self.words, self._weights(), **self._options())

    def svg(self) -> str:
        """The picture of `png`."""
        return memviz.figures.sound_svg(self.words, self._weights(), **self._options())

    def charts(self) -> list[Any]:
        """None: the picture of `svg` stands for them."""
        return []

    @property
    def _name(self) -> str:
        return ", ".join(memviz.figures.head_name(*pair) for pair in self.heads)

    def _weights(self) -> np.ndarray:
        """float [word, frame of the sound]: the mean over the heads, and over the tokens of each word."""
        mean = memviz.measures.mean_weights(self.trace, self.heads)
        return np.array([mean[list(word.tokens)].mean(axis=0) for word in self.words]).reshape(-1, mean.shape[1])

    def _options(self) -> Mapping[str, Any]:
        start, heard = self.heard.start, self.heard
        return {
            "samples": heard.samples,
            "mel": heard.mel,
            "span": (start, start + heard.seconds),
            "name": self._name,
            "provenance": self.provenance(),
        }


@dataclass(frozen=True, eq=False)
class PictureView:
    """Where [CLS] looks in a picture: the patch that it looks at most in every head, or all patches of one head.

    trace         the reading
    content       the bytes of the picture's file
    jpeg          the picture as it is shown
    layer, head   of the head; both ``None`` for all of them
    """

    trace: Trace
    content: bytes
    jpeg: bytes
    layer: int | None = None
    head: int | None = None
    name: str = field(default="patches", init=False)

    def __post_init__(self) -> None:
        if self.layer is not None and self.head is not None:
            self.trace.memory().require_head(self.layer, self.head)

    @property
    def picture(self) -> Picture:
        """The picture in patches."""
        assert isinstance(self.trace.source, Picture)
        return self.trace.source

    def opening(self) -> str:
        """What stands above the rows."""
        picture = self.picture
        patches = f"{picture.rows} × {picture.columns} patches, counted from the upper left: row·column"
        where = "what [CLS] looks at" if self.layer is None else f"what [CLS] looks at in L{self.layer}.H{self.head}"
        return f"{self.trace.model.name}: {where}; {patches}\n\n"

    def rows(self) -> list[tuple[str, ...]]:
        """The listing, as texts below their headings."""
        rows: list[tuple[str, ...]] = [("HEAD", "PATCH", "WEIGHT", "OF AN EVEN SHARE")]
        for row in self.listing().itertuples():
            weight = memviz.figures.decimal(row.weight, digits=4)
            rows.append((f"L{row.layer}.H{row.head}", row.patch, weight, f"{row.weight * self._count:.1f}x"))
        return rows

    def listing(self) -> pd.DataFrame:
        """Of every head the patch that [CLS] looks at most; of one head its five strongest patches."""
        table = self.table().sort_values("weight", ascending=False, kind="stable")
        if self.layer is None:
            return table.drop_duplicates(["layer", "head"]).sort_values(["layer", "head"])
        return table.head(5)

    def table(self) -> pd.DataFrame:
        """A row for each head and patch: layer, head, patch (row·column from 1), weight."""
        import pandas as pd

        memory, count = self.trace.memory(), self._count
        heads = [*np.ndindex(memory.layers, memory.heads)]
        if self.layer is not None and self.head is not None:
            heads = [(self.layer, self.head)]
        names = [unit.text for unit in self.picture.units[-count:]]
        frames = [
            pd.DataFrame({"layer": layer, "head": head, "patch": names, "weight": self._row(layer, head)})
            for layer, head in heads
        ]
        return pd.concat(frames, ignore_index=True)

    def provenance(self) -> dict[str, str]:
        """Where it comes from; of the picture its hash."""
        digest = hashlib.sha256(self.content).hexdigest()
        return memviz.figures.provenance(
            self.trace, self.trace.memory(), layer=self.layer, head=self.head, query="[CLS]", picture_sha256=digest
        )

    def png(self) -> bytes:
        """The picture, tinted where [CLS] looks: in the head, or in the mean over all heads."""
        return overlay.overlay_png(self.jpeg, self._grid(), provenance=self.provenance())

    def svg(self) -> str:
        """The picture of `png`."""
        title = memviz.figures.caption(self.provenance())
        return overlay.overlay_svg(self.jpeg, self._grid(), title=title, provenance=self.provenance())

    def charts(self) -> list[Any]:
        """None: the picture of `svg` stands for them."""
        return []

    @property
    def _count(self) -> int:
        return self.picture.rows * self.picture.columns

    def _row(self, layer: int, head: int) -> np.ndarray:
        """float [patch]: what the first token, [CLS], gives to every patch."""
        return self.trace.memory().pattern(layer, head, rows=[0])[0, -self._count :]

    def _grid(self) -> np.ndarray:
        """float [row, column] of the picture."""
        weights = self.table().groupby("patch", sort=False)["weight"].mean().to_numpy()
        return weights.reshape(self.picture.rows, self.picture.columns)
