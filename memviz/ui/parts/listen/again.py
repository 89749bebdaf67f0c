"""The sound heard again, while a part of it, or a word that was written, is covered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from memviz.memory import Forget
from memviz.serving import cache
from memviz.trace import Trace
from memviz.ui.parts.listen.subject import COVER, COVERED_WORD, Heard
from memviz.ui.parts.listen.view import AGAIN, ListenView, covered_seconds
from memviz.ui.parts.word_changes import word_changes
from memviz.ui.shell import runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

WAYS = {"off": "No mask", "sound": "Mask a part of the sound", "written": "Mask a word already written"}
SLIDER = "cover_slider"


@dataclass(frozen=True, eq=False)
class HeardAgain:
    """The sound a second time: what was covered, the options that say so, and what is written then."""

    covered: str
    options: cache.HearingOptions
    trace: Trace


def listen_again(view: ListenView) -> HeardAgain | None:
    """Covers a part of the sound, or a word, and listens again; ``None`` when nothing is covered."""
    if not view.words:
        return None
    st.header(t("What if something were masked?"), anchor=False)
    way = st.segmented_control(
        t("While it writes"),
        list(WAYS),
        format_func=lambda name: t(WAYS[name]),
        required=True,
        label_visibility="collapsed",
        **state.url_bound(AGAIN, WAYS),
    )
    if way == "sound":
        covered, options = _cover_sound(view)
    elif way == "written":
        covered, options = _cover_written(view)
    else:
        st.caption(t("Mask a second of the sound, or a word that is written already, and see what the model writes."))
        return None
    heard = view.heard
    trace = runs.sense(
        heard.model, lambda callbacks: cache.transcribe(heard.model, heard.content, options, **callbacks)
    )
    st.markdown(changes(heard.trace, trace))
    for place, title, each in zip(
        st.columns(2, gap="large"), (t("Nothing masked"), covered), (heard.trace, trace), strict=True
    ):
        written = literal(" ".join((each.output or "").split())) or t("Nothing was written.")
        place.markdown(f"**{title}**  \n{written}")
    show.caveat(
        "The encoder has already heard the whole sound, so the moments beside a masked one may still carry something "
        "of it; and a masked word is still what the step right after it begins with."
    )
    return HeardAgain(covered, options, trace)


def _cover_sound(view: ListenView) -> tuple[str, cache.HearingOptions]:
    """A stretch of seconds: first the moment of the chosen word, or of the word in the middle."""
    heard = view.heard
    first, last = (round(second, 1) for second in heard.span)
    last = max(last, first + 0.1)
    usual = view.words[view.word if view.word >= 0 else len(view.words) // 2]
    low, high = covered_seconds(heard) or (usual.start, usual.end)
    low = min(max(first, round(low, 1)), round(last - 0.1, 1))
    high = max(round(low + 0.1, 1), min(last, round(high, 1)))
    st.session_state[SLIDER] = (low, high)
    st.slider(t("Seconds to mask"), first, last, step=0.1, format=t("%.1f s"), key=SLIDER, on_change=_take_seconds)
    low, high = st.session_state[SLIDER]
    if covered_seconds(heard) != (low, high):
        state.put(COVER, f"{low:.1f}-{high:.1f}")
        st.rerun()  # the picture above crosses it out
    return (
        t("Second {start:.1f} to {end:.1f} masked", start=low, end=high),
        replace(heard.options, forget=Forget(keys=frames_between(heard, low, high))),
    )


def _take_seconds() -> None:
    low, high = st.session_state[SLIDER]
    state.put(COVER, f"{low:.1f}-{high:.1f}")


def frames_between(heard: Heard, low: float, high: float) -> tuple[int, ...]:
    """The frames of the memory that begin in these seconds."""
    return tuple(
        number
        for number, unit in enumerate(heard.sound.units)
        if not unit.special and low - 1e-6 <= unit.start < high - 1e-6
    )


def _cover_written(view: ListenView) -> tuple[str, cache.HearingOptions]:
    """A word: all up to it stands there already, and is read, but for the word itself."""
    numbers = range(len(view.words))
    usual = view.word if view.word >= 0 else len(view.words) // 2
    number = st.selectbox(
        t("Which word?"),
        numbers,
        format_func=lambda place: f"{place + 1} · {view.words[place].text.strip()}",
        **state.url_bound(COVERED_WORD, numbers, default=usual),
    )
    word = view.words[number]
    targets = view.heard.trace.targets
    first = next(place for place, target in enumerate(targets) if not target.special)
    behind = word.tokens[-1] + 1
    options = replace(
        view.heard.options,
        prefix=tuple(target.id for target in targets[first:behind]),
        forget=Forget(keys=tuple(place + 1 for place in word.tokens)),  # the decoder reads a start token first
        kind="decoder",
    )
    return t("“{word}” masked", word=literal(word.text.strip())), options


def changes(before: Trace, after: Trace) -> str:
    """Which words are not written any more, and which are new? As the page says it."""
    lost, new = word_changes(before, after)
    if lost and new:
        return t("What is written changes: “**{lost}**” becomes “**{new}**”.", lost=lost, new=new)
    if lost:
        return t("What is written changes: “**{lost}**” is no longer written.", lost=lost)
    if new:
        return t("What is written changes: “**{new}**” is added.", new=new)
    return t("The same is written.")
