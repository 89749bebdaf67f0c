"""Colours that hold on any paper, and numbers as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import memviz
from memviz import figures
from memviz.figures.live import assets
from memviz.figures.style import colours
from memviz.figures.style.colours import THEMES, mixed, ramp, readable, strength
from memviz.figures.style.numbers import head_name, percent, times


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.712, 0, "71 %"),
        (1.0, 0, "100 %"),
        (0.0, 0, "0 %"),
        (0.004, 0, "0.4 %"),
        (0.0094, 0, "0.9 %"),
        (0.0096, 0, "1 %"),
        (0.0001, 0, "<0.1 %"),
        (0.123, 1, "12.3 %"),
        (0.0004, 1, "0.04 %"),
        (0.000001, 1, "<0.01 %"),
        (float("nan"), 0, "–"),
    ],
)
def test_shares(share: float, digits: int, text: str) -> None:
    assert percent(share, digits=digits) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(3.71, "3.7 ×"), (1.0, "1.0 ×"), (12.4, "12 ×"), (9.96, "10 ×"), (0.0, "0.0 ×"), (0.01, "<0.1 ×")],
)
def test_ratios(ratio: float, text: str) -> None:
    assert times(ratio) == text.replace(" ", "\u00a0")
    assert times(float("nan")) == "–"


def test_heads() -> None:
    assert head_name(5, 11) == "L5.H11"


def luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 255 / 12.92 if c <= 10.3 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["BLUE", "ORANGE", "GREY"])
@pytest.mark.parametrize("theme", THEMES)
def test_plotly_colours_can_be_told_from_any_paper(name: str, theme: str) -> None:
    red, green, blue = (int(getattr(colours, name)[place : place + 2], 16) for place in (1, 3, 5))
    assert contrast((red, green, blue), THEMES[theme].paper) >= 3


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_can_be_read_on_its_paper(theme: colours.Theme) -> None:
    for ink in (theme.ink, theme.muted, theme.blue, theme.orange):
        for paper in (theme.paper, theme.panel):
            assert contrast(ink, paper) >= 4.5
    for ink in (theme.muted, theme.orange, theme.blue):
        assert contrast(ink, theme.chip) >= 4.5
    for paper in (theme.paper, theme.panel):
        assert contrast(theme.focus, paper) >= 3


def test_the_ramp_begins_with_nothing_and_rises() -> None:
    alphas = [float(colour.split(",")[-1].strip(" )")) for _, colour in ramp()]
    assert alphas[0] == 0
    assert alphas[-1] == 1
    assert all(np.diff(alphas) > 0)
    assert dict(ramp())[0.25].endswith("0.500)")  # the square root
    assert dict(ramp(even=True))[0.25].endswith("0.250)")


def test_mixing_and_reading() -> None:
    assert mixed((0, 0, 0), (100, 200, 50), 0.5).tolist() == [50, 100, 25]
    assert mixed((0, 0, 0), (100, 200, 50), np.array([[0.0, 1.0]])).tolist() == [[[0, 0, 0], [100, 200, 50]]]
    assert readable((255, 255, 255)) == (0, 0, 0)
    assert readable((11, 98, 184)) == (255, 255, 255)
    assert strength(np.array([-1.0, 0.25, 9.0])).tolist() == [0, 0.5, 1]


WRITTEN = re.compile(r"(?<!&)#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(\s*\d[^)]*\)", re.IGNORECASE)
PLAIN = {"#000", "#fff", "rgb(0 0 0 / 15%)", "rgb(0 0 0 / 18%)"}  # ink on a tint, as `readable` has it; mask, shadow


def test_no_colour_is_written_outside_the_palette() -> None:
    """One blue, one orange: whatever is drawn by a style sheet, a script or Python takes them from one place."""
    room = Path(memviz.__file__).parent
    files = [file for kind in ("css", "js", "html", "py") for file in room.rglob(f"*.{kind}")]
    assert len(files) > 150
    other = [
        f"{file.relative_to(room)}: {colour}"
        for file in sorted(files)
        if file != Path(colours.__file__)
        for colour in WRITTEN.findall(file.read_text(encoding="utf-8"))
        if colour.lower() not in PLAIN
    ]
    assert not other, "\n".join(other)


def test_the_style_sheets_have_the_colours_of_the_palette() -> None:
    light, dark = (THEMES[name] for name in ("light", "dark"))
    _, component, _ = assets.read_sources(assets.COMPONENTS / "words")
    page = figures.html([], title="", provenance={})
    for style, names in ((component, ("blue", "orange", "focus", "paper", "ink")), (page, ("paper", "panel", "muted"))):
        for name in names:
            pair = ", ".join("#" + bytes(getattr(theme, name)).hex() for theme in (light, dark))
            assert style.count(f"light-dark({pair})") >= 1, name
    used = set(re.findall(r"var\((--[a-z-]+)\)", colours.component_css()))
    assert used <= set(re.findall(r"^  (--[a-z-]+):", colours.component_css(), re.MULTILINE))
