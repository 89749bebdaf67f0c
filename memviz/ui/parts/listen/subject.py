"""The sound that is listened to: a sample, uploaded, or recorded by the microphone; and what is written for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from memviz.errors import MemVizError
from memviz.serving import cache, engine
from memviz.serving.engine import ModelFacts
from memviz.sources import Sound, open_sound
from memviz.trace import Trace
from memviz.ui.parts.source_file import FileChoice, choose_file
from memviz.ui.parts.translation.languages import language_option
from memviz.ui.shell import address, frame, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.reading.sounds import Spectrogram

SAMPLES = {"door": "Open the window"}
PLACES = {"sample": "a sample", "upload": "a file", "microphone": "the microphone"}
FORMATS = ["wav", "flac", "mp3", "ogg"]
RATE = 16_000  # samples a second, to look into a file with
SPOKEN, COVER, COVERED_WORD, START = "spoken_word", "cover_seconds", "cover_word", "start"
OF_ONE_SOUND = (SPOKEN, COVER, COVERED_WORD, START)  # choices that mean nothing in another sound
CHOSEN_IN = "sound_of_choices"  # the sound that they belong to, by its hash


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound, and what was written for it.

    content       the bytes of its file
    name          what its file or sample is called
    model         the name of the model
    options       how it was heard
    spectrogram   what the model took of it
    trace         what the model wrote, and what it looked at
    sha256        the hash of the file: what names it in exports
    """

    content: bytes
    name: str
    model: str
    options: cache.HearingOptions
    spectrogram: Spectrogram
    trace: Trace
    sha256: str

    @property
    def sound(self) -> Sound:
        """The sound as the trace has it."""
        source = self.trace.source
        assert isinstance(source, Sound)
        return source

    @property
    def span(self) -> tuple[float, float]:
        """(first, last) second."""
        return self.spectrogram.start, self.spectrogram.start + self.spectrogram.seconds

    @property
    def frames(self) -> int:
        """How many frames of the model's memory hold sound?"""
        return sum(not frame.special for frame in self.sound.units)


def choose_sound() -> Heard:
    """The sound and what is written for it; stops the page with a message where there is none."""
    frame.tell_other_kind("speech")
    frame.offer_language_model("speech")
    content, name = _choose_file()
    sha256 = hashlib.sha256(content).hexdigest()
    forget_choices_of_another(sha256)
    model = frame.sense_name("speech")
    seconds = _length(content)
    facts = runs.ask(model, engine.facts)
    options = cache.HearingOptions(start=_choose_start(seconds), language=_choose_language(facts))
    spectrogram = _spectrogram(model, content, options.start)
    trace = runs.sense(model, lambda callbacks: cache.transcribe(model, content, options, **callbacks))
    show.notes(trace)
    return Heard(content, name, model, options, spectrogram, trace, sha256)


def forget_choices_of_another(sha256: str) -> None:
    """What was chosen in another sound, a word or seconds of it, is not chosen in this one."""
    if st.session_state.setdefault(CHOSEN_IN, sha256) != sha256:
        st.session_state[CHOSEN_IN] = sha256
        for choice in OF_ONE_SOUND:
            st.session_state.pop(choice, None)
            address.put(choice, "")


def _choose_file() -> tuple[bytes, str]:
    """(the bytes of the file, its name)"""
    return choose_file(
        FileChoice(
            box="sound",
            label=(t("Sound"), t("Sample")),
            places={name: t(place) for name, place in PLACES.items()},
            samples={name: t(sample) for name, sample in SAMPLES.items()},
            suffix=".ogg",
            credit=t(
                "Spoken word by word by a program (eSpeak NG), with 0.3 s of silence between the words; public domain "
                "(CC0)."
            ),
            takes={
                "upload": lambda: st.file_uploader(t("A sound file"), type=FORMATS, key="sound_file"),
                "microphone": lambda: st.audio_input(t("Record a sentence"), key="sound_microphone"),
            },
            hints={
                "upload": t("Choose a sound: it stays on the machine that runs MemViz."),
                "microphone": t(
                    "Record a sentence, or choose a file or a sample where the browser has no microphone or may not "
                    "use it."
                ),
            },
            icon=":material/mic:",
        )
    )


def _length(content: bytes) -> float:
    """How many seconds the whole recording has; stops the page with a message for what is no sound."""
    try:
        return open_sound(content, RATE, seconds=0.0).seconds
    except MemVizError as error:
        show.problem(error)
        address.end_page()


def _choose_start(seconds: float) -> float:
    """From which second on is it heard? Asked where the recording is longer than what is heard at once."""
    window = 30
    starts = range(0, max(1, int(seconds)))
    bound = state.url_bound(START, starts)
    if seconds <= window:
        return 0.0
    return float(
        st.slider(
            t("Heard from second"),
            0,
            starts[-1],
            step=1,
            help=t("This model hears {seconds} seconds at once. Choose where they begin.", seconds=window),
            **bound,
        )
    )


def _choose_language(facts: ModelFacts) -> str | None:
    """Which language is spoken? ``None``: the model's only one, or what it takes it for."""
    codes = facts.spoken_languages
    if not codes:
        return None
    options = ["", *sorted(codes, key=language_option)]
    chosen = st.selectbox(
        t("Spoken language"),
        options,
        format_func=lambda code: language_option(code) if code else t("the model decides"),
        **state.url_bound("spoken", options),
    )
    return chosen or None


def _spectrogram(model: str, content: bytes, start: float) -> Spectrogram:
    """What the model takes of the sound; remembered between reruns."""
    key = ("spectrogram", hashlib.sha256(content).hexdigest(), str(start))
    return runs.ask(model, partial(_spectrogram_of, content, start), key=key)


def _spectrogram_of(content: bytes, start: float, reader: Reader) -> Spectrogram:
    return reader.spectrogram(content, start=start)


def model_line(heard: Heard) -> None:
    """Which model listened, and how long it took."""
    model, seconds = heard.trace.model, heard.trace.seconds
    line = t(
        "{name} · {layers} layers × {heads} heads · {frames} frames of {length:.0f} ms · {tokens} tokens written · "
        "{device}, {precision} · heard in {seconds:.2f} s",
        name=literal(model.name),
        layers=model.layers,
        heads=model.heads,
        frames=heard.frames,
        length=1000 * (heard.sound.units[0].end - heard.sound.units[0].start),
        tokens=len(heard.trace.targets),
        device=model.device,
        precision=model.precision,
        seconds=seconds.get("total", 0.0),
    )
    st.caption(line)
