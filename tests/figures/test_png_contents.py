"""What stands in the PNGs: every number beside its row, every row there, every label at what it names."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures
from memviz.figures.sheets import heads_sheet, words_sheet
from memviz.figures.sheets.canvas import Canvas
from memviz.figures.sheets.lettering import SCALE
from memviz.figures.style.palette import THEMES
from tests.memories import memory_of, tokens, words_of

TEXT = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat", "sat", "on", "it", "."], special=(0,))
PAIR = tokens(["[CLS]", "the", "cat", "[SEP]", "it", "sat", "[SEP]"], second=4, special=(0, 3, 6))
PAPER = np.array(THEMES["light"].paper)


@dataclass(frozen=True)
class Writing:
    """One line of text that was asked for, and where."""

    text: str
    at: tuple[float, float]
    size: float
    anchor: str
    turned: bool

    def inked(self, shown: np.ndarray) -> bool:
        """Is there ink at the end of the text that stands at its point?"""
        reach = {"left": (0, 9), "middle": (-5, 5), "right": (-9, 0)}[self.anchor]
        if self.turned:
            reach = (-4, 9)
        left, right = (max(0, int((self.at[0] + part) * SCALE)) for part in reach)
        box = shown[int((self.at[1] - self.size * 0.8) * SCALE) : int((self.at[1] + 4) * SCALE), left:right]
        return bool((box != box[0, 0]).any())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Writing]:
    """Every text that a picture writes, as it writes it."""
    found: list[Writing] = []
    original = Canvas.text

    def text(self, at, text, *, size=14, anchor="left", turned=False, **how) -> None:
        found.append(Writing(text, at, size, anchor, turned))
        original(self, at, text, size=size, anchor=anchor, turned=turned, **how)

    monkeypatch.setattr(Canvas, "text", text)
    return found


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def lines(written: list[Writing]) -> dict[float, list[str]]:
    """The texts on each baseline, from left to right."""
    found: dict[float, list[Writing]] = defaultdict(list)
    for one in written:
        found[one.at[1]].append(one)
    return {base: [one.text for one in sorted(row, key=lambda one: one.at)] for base, row in sorted(found.items())}


@pytest.mark.parametrize("word", [2, 4])
def test_every_link_of_a_word_has_its_row_with_its_numbers(written: list[Writing], word: int) -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    both = measures.links(memory, words, words)
    shown = pixels(figures.words_png(words, *both, word=word, provenance={}))
    middle = words_sheet.WIDTH / 2
    for links, side, colour in zip(both, (0, 1), ("blue", "orange"), strict=True):
        card = [one for one in written if (one.at[0] > middle) == side and one.at[1] > shown.shape[0] / SCALE / 5]
        rows = [(base, texts) for base, texts in lines(card).items() if len(texts) == 4]
        count = int(((links.index[word] >= 0) & (links.weight[word] > 0)).sum())
        assert len(rows) == count > 2
        for rank, (base, texts) in enumerate(rows):
            weight, lift = float(links.weight[word, rank]), float(links.lift[word, rank])
            name = figures.head_name(int(links.layer[word, rank]), int(links.head[word, rank]))
            other = words[links.index[word, rank]].text
            assert texts == [other, figures.percent(weight), figures.times(lift), name]
            half = slice(int(middle * SCALE), None) if side else slice(0, int(middle * SCALE))
            bar = (shown[int((base - 5.5) * SCALE), half] == getattr(THEMES["light"], colour)).all(axis=1)
            track = ((words_sheet.WIDTH - 2 * words_sheet.MARGIN - words_sheet.GAP) / 2 - 40 - 290) * SCALE
            assert bar.sum() / track == pytest.approx(max(weight, 4 * SCALE / track), abs=0.01)
    assert all(one.inked(shown) for one in written if one.text.strip())


def test_the_words_of_the_text_are_all_there_in_order(written: list[Writing]) -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    shown = pixels(figures.words_png(words, *measures.links(memory, words, words), word=None, provenance={}))
    assert [one.text for one in written] == [word.text for word in words]
    assert all(one.inked(shown) for one in written)
    assert [one.at[::-1] for one in written] == sorted(one.at[::-1] for one in written)


@pytest.mark.parametrize("cross", [False, True])
def test_every_row_and_column_of_a_pattern_has_its_label_beside_it(written: list[Writing], cross: bool) -> None:
    queries = tokens(["O", "gato", "preto"]) if cross else TEXT
    memory, _ = memory_of(queries, TEXT) if cross else memory_of(TEXT)
    shown = pixels(figures.pattern_png(memory, 0, 1, provenance={}, title=""))
    cells = (shown != PAPER).any(axis=2)
    top = int(np.flatnonzero(cells.sum(axis=1) > 9 * heads_sheet.LARGEST_CELL * SCALE)[0]) / SCALE
    rows = [one for one in written if one.anchor == "right"]
    assert [one.text for one in rows] == [token.text for token in queries]
    for number, one in enumerate(rows):
        assert one.at[1] - one.size * 0.36 == pytest.approx(top + (number + 0.5) * heads_sheet.LARGEST_CELL, abs=1)
    columns = [one for one in written if one.turned]
    assert [one.text for one in columns] == [token.text for token in TEXT]
    left = int(np.flatnonzero(cells[int((top + 4) * SCALE)])[-1]) / SCALE - len(TEXT) * heads_sheet.LARGEST_CELL
    for number, one in enumerate(columns):
        assert one.at[0] == pytest.approx(left + (number + 0.5) * heads_sheet.LARGEST_CELL, abs=1.5)
    assert all(one.inked(shown) for one in (*rows, *columns))


def test_the_scale_below_a_pattern_has_its_numbers(written: list[Writing]) -> None:
    memory, _ = memory_of(TEXT)
    figures.pattern_png(memory, 0, 1, provenance={})
    marks = [one for one in written if one.anchor == "middle" and one.text.replace(".", "").isdigit()]
    assert [one.text for one in marks] == ["0", "0.25", "0.5", "0.75", "1"]
    np.testing.assert_allclose(np.diff([one.at[0] for one in marks]), 60)


def test_the_shares_of_a_pair_are_what_each_text_gives_to_each(written: list[Writing]) -> None:
    memory, truth = memory_of(PAIR)
    shown = pixels(figures.pattern_png(memory, 1, 2, provenance={}))
    halves = {"A": slice(0, 4), "B": slice(4, 7)}
    beside = {one.text: one for one in written if "→" in one.text}
    assert len(beside) == 4
    for reader, rows in halves.items():
        for giver, columns in halves.items():
            share = truth[1, 2][rows][:, columns].sum() / truth[1, 2][rows].sum()
            assert beside[f"{reader}→{giver} {figures.percent(share)}"].inked(shown)


def test_the_grid_names_every_layer_and_every_head(written: list[Writing]) -> None:
    memory, _ = memory_of(TEXT, layers=3, heads=5)
    shown = pixels(figures.grid_png(memory, provenance={}, title=""))
    heads = [one for one in written if one.anchor == "middle"]
    layers = [one for one in written if one.anchor == "right"]
    assert [one.text for one in heads] == ["H0", "H1", "H2", "H3", "H4"]
    assert [one.text for one in layers] == ["L0", "L1", "L2"]
    np.testing.assert_allclose(np.diff([one.at[0] for one in heads]), 48 + heads_sheet.GAP)
    np.testing.assert_allclose(np.diff([one.at[1] for one in layers]), 48 + heads_sheet.GAP)
    assert all(one.inked(shown) for one in (*heads, *layers))


def test_where_it_comes_from_is_written_below(written: list[Writing]) -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    said = {"MemViz": "9.9", "model": "tiny", "revision": "sha256:0123456789abcdef", "tokens": "10"}
    links = measures.links(memory, words, words)
    for draw in (
        lambda: figures.pattern_png(memory, 0, 0, provenance=said),
        lambda: figures.grid_png(memory, provenance=said),
        lambda: figures.words_png(words, *links, word=1, provenance=said, note="a note"),
        lambda: figures.cross_png(words, words, np.zeros((8, 8)), provenance=said),
    ):
        written.clear()
        shown = pixels(draw())
        assert "tiny · revision 0123456789ab · 10 tokens · MemViz 9.9" in " ".join(one.text for one in written)
        assert written[-1].inked(shown) or written[-2].inked(shown)
