"""When was each word heard? The sound as waveform and spectrogram, the words below, links from each to its moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import streamlit as st

from memviz.figures.live.assets import as_utf8
from memviz.ui.components.assets import pack, register
from memviz.ui.components.choice import Report, choose

LABELS = {
    "sound": "The sound: waveform and spectrogram, {seconds} s, and the moments of {count} words.",
    "words": "What was written, word by word. Arrow keys move, Enter plays a word alone, Escape lets go of it.",
    "word": "{word}: {start} to {end} s",
    "hint": "Click a word: it is played alone, and its moments light up.",
    "looks": "“{word}”: {start} to {end} s; it looks most at second {peak}.",
    "play": "Play",
    "pause": "Stop",
    "mute": "This browser cannot play the sound.",
    "seconds": "{seconds} s",
}

_mount = register(Path(__file__).parent, name="sound_view")


class SpokenWord(TypedDict):
    """A word that was written, its moment in seconds, and the moment that is looked at most."""

    text: str
    start: float
    end: float
    peak: float


def sound_view(
    audio: bytes,
    words: Sequence[SpokenWord],
    weights: np.ndarray,
    *,
    wave: np.ndarray,
    mel: np.ndarray,
    span: tuple[float, float],
    selected: int,
    covered: tuple[float, float] | None,
    labels: dict[str, str],
    key: str,
) -> int:
    """Which word was chosen? Its number, or −1 for none.

    ``audio``: a file that a browser plays; ``wave``: int8 [2, column], the lowest and the highest sample of each column
    from −127 to 127; ``mel``: uint8 [band, column], the lowest band first; ``weights``: uint8 [word, frame], what each
    word looks at, 255 its own most. All of them, and the words, lie in the ``span`` (first, last second). ``selected``
    is the page's choice, and whoever chose last, page or person, is followed. The seconds ``covered`` are crossed out.
    """
    texts = [as_utf8(word["text"]) for word in words]
    choice = choose(key, subject=(tuple(texts), span), page_value=selected, report=_report(key, len(words)))
    data = {
        "id": key,
        "words": [{**word, "text": text} for word, text in zip(words, texts, strict=True)],
        "span": list(span),
        "shape": {"bands": mel.shape[0], "moments": mel.shape[1], "columns": wave.shape[1], "frames": weights.shape[1]},
        "selected": choice.sent_value,
        "turn": choice.turn,
        "covered": None if covered is None else list(covered),
        "labels": {**LABELS, **labels},
        "arrays": pack({"wave": wave, "mel": mel, "weights": weights, "audio": np.frombuffer(audio, dtype=np.uint8)}),
    }
    _mount(data=data, key=key, on_word_change=_rerun)
    return choice.value


def _report(key: str, count: int) -> Report[int] | None:
    """What did the browser report? Nothing is believed that is not a word of this sound."""
    state: Any = st.session_state.get(key) or {}
    word = state.get("word") or {}
    number = word.get("number")
    if not isinstance(number, int) or not -1 <= number < count:
        return None
    return Report(number, word.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
