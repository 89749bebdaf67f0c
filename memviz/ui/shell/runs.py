"""From the text on the page to a trace: with progress, and with a way on when it cannot be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz.errors import BusyError, EmptyTextError, MemVizError, TextTooLongError
from memviz.models import DEFAULT, Policy, preview
from memviz.models.location import Preview
from memviz.note import Note
from memviz.progress import Progress
from memviz.serving import cache
from memviz.serving.gate import OnWait, Wait, whole_seconds
from memviz.settings import number
from memviz.trace import Trace
from memviz.ui.shell import address, show, windows
from memviz.ui.shell.growing import GrowingGrid
from memviz.ui.shell.growing_text import GrowingText
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal
from memviz.ui.shell.windows import Callbacks, Extras

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

Result = TypeVar("Result")
OFTEN = 0.1  # seconds between two pictures of the progress
FULL = 1.0  # seconds between two tries where the queue is full

MAX_CHARACTERS = number("MEMVIZ_MAX_CHARACTERS", 200_000, minimum=1)


def read(model: str, text: str, pair: str | None, *, growing: bool = False) -> Trace:
    """The reading of this text; stops the page with a message when there is none.

    ``growing``: the heads are drawn as they are read.
    """
    hint = t("Paste a text above, or choose a sample, and see what the model remembers of it.")
    bar, place = st.empty(), st.empty()  # how far it is stays above the grid, which grows below the window
    on_layers = GrowingGrid(place).take if growing else None
    trace = _run(
        model,
        text,
        Extras(pair=pair),
        lambda part, callbacks: cache.read(model, part, pair, on_layers=on_layers, **callbacks),
        hint=hint,
        place=bar,
    )
    place.empty()
    show.notes(trace)
    return trace


def translate(model: str, text: str, options: cache.TranslationOptions) -> Trace:
    """The translation of this text, and what was read for it; stops the page with a message when there is none."""
    hint = t("Paste a text above, or choose a sample, and watch it being translated.")
    return _run(
        model,
        text,
        Extras(task=options.task, target=options.target),
        lambda part, callbacks: cache.translate(model, part, options, **callbacks),
        hint=hint if options.target is None else "",  # what is empty then may be the target
        place=st.empty(),
    )


def generate(
    model: str, text: str, options: cache.GenerationOptions, *, begun: str, on_stop: Callable[[int], None]
) -> Trace:
    """How this text is continued, shown while it is written; stops the page with a message when it is not.

    ``begun``: what stands there already. ``on_stop(tokens)`` is called in the next run when the writing was stopped
    after so many.
    """
    place = st.empty()
    key = f"stop_{len(options.prefix)}"  # several may be written in one run
    growing = GrowingText(place, begun, key=key, on_stop=on_stop)
    try:
        _check_characters(text, Extras())
        _ask_before_fetching(model, place)
        trace = patiently(
            place,
            lambda: cache.generate(
                model,
                text,
                options,
                on_token=growing.take,
                on_wait=lambda wait: growing.wait(wait_line(wait)),
                progress=growing.progress,
            ),
        )
        stopped = trace.generation is not None and trace.generation.stop == "cancelled"
        growing.end(len(trace.steps) - len(options.prefix) if stopped else None)
    except EmptyTextError:
        place.info(t("Write a prompt above, or choose a sample, and the model goes on with it."))
        address.end_page()
    except MemVizError as error:
        place.empty()
        show.problem(error)
        address.end_page()
    finally:
        growing.end(0)  # nothing was written yet
    if growing.request is not None:
        raise growing.request
    place.empty()
    show.notes(trace)
    return trace


def sense(model: str, run: Callable[[Callbacks], Result]) -> Result:
    """What ``run`` makes of this model; stops the page with a message when there is nothing."""
    place = st.empty()
    callbacks = _callbacks(place)
    try:
        _ask_before_fetching(model, place)
        result = patiently(place, lambda: run(callbacks))
    except MemVizError as error:
        place.empty()
        show.problem(error)
        address.end_page()
    place.empty()
    return result


def open_reader(model: str) -> Reader:
    """The model itself in this process, for a training; stops the page with a message when it cannot be opened."""
    return sense(model, lambda callbacks: cache.open_reader(model, **callbacks))


def ask(model: str, question: Callable[[Reader], Result], *, key: tuple[str, ...] | None = None) -> Result:
    """What a page must know of a model, remembered under a ``key``; stops the page with a message where it fails.

    ``question`` holds nothing of the page: it may be sent to another machine.
    """
    return sense(model, lambda callbacks: cache.ask(model, question, key=key, **callbacks))


def experiment(name: str, trace: Trace, settings: object, run: Callable[[Reader, Progress], Result]) -> Result | None:
    """The result of an experiment on the text of a ``trace``, by its model; ``None``, with a message, where it fails.

    ``settings`` tell it from others of the same ``name``. What else stands on the page stays.
    """
    return _experiment(st.empty(), name, trace.model.name, trace.text, settings, run)


def experiment_on(
    name: str, model: str, text: str, settings: object, run: Callable[[Reader, Progress], Result]
) -> Result | None:
    """The same on any text by any model, which is fetched first where the person wants it."""
    place = st.empty()
    try:
        _ask_before_fetching(model, place)
    except MemVizError as error:
        place.empty()
        show.problem(error)
        return None
    return _experiment(place, name, model, text, settings, run)


def _experiment(
    place: DeltaGenerator,
    name: str,
    model: str,
    text: str,
    settings: object,
    run: Callable[[Reader, Progress], Result],
) -> Result | None:
    try:
        result = patiently(place, lambda: cache.experiment(name, model, text, settings, run, **_callbacks(place)))
    except MemVizError as error:
        place.empty()
        show.problem(error)
        return None
    place.empty()
    return result


def _run(
    model: str,
    text: str,
    extras: Extras,
    run: Callable[[str, Callbacks], Trace],
    *,
    hint: str,
    place: DeltaGenerator,
) -> Trace:
    """What ``run`` makes of the text, with a bar that says what is being done and a way on when it cannot be read.

    ``hint`` is said in place of an error where there is no text; all of this stands in ``place``.
    """
    callbacks = _callbacks(place)
    try:
        _check_characters(text, extras)
        _ask_before_fetching(model, place)
        window = patiently(place, lambda: windows.get_window(model, text, extras, callbacks))
        part = text if window is None else window.text
        trace = patiently(place, lambda: run(part, callbacks))
    except EmptyTextError as error:
        if hint or not text.strip():
            place.info(hint or error.render(t, quote=literal))
        else:
            place.empty()
            show.problem(error)
        address.end_page()
    except TextTooLongError as error:
        place.empty()
        show.problem(error)
        windows.offer_windows(model, text, extras, callbacks, error)
        address.end_page()
    except MemVizError as error:
        place.empty()
        show.problem(error)
        address.end_page()
    place.empty()
    if window is not None:
        windows.show_window(window)
    return trace


def _check_characters(text: str, extras: Extras) -> None:
    """Raises `TextTooLongError` for a text that is too long even to be counted; nothing that was typed is left out."""
    for what, part in (
        (Note("This text"), text),
        (Note("The second sentence"), extras.pair),
        (Note("The forced translation"), extras.target),
    ):
        if part is not None and len(part) > MAX_CHARACTERS:
            raise TextTooLongError(
                "{what} has {characters:,} characters; this server reads at most {limit:,}.",
                todo="Paste a part of it.",
                what=what,
                characters=len(part),
                limit=MAX_CHARACTERS,
            )


def _ask_before_fetching(model: str, place: DeltaGenerator) -> None:
    """Says how large a model is before it is brought here; the default models come by themselves.

    ``place``: where it is said, and where the bar stands once the model is on its way.
    """
    if model in DEFAULT or cache.is_open(model):
        return
    plan = preview(model, policy=Policy.server())
    if plan.here:
        return
    box = place.container()
    box.info(_download_text(plan), icon=":material/download:")
    if not box.button(t("Fetch it"), type="primary", key="fetch"):
        address.end_page()


def offer_to_fetch(model: str) -> None:
    """Where a model that will be needed is not on this machine: how large it is, and a button that fetches it now.

    Nothing where models run on a cluster: what is there is not known here.
    """
    try:
        if not cache.runs_here() or cache.is_open(model):
            return
        plan = preview(model, policy=Policy.server())
        if plan.here:
            return
    except MemVizError as error:
        show.problem(error)
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.info(_download_text(plan), icon=":material/download:")
    if row.button(t("Fetch it"), key="fetch_ahead"):
        place = st.empty()
        try:
            patiently(place, lambda: cache.ask(model, _is_open, **_callbacks(place)))
        except MemVizError as error:
            place.empty()
            show.problem(error)
            return
        st.rerun()


def _is_open(_: Reader) -> bool:
    """Asked of a model that is opened for it."""
    return True


def _download_text(plan: Preview) -> str:
    return t(
        "{title} is not on this machine yet: {size:.2f} GB to download, licence {licence}.",
        title=literal(plan.title),
        size=plan.size / 1e9,
        licence=literal(plan.licence or t("unknown")),
    )


def patiently(place: DeltaGenerator, run: Callable[[], Result]) -> Result:
    """What ``run`` gives; where even the queue is full, the page says so and tries again by itself."""
    while True:
        try:
            return run()
        except BusyError as error:
            place.info(_full(**error.values), icon=":material/hourglass_top:")
            time.sleep(FULL)


def _full(count: int, seconds: int | None = None) -> str:
    """What is said to those for whom there is no place in the queue yet."""
    if seconds is None:
        return t(
            "{count} readings are waiting before you: more than the queue holds. "
            "This page goes on by itself as soon as there is a place.",
            count=count,
        )
    return t(
        "{count} readings are waiting before you, about {seconds} s: more than the queue holds. "
        "This page goes on by itself as soon as there is a place.",
        count=count,
        seconds=seconds,
    )


def on_wait(place: DeltaGenerator) -> OnWait:
    """A line that says how many are before us and how long it may take; moving on in the page leaves the queue."""

    return lambda wait: _show_wait(place, wait)


def _show_wait(place: DeltaGenerator, wait: Wait) -> None:
    place.info(wait_line(wait), icon=":material/hourglass_top:")


def wait_line(wait: Wait) -> str:
    """How many are before us, and how long it may take."""
    if wait.seconds is None:
        return t("Waiting for the model. Readings before you: {count}.", count=wait.count)
    return t(
        "Waiting for the model. Readings before you: {count}, about {seconds} s.",
        count=wait.count,
        seconds=whole_seconds(wait.seconds),
    )


def _callbacks(place: DeltaGenerator) -> Callbacks:
    """A bar that says what is being done, and a line while others are before us; moving on in the page stops both."""
    drawn = -OFTEN

    def progress(fraction: float, label: str) -> None:
        nonlocal drawn
        layer = "/" in label  # a long text tells hundreds of times how far its layers are
        if layer and fraction < 1 and time.monotonic() - drawn < OFTEN:
            return
        drawn = time.monotonic()
        place.progress(min(max(fraction, 0.0), 1.0), text=t("Layer {layer}", layer=label) if layer else t(label))

    return {"on_wait": on_wait(place), "progress": progress}
