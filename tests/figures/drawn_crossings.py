"""A translation drawn as SVG, read back: its words, its lines with their weights, and all its texts."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from memviz.tokens import Word
from tests.memories import tokens, words_of

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?[\d.]+")


@dataclass(frozen=True)
class Line:
    """One line: what it joins, its weight, width and colour, and its four points on the page."""

    source: int
    target: int
    weight: float
    width: float
    colour: tuple[int, ...]
    points: np.ndarray

    def along(self, share: float) -> np.ndarray:
        """The point at this share of the curve."""
        t = share
        return np.array([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3]) @ self.points


class Drawn:
    """What stands in the file."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        moved = self.root.find(f"{SVG}g[@transform]")
        self.at = np.array([float(number) for number in NUMBER.findall(moved.get("transform"))])
        self.lines = [self._line(path) for path in self.root.iter(f"{SVG}path") if path.get("data-weight")]
        self.sources, self.targets = (
            [(e.text, (float(e.get("x")) + self.at[0], float(e.get("y")) + self.at[1])) for e in self.words(name)]
            for name in ("sources", "targets")
        )

    def words(self, name: str) -> list[ElementTree.Element]:
        """The elements of the words of a side."""
        return self.root.findall(f".//{SVG}g[@class='{name}']/{SVG}text")

    @property
    def texts(self) -> list[str]:
        """What stands around the words."""
        return [element.text or "" for element in self.root.findall(f"{SVG}text")]

    def weights(self, targets: int, sources: int) -> np.ndarray:
        """The weights that the lines carry: float32 [target, source]."""
        out = np.zeros((targets, sources), dtype=np.float32)
        for line in self.lines:
            out[line.target, line.source] = line.weight
        return out

    def pixels(self, png: bytes) -> np.ndarray:
        """The colours of a PNG: [row, column, 3]."""
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def _line(self, path: ElementTree.Element) -> Line:
        points = np.array([float(number) for number in NUMBER.findall(path.get("d"))]).reshape(4, 2) + self.at
        return Line(
            source=int(path.get("data-source")),
            target=int(path.get("data-target")),
            weight=float(path.get("data-weight")),
            width=float(path.get("stroke-width")),
            colour=tuple(bytes.fromhex(path.get("stroke")[1:])),
            points=points,
        )


def sides_of(sources: Sequence[str], targets: Sequence[str]) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """(source words, target words); </s> is an added token."""

    def words(texts: Sequence[str]) -> tuple[Word, ...]:
        return words_of(tokens(texts, special=[place for place, text in enumerate(texts) if text == "</s>"]))

    return words(sources), words(targets)


def weights_of(targets: int, sources: int, *, seed: int = 0) -> np.ndarray:
    """Uneven weights whose rows sum to one: float32 [target, source]."""
    scores = np.exp(np.random.default_rng(seed).normal(size=(targets, sources)) * 2)
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
