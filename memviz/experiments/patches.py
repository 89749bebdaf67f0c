"""What changes when patches of a picture are covered, and what when as many others are covered instead?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from memviz.errors import ReadingError, TraceError
from memviz.experiments.cover import FEW
from memviz.experiments.registry import experiment
from memviz.measures import COLLECTS, times_even
from memviz.memory import Forget, read_only
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.reading.questions import Change
from memviz.sources import Picture

DRAWS = 20  # controls, drawn by the seed where there are more


@dataclass(frozen=True, eq=False)
class CoverPatches:
    """What covering some patches of a picture did to its vector, beside what covering as many others did.

    picture     what was looked at
    covered     the patches that were covered, by number: row by row, from 0
    layers, heads   where; ``None``: everywhere
    effect      1 − the cosine between the vector of the picture and that with the patches covered
    runs        the patches that were covered instead, by number, each time as many
    moved       are these the same shape elsewhere? Else they are scattered, because the shape fits nowhere else
    control_effects   float64 [run]: 1 − cosine of each
    collecting  patches that no control covers, because they collect attention (see `memviz.measures.times_even`)
    seed        by which the controls were drawn
    """

    picture: Picture
    covered: tuple[int, ...]
    layers: tuple[int, ...] | None
    heads: tuple[int, ...] | None
    effect: float
    runs: tuple[tuple[int, ...], ...]
    moved: bool
    control_effects: np.ndarray
    collecting: frozenset[int]
    seed: int

    @property
    def control(self) -> float:
        """The median of the controls; NaN where there is none."""
        return float(np.median(self.control_effects)) if len(self.control_effects) else float("nan")

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest of the controls; NaN where there is none."""
        if not len(self.control_effects):
            return float("nan"), float("nan")
        return float(self.control_effects.min()), float(self.control_effects.max())

    @property
    def verdict(self) -> Literal["beyond", "within", "few"]:
        """Is the effect larger than that of every control ("beyond")? "few": there are too few to say."""
        if len(self.control_effects) < FEW:
            return "few"
        return "beyond" if self.effect > self.control_effects.max() else "within"

    def table(self) -> pd.DataFrame:
        """One row for what was covered, one for each control: role, patches as row·column from 1, effect."""
        rows = [("nothing", (), 0.0), ("covered", self.covered, self.effect)]
        rows += [("control", run, float(e)) for run, e in zip(self.runs, self.control_effects, strict=True)]
        names = [" ".join(self._name(patch) for patch in row[1]) for row in rows]
        return pd.DataFrame(
            {"role": [row[0] for row in rows], "patches": names, "effect": [float(row[2]) for row in rows]}
        )

    def _name(self, patch: int) -> str:
        row, column = divmod(patch, self.picture.columns)
        return f"{row + 1}·{column + 1}"


@experiment(
    "Cover patches of a picture",
    cost="1 for the picture, and one for every control",
    source="Attention knockout: Geva et al. 2023, Dissecting Recall of Factual Associations",
    caveat="Patches next to the covered ones may show the same: a small effect does not mean unused.",
)
def cover_patches(
    reader: Reader,
    image: Any,
    patches: Sequence[int],
    *,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> CoverPatches:
    """How much does the vector of a picture change when the model cannot look at these patches?

    ``image`` as in `Reader.look`; ``patches`` by number, row by row from 0. No other unit may look at them in any layer
    (``layers``, ``heads``: only there): a_ij = 0 for the covered keys j, and the rest sums to 1 as before. The vector
    is that of `Reader.picture_vectors`. The controls are the same shape elsewhere, at most ``draws`` of them, drawn by
    the ``seed``; where it fits at fewer than five other places, as many patches scattered over the rest. None of them
    covers patches that collect attention. ``progress`` as in `Reader.read`.

    Raises `TraceError` for patches, layers and heads that are not there, and `ReadingError` where none or all are
    covered, or the model does not look at pictures.
    """
    trace = reader.look(image, progress=progress_within(progress, 0, 0.1))
    picture = trace.source
    assert isinstance(picture, Picture)
    count = picture.rows * picture.columns
    covered = _checked(patches, count)
    prefix = len(picture.units) - count
    collected = times_even(trace.memory("self")).max(axis=0)[prefix:]
    collecting = frozenset(np.flatnonzero(collected > COLLECTS).tolist())
    runs, moved = control_patches(
        covered, rows=picture.rows, columns=picture.columns, without=collecting, draws=draws, seed=seed
    )
    changes = [Change()]
    for numbers in (covered, *runs):
        keys = tuple(prefix + number for number in numbers)
        queries = tuple(place for place in range(len(picture.units)) if place not in keys)
        forget = Forget(
            keys,
            queries=queries,
            layers=None if layers is None else tuple(layers),
            heads=None if heads is None else tuple(heads),
        )
        changes.append(Change.of(forget))
    vectors = reader.picture_vectors(image, changes, progress=progress_within(progress, 0.1, 1))
    lengths = np.linalg.norm(vectors, axis=1)
    effects = np.maximum(0.0, 1 - vectors[1:] @ vectors[0] / (lengths[1:] * lengths[0]))
    return CoverPatches(
        picture=picture,
        covered=covered,
        layers=None if layers is None else tuple(layers),
        heads=None if heads is None else tuple(heads),
        effect=float(effects[0]),
        runs=runs,
        moved=moved,
        control_effects=read_only(effects[1:]),
        collecting=collecting,
        seed=seed,
    )


def control_patches(
    covered: Sequence[int], *, rows: int, columns: int, without: frozenset[int], draws: int, seed: int
) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """(which patches can be covered for comparison, are they the same shape elsewhere?)

    Each is the shape of the ``covered`` patches moved inside the grid of ``rows`` and ``columns``, and has none of
    theirs and none of those ``without``. Where fewer than `FEW` places are left: draws of as many of the others. At
    most so many ``draws``, by the ``seed``.
    """
    taken, draw = without | set(covered), random.Random(seed)
    places = [divmod(number, columns) for number in covered]
    shapes = []
    for down in range(1 - rows, rows):
        for across in range(1 - columns, columns):
            there = [(row + down, column + across) for row, column in places]
            if all(0 <= row < rows and 0 <= column < columns for row, column in there):
                numbers = tuple(sorted(row * columns + column for row, column in there))
                if not taken.intersection(numbers):
                    shapes.append(numbers)
    if len(shapes) >= FEW:
        return tuple(shapes if len(shapes) <= draws else sorted(draw.sample(shapes, draws))), True
    others = [number for number in range(rows * columns) if number not in taken]
    if len(others) <= len(covered):
        return (), False
    scattered = {tuple(sorted(draw.sample(others, len(covered)))) for _ in range(draws)}
    return tuple(sorted(scattered)), False


def _checked(patches: Sequence[int], count: int) -> tuple[int, ...]:
    wrong = [patch for patch in patches if not 0 <= patch < count]
    if wrong:
        raise TraceError(
            "There is no patch {number}: this picture has {count} of them.",
            todo="They are counted from 0 to {last}, row by row.",
            number=wrong[0],
            count=count,
            last=count - 1,
        )
    covered = tuple(sorted({int(patch) for patch in patches}))
    if not covered:
        raise ReadingError("No patch is covered.", todo="Name one or more.")
    if len(covered) == count:
        raise ReadingError(
            "Every patch of the picture is covered: there is nothing left to look at.", todo="Leave one or more."
        )
    return covered
