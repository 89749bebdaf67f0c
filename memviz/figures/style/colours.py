"""Which colour means what? Decided here, once.

Blue is what is addressed, orange is who remembers it, grey is what was forgotten. Plotly figures
are drawn on any background, so their colours hold on light and on dark paper (contrast of the
full colours ≥ 3 : 1 on both); pictures that bring their own paper have a `Theme`, and so have the
components and exported pages, whose custom properties are written here (`css`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

ThemeName = Literal["light", "dark"]
Colour = tuple[int, int, int]

BLUE = "#2f86e0"
ORANGE = "#dd6b20"
GREY = "#7f8a95"
GREEN = "#149174"
PURPLE = "#b05bc0"
WHITE = "#ffffff"
FAINT = "rgba(127, 138, 149, 0.28)"
CLEAR = "rgba(0, 0, 0, 0)"
HOVER = {"bgcolor": "#171d24", "bordercolor": "#171d24", "font": {"color": "#ffffff", "size": 14}, "align": "left"}

GAMMA = 0.5  # the square root, as in the thumbnails: weak weights stay visible
FULL_TINT = 0.92  # behind a word; still paler than the full colour
TINT_POWER = 0.65  # weak links stay visible, strong ones stay apart: between linear and the square root


@dataclass(frozen=True)
class Theme:
    """The colours of a picture that brings its own paper, each as red, green, blue (0 to 255)."""

    paper: Colour
    panel: Colour
    ink: Colour
    muted: Colour
    line: Colour
    chip: Colour
    blue: Colour
    orange: Colour
    focus: Colour
    surprise: Colour


THEMES: dict[str, Theme] = {
    "light": Theme(
        paper=(255, 255, 255),
        panel=(246, 247, 249),
        ink=(27, 31, 36),
        muted=(82, 92, 102),
        line=(223, 227, 232),
        chip=(234, 238, 242),
        blue=(11, 98, 184),
        orange=(181, 71, 8),
        focus=(11, 98, 184),
        surprise=(160, 58, 131),
    ),
    "dark": Theme(
        paper=(15, 19, 24),
        panel=(23, 29, 36),
        ink=(232, 237, 242),
        muted=(164, 175, 186),
        line=(52, 62, 73),
        chip=(37, 46, 56),
        blue=(105, 177, 255),
        orange=(255, 160, 102),
        focus=(140, 196, 255),
        surprise=(242, 155, 216),
    ),
}


HEADS = (  # of several heads in one picture, on light and on dark paper: after Okabe and Ito, told apart by all eyes
    ("#0b62b8", "#69b1ff"),
    ("#b54708", "#ffa066"),
    ("#007a5a", "#3fd0a4"),
    ("#a03a83", "#f29bd8"),
)


FULL_SURPRISE = math.log(1000)  # nats: a probability of 0.1 % and less has the full colour


def surprise_share(surprise: np.ndarray | float) -> Any:
    """Which share of the scale of surprise is −ln p, in nats? 0..1, NaN stays."""
    return np.clip(np.asarray(surprise, dtype=np.float64) / FULL_SURPRISE, 0.0, 1.0)[()]


def strength(share: np.ndarray) -> np.ndarray:
    """How strongly is a share of the range coloured? 0..1 for 0..1, the power `GAMMA` between."""
    return np.clip(share, 0.0, 1.0) ** GAMMA


def ramp(colour: str = BLUE, *, even: bool = False) -> list[tuple[float, str]]:
    """A sequential Plotly colour scale from nothing to a colour, for any background.

    Transparent at 0, so that light paper stays light and dark paper dark. ``even`` takes equal
    steps of the number for equal steps of the colour, for values that are on a logarithm already.
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    shares = np.linspace(0, 1, 21)
    alphas = shares if even else strength(shares)
    return [(float(s), f"rgba({red}, {green}, {blue}, {a:.3f})") for s, a in zip(shares, alphas, strict=True)]


def two_way_ramp(*, even: bool = True) -> list[tuple[float, str]]:
    """A Plotly colour scale for numbers on both sides of nothing: orange below, blue above."""
    below = [(0.5 - share / 2, colour) for share, colour in reversed(ramp(ORANGE, even=even))]
    above = [(0.5 + share / 2, colour) for share, colour in ramp(BLUE, even=even)]
    return [*below, *above[1:]]


def mixed(low: Colour, high: Colour, share: np.ndarray | float) -> np.ndarray:
    """The colours that lie a share of the way between two others: uint8 [..., 3]."""
    share = np.asarray(share, dtype=np.float64)[..., None]
    return np.round(np.array(low) + (np.array(high, dtype=np.float64) - np.array(low)) * share).astype(np.uint8)


def readable(behind: Colour) -> Colour:
    """Black or white, whichever can be read better on this colour (relative luminance, WCAG 2.2)."""
    channels = np.array(behind, dtype=np.float64) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return (0, 0, 0) if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.179 else (255, 255, 255)


def hexadecimal(colour: Colour) -> str:
    """The colour as it is written in SVG and CSS."""
    return "#" + bytes(colour).hex()


def word_tint(share: float) -> float:
    """How strongly is a word tinted for a link of this share? 0..0.92 for 0..1, as in ``tints.js``."""
    return FULL_TINT * min(1.0, share) ** TINT_POWER


def css(name: str) -> str:
    """The colour of this name as CSS writes it, for light and for dark pages: ``light-dark(#0b62b8, #69b1ff)``."""
    return f"light-dark({', '.join(hexadecimal(getattr(THEMES[theme], name)) for theme in ('light', 'dark'))})"


def component_css() -> str:
    """The colours of every component, as custom properties of ``.memviz``.

    Paper and ink are Streamlit's own, so that any theme fits, and what lies between them is mixed of both;
    ``light-dark()`` follows Streamlit's scheme.
    """
    heads = "".join(
        f"  --head-{number}: light-dark({', '.join(pair)});\n" for number, pair in enumerate(HEADS, start=1)
    )
    return f""".memviz {{
  --paper: var(--st-background-color, {css("paper")});
  --ink: var(--st-text-color, {css("ink")});
  --panel: color-mix(in srgb, var(--ink) 4%, var(--paper));
  --chip: color-mix(in srgb, var(--ink) 8%, var(--paper));
  --line: color-mix(in srgb, var(--ink) 16%, var(--paper));
  --muted: color-mix(in srgb, var(--ink) 76%, var(--paper));
  --focus: {css("focus")};
  --blue: {css("blue")};
  --orange: {css("orange")};
  --surprised: {css("surprise")};
  --ramp-low: var(--panel);
  --ramp-high: var(--blue);
{heads}}}
"""


def page_css() -> str:
    """The colours of a page of its own, as custom properties: paper, panel, ink and muted ink."""
    lines = "".join(f"  --{name}: {css(name)};\n" for name in ("paper", "panel", "ink", "muted"))
    return f":root {{\n  color-scheme: light dark;\n{lines}}}\n"
