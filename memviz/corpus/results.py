"""What a run found, asked of the files: only the columns, and of single heads only the rows, that a question needs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds

from memviz.corpus.columns import COLUMNS
from memviz.corpus.folder import FORMAT, HEADS, MANIFEST, SETTINGS, Counts, Folder, read_json
from memviz.corpus.statistics import DRAWS, Correction, Difference, Interval, bootstrap, permutation_test
from memviz.errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd

ROWS = 200_000  # of a batch, about


@dataclass(frozen=True)
class Extreme:
    """A text where a head has a very high or low number: its row, id and number; its text, where texts were kept."""

    row: int
    id: str
    value: float
    text: str | None


@dataclass(frozen=True)
class Results:
    """The results of a run.

    path       the folder
    settings   what it was made with: model, revision, input, hash … (see the files)
    complete   the run went to its end
    """

    path: Path
    settings: Mapping[str, Any]
    complete: bool

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Results:
        """The results in the folder at ``path``, of a run that is complete or goes on.

        Raises `CorpusError` for a folder that holds none, or those of another format.
        """
        folder = Path(path)
        whole = (folder / MANIFEST).exists()
        if not whole and not (folder / SETTINGS).exists():
            raise CorpusError(
                "The folder {path} holds no results of a corpus.",
                todo="Make some with: python -m memviz corpus FILE --model NAME --out FOLDER",
                path=str(path),
            )
        settings = read_json(folder / (MANIFEST if whole else SETTINGS))
        version = str(settings.get("memviz"))
        if settings.get("format") != FORMAT or not {"model", "layers", "heads", "chunk"} <= set(settings):
            raise CorpusError(
                "The results in {path} were written by another MemViz ({version}).",
                todo="Run the corpus again with this one.",
                path=str(path),
                version=version,
            )
        return cls(folder, settings, whole)

    def __repr__(self) -> str:
        return f"<Results {self.path.name} · {self.settings['model']} · {self.counts.texts} texts>"

    @property
    def shape(self) -> tuple[int, int]:
        """How many layers, and how many heads a layer."""
        return int(self.settings["layers"]), int(self.settings["heads"])

    @cached_property
    def counts(self) -> Counts:
        """How many texts were read, how many of them cut, and how many rows could not be read."""
        if self.complete:
            return Counts(*(int(self.settings[name]) for name in ("texts", "cut", "errors")))
        return Folder(self.path).counts()

    @property
    def has_texts(self) -> bool:
        """Were the texts kept beside the numbers?"""
        return bool(self.settings.get("keep_texts"))

    def dataset(self) -> ds.Dataset:
        """All rows, a text and head each, for a query of one's own."""
        files = sorted(str(file) for file in (self.path / HEADS).glob("part-*.parquet"))
        if not files:
            raise CorpusError(
                "No part of this run is done yet.", todo="Wait for it, or go on with --resume.", path=str(self.path)
            )
        return ds.dataset(files, format="parquet")

    def blocks(self, column: str) -> Iterator[np.ndarray]:
        """One number of all heads, some texts at a time: float32 [text, head over all layers], NaN where not defined.

        Raises `CorpusError` for a column that there is not.
        """
        require_column(column)
        heads = int(np.prod(self.shape))
        left = np.zeros(0, dtype=np.float32)
        for batch in self.dataset().to_batches(columns=[column], batch_size=ROWS):
            values = np.concatenate([left, batch.column(0).to_numpy(zero_copy_only=False).astype(np.float32)])
            whole = len(values) // heads * heads
            if whole:
                yield values[:whole].reshape(-1, heads)
            left = values[whole:]

    def means(self, column: str, *, draws: int = DRAWS, seed: int = 0) -> Interval:
        """The mean of every head over all texts, with its 95 % interval: float64 [layer, head] each.

        See `statistics.bootstrap`: whole texts are drawn again, ``draws`` times.
        """
        found = bootstrap(self.blocks(column), self.counts.texts, draws=draws, seed=seed)
        return Interval(*(getattr(found, name).reshape(self.shape) for name in ("mean", "low", "high", "count")))

    def roles(self) -> dict[str, np.ndarray]:
        """On how many texts has each head each role? int [layer, head] by role, "" for none."""
        table = (
            self.dataset()
            .to_table(columns=["layer", "head", "role"])
            .group_by(["layer", "head", "role"])
            .aggregate([("role", "count")])
            if self.counts.texts < ROWS // int(np.prod(self.shape))
            else self._roles_by_part()
        )
        out: dict[str, np.ndarray] = {}
        for layer, head, role, count in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
            out.setdefault(role, np.zeros(self.shape, dtype=np.int64))[layer, head] += count
        return out

    def _roles_by_part(self) -> Any:
        import pyarrow as pa

        parts = [
            pa.table(batch).group_by(["layer", "head", "role"]).aggregate([("role", "count")])
            for batch in self.dataset().to_batches(columns=["layer", "head", "role"], batch_size=ROWS)
            if len(batch)
        ]
        return pa.concat_tables(parts)

    def values(self, column: str, layer: int, head: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows, numbers) of one head on every text where it is known: int64 [text], float32 [text].

        Raises `CorpusError` for a column or a head that there is not.
        """
        require_column(column)
        self.require_head(layer, head)
        where = (pc.field("layer") == layer) & (pc.field("head") == head) & pc.field(column).is_valid()
        table = self.dataset().to_table(columns=["row", column], filter=where)
        return table["row"].to_numpy(), table[column].to_numpy()

    def extremes(self, column: str, layer: int, head: int, *, count: int = 5) -> tuple[list[Extreme], list[Extreme]]:
        """On which texts has a head its highest numbers, and on which its lowest? ``count`` of each, extreme first."""
        rows, numbers = self.values(column, layer, head)
        order = np.argsort(numbers, kind="stable")
        return self._extremes(rows, numbers, order[::-1][:count]), self._extremes(rows, numbers, order[:count])

    def _extremes(self, rows: np.ndarray, numbers: np.ndarray, places: np.ndarray) -> list[Extreme]:
        folder, chunk = Folder(self.path), int(self.settings["chunk"])
        lines = {int(rows[place]): folder.line(int(rows[place]), chunk=chunk) for place in places}
        return [
            Extreme(row, line.get("id", ""), float(numbers[place]), line.get("text"))
            for place, (row, line) in zip(places, lines.items(), strict=True)
        ]

    def require_head(self, layer: int, head: int) -> None:
        """Raises `CorpusError` unless the model of these results has that head."""
        if not (0 <= layer < self.shape[0] and 0 <= head < self.shape[1]):
            raise CorpusError(
                "There is no head L{layer}.H{head} in these results.",
                todo="They have layers 0 to {last_layer} and heads 0 to {last_head}.",
                layer=layer,
                head=head,
                last_layer=self.shape[0] - 1,
                last_head=self.shape[1] - 1,
            )

    def table(self, column: str, *, draws: int = DRAWS) -> pd.DataFrame:
        """A row a head: layer, head, mean, low, high, on how many texts, and its most frequent role with its share."""
        import pandas as pd

        interval, roles = self.means(column, draws=draws), self.roles()
        names = [*roles]
        counts = np.stack([roles[name] for name in names], axis=-1)
        layer, head = np.indices(self.shape)
        return pd.DataFrame(
            {
                "layer": layer.ravel(),
                "head": head.ravel(),
                "mean": interval.mean.ravel(),
                "low": interval.low.ravel(),
                "high": interval.high.ravel(),
                "texts": interval.count.ravel(),
                "role": [names[place] for place in counts.argmax(-1).ravel()],
                "role_share": (counts.max(-1) / np.maximum(counts.sum(-1), 1)).ravel(),
            }
        )


def compare(
    first: Results,
    second: Results,
    column: str,
    *,
    draws: int | None = None,
    seed: int = 0,
    correction: Correction = "holm",
) -> Difference:
    """Do the heads of a model do something else in a second corpus? float64 [layer, head] each.

    A permutation test for every head, see `statistics.permutation_test`; the labels are drawn so often (``draws``)
    that the smallest p passes the ``correction`` for all heads.

    Raises `CorpusError` for results of two models.
    """
    names = [f"{each.settings['model']} {each.settings['revision'][:12]}" for each in (first, second)]
    for name in ("model", "revision"):
        if first.settings[name] != second.settings[name]:
            raise CorpusError(
                "These are the results of two models: {first} and {second}.",
                todo="Choose two corpora that one model read.",
                first=names[0],
                second=names[1],
            )
    heads = int(np.prod(first.shape))
    found = permutation_test(
        first.blocks(column),
        second.blocks(column),
        (first.counts.texts, second.counts.texts),
        draws=draws or max(DRAWS, 40 * heads),
        seed=seed,
        correction=correction,
    )
    parts = (getattr(found, name).reshape(first.shape) for name in ("difference", "p", "adjusted"))
    return Difference(next(parts), next(parts), next(parts), found.draws)


def require_column(column: str) -> None:
    """Raises `CorpusError` for a column that no results have."""
    if column not in COLUMNS:
        raise CorpusError(
            "There is no measure “{name}” of a corpus.",
            todo="Choose one of: {names}.",
            name=str(column)[:80],
            names=", ".join(COLUMNS),
        )
