"""What is asked on the page Forget: about which text, with which words covered, for which answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from memviz.progress import Progress
from memviz.tokens import distinct_texts
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
ANSWER = "answer"
ANSWER_OF = "answer_of"  # the model and the text that it was typed for
QUERIES = {"answer": "only where the answer is made", "all": "for every other word too"}
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
    """

    trace: Trace
    covered: tuple[int, ...]
    question: Question
    value: float
    candidates: tuple[Candidate, ...]
    answer: str | None = None
    queries: Literal["answer", "all"] = "answer"

    @property
    def names(self) -> tuple[str, ...]:
        """The covered words, told apart where several are written alike."""
        texts = distinct_texts(self.trace.words)
        return tuple(texts[number] for number in self.covered)


def read_text() -> Trace:
    """The reading of the text that was pasted; stops the page with a message when there is none."""
    model = frame.model_name()
    text = frame.choose_text(samples.to_cover(model), second=False)
    return runs.read(model, text, None)


def choose_words(trace: Trace) -> tuple[int, ...]:
    """The text as words; those that were tapped are covered."""
    covered = cover_view(
        words.payload(trace.words),
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


def choose_answer(trace: Trace, covered: tuple[int, ...]) -> Subject | None:
    """The answer that is asked for, and for whom words are covered; ``None``, with a message, where there is none.

    Without one that is typed, it is the model's own.
    """
    _begin_answer(trace)
    usual = ask(trace, None)
    if usual is None:
        return None
    question, (value, candidates), predicts = usual
    if question.kind == "vector" and not predicts:
        _show_unit(question)
        return Subject(trace, covered, question, value, candidates)
    left, right = st.columns(2, vertical_alignment="bottom", gap="large")
    typed = left.text_input(
        t(BOXES[question.kind]),
        key=ANSWER,
        placeholder=t("{answer} (the model's own)", answer=(question.answer or "").strip()) if question.answer else "",
        persist_state="session",
    )
    queries: Literal["answer", "all"] = "answer"
    if question.memory == "self":
        where = right.segmented_control(
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
        question, (value, candidates), _ = asked
    _show_unit(question)
    return Subject(trace, covered, question, value, candidates, answer, queries)


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


Asked = tuple["Question", tuple[float, tuple[Candidate, ...]], bool]


def ask(trace: Trace, answer: str | None) -> Asked | None:
    """(the question, its answer with nothing covered, does the model give probabilities of words?)"""

    def run(reader: Reader, progress: Progress) -> Asked:
        from memviz.reading.questions import Change

        question = reader.ask(trace.text, answer)
        found = reader.predict(question, [Change()], progress=progress)
        candidates = found.candidates[0] if found.candidates else ()
        predicts = question.kind != "vector" or reader.model.get_output_embeddings() is not None
        return question, (float(found.values[0]), candidates), predicts

    return runs.experiment("ask", trace, answer, run)
