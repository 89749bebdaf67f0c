"""A sound and when its words were heard, as SVG and PNG: waveform, spectrogram, and what each word looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memviz.figures.sheets.drawing import Drawing, number, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName, mixed, strength
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.measures import WordTime

MARGIN = 28
LONG = 760  # pixels of the sound
WAVE, MEL, ROW = 60, 110, 22  # pixels of the waveform, of the spectrogram, of each word
LETTERS = 13
HEADING = 19
NAMED = 40  # words in the text alternative


def sound_sheet(
    words: Sequence[WordTime],
    weights: np.ndarray,
    *,
    samples: np.ndarray,
    mel: np.ndarray,
    span: tuple[float, float],
    name: str,
    provenance: Mapping[str, str],
    title: str = "",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """When was each word heard, as a drawing? See `sound_svg`."""
    texts = [" ".join(word.text.split()) for word in words]
    left = MARGIN + max([0.0, *(measure(text, size=LETTERS) for text in texts)]) + 10
    top = MARGIN + (HEADING + 16 if title else 0)
    wave, bands = WAVE if len(samples) else 0, MEL if mel.size else 0
    rows = top + wave + bands + 8
    below = rows + ROW * len(words) + 30
    notes = [f"{name}. {translate(phrases.SOUND_SCALE)}", " · ".join(origin(provenance))]
    lines = footer(notes, width=LONG)
    drawing = Drawing(
        (left + LONG + MARGIN, below + LINE * len(lines) + MARGIN - 10),
        title=title or translate(phrases.SOUND),
        alt_text=_alt_text(words, translate),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    if title:
        drawing.text((MARGIN, MARGIN + 14), title, size=HEADING, bold=True)
    if len(samples):
        drawing.path(_wave(samples, (left, top + wave / 2)), width=1, colour=drawing.theme.blue)
    if mel.size:
        low, high = float(mel.min()), float(mel.max())
        shares = (mel[::-1] - low) / max(high - low, 1e-9)
        drawing.cells((left, top + wave), (LONG, bands), mixed(drawing.theme.paper, drawing.theme.ink, shares))
    if len(words):
        largest = weights.max(axis=1, keepdims=True)
        shares = strength(weights / np.where(largest > 0, largest, 1))
        colours = mixed(drawing.theme.panel, drawing.theme.blue, shares)
        drawing.cells((left, rows), (LONG, ROW * len(words)), colours, gap=0)

    def place(second: float) -> float:
        return left + LONG * (second - span[0]) / max(span[1] - span[0], 1e-9)

    for row, (word, text) in enumerate(zip(words, texts, strict=True)):
        drawing.text((left - 8, rows + ROW * row + 16), text, size=LETTERS, anchor="right")
        size = max(2.0, place(word.end) - place(word.start)), ROW
        drawing.box((place(word.start), rows + ROW * row), size, line=drawing.theme.orange, width=2)
    step = next(each for each in (0.5, 1, 2, 5, 10) if (span[1] - span[0]) / each <= 12 or each == 10)
    for second in np.arange(np.ceil(span[0] / step) * step, span[1] + 1e-9, step):
        drawing.text(
            (place(second), below - 14), f"{second:g} s", size=SMALL, colour=drawing.theme.muted, anchor="middle"
        )
    drawing.notes((left, below + 8), lines)
    return drawing


@written_as(sound_sheet)
def sound_svg(drawing: Drawing) -> str:
    """When was each word heard, as an SVG?

    Above, the waveform of the ``samples`` [sample] and the log-mel spectrogram ``mel`` [band, frame], both over the
    seconds of ``span``; below, one row for each of the ``words`` (`measures.word_times`) with the ``weights``
    [word, frame] that it gives to the sound, its own largest in full colour, and its moment in a frame. Without samples
    or bands their part is left out. ``name`` says which attention that is. ``provenance`` is written into
    ``<metadata>`` as JSON and, in short, below the picture.
    """
    return drawing.svg()


@written_as(sound_sheet)
def sound_png(drawing: Drawing) -> bytes:
    """When was each word heard, as a PNG?

    The same picture as `memviz.figures.sound_svg`, which explains the options: ``words``, ``weights``, ``samples``,
    ``mel``, ``span``, ``name``. ``provenance`` is written into the file and, in short, below the picture.
    """
    return drawing.png()


def _wave(samples: np.ndarray, at: tuple[float, float]) -> str:
    """The waveform as a line that goes up and down once for each pixel."""
    starts = np.unique(np.linspace(0, len(samples), min(LONG, len(samples)), endpoint=False).astype(int))
    low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    scale = (WAVE / 2 - 2) / max(float(np.abs(samples).max()), 1e-9)
    return "".join(
        f"M{number(at[0] + LONG * column / len(starts))} {number(at[1] - scale * float(top))}"
        f"V{number(at[1] - scale * float(bottom) + 0.5)}"
        for column, (bottom, top) in enumerate(zip(low, high, strict=True))
    )


def _alt_text(words: Sequence[WordTime], translate: Translate) -> str:
    """The words with their moments."""
    moments = [f"{' '.join(word.text.split())} {word.start:.2f}–{word.end:.2f} s" for word in words[:NAMED]]
    return say(translate, phrases.SOUND_ALT, count=len(words), words=", ".join(moments) or translate(phrases.NOTHING))
