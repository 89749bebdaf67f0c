"""The sound with its words below, which attention is shown over it, and the same in words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from memviz import measures
from memviz.figures import head_name, percent
from memviz.measures import WordTime
from memviz.ui.components import heads_grid, sound_view
from memviz.ui.components.grid import LABELS as GRID_LABELS
from memviz.ui.components.sound import LABELS
from memviz.ui.parts.listen.subject import COVER, SPOKEN, Heard
from memviz.ui.shell import address, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief, literal

SHOWN = {"alignment": "alignment heads", "layer": "layer mean", "head": "single head"}
AGAIN = "listen_again"
ALIGNS = "alignment"  # the role of the heads that the model's makers found to follow a sound
COLUMNS = 1200  # of the waveform, at most
CELLS = 32  # of a small picture of a head, along each side, at most


@dataclass(frozen=True, eq=False)
class ListenView:
    """What the page shows.

    heard      the sound and what was written
    heads      the (layer, head) that are averaged, by the choice ``shown``
    words      when each word was heard, by the makers' alignment heads and a path
    word       the number of the chosen word; −1 for none
    weights    float [word, frame of the sound]: what each word looks at, its tokens' mean
    """

    heard: Heard
    shown: str
    heads: tuple[tuple[int, int], ...]
    words: tuple[WordTime, ...]
    word: int
    weights: np.ndarray

    @property
    def name(self) -> str:
        """Which attention this is, as it is called on the page."""
        if self.shown == "head":
            return head_name(*self.heads[0])
        if self.shown == "layer":
            return t("mean over the {heads} heads of layer {layer}", heads=len(self.heads), layer=self.heads[0][0])
        if self.heard.trace.model.alignment_heads:
            return t("mean of the {heads} alignment heads", heads=len(self.heads))
        return t("mean over all {heads} heads", heads=len(self.heads))


def show_sound(heard: Heard) -> ListenView:
    """The sound with its words; a click on a word chooses it for the whole page, and plays it alone."""
    words = measures.word_times(heard.trace)
    shown, heads = _choose_heads(heard)
    weights = word_rows(heard, words, heads)
    word = state.whole_number(state.get(SPOKEN))
    word = word if word is not None and word < len(words) else -1
    view = ListenView(heard, shown, heads, words, word, weights)
    if not words:
        st.info(t("The model wrote no word for this sound."), icon=":material/volume_off:")
    _draw(view)
    _tell(view)
    return view


def _choose_heads(heard: Heard) -> tuple[str, tuple[tuple[int, int], ...]]:
    """(the choice, which heads are averaged)"""
    memory = heard.trace.memory("cross")
    every = tuple((layer, head) for layer in range(memory.layers) for head in range(memory.heads))
    aligned = heard.trace.model.alignment_heads
    usual = aligned or every
    labels = {name: t(SHOWN[name]) for name in SHOWN} | ({} if aligned else {"alignment": t("all heads")})
    row = st.container(horizontal=True, vertical_alignment="bottom")
    shown = (
        row.segmented_control(
            t("Attention of"),
            list(SHOWN),
            format_func=labels.__getitem__,
            required=True,
            help=t(
                "The makers of Whisper found heads of cross-attention that follow the sound. A single head may do "
                "anything else."
            )
            if aligned
            else t(
                "It is not known of this model which of its heads follow the sound: the mean of all stands for them."
            ),
            **state.url_bound("listen_shown", SHOWN),
        )
        or "alignment"
    )
    if shown == "alignment":
        return shown, usual
    if shown == "layer":
        layer, head = state.get_head(memory, usual[-1])
        state.put_head(layer, head, usual[-1])
        state.choose_layer_of_mean(memory, place=row)
        return shown, tuple(pair for pair in every if pair[0] == layer)
    names = row.container(width="content")
    chosen = _show_grid(heard, usual[-1])
    state.choose_named_head(memory, place=names)
    return shown, (chosen,)


def _show_grid(heard: Heard, default: tuple[int, int]) -> tuple[int, int]:
    """Every head as a small picture, tokens down and the sound across; a click takes another."""
    memory, frames = heard.trace.memory("cross"), heard.frames
    thumbnails = np.stack(
        [
            np.stack([_small(memory.pattern(layer, head)[:, :frames]) for head in range(memory.heads)])
            for layer in range(memory.layers)
        ]
    )
    roles = np.full((memory.layers, memory.heads), "", dtype=object)
    for pair in heard.trace.model.alignment_heads:
        roles[pair] = ALIGNS
    chosen, _ = heads_grid(
        thumbnails,
        scores={"entropy": measures.known_mean(measures.entropy(memory), axis=2)},
        roles=roles,
        labels={name: t(text) for name, text in GRID_LABELS.items()} | {ALIGNS: t("alignment head")},
        score_labels={"entropy": t(measures.MEASURES["entropy"].label)},
        selected=state.get_head(memory, default),
        range_note=t("Each square is one head: tokens down, the sound across; its full colour is its own most."),
        key="grid_sound",
    )
    state.put_head(*chosen, default)
    return chosen


def _small(weights: np.ndarray) -> np.ndarray:
    """uint8 [≤32, ≤32]: the square root of the largest weight of each cell, beside the largest of all."""
    for axis in (0, 1):
        count = weights.shape[axis]
        starts = np.unique(np.linspace(0, count, min(CELLS, count), endpoint=False).astype(int))
        weights = np.maximum.reduceat(weights, starts, axis=axis)
    largest = float(weights.max(initial=0)) or 1.0
    return (255 * np.sqrt(np.clip(weights / largest, 0, 1))).astype(np.uint8)


def word_rows(heard: Heard, words: Sequence[WordTime], heads: Sequence[tuple[int, int]]) -> np.ndarray:
    """float [word, frame of the sound]: the mean over the heads, and over the tokens of each word."""
    mean = measures.mean_weights(heard.trace, heads)
    if not words:
        return np.zeros((0, heard.frames), dtype=np.float32)
    return np.stack([mean[list(word.tokens)].mean(axis=0) for word in words]).astype(np.float32)


def _draw(view: ListenView) -> None:
    spectrogram = view.heard.spectrogram
    largest = view.weights.max(axis=1, keepdims=True, initial=0)
    shares = view.weights / np.where(largest > 0, largest, 1)
    units = view.heard.sound.units
    peaks = [units[int(row.argmax())].start for row in view.weights]
    word = sound_view(
        playable(view.heard),
        [
            {"text": word.text, "start": word.start, "end": word.end, "peak": peak}
            for word, peak in zip(view.words, peaks, strict=True)
        ],
        np.round(255 * shares).astype(np.uint8),
        wave=outline(spectrogram.samples),
        mel=grey(spectrogram.mel),
        span=view.heard.span,
        selected=view.word,
        covered=covered_seconds(view.heard),
        labels={name: t(text) for name, text in LABELS.items()},
        key="sound_view",
    )
    if word != view.word:
        state.put(SPOKEN, "" if word < 0 else str(word))
        st.rerun()


def covered_seconds(heard: Heard) -> tuple[float, float] | None:
    """(from, to): the part of the sound that is covered, as the address names it; ``None`` for none."""
    if (st.session_state.get(AGAIN) or address.get(AGAIN)) != "sound":  # the choice stands below, and comes later
        return None
    first, last = heard.span
    begin, _, end = state.get(COVER).partition("-")
    try:
        low, high = float(begin), float(end)
    except ValueError:
        return None
    return (low, high) if first <= low < high <= last + 0.1 else None


def playable(heard: Heard) -> bytes:
    """The sound that was heard as a file that a browser plays: FLAC, so that every moment stays where it is."""
    import soundfile

    out = io.BytesIO()
    samples = np.clip(heard.spectrogram.samples, -1, 1)
    soundfile.write(out, samples, heard.spectrogram.rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def outline(samples: np.ndarray) -> np.ndarray:
    """int8 [2, column]: the lowest and the highest sample of each column, −127 to 127 of the loudest."""
    columns = min(COLUMNS, len(samples))
    starts = np.unique(np.linspace(0, len(samples), columns, endpoint=False).astype(int))
    sides = np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)])
    return np.round(127 * sides / max(float(np.abs(sides).max()), 1e-9)).astype(np.int8)


def grey(mel: np.ndarray) -> np.ndarray:
    """uint8 [band, moment]: the spectrogram from its quietest to its loudest, two of the model's frames a moment."""
    count = mel.shape[1] - mel.shape[1] % 2
    pooled = mel[:, :count].reshape(len(mel), -1, 2).mean(axis=2) if count else mel
    low, high = float(pooled.min()), float(pooled.max())
    return np.round(255 * (pooled - low) / max(high - low, 1e-9)).astype(np.uint8)


def _tell(view: ListenView) -> None:
    """The chosen word in words: the alternative to its picture."""
    written = literal(" ".join((view.heard.trace.output or "").split()))
    if written:
        st.markdown(t("**Written:** {output}", output=written))
    if view.word < 0:
        return
    word, row = view.words[view.word], view.weights[view.word]
    units = view.heard.sound.units
    inside = [number for number, unit in enumerate(units[: len(row)]) if word.start <= unit.start < word.end]
    most = units[int(row.argmax())].start
    sentence = (
        "**{word}** was heard from second {start:.2f} to {end:.2f}, by the alignment heads and the path. It looks "
        "most at second {most:.2f} ({name}); {share} of what it gives to the sound lies in its moment, which is "
        "{part} of the sound."
        if view.heard.trace.model.alignment_heads
        else "**{word}** was heard from second {start:.2f} to {end:.2f}, by all heads and the path. It looks most at "
        "second {most:.2f} ({name}); {share} of what it gives to the sound lies in its moment, which is {part} of the "
        "sound."
    )
    st.markdown(
        t(
            sentence,
            word=brief(word.text),
            start=word.start,
            end=word.end,
            name=view.name,
            most=most,
            share=percent(float(row[inside].sum() / max(float(row.sum()), 1e-12))),
            part=percent(len(inside) / max(len(row), 1)),
        )
    )
