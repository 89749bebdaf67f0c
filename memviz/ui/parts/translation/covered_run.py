"""The sentence again, while a word of it is covered: what would the model write if it could not read it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from memviz.figures import percent
from memviz.memory import Forget
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.components.cross import Pin
from memviz.ui.parts.translation.choices import TranslationJob, TranslationView
from memviz.ui.parts.translation.graph import show_graph
from memviz.ui.parts.word_changes import word_changes
from memviz.ui.shell import address, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief, literal

NOTICEABLE = 0.05  # of probability; less is not worth a sentence
COVERED_WORD = "again_word"
WAYS = {"off": "No mask", "cover": "Mask a word", "only": "Mask all other words"}


@dataclass(frozen=True)
class CoveredRun:
    """The sentence a second time.

    word, way   the word, and whether it or everything else was covered
    before      what the model writes when it reads every word
    part        what it writes now
    same        the first translation, written again without those edges; ``None`` where it is empty
    """

    word: Word
    way: str
    before: Trace
    part: Trace
    same: Trace | None

    def titles(self) -> tuple[str, str]:
        """What the first and the second translation are called."""
        word = brief(self.word.text)
        after = (
            t("“{word}” masked", word=word) if self.way == "cover" else t("All words but “{word}” masked", word=word)
        )
        return t("No word masked"), after


def compare_covered(view: TranslationView, job: TranslationJob, *, pinned: Pin | None) -> CoveredRun | None:
    """Covers a source word, or all but one, and translates again; ``None`` when nothing is covered."""
    st.header(t("What if a word were masked?"), anchor=False)
    words = [word for word in view.part.words if not word.special and word.text.strip("␣⏎⇥")]
    way_box, word_box = st.columns([3, 2], vertical_alignment="bottom")
    bound = state.url_bound("again", WAYS)
    way = way_box.segmented_control(
        t("While it writes"),
        list(WAYS),
        required=True,
        format_func=lambda name: t(WAYS[name]),
        label_visibility="collapsed",
        on_change=_start_with_pinned,
        args=(st.session_state["again"],),
        **bound,
    )
    if way is None or way == "off" or not words:
        st.caption(t("Click a word of the source, then mask it, and see which words of the translation change."))
        return None
    numbers = range(len(words))
    number = word_box.selectbox(
        t("Which word?"),
        numbers,
        format_func=lambda place: f"{place} · {words[place].text}",
        **state.url_bound(COVERED_WORD, numbers, default=_first_word(view, words, pinned)),
    )
    run = run_covered(view.part, job, words[number], way)
    st.markdown(changed_words(run))
    _show_both(view, run)
    _show_probabilities(run)
    return run


def _start_with_pinned(before: str) -> None:
    """Whoever covers a word anew begins with the one that is pinned, whichever was covered the last time."""
    if before == "off":
        st.session_state.pop(COVERED_WORD, None)
        address.put(COVERED_WORD, "")


def _first_word(view: TranslationView, words: Sequence[Word], pinned: Pin | None) -> int:
    """Which word is offered first?

    The one that is pinned, or that the pinned word of the translation was read most from; else the one that one step
    read most from.
    """
    most = view.part.memory("cross").mean(view.layer).max(axis=0)
    if pinned is not None and pinned.side == "source":
        tokens = set(view.sides[1][pinned.index].tokens)
        if chosen := [place for place, word in enumerate(words) if tokens & set(word.tokens)]:
            return chosen[0]
    elif pinned is not None:
        row = view.weights[pinned.index]
        if not np.isnan(row).any():
            most = np.zeros(len(most), dtype=np.float32)
            for word, weight in zip(view.sides[1], row, strict=True):
                most[word.tokens[0]] = weight
    return int(np.argmax([most[list(word.tokens)].sum() for word in words]))


def edges_to_forget(part: Trace, word: Word, way: str) -> Forget:
    """The edges of cross-attention that are gone: those to a word, or those to everything else."""
    others = [place for place in range(len(part.tokens)) if place not in word.tokens]
    return Forget(keys=word.tokens if way == "cover" else tuple(others))


def run_covered(part: Trace, job: TranslationJob, word: Word, way: str) -> CoveredRun:
    """The sentence without those edges: what is written now, and how probable the first translation is then."""
    options = replace(  # the words of a task stand in the text
        job.options, target=None, task=None, forget=edges_to_forget(part, word, way), whole=True
    )
    before = part
    if job.options.target is not None:  # it was given; what is compared is what the model writes by itself
        before = runs.translate(job.model, part.text, replace(options, forget=None))
    after = runs.translate(job.model, part.text, options)
    same = None
    if (before.output or "").strip():
        same = runs.translate(job.model, part.text, replace(options, target=before.output))
    return CoveredRun(word, way, before, after, same)


def _show_both(view: TranslationView, run: CoveredRun) -> None:
    sides = st.columns(2, gap="large")
    for place, title, part, key in zip(sides, run.titles(), (run.before, run.part), ("before", "after"), strict=True):
        with place:
            st.markdown(f"**{title}**  \n{literal((part.output or '').strip()) or t('Nothing was written.')}")
            show_graph(replace(view, part=part), key=f"cross_{key}", steps=False)
            show.notes(part)


def changed_words(run: CoveredRun) -> str:
    """Which words of the first translation are not written any more, and which are new? As the page says it."""
    lost, new = word_changes(run.before, run.part)
    if lost and new:
        return t("The translation changes: “**{lost}**” becomes “**{new}**”.", lost=lost, new=new)
    if lost:
        return t("The translation changes: “**{lost}**” is no longer written.", lost=lost)
    if new:
        return t("The translation changes: “**{new}**” is added.", new=new)
    return t("The same translation is written.")


def _show_probabilities(run: CoveredRun) -> None:
    """What became of the first translation, word by word: its probability before and after."""
    if run.same is None:
        return
    frame = word_probabilities(run.before, run.same)
    if frame is None:
        st.caption(t("The first translation is made of other tokens when it is forced, so it cannot be compared."))
        return
    loss = np.where(frame["counts"], frame["before"] - frame["after"], -np.inf)
    worst = int(loss.argmax())
    if loss[worst] < NOTICEABLE:
        st.markdown(t("No word of the first translation becomes noticeably less probable."))
    else:
        st.markdown(
            t(
                "Of the first translation, “{word}” drops most: its probability goes from **{before}** to **{after}**.",
                word=brief(str(frame["word"].iloc[worst])),
                before=percent(float(frame["before"].iloc[worst])),
                after=percent(float(frame["after"].iloc[worst])),
            )
        )
    table = pd.DataFrame(
        {
            t("word"): frame["word"],
            t("probability, no word masked"): frame["before"].map(percent),
            t("probability, masked"): frame["after"].map(percent),
        }
    )
    show.table(table, label="The first translation, word by word")
    show.caveat(
        "The encoder has already read the whole sentence: the words beside a masked word may still carry "
        "information about it."
    )


def word_probabilities(before: Trace, after: Trace) -> pd.DataFrame | None:
    """The probability of each written word, before and after (0..1, pieces multiplied): columns word, before, after.

    ``counts``: is it a word, no sign and no special token? ``None`` where the two were not written as the same tokens.
    """
    if [token.id for token in before.targets] != [token.id for token in after.targets]:
        return None
    words = before.target_words
    return pd.DataFrame(
        {
            "word": [word.text for word in words],
            "counts": [not word.special and any(map(str.isalnum, word.text)) for word in words],
            **{
                name: [float(np.exp(trace.logprobs[list(word.tokens)].sum())) for word in words]
                for name, trace in (("before", before), ("after", after))
            },
        }
    )
