"""What is translated, and how is it looked at?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from memviz import measures
from memviz.errors import MemVizError
from memviz.figures import which_head
from memviz.memory import Memory
from memviz.models import CATALOGUE, entry_of
from memviz.serving import cache, engine
from memviz.serving.engine import ModelFacts
from memviz.sources import tokens_of
from memviz.tokens import Token, Word
from memviz.trace import Trace
from memviz.ui.parts.translation.languages import language_name, language_option
from memviz.ui.shell import address, frame, runs, samples, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

TARGET = "target"
TARGET_OF = "target_of"  # the model and the text that it was typed for
LAYER, HEAD = "cross_layer", "cross_head"


@dataclass(frozen=True)
class TranslationView:
    """What is to be seen of a translated sentence.

    layer, head      one head; without a head the mean over a layer, without a layer over all
    by_word          whole words, or the tokens that the model reads and writes
    keep             of each word only its largest weights, up to this share of all
    shift            1 takes a word's weights from the step after it was written
    alignment_head   the head that was trained to align, as far as the model's settings tell
    """

    part: Trace
    layer: int | None = None
    head: int | None = None
    by_word: bool = True
    keep: float = 1.0
    shift: int = 0
    alignment_head: tuple[int, int] | None = None

    @property
    def memory(self) -> Memory:
        """The cross-attention of the sentence."""
        return self.part.memory("cross")

    @property
    def sides(self) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """(what was written, what was read), as words or as tokens."""
        if self.by_word:
            return self.part.sides("cross")
        return words_of_tokens(tokens_of(self.memory.queries)), words_of_tokens(tokens_of(self.memory.keys))

    @property
    def weights(self) -> np.ndarray:
        """How much of each written word was read from each source word: float32 [target, source]."""
        return measures.word_weights(self.memory, self.sides, layer=self.layer, head=self.head, shift=self.shift)

    @property
    def name(self) -> str:
        """Which head this is, as it is called on the page."""
        return which_head(self.memory, self.layer, self.head, t)


@dataclass(frozen=True)
class TranslationJob:
    """What is to be translated: which text, by which model, into what; and the model's head that was trained to align.

    ``text`` is what was read, without the words of a task.
    """

    text: str
    model: str
    options: cache.TranslationOptions
    alignment_head: tuple[int, int] | None = None


def words_of_tokens(tokens: Sequence[Token]) -> tuple[Word, ...]:
    """Every token as if it were a word."""
    return tuple(
        Word(token.text, (place,), token.start, token.end, token.special) for place, token in enumerate(tokens)
    )


def translate_text() -> tuple[Trace, TranslationJob]:
    """The translation of the text that was pasted, and what was to be done; stops the page when there is none."""
    model = frame.translator_name()
    _refuse_others(model)
    if frame.TEXT in st.session_state and frame.is_sample():
        st.session_state[frame.TEXT] = samples.counterpart(st.session_state[frame.TEXT], model)
    text = frame.choose_text(samples.translations(model), second=False)
    facts = runs.ask(model, engine.facts)
    if facts.info.kind != "encoder-decoder":
        _offer_others(literal(model))
    languages, task = _choose_languages(facts), _choose_task(facts)
    target = _choose_target(facts, model, text)
    whole = _choose_whole(model, text, is_given=target is not None)
    layer = facts.alignment_layer
    options = cache.TranslationOptions(target, languages=languages, task=task, whole=whole)
    trace = runs.translate(model, text, options)
    part = trace.text.removeprefix(task or "")  # a window of it, where the text is longer than the model can read
    return trace, TranslationJob(part, model, options, alignment_head=None if layer is None else (layer, 0))


def _choose_languages(facts: ModelFacts) -> tuple[str, str] | None:
    """From which language into which? ``None``: as the model is made."""
    codes, defaults = list(facts.languages_known), facts.languages
    if not codes:
        return None
    first, second = st.columns(2)
    source, target = defaults or (codes[0], None)
    target = target or _default_target(codes, source)
    codes.sort(key=language_name)
    return (
        first.selectbox(
            t("Source language"),
            codes,
            format_func=language_option,
            help=t("The language of your text. The model does not find it out: a token of its own tells it."),
            **state.url_bound("from", codes, default=source),
        ),
        second.selectbox(
            t("Target language"),
            codes,
            format_func=language_option,
            help=t("The language to be written. A token of its own tells the model which."),
            **state.url_bound("into", codes, default=target),
        ),
    )


def _default_target(codes: Sequence[str], source: str) -> str:
    """A language to begin with, where the model has no usual one: English, from English French."""
    prefix = "fr" if source.startswith("en") else "en"
    return next((code for code in codes if code.startswith(prefix)), codes[0])


def _choose_task(facts: ModelFacts) -> str | None:
    """What is put in front of the text, for models that are told what to do; ``None``: nothing."""
    if not facts.tasks:
        return None
    names = [*facts.tasks, ""]
    name = st.selectbox(
        t("Task: words in front of the text"),
        names,
        format_func=lambda name: _task_option(facts.tasks.get(name, "").strip()),
        help=t(
            "This model does several things. Words in front of the text say which; it reads them like the text, so "
            "they stand in the graph too."
        ),
        **state.url_bound("task", names),
    )
    return facts.tasks[name] if name else None


def _task_option(words: str) -> str:
    """What is put in front of a text, and the language that it asks for where it is no more than a code."""
    name = language_name(words)
    if not words:
        return t("nothing in front of the text")
    return words if name == words else f"{name} · {words}"


def _choose_whole(model: str, text: str, *, is_given: bool) -> bool:
    """Is the text read as one sentence? Asked where it would be split; ``is_given``: its translation, so it is not."""
    bound = state.url_bound("whole", state.SWITCH)
    is_chosen = bool(st.session_state["whole"])
    if is_given or not (is_chosen or _is_split(model, text)):
        return is_chosen and not is_given
    return st.toggle(
        t("Read as one sentence"),
        help=t(
            "This model was trained on single sentences, so a text of several is read one by one. Read as one, every "
            "word can be read for every other, but the translation may leave something out."
        ),
        **bound,
    )


def _is_split(model: str, text: str) -> bool:
    """Would the text be read in several parts? Remembered between reruns, as a long text is long to split."""
    return len(text) <= runs.MAX_CHARACTERS and runs.ask(model, partial(_has_sentences, text), key=("split", text))


def _has_sentences(text: str, reader: Reader) -> bool:
    try:
        return len(reader.sentences(text)) > 1
    except MemVizError:  # it cannot be read at all: the reading says so
        return False


def _refuse_others(model: str) -> None:
    """Stops the page for a model that is known to write no translation, before it is opened."""
    entry = entry_of(model)
    if entry is not None and not frame.is_of(model, "encoder-decoder"):
        _offer_others(literal(entry.title))


def _offer_others(title: str) -> None:
    """Says that a model cannot translate, offers those that can, and stops the page."""
    warning = t("{model} is no encoder-decoder model, so it cannot translate. Choose one that can:", model=title)
    st.warning(warning, icon=":material/translate:")
    row = st.container(horizontal=True, gap="small")
    for name in [name for name in frame.translator_names() if name in CATALOGUE][:4]:
        row.button(CATALOGUE[name].title, key=f"take_{name}", on_click=state.put, args=(frame.TRANSLATOR, name))
    address.end_page()


def _choose_target(facts: ModelFacts, model: str, text: str) -> str | None:
    """What the model is made to write; ``None``: what it finds likeliest. Beside it, what the model is made for."""
    if TARGET not in st.session_state:
        st.session_state[TARGET] = address.get(TARGET) or ""
    before_model, before_text = st.session_state.get(TARGET_OF, (model, text))
    if before_model != model or (text != before_text and frame.is_sample()):  # it was the translation of something else
        _let_it_write()
    elif address.get(TARGET) not in (None, st.session_state[TARGET]) or text != before_text:
        address.put(TARGET, "")  # another is written now: the address must not keep the old one
    st.session_state[TARGET_OF] = model, text
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    source, into = facts.languages or ("", None)
    if into is not None and not facts.languages_known:
        names = {"source": language_name(source), "target": language_name(into)}
        row.caption(t("This model is made for {source} → {target}.", **names), width="content")
    with row.popover(t("Force a translation"), type="tertiary", icon=":material/edit_note:"):
        st.caption(
            t(
                "Forced decoding (teacher forcing): the model has to write this, and you see what it would "
                "have read for each word of it."
            )
        )
        st.text_input(t("Translation to force"), key=TARGET, persist_state="session")
    target: str | None = st.session_state[TARGET] if st.session_state[TARGET].strip() else None
    if target is not None:
        notice, undo = st.columns([5, 1], vertical_alignment="center")
        notice.info(t("Forced translation: “{target}”.", target=literal(target)), icon=":material/edit_note:")
        undo.button(t("Let the model translate"), key="target_undo", on_click=_let_it_write)
    return target


def _let_it_write() -> None:
    st.session_state[TARGET] = ""
    address.put(TARGET, "")


def choose_sentence(trace: Trace) -> Trace:
    """One sentence of the text, or one part of a sentence that was cut: each has its own memory.

    The whole translation stands above.
    """
    from memviz.reading.engine.notes import SENTENCE_IN_PARTS  # torch is there, since there is a translation

    show.notes(trace)
    if not trace.parts:
        return trace
    if st.session_state.get("sentence_of", trace.text) != trace.text:
        st.session_state["sentence"] = 0
    st.session_state["sentence_of"] = trace.text
    st.markdown(literal(trace.output or ""))
    numbers = range(len(trace.parts))
    number = st.selectbox(
        t("Part") if any(note.code == SENTENCE_IN_PARTS for note in trace.notes) else t("Sentence"),
        numbers,
        format_func=lambda place: f"{place + 1} · {trace.parts[place].text}",
        **state.url_bound("sentence", numbers),
    )
    return trace.parts[number]


def choose_view(part: Trace, job: TranslationJob) -> TranslationView:
    """Layer, head, and how to see them."""
    memory = part.memory("cross")
    layer, head = job.alignment_head or measures.best_head(memory, part.sides("cross"))
    single_box, mean_box, options_box = st.columns([4, 3, 3], vertical_alignment="bottom", gap="small")
    layer_box, head_box = single_box.columns(2, gap="small", wrap=False)
    mean = state.choose_mean(place=mean_box, key="cross_shown")
    layer = state.choose_layer(memory, place=layer_box, key=LAYER, default=layer)
    head = state.choose_head(memory, place=head_box, key=HEAD, default=head)
    row = options_box.container(horizontal=True, gap="small")
    with row.popover(t("Options"), icon=":material/tune:"):
        by_word = st.toggle(t("Whole words"), **state.url_bound("cross_words", (True, False)))
        keep = st.slider(
            t("Keep the strongest weights of each row, up to"),
            50,
            100,
            step=5,
            format="%d %%",
            **state.url_bound("cross_keep", range(50, 101, 5), default=90),
        )
        shift = st.toggle(
            t("Shift by one step"),
            help=t(
                "Take a word's weights from the step after it was written: some heads without guided alignment, "
                "such as L0.H5 of firefox-en-pt, align there."
            ),
            **state.url_bound("cross_shift", state.SWITCH),
        )
    with row.popover(t("As text"), icon=":material/content_copy:"):
        st.caption(t("The translation, to copy"))
        st.code(part.output or "", language=None, wrap_lines=True)
    return TranslationView(
        part,
        layer=None if mean == "all" else layer,
        head=head if mean == "head" else None,
        by_word=by_word,
        keep=keep / 100,
        shift=int(shift),
        alignment_head=job.alignment_head,
    )
