"""PNG without a browser: the pixels, the provenance inside, and text in any script."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures
from memviz.errors import TraceError
from memviz.figures.sheets import fonts, grid_sheet, heatmap_sheet
from memviz.figures.sheets.lettering import SCALE, measure
from memviz.figures.style.colours import THEMES
from tests.memories import NASTY, memory_of, tokens, words_of

PAIR = tokens(
    ["[CLS]", "the", "un", "##believ", "##able", "cat", "[SEP]", "it", "sat", "[SEP]"], second=7, special=(0,)
)
CELL = heatmap_sheet.LARGEST_CELL * SCALE  # of a small picture, in pixels
SEVEN = tokens(list("abcdefg"))
PROVENANCE = {"MemViz": "0.1.0", "model": "tiny 模型", "layer": "0", "text": "<b>猫</b>", "note": "x" * 500}


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGB")).astype(int)


def corner(shown: np.ndarray, cols: int) -> tuple[int, int]:
    """(top, left) of the cells: the first of several rows that are not paper over their width; no letters are."""
    filled = (shown != shown[0, 0]).any(axis=2)
    full = filled.sum(axis=1) >= 0.9 * cols * CELL
    deep = np.lib.stride_tricks.sliding_window_view(full, CELL // 2).all(axis=1)
    top = int(np.flatnonzero(deep)[0])
    return top, int(filled[top].argmax())


def field(shown: np.ndarray, rows: int, cols: int, *, at: tuple[int, int] | None = None) -> np.ndarray:
    """The colour in the middle of every cell: [row, column, 3]."""
    top, left = at or corner(shown, cols)
    down, across = (((np.arange(count) + 0.5) * CELL).astype(int) for count in (rows, cols))
    return shown[top + down][:, left + across]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colour_of_a_cell_is_the_square_root_of_its_weight(theme: str) -> None:
    memory, truth = memory_of(SEVEN)
    data = figures.pattern_png(memory, 1, 2, provenance=PROVENANCE, theme=theme, title="")
    colours = THEMES[theme]
    low, high = np.array(colours.panel), np.array(colours.blue)
    expected = low + (high - low) * np.sqrt(truth[1, 2])[..., None]
    got = field(pixels(data), 7, 7)
    assert tuple(pixels(data)[0, 0]) == colours.paper
    np.testing.assert_allclose(got, expected, atol=1.01)


def test_what_cannot_be_seen_or_was_taken_out_has_the_colour_of_the_paper() -> None:
    whole = pixels(figures.pattern_png(memory_of(SEVEN)[0], 0, 0, provenance={}, title=""))
    memory, _ = memory_of(SEVEN, causal=True)
    shown = pixels(figures.pattern_png(memory, 0, 0, provenance={}, title="", without=(0,)))
    blank = (field(shown, 7, 7, at=corner(whole, 7)) == 255).all(axis=2)
    query, key = np.indices((7, 7))
    np.testing.assert_array_equal(blank, (key > query) | (key == 0))


def test_the_provenance_is_inside() -> None:
    memory, _ = memory_of(PAIR)
    for data in (
        figures.pattern_png(memory, 0, 1, provenance=PROVENANCE),
        figures.grid_png(memory, provenance=PROVENANCE),
    ):
        assert data.startswith(b"\x89PNG")
        assert opened(data).text == PROVENANCE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["weight", "value norm", "log"])
def test_every_view_of_nasty_words_is_drawn(view: str, theme: str) -> None:
    made = tokens(NASTY)
    memory, _ = memory_of(made)
    words = words_of(made)
    data = figures.pattern_png(
        memory, None, None, view=view, query_words=words, key_words=words, without=(1,), provenance={}, theme=theme
    )
    assert min(opened(data).size) > 500


def test_a_pair_has_its_shares_beside_it() -> None:
    memory, _ = memory_of(PAIR)
    pair = opened(figures.pattern_png(memory, 0, 0, provenance={}))
    alone = opened(figures.pattern_png(memory_of(tokens([t.text for t in PAIR]))[0], 0, 0, provenance={}))
    assert pair.width > alone.width


def test_a_long_text_is_pooled_and_stays_small() -> None:
    memory, _ = memory_of(tokens([f"word{n}" for n in range(600)]), layers=1, heads=1, causal=True)
    data = figures.pattern_png(memory, 0, 0, provenance={})
    assert len(data) < 1_500_000
    assert max(opened(data).size) < 1800


def test_the_grid_shows_every_thumbnail() -> None:
    memory, _ = memory_of(PAIR, layers=3, heads=4)
    shown = pixels(figures.grid_png(memory, provenance={}, title=""))
    tile, pitch = 48 * SCALE, (48 + grid_sheet.GAP) * SCALE
    left, top = (grid_sheet.MARGIN + 34) * SCALE, (grid_sheet.MARGIN + 22) * SCALE
    light = THEMES["light"]
    for layer, head in np.ndindex(3, 4):
        picture = memory.summary.thumbnail[layer, head]
        at = ((np.arange(len(picture)) + 0.5) * tile / len(picture)).astype(int)
        got = shown[top + layer * pitch + at][:, left + head * pitch + at]
        share = picture[..., None] / 255
        expected = np.array(light.panel) + (np.array(light.blue) - np.array(light.panel)) * share
        np.testing.assert_allclose(got, expected, atol=1.01)


def test_the_selected_head_is_framed_and_must_be_there() -> None:
    memory, _ = memory_of(PAIR)
    plain, framed = (pixels(figures.grid_png(memory, provenance={}, selected=one)) for one in (None, (1, 2)))
    ink = np.array(THEMES["light"].ink)
    assert (framed == ink).all(axis=2).sum() > (plain == ink).all(axis=2).sum() + 400
    with pytest.raises(TraceError, match=r"no head L5\.H0"):
        figures.grid_png(memory, provenance={}, selected=(5, 0))


@pytest.mark.parametrize("heads", [1, 32, 64])
def test_grids_of_any_width(heads: int) -> None:
    memory, _ = memory_of(tokens(["a", "b"]), layers=1, heads=heads)
    assert opened(figures.grid_png(memory, provenance={}, theme="dark")).width <= 64 * 23 * SCALE + 200


def test_chinese_emoji_and_latin_have_a_font_here() -> None:
    if not any("cjk" in name for name in fonts._files()):
        pytest.skip("no Chinese font on this machine")
    found = fonts.runs("The cat 猫坐在垫子上, 😀 sat.")
    assert all(face is not None for face, _ in found)
    assert "".join(piece for _, piece in found) == "The cat 猫坐在垫子上, 😀 sat."
    [chinese] = {face for face, piece in found if "猫" in piece}
    assert chinese.at(24).getname()[0].endswith(("SC", "GB", "CN")) or chinese.index == 0
    assert measure("猫" * 10, size=20) == pytest.approx(200, rel=0.1)


def test_characters_that_no_font_has_become_boxes_and_a_note() -> None:
    made = tokens(["a", "\ue123", "b"])
    memory, _ = memory_of(made)
    plain, _ = memory_of(tokens(["a", "x", "b"]))
    boxed, usual = (opened(figures.pattern_png(one, 0, 0, provenance={})) for one in (memory, plain))
    assert boxed.height > usual.height
    said: list[str] = []

    def heard(text: str) -> str:
        said.append(text)
        return text

    figures.pattern_png(memory, 0, 0, provenance={}, translate=heard)
    assert any(text.startswith("Drawn as boxes") for text in said)


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer without a single font file."""
    caches = (fonts._face, fonts._preferred, fonts._others)
    monkeypatch.setattr(fonts, "_files", dict)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


@pytest.mark.usefixtures("no_fonts")
def test_a_picture_comes_out_where_no_font_is_installed() -> None:
    made = tokens(["cat", "猫"])
    data = figures.pattern_png(memory_of(made)[0], 0, 0, provenance=PROVENANCE)
    assert opened(data).width > 500
    assert [face is not None for face, _ in fonts.runs("cat猫")] == [True, False]


def links_of(memory, made):
    return measures.links(memory, words_of(made), words_of(made))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_are_tinted_blue_and_orange(theme: str) -> None:
    made = tokens(["the", "un", "##believ", "##able", "cat", "sat", "猫", "坐", "😀", "."])
    memory, _ = memory_of(made)
    remembers, remembered_by = links_of(memory, made)
    chosen = figures.words_png(words_of(made), remembers, remembered_by, word=2, provenance=PROVENANCE, theme=theme)
    none = figures.words_png(words_of(made), remembers, remembered_by, word=None, provenance=PROVENANCE, theme=theme)
    assert opened(chosen).text == opened(none).text == PROVENANCE
    for colour in (THEMES[theme].blue, THEMES[theme].orange):
        assert (pixels(chosen) == colour).all(axis=2).sum() > 2000
        assert (pixels(none) == colour).all(axis=2).sum() == 0
    assert opened(chosen).height > opened(none).height + 150


def test_bars_are_as_long_as_their_weights() -> None:
    made = tokens(["the", "cat", "sat", "on", "it"])
    memory, _ = memory_of(made)
    remembers, remembered_by = links_of(memory, made)
    shown = pixels(figures.words_png(words_of(made), remembers, remembered_by, word=1, provenance={}))
    for links, colour in ((remembers, THEMES["light"].blue), (remembered_by, THEMES["light"].orange)):
        longest = max(map(longest_run, (shown[CELL * 2 :] == colour).all(axis=2)))
        track = ((960 - 2 * 34 - 20) / 2 - 40 - 290) * SCALE
        assert longest / track == pytest.approx(links.weight[1].max(), abs=0.02)


def longest_run(marks: np.ndarray) -> int:
    """How many marks stand side by side at most?"""
    edges = np.flatnonzero(np.diff(np.r_[False, marks, False]))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def test_of_a_long_text_the_words_around_are_drawn() -> None:
    made = tokens([f"w{n}" for n in range(900)])
    memory, _ = memory_of(made, layers=1, heads=1)
    words = words_of(made)
    remembers, remembered_by = links_of(memory, made)
    said: list[str] = []
    data = figures.words_png(
        words, remembers, remembered_by, word=850, provenance={}, translate=lambda text: said.append(text) or text
    )
    assert opened(data).height < 3000
    assert "words {first}–{last} of {count}" in said
