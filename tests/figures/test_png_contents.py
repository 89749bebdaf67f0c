"""What stands on the sheets: every number beside its row, every row there, every label at what it names, in ink."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures
from memviz.figures.sheets import grid_sheet, heatmap_sheet, words_sheet
from memviz.figures.sheets.lettering import SCALE
from memviz.figures.style.colours import THEMES
from tests.figures.drawn_crossings import SVG
from tests.memories import memory_of, tokens, words_of

TEXT = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat", "sat", "on", "it", "."], special=(0,))
PAIR = tokens(["[CLS]", "the", "cat", "[SEP]", "it", "sat", "[SEP]"], second=4, special=(0, 3, 6))
PAPER = np.array(THEMES["light"].paper)


@dataclass(frozen=True)
class Writing:
    """One line of text of an SVG, and where it stands."""

    text: str
    at: tuple[float, float]
    size: float
    anchor: str
    turned: bool

    def inked(self, pixels: np.ndarray) -> bool:
        """Is there ink at the end of the text that stands at its point?"""
        reach = {"start": (0, 9), "middle": (-5, 5), "end": (-9, 0)}[self.anchor]
        if self.turned:
            reach = (-4, 9)
        left, right = (max(0, int((self.at[0] + part) * SCALE)) for part in reach)
        box = pixels[int((self.at[1] - self.size * 0.8) * SCALE) : int((self.at[1] + 4) * SCALE), left:right]
        return bool((box != box[0, 0]).any())


def writings(svg: str) -> list[Writing]:
    """Every text of a sheet, in the order it is drawn."""
    out = []
    for element in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        size, turn = float(element.get("font-size")), element.get("transform", "")
        angle, *point = [float(number) for number in turn.removeprefix("rotate(").rstrip(")").split()] or [0.0]
        at = point or [float(element.get("x")), float(element.get("y"))]
        out.append(Writing(element.text or "", (at[0], at[1]), size, element.get("text-anchor"), angle == -60))
    return out


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def lines(texts: list[Writing]) -> dict[float, list[str]]:
    """The texts on each baseline, from left to right."""
    rows: dict[float, list[Writing]] = defaultdict(list)
    for text in texts:
        rows[text.at[1]].append(text)
    return {base: [text.text for text in sorted(row, key=lambda text: text.at)] for base, row in sorted(rows.items())}


@pytest.mark.parametrize("word", [2, 4])
def test_every_link_of_a_word_has_its_row_with_its_numbers(word: int) -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    both = measures.links(memory, words, words)
    shown = pixels(figures.words_png(words, *both, word=word, provenance={}))
    written = writings(figures.words_svg(words, *both, word=word, provenance={}))
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


def test_the_words_of_the_text_are_all_there_in_order() -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    links = measures.links(memory, words, words)
    shown = pixels(figures.words_png(words, *links, word=None, provenance={}))
    written = writings(figures.words_svg(words, *links, word=None, provenance={}))
    assert [one.text for one in written] == [word.text for word in words]
    assert all(one.inked(shown) for one in written)
    assert [one.at[::-1] for one in written] == sorted(one.at[::-1] for one in written)


@pytest.mark.parametrize("cross", [False, True])
def test_every_row_and_column_of_a_pattern_has_its_label_beside_it(cross: bool) -> None:
    queries = tokens(["O", "gato", "preto"]) if cross else TEXT
    memory, _ = memory_of(queries, TEXT) if cross else memory_of(TEXT)
    shown = pixels(figures.pattern_png(memory, 0, 1, provenance={}, title=""))
    written = writings(figures.pattern_svg(memory, 0, 1, provenance={}, title=""))
    cells = (shown != PAPER).any(axis=2)
    top = int(np.flatnonzero(cells.sum(axis=1) > 9 * heatmap_sheet.LARGEST_CELL * SCALE)[0]) / SCALE
    rows = [one for one in written if one.anchor == "end"]
    assert [one.text for one in rows] == [token.text for token in queries]
    for number, one in enumerate(rows):
        assert one.at[1] - one.size * 0.36 == pytest.approx(top + (number + 0.5) * heatmap_sheet.LARGEST_CELL, abs=1)
    columns = [one for one in written if one.turned]
    assert [one.text for one in columns] == [token.text for token in TEXT]
    left = int(np.flatnonzero(cells[int((top + 4) * SCALE)])[-1]) / SCALE - len(TEXT) * heatmap_sheet.LARGEST_CELL
    for number, one in enumerate(columns):
        assert one.at[0] == pytest.approx(left + (number + 0.5) * heatmap_sheet.LARGEST_CELL, abs=1.5)
    assert all(one.inked(shown) for one in (*rows, *columns))
    names = ("query (target)", "key (source)") if cross else ("query (looks)", "key (is looked at)")
    places = {one.text: one.at for one in written}
    assert places[names[0]][0] < min(one.at[0] for one in rows), "left of the rows"
    assert places[names[0]][1] == pytest.approx(top + len(queries) * heatmap_sheet.LARGEST_CELL / 2, abs=1)
    assert places[names[1]][0] == pytest.approx(left + len(TEXT) * heatmap_sheet.LARGEST_CELL / 2, abs=2)
    assert 0 < places[names[1]][1] - top - len(queries) * heatmap_sheet.LARGEST_CELL < 25, "right below the cells"


def test_the_scale_below_a_pattern_has_its_numbers() -> None:
    memory, _ = memory_of(TEXT)
    written = writings(figures.pattern_svg(memory, 0, 1, provenance={}))
    marks = [one for one in written if one.anchor == "middle" and one.text.replace(".", "").isdigit()]
    assert [one.text for one in marks] == ["0", "0.25", "0.5", "0.75", "1"]
    np.testing.assert_allclose(np.diff([one.at[0] for one in marks]), 60)


def test_the_shares_of_a_pair_are_what_each_text_gives_to_each() -> None:
    memory, truth = memory_of(PAIR)
    shown = pixels(figures.pattern_png(memory, 1, 2, provenance={}))
    written = writings(figures.pattern_svg(memory, 1, 2, provenance={}))
    halves = {"A": slice(0, 4), "B": slice(4, 7)}
    beside = {one.text: one for one in written if "→" in one.text}
    assert len(beside) == 4
    for reader, rows in halves.items():
        for giver, columns in halves.items():
            share = truth[1, 2][rows][:, columns].sum() / truth[1, 2][rows].sum()
            assert beside[f"{reader}→{giver} {figures.percent(share)}"].inked(shown)


def test_the_grid_names_every_layer_and_every_head() -> None:
    memory, _ = memory_of(TEXT, layers=3, heads=5)
    shown = pixels(figures.grid_png(memory, provenance={}, title=""))
    written = writings(figures.grid_svg(memory, provenance={}, title=""))
    heads = [one for one in written if one.anchor == "middle"]
    layers = [one for one in written if one.anchor == "end"]
    assert [one.text for one in heads] == ["H0", "H1", "H2", "H3", "H4"]
    assert [one.text for one in layers] == ["L0", "L1", "L2"]
    np.testing.assert_allclose(np.diff([one.at[0] for one in heads]), 48 + grid_sheet.GAP)
    np.testing.assert_allclose(np.diff([one.at[1] for one in layers]), 48 + grid_sheet.GAP)
    assert all(one.inked(shown) for one in (*heads, *layers))


def test_where_it_comes_from_is_written_below() -> None:
    memory, _ = memory_of(TEXT)
    words = words_of(TEXT)
    said = {"MemViz": "9.9", "model": "tiny", "revision": "sha256:0123456789abcdef", "tokens": "10"}
    links = measures.links(memory, words, words)
    for png, svg, options in (
        (figures.pattern_png, figures.pattern_svg, {"args": (memory, 0, 0)}),
        (figures.grid_png, figures.grid_svg, {"args": (memory,)}),
        (figures.words_png, figures.words_svg, {"args": (words, *links), "word": 1, "note": "a note"}),
        (figures.cross_png, figures.cross_svg, {"args": (words, words, np.zeros((8, 8)))}),
    ):
        args = options.pop("args")
        shown = pixels(png(*args, provenance=said, **options))
        written = writings(svg(*args, provenance=said, **options))
        assert "tiny · revision 0123456789ab · 10 tokens · MemViz 9.9" in " ".join(one.text for one in written)
        [below] = [one for one in written if "tiny" in one.text]
        assert below.inked(shown)
