"""Does it matter? A word is covered, or a head unplugged, beside others: one button on the pages of attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from memviz.figures import head_name
from memviz.note import Note
from memviz.tokens import distinct_texts
from memviz.trace import Trace
from memviz.ui.components.cross import Pin
from memviz.ui.parts import experiment
from memviz.ui.parts.heads import HeadsView
from memviz.ui.parts.translation import TranslationJob, TranslationView
from memviz.ui.shell import frame, navigation, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief, literal

Head = tuple[int, int]
WORD, HEAD = "check", "check_head"  # what was checked, in the session and in the address: "7" or "7@L5.H11"; "L5.H11"


def check_word(
    trace: Trace,
    word: int | None,
    *,
    head: Head | None = None,
    answer: str | None = None,
    model: str | None = None,
    languages: tuple[str, str] | None = None,
) -> None:
    """Does this word matter for what the model makes of the text? It is covered, in all heads or one ``head`` alone.

    ``answer``: what is asked for, as in `Reader.ask`; the model's own if left out. ``model``: the name of
    the one that translates, ``languages`` from which into which. Nothing where no word can be covered.
    """
    if word is None or not _answers(trace) or trace.words[word].special:
        return
    name = brief(distinct_texts(trace.words)[word])
    if _is_last_read(trace, word):
        if word > 0:
            st.caption(t("The model makes its answer at “{word}”: choose an earlier word to cover it.", word=name))
        return
    if head is None:
        question = t("Does it matter? Cover “{word}”", word=name)
    else:
        question = t("Does it matter? Cover “{word}” in {head}", word=name, head=head_name(*head))
    subject = str(word) if head is None else f"{word}@{head_name(*head)}"
    if not _is_asked(WORD, subject, question, trace):
        return
    result = experiment.run_cover(trace, (word,), answer, head=head, languages=languages)
    if result is None:
        return
    _show(experiment.cover_sentence(result), result.question.unit, caveat=experiment.RELAYS)
    if not (trace.pair or languages) and _is_opened(WORD):  # it takes one text
        _open_forget(trace, covered=(word,), answer=answer, model=model)


def check_head(trace: Trace, view: HeadsView) -> None:
    """Does this head matter for what the model makes of the text? It is unplugged, beside random draws of others.

    And the word that is marked, as on the other pages.
    """
    answering = "cross" if "cross" in trace.memories else "self"
    if view.layer is None or view.head is None or not _answers(trace) or view.memory.kind != answering:
        check_word(trace, view.word)
        return
    head = (view.layer, view.head)
    name = head_name(*head)
    check_word(trace, view.word, head=head)
    if not _is_asked(HEAD, name, t("Does it matter? Unplug {head}", head=name), trace):
        return
    result = experiment.run_unplug(trace, (head,))
    if result is None:
        return
    _show(experiment.unplug_sentence(result), result.question.unit, caveat=experiment.STAND_IN)
    if not trace.pair and _is_opened(HEAD):
        _open_forget(trace, heads=(head,))


def check_source_word(view: TranslationView, job: TranslationJob, pinned: Pin | None) -> None:
    """Does a word of the source matter for its translation? The one that is pinned, or was read most for it."""
    answer = None if job.options.target is None else view.part.output
    languages = job.options.languages
    check_word(view.part, _source_word(view, pinned), answer=answer, model=job.model, languages=languages)


def _answers(trace: Trace) -> bool:
    """Can a question be put about what was read? About a pair only to a model that reads it from both sides."""
    return trace.pair is None or not ("cross" in trace.memories or trace.memory("self").causal)


def _is_last_read(trace: Trace, word: int) -> bool:
    """Does a model that reads from left to right go on from this word? Then it cannot be covered from itself."""
    if "cross" in trace.memories or not trace.memory().causal:
        return False
    return len(trace.tokens) - 1 in trace.words[word].tokens


def _source_word(view: TranslationView, pinned: Pin | None) -> int | None:
    """The word of the source, by its number: the pinned one, or that the pinned word of the target read most."""
    if pinned is None:
        return None
    sources = view.sides[1]
    place = pinned.index
    if pinned.side == "target":
        row = np.array(view.weights[pinned.index])
        row[[source.special for source in sources]] = np.nan
        if np.isnan(row).all():
            return None
        place = int(np.nanargmax(row))
    tokens = set(sources[place].tokens)
    return next((number for number, word in enumerate(view.part.words) if tokens & set(word.tokens)), None)


def _is_asked(key: str, subject: str, question: str, trace: Trace) -> bool:
    """A button until it is pressed; then what was asked stays, in the address too, until it is about something else."""
    of = f"{key}_of"
    text = (trace.model.name, trace.text)
    if st.session_state.setdefault(of, text) != text:
        state.put(key, "")
    st.session_state[of] = text
    if state.get(key) == subject:
        return True
    if not st.button(question, key=f"{key}_button", icon=":material/visibility_off:"):
        return False
    state.put(key, subject)
    st.rerun()


def _show(sentence: str, unit: Note, *, caveat: str) -> None:
    """What was seen, what its numbers are, and what they do not show."""
    st.markdown(sentence)
    st.caption(t("Numbers: {unit}.", unit=unit.render(t, literal)) + " " + t(caveat))


def _is_opened(key: str) -> bool:
    return st.button(t("Open in Forget"), key=f"{key}_open", icon=":material/open_in_new:", type="tertiary")


def _open_forget(
    trace: Trace,
    *,
    covered: Sequence[int] = (),
    heads: Sequence[Head] = (),
    answer: str | None = None,
    model: str | None = None,
) -> None:
    """The page Forget with this text and model, and the same words covered or heads unplugged."""
    frame.carry(trace.text, model)
    experiment.put_subject(trace, covered=covered, heads=heads, answer=answer)
    navigation.open_page("forget")
