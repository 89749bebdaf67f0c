"""What is asked on the page Forget: about which text, with which words covered, for which answer?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import streamlit as st

from memviz.figures import head_name
from memviz.progress import Progress
from memviz.tokens import Word, distinct_texts, printable
from memviz.trace import Candidate, Trace
from memviz.ui.components import cover_view
from memviz.ui.components.words import COVER_LABELS, LABELS
from memviz.ui.parts import words
from memviz.ui.shell import address, frame, runs, samples, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.reading.questions import Question

COVERED = "covered"
COVERED_OF = "covered_of"  # the model and the text whose words are covered
UNPLUGGED = "unplugged"
UNPLUGGED_OF = "unplugged_of"  # the model whose heads they are
HEAD_NAME = re.compile(r"L(\d{1,4})\.H(\d{1,4})")
ANSWER = "answer"
ANSWER_OF = "answer_of"  # the model and the text that it was typed for
QUERIES = {"answer": "at the answer only", "all": "for all other words"}  # both fit beside each other on a phone
BOXES = {
    "continuation": "Answer: what follows the text",
    "mask": "Answer: the word in the masked place",
    "vector": "Answer: a word of the text, which is masked",
    "translation": "Answer: the translation",
}


@dataclass(frozen=True)
class Subject:
    """What is asked, and how it is answered with nothing covered.

    trace       the reading of the text
    covered     the words that are covered, by number
    question    what the model is asked
    value       the answer's number, in the unit of the question
    candidates  what is likeliest in place of the answer's first token
    answer      the answer that was typed; ``None``: the model's own
    queries     for whom the words are covered
    shape       how many layers and heads answer: those of the memory that is asked about
    """

    trace: Trace
    covered: tuple[int, ...]
    question: Question
    value: float
    candidates: tuple[Candidate, ...]
    answer: str | None = None
    queries: Literal["answer", "all"] = "answer"
    shape: tuple[int, int] = (0, 0)

    @property
    def names(self) -> tuple[str, ...]:
        """The covered words, told apart where several are written alike."""
        texts = distinct_texts(self.trace.words)
        return tuple(texts[number] for number in self.covered)


@dataclass(frozen=True)
class SubjectView:
    """What views of one ``subject`` share that cover no words; see `memviz.ui.parts.experiment.ForgetView`."""

    subject: Subject

    @property
    def words(self) -> Sequence[Word]:
        return self.subject.trace.words

    @property
    def covered(self) -> tuple[int, ...]:
        return ()

    def texts(self) -> dict[str, str]:
        return {"answer": self.subject.answer or ""}


def read_text(view: str) -> Trace:
    """The reading of the text that was pasted; stops the page with a message when there is none.

    ``view``: which experiment; a cache and a haystack begin with a long text.
    """
    model = frame.model_name()
    texts = samples.long_texts(model) if view in ("cache", "needle") else samples.to_cover(model)
    if view != "words":  # what there is to be seen is another thing here
        texts = tuple(replace(sample, hint="") for sample in texts)
    text = frame.choose_text(texts, second=False)
    return runs.read(model, text, None)


def choose_words(trace: Trace) -> tuple[int, ...]:
    """The text as words; those that were tapped are covered."""
    covered = cover_view(
        words.payload(trace.words, trace.text, trace.pair),
        labels={name: t(label) for name, label in {**LABELS, **COVER_LABELS}.items()},
        covered=get_covered(trace),
        key="cover_words",
    )
    put_covered(trace, covered)
    return covered


def get_covered(trace: Trace) -> tuple[int, ...]:
    """The words of this text that are covered, from the session or the address; none when the words are others now."""
    address.bind(COVERED)
    subject = (trace.model.name, trace.text)
    if st.session_state.setdefault(COVERED_OF, subject) != subject:
        put_covered(trace, ())
    if COVERED not in st.session_state:
        numbers = (state.whole_number(part) for part in (address.get(COVERED) or "").split("."))
        st.session_state[COVERED] = tuple(sorted({number for number in numbers if number is not None}))
    return tuple(number for number in st.session_state[COVERED] if number < len(trace.words))


def put_covered(trace: Trace, covered: Sequence[int]) -> None:
    """Remembers which words of this text are covered, and puts them into the address."""
    st.session_state[COVERED_OF] = trace.model.name, trace.text
    st.session_state[COVERED] = tuple(covered)
    address.put(COVERED, ".".join(map(str, covered)))


def put_subject(
    trace: Trace,
    *,
    covered: Sequence[int] = (),
    heads: Sequence[tuple[int, int]] = (),
    answer: str | None = None,
) -> None:
    """The page Forget begins with these words of the text covered, or these heads unplugged, and this answer."""
    put_covered(trace, covered)
    put_heads(trace, heads)
    st.session_state[ANSWER], st.session_state[ANSWER_OF] = answer or "", (trace.model.name, trace.text)
    st.session_state["view"] = "heads" if heads else "words"
    address.put("view", "heads" if heads else "")


def get_heads(trace: Trace) -> tuple[tuple[int, int], ...]:
    """The heads of this model that are unplugged, from the session or the address."""
    address.bind(UNPLUGGED)
    if st.session_state.setdefault(UNPLUGGED_OF, trace.model.name) != trace.model.name:
        put_heads(trace, ())
    if UNPLUGGED not in st.session_state:
        named = HEAD_NAME.findall(address.get(UNPLUGGED) or "")
        st.session_state[UNPLUGGED] = tuple(dict.fromkeys((int(layer), int(head)) for layer, head in named))
    heads: tuple[tuple[int, int], ...] = st.session_state[UNPLUGGED]
    return heads


def put_heads(trace: Trace, heads: Sequence[tuple[int, int]]) -> None:
    """Remembers which heads are unplugged, and puts them into the address."""
    st.session_state[UNPLUGGED_OF] = trace.model.name
    st.session_state[UNPLUGGED] = tuple(heads)
    address.put(UNPLUGGED, ",".join(head_name(*head) for head in heads))


def choose_answer(trace: Trace, covered: tuple[int, ...] = (), *, covers: bool = True) -> Subject | None:
    """The answer that is asked for, and for whom words are covered; ``None``, with a message, where there is none.

    Without one that is typed, it is the model's own. ``covers``: words are covered, so that it is asked for whom.
    """
    _begin_answer(trace)
    usual = ask(trace, None)
    if usual is None:
        return None
    question, (value, candidates), predicts, shape = usual
    if question.kind == "vector" and not predicts:
        _show_unit(question)
        return Subject(trace, covered, question, value, candidates, shape=shape)
    asks, own = covers and question.memory == "self", question.answer or ""
    left, *right = st.columns(2 if asks else 1, vertical_alignment="bottom", gap="large")
    typed = left.text_input(
        t(BOXES[question.kind]),
        key=ANSWER,
        placeholder=t("{answer} (the model's own)", answer=printable(own.strip() or own)) if own else "",
        persist_state="session",
    )
    queries: Literal["answer", "all"] = "answer"
    if asks:
        where = right[0].segmented_control(
            t("Cover it"),
            list(QUERIES),
            format_func=lambda name: t(QUERIES[name]),
            required=True,
            **state.url_bound("queries", QUERIES),
        )
        queries = "all" if where == "all" else "answer"
    answer = typed if typed and typed.strip() else None
    if answer is not None:
        asked = ask(trace, answer)
        if asked is None:
            return None
        question, (value, candidates), _, _ = asked
    _show_unit(question)
    return Subject(trace, covered, question, value, candidates, answer, queries, shape)


def _show_unit(question: Question) -> None:
    """What the numbers of the page are."""
    st.caption(t("Numbers: {unit}.", unit=question.unit.render(t, literal)))


def _begin_answer(trace: Trace) -> None:
    """Puts the answer of a link into its box; takes out one that was typed for another text or model."""
    subject = (trace.model.name, trace.text)
    if ANSWER not in st.session_state:
        st.session_state[ANSWER] = address.get(ANSWER) or ""
    elif st.session_state.get(ANSWER_OF, subject) != subject:
        st.session_state[ANSWER] = ""
    if address.get(ANSWER) not in (None, st.session_state[ANSWER]):
        address.put(ANSWER, "")  # another is asked for now: the address must not keep the old one
    st.session_state[ANSWER_OF] = subject


Asked = tuple["Question", tuple[float, tuple[Candidate, ...]], bool, tuple[int, int]]


def ask(trace: Trace, answer: str | None) -> Asked | None:
    """(the question, its answer with nothing covered, does the model give probabilities of words?, layers and heads)"""

    def run(reader: Reader, progress: Progress) -> Asked:
        from memviz.reading.questions import Change

        question = reader.ask(trace.text, answer)
        found = reader.predict(question, [Change()], progress=progress)
        candidates = found.candidates[0] if found.candidates else ()
        predicts = question.kind != "vector" or reader.model.get_output_embeddings() is not None
        plan = reader.engine.plan
        shape = plan.layers[question.memory], plan.heads[question.memory]
        return question, (float(found.values[0]), candidates), predicts, shape

    return runs.experiment("ask", trace, answer, run)
