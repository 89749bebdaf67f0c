"""What is continued, how, and along which branch?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from memviz.models import CATALOGUE, entry_of
from memviz.serving import cache
from memviz.trace import Trace
from memviz.ui.shell import address, frame, runs, samples, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

MOST_TOKENS = 256
TOKENS = 64
TEMPERATURES = tuple(tenth / 10 for tenth in range(21))
SHARES = tuple(twentieth / 20 for twentieth in range(1, 21))
SEEDS = range(10_000)
MOST_CANDIDATES = 1000

SYSTEM = "system"  # the words before a chat; kept in the tab, like the prompt
PATH, CUT = "path", "cut"
WRITTEN_FOR = "generation_shown"  # the job whose text was shown last

Path = tuple[tuple[int, int], ...]
"""A branch: at which written token (from 0) which token stands instead, one after the other."""


@dataclass(frozen=True)
class GenerationJob:
    """What is to be written: after which text, by which model, how, along which branch.

    options   of the original text, which has no prefix
    prefix    the tokens that the branch begins with
    cut       after how many tokens the writing was stopped; ``None`` where nobody stopped it
    """

    text: str
    model: str
    options: cache.GenerationOptions
    path: Path = ()
    prefix: tuple[int, ...] = ()
    cut: int | None = None


def generate_text() -> tuple[Trace, GenerationJob]:
    """The text on the page with what was written after it, and what was to be done; stops the page without one."""
    model = frame.writer_name()
    _refuse_others(model)
    text = frame.choose_text(samples.prompts(model), second=False, button=False)
    options = _choose_options()
    job = _place_of(GenerationJob(text, model, options))
    _offer_writing(job)
    if job.cut == 0:
        st.info(t("You stopped the writing before it began."), icon=":material/stop_circle:")
        address.end_page()
    begun = text
    prefix: tuple[int, ...] = ()
    for number, (place, token) in enumerate(job.path):
        before = _run(replace(job, path=job.path[:number], prefix=prefix, cut=None), begun)
        names = {other.id: other.text for other in before.steps[place]} if place < len(before.steps) else {}
        if token not in names:  # an address that was made by hand
            job = replace(job, path=job.path[:number])
            break
        position = before.written.start + place
        begun = before.text[: before.tokens[position].start] + names[token]
        prefix = (*(item.id for item in before.tokens[before.written.start : position]), token)
    job = replace(job, prefix=prefix)
    trace = _run(job, begun)
    st.session_state[WRITTEN_FOR] = job
    return trace, job


def _run(job: GenerationJob, begun: str) -> Trace:
    options = replace(job.options, prefix=job.prefix)
    if job.cut is not None:
        options = replace(options, tokens=job.cut)
    return runs.generate(job.model, job.text, options, begun=begun, on_stop=lambda count: _cut(job, count))


def _refuse_others(model: str) -> None:
    """Stops the page for a model that is known to write nothing, and offers those that do."""
    entry = entry_of(model)
    if entry is None or entry.family == "decoder-only":
        return
    if entry.family == "encoder-only":
        text = t(
            "{model} sees its whole text at once: it has no next word. Choose a model that writes:", model=_title(model)
        )
    else:
        text = t(
            "{model} reads one text and writes another. Choose a model that continues a text:", model=_title(model)
        )
    st.warning(text, icon=":material/edit_note:")
    row = st.container(horizontal=True, gap="small")
    for name in [name for name in frame.writer_names() if name in CATALOGUE][:4]:
        row.button(CATALOGUE[name].title, key=f"take_{name}", on_click=state.put, args=(frame.WRITER, name))
    address.end_page()


def _title(model: str) -> str:
    entry = entry_of(model)
    return literal(model if entry is None else entry.title)


def _choose_options() -> cache.GenerationOptions:
    """How it should be continued."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    row.button(t("Generate"), type="primary", icon=":material/play_arrow:", key="write", on_click=_write_again)
    with row.popover(t("Settings"), icon=":material/tune:"):
        tokens = st.slider(
            t("Tokens at most"), 1, MOST_TOKENS, **state.url_bound("tokens", range(1, MOST_TOKENS + 1), default=TOKENS)
        )
        temperature = st.select_slider(
            t("Temperature"),
            TEMPERATURES,
            help=t(
                "0 writes the likeliest token at every step. Above, a token is drawn: at 1 from the model's own "
                "probabilities, above 1 from flatter ones, below from steeper ones."
            ),
            **state.url_bound("temperature", TEMPERATURES),
        )
        draws = temperature > 0
        top_k = st.number_input(
            t("Top-k"),
            0,
            MOST_CANDIDATES,
            disabled=not draws,
            help=t("Only so many of the likeliest tokens may be drawn; 0 for all of them."),
            **state.url_bound("top_k", range(MOST_CANDIDATES + 1)),
        )
        top_p = st.select_slider(
            t("Top-p"),
            SHARES,
            disabled=not draws,
            help=t("Only the likeliest tokens that make up this share together may be drawn; 1 for all of them."),
            **state.url_bound("top_p", SHARES, default=1.0),
        )
        seed = st.number_input(
            t("Seed"),
            0,
            SEEDS.stop - 1,
            disabled=not draws,
            help=t("The same seed draws the same text again. “Generate” takes the next one."),
            **state.url_bound("seed", SEEDS),
        )
        stop = st.text_input(
            t("Stop at this text"),
            max_chars=64,
            help=t("The writing ends as soon as this text is written; `\\n` is a line break."),
            **state.url_bound("stop", ("",), others=True),
        )
    with row.popover(t("Chat"), icon=":material/chat:", type="tertiary"):
        chat, system = _choose_chat()
    if chat:
        row.caption(t("as a chat"), width="content")
    return cache.GenerationOptions(
        tokens=tokens,
        temperature=temperature,
        top_k=top_k if draws and top_k else None,
        top_p=top_p if draws and top_p < 1 else None,
        seed=seed if draws else 0,
        stop=(stop.replace("\\n", "\n"),) if stop else (),
        chat=chat,
        system=system if chat else "",
    )


def _choose_chat() -> tuple[bool, str]:
    """Is the prompt the message of a person in a chat, and what does the model read before it?"""
    chat = st.toggle(
        t("As a chat"),
        help=t("The prompt becomes the message of a person, in the words of the model's own chat template."),
        **state.url_bound("chat", state.SWITCH),
    )
    if SYSTEM not in st.session_state:
        st.session_state[SYSTEM] = address.get(SYSTEM) or ""
    if address.get(SYSTEM) not in (None, st.session_state[SYSTEM]):
        address.put(SYSTEM, "")
    system = st.text_input(
        t("System message"),
        key=SYSTEM,
        disabled=not chat,
        help=t("What the model is told before the chat; without one, what its template says."),
        persist_state="session",
    )
    return chat, system


def _place_of(job: GenerationJob) -> GenerationJob:
    """The job with the branch and the cut that were chosen for it; those of another text or setting are let go."""
    for name in (PATH, CUT):
        address.bind(name)
        if st.session_state.setdefault(f"{name}_of", job) != job:
            st.session_state[name] = None
            address.put(name, "")
        st.session_state[f"{name}_of"] = job
    if st.session_state.get(PATH) is None:
        st.session_state[PATH] = _path(address.get(PATH) or "")
    if st.session_state.get(CUT) is None:
        st.session_state[CUT] = state.whole_number(address.get(CUT) or "")
    return replace(job, path=st.session_state[PATH], cut=st.session_state[CUT])


def _path(text: str) -> Path:
    """The branch that an address names, such as 3.345-7.12; none for anything else."""
    pairs = [tuple(map(state.whole_number, step.partition(".")[::2])) for step in text.split("-")] if text else []
    places = [pair[0] for pair in pairs]
    if any(None in pair for pair in pairs) or places != sorted(set(places)):  # type: ignore[type-var]
        return ()
    return tuple((place, token) for place, token in pairs if place is not None and token is not None)


def put_path(path: Path) -> None:
    """Shows this branch in the next run, written to its end."""
    st.session_state[PATH], st.session_state[CUT] = path, None
    address.put(PATH, "-".join(f"{place}.{token}" for place, token in path))
    address.put(CUT, "")


def _cut(job: GenerationJob, count: int) -> None:
    """The writing of this branch was stopped after so many tokens."""
    put_path(job.path)
    st.session_state[CUT] = count
    address.put(CUT, str(count))


def _offer_writing(job: GenerationJob) -> None:
    """Remembers what “Generate” would write."""
    st.session_state["generation_job"] = job


def _write_again() -> None:
    """“Generate”: the original text, written to its end; where it is there already and is drawn, another draw."""
    shown, job = st.session_state.get(WRITTEN_FOR), st.session_state.get("generation_job")
    is_there = shown is not None and job is not None and replace(shown, prefix=()) == job and job.cut is None
    if is_there and job is not None and not job.path and job.options.temperature:
        st.session_state["seed"] = (st.session_state["seed"] + 1) % SEEDS.stop
    put_path(())
