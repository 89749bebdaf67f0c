"""What was written, word by word: how sure the model was of each, and what it read to write it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from memviz import measures
from memviz.generation import STOPS
from memviz.serving import cache
from memviz.serving.gate import Turn
from memviz.trace import Trace
from memviz.ui.components import words_view
from memviz.ui.components.words import LABELS, WRITING_LABELS, Step, Writing
from memviz.ui.parts import words
from memviz.ui.parts.generation.choices import GenerationJob, put_path
from memviz.ui.shell import frame, runs, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

READ_LABELS = {
    "text": "The text, word by word. Arrow keys move, Enter pins a word, Escape releases it.",
    "remembers": "Read to write “{word}”",
    "remembered_by": "“{word}” was read to write",
    "remembers_none": "It read no other word.",
    "remembered_by_none": "No word that was written read it.",
    "weight_help": (
        "The share of its attention that the token before a word put on the other word, in this head, when the model "
        "chose the word: the row of the position that predicts it, not of the word itself."
    ),
}


def show_text(trace: Trace, job: GenerationJob) -> int | None:
    """The text as words, those that were written tinted by surprise; the word that is pinned, or ``None``."""
    word = words.get_word(trace)
    remembers, remembered_by = links_of(trace)
    pinned = words_view(
        words.payload(trace.words, trace.text, trace.pair),
        remembers=remembers,
        remembered_by=remembered_by,
        labels=labels(),
        pinned=word,
        key="words",
        tint="excess",
        on_open=lambda layer, head, place: _open_head(trace, job, (layer, head, place)),
        writing=writing_of(trace),
        on_branch=lambda position, token: _branch(trace, job, position, token),
    )
    state.put_word(pinned)
    st.caption(" · ".join(_facts(trace, job)))
    return pinned


def labels() -> dict[str, str]:
    """The words of the component in the reader's language."""
    return {name: t(label) for name, label in {**LABELS, **READ_LABELS, **WRITING_LABELS}.items()}


def links_of(trace: Trace) -> words.LinkPair:
    """What was read to write each word, and what each was read for, as `measures.writing_links`.

    Remembered between reruns under the tokens that were read.
    """
    ids = " ".join(str(token.id) for token in trace.tokens)
    key = ("links of writing", trace.model.name, trace.text, ids)
    work = cache.Work("links", trace.model.name, characters=len(trace.text))

    def search(turn: Turn) -> words.LinkPair:
        return measures.writing_links(trace.memory(), trace.words, pause=turn.give_way)

    place = st.empty()
    pair = runs.patiently(place, lambda: cache.search(key, work, search, on_wait=runs.on_wait(place)))
    place.empty()
    return pair


def writing_of(trace: Trace) -> Writing:
    """How each word was written: its surprise, and the steps of its tokens."""
    written = trace.written
    steps = [[_step(trace, token) for token in word.tokens if token >= written.start] for word in trace.words]
    return Writing(measures.word_surprise(trace), steps)


def _step(trace: Trace, position: int) -> Step:
    generation, number = trace.generation, position - trace.written.start
    assert generation is not None
    token = trace.tokens[position]
    return {
        "text": token.text,
        "id": token.id,
        "probability": float(np.exp(trace.logprobs[position])),
        "rank": int(generation.ranks[number]),
        "choices": float(np.exp(generation.entropies[number])),
        "position": position,
        "others": [(other.text, other.id, other.probability) for other in trace.steps[number]],
        "is_given": number == generation.prefix - 1,
    }


def _branch(trace: Trace, job: GenerationJob, position: int, token: int) -> None:
    """The text goes on with another token from there."""
    place = position - trace.written.start
    put_path((*(step for step in job.path if step[0] < place), (place, token)))
    state.put_word(None)
    st.rerun()


def _open_head(trace: Trace, job: GenerationJob, place: tuple[int, int, int]) -> None:
    """The page Heads at the head and the word of a ``place``, where prompt and output are read as one text."""
    frame.carry(trace.text, job.model)
    words.keep_word(trace)
    words.open_head(*place)


def _facts(trace: Trace, job: GenerationJob) -> list[str]:
    """Why it stopped, how it was written, and how fast."""
    generation = trace.generation
    assert generation is not None
    why = t("You stopped it.") if job.cut is not None else STOPS[generation.stop].render(t, literal)
    count = len(trace.steps) - generation.prefix
    facts = [why, t("{count} tokens written", count=count)]
    seconds = trace.seconds.get("writing", 0.0)
    if count and seconds:
        facts.append(t("{speed:.1f} tokens a second", speed=count / seconds))
    if generation.temperature:
        facts.append(
            t(
                "drawn at temperature {temperature:g}, seed {seed}",
                temperature=generation.temperature,
                seed=generation.seed,
            )
        )
        facts += [f"top-k {generation.top_k}"] if generation.top_k else []
        facts += [f"top-p {generation.top_p:g}"] if generation.top_p else []
    else:
        facts.append(t("the likeliest token at every step"))
    return facts
