"""The page Lessons: what to look at, what to predict, and then the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from memviz import figures
from memviz.models import CATALOGUE
from memviz.progress import Progress
from memviz.ui.shell import address, frame, navigation, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.lessons import Finding, Lesson

LESSON, TEXT, PRESENT = "lesson", "lesson_text", "present"
TEXT_OF = "lesson_text_of"  # the lesson that the text in the box belongs to
OPEN = "lesson_open"  # (lesson, text) whose numbers are shown
PREDICTION = "prediction"
RIGHT, WRONG = "right", "wrong"


def choose_lesson() -> Lesson:
    """The lesson that is open, of the whole course; how far one has come."""
    from memviz.lessons import LESSONS

    done = _progress()
    left, right = st.columns([5, 1], vertical_alignment="center")
    names = list(LESSONS)
    with left:
        name = st.pills(
            t("Lesson"),
            names,
            format_func=lambda name: f"{names.index(name) + 1}{_mark(done.get(name, ''))}",
            required=True,
            label_visibility="collapsed",
            **state.url_bound(LESSON, names),
        )
    lesson = LESSONS[name or names[0]]
    with right:
        present = st.toggle(
            t("Present"),
            help=t("Large type, without the list of pages; arrow keys go from lesson to lesson."),
            **state.url_bound(PRESENT, state.SWITCH),
        )
    if present:
        st.html(frame.STYLE.with_name("present.css"))
    number = names.index(lesson.name) + 1
    st.header(t("{number} of {count}: {title}", number=number, count=len(names), title=t(lesson.title)), anchor=False)
    if done:
        count = sum(mark == RIGHT for mark in done.values())
        st.caption(
            t("Done: {done} of {count}; {right} predicted right.", done=len(done), count=len(names), right=count)
        )
    return lesson


def _mark(mark: str) -> str:
    return {RIGHT: " ✓", WRONG: " ✗"}.get(mark, "")


def show_task(lesson: Lesson) -> str:
    """What the lesson is about, what to look at, and its text, which a teacher may replace; the text."""
    st.markdown(t(lesson.idea))
    text = _text(lesson)
    st.markdown("> " + literal(text).replace("\n", "  \n> "))
    title = CATALOGUE[lesson.model].title if lesson.model in CATALOGUE else lesson.model
    st.caption(t("Read by {model}.", model=literal(title)))
    task, door = st.columns([4, 1], vertical_alignment="center")
    task.markdown(t(lesson.task))
    page = navigation.PAGES[lesson.page]
    if door.button(t("Open {page}", page=t(page.title)), icon=page.icon, key="lesson_door"):
        opens = lesson.opens if lesson.opens and text == lesson.text else text
        frame.open_with(page, model=lesson.model, text=opens, settings=lesson.settings)
    with st.expander(t("Another text"), icon=":material/edit:"):
        st.text_area(
            t("Text of this lesson"),
            key=TEXT,
            height=120,
            help=t("The question stays; the numbers, and which answer is right, are computed anew."),
            persist_state="session",
        )
    return text


def _text(lesson: Lesson) -> str:
    """The text of the lesson: from the box, from a link, or its own."""
    if TEXT not in st.session_state:
        st.session_state[TEXT] = address.get(TEXT) or lesson.text
        st.session_state[TEXT_OF] = lesson.name
    elif st.session_state.get(TEXT_OF) != lesson.name:
        st.session_state[TEXT], st.session_state[TEXT_OF] = lesson.text, lesson.name
    if address.get(TEXT) not in (None, st.session_state[TEXT]):  # another text is read now
        address.put(TEXT, "")
    text: str = st.session_state[TEXT]
    return text if text.strip() else lesson.text


def predict(lesson: Lesson) -> int | None:
    """What the person expects, of the options by its place; ``None`` before a choice."""
    return st.radio(
        f"**{t(lesson.question)}**",
        range(len(lesson.options)),
        index=None,
        format_func=lambda place: t(lesson.options[place]),
        key=f"{PREDICTION}_{lesson.name}",
    )


def reveal(lesson: Lesson, text: str, prediction: int | None) -> Finding | None:
    """The numbers, once they are asked for; ``None`` before, and where they cannot be measured."""
    subject = (lesson.name, text)
    if st.session_state.get(OPEN) != subject:
        hint = t("First choose what you expect.") if prediction is None else None
        if not st.button(
            t("Show what the model does"), key="reveal", type="primary", disabled=prediction is None, help=hint
        ):
            return None
        st.session_state[OPEN] = subject

    def run(reader: Reader, progress: Progress) -> Finding:
        return lesson.measure(reader, text, progress)

    finding = runs.experiment_on(f"lesson {lesson.name}", lesson.model, text, None, run)
    if finding is None:
        del st.session_state[OPEN]
        return None
    _judge(lesson, finding, prediction)
    st.markdown(f"### {finding.statement.render(t, literal)}")
    show.figure(chart(finding), key="lesson_numbers")
    show.caveat(lesson.caveat)
    return finding


def _judge(lesson: Lesson, finding: Finding, prediction: int | None) -> None:
    """Was the prediction right? It is remembered."""
    answer = t(lesson.options[finding.answer])
    if prediction is None:
        st.info(t("The numbers say: {answer}.", answer=answer), icon=":material/check:")
        return
    if prediction == finding.answer:
        st.success(t("You were right: {answer}.", answer=answer), icon=":material/check:")
    else:
        st.warning(t("The numbers say something else: {answer}.", answer=answer), icon=":material/close:")
    done = _progress() | {lesson.name: RIGHT if prediction == finding.answer else WRONG}
    st.session_state[address.PROGRESS] = " ".join(f"{name}:{mark}" for name, mark in done.items())


def _progress() -> dict[str, str]:
    """Which lessons are done, and how: from the tab."""
    parts = (part.partition(":") for part in st.session_state.get(address.PROGRESS, "").split())
    return {name: mark for name, _, mark in parts if mark in (RIGHT, WRONG)}


def chart(finding: Finding, **options: str) -> Any:
    """The numbers of a lesson as bars."""
    return figures.number_bars(
        [row.name.render(t) for row in finding.rows],
        [row.value for row in finding.rows],
        unit=finding.unit.render(t),
        share=finding.is_share,
        translate=t,
        **({"title": "", "caption": ""} | options),
    )


def show_steps(lesson: Lesson) -> None:
    """The ways to the lesson before and to the next."""
    from memviz.lessons import COURSE

    place = COURSE.index(lesson.name)
    row = st.container(horizontal=True, horizontal_alignment="distribute")
    present = bool(st.session_state.get(PRESENT))
    for step, label, key in ((-1, t("Lesson before"), "Left"), (1, t("Next lesson"), "Right")):
        row.button(
            label,
            key=f"lesson_{key.lower()}",
            disabled=not 0 <= place + step < len(COURSE),
            shortcut=key if present else None,
            on_click=_open,
            args=(COURSE[(place + step) % len(COURSE)],),
        )


def _open(name: str) -> None:
    st.session_state[LESSON] = name
