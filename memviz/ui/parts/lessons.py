"""The page Lessons: what to look at, what to predict, and then the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from memviz import figures
from memviz.errors import MemVizError
from memviz.models import CATALOGUE
from memviz.progress import Progress, no_progress
from memviz.ui.components import keys_to_page
from memviz.ui.parts import training
from memviz.ui.shell import address, frame, navigation, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.lessons import Finding, Lesson

LESSON, TEXT, PRESENT = "lesson", "lesson_text", "present"
PRESENT_SCALE = 1.6  # of the pictures' letters, as of those of the page
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
            wrap=True,  # on a phone, too, all are in sight
            **state.url_bound(LESSON, names),
        )
    lesson = LESSONS[name or names[0]]
    with right:
        present = st.toggle(
            t("Present"),
            help=t("Large type, without the list of pages; arrow keys go from lesson to lesson."),
            **state.url_bound(PRESENT, state.SWITCH),
        )
    number = names.index(lesson.name) + 1
    st.header(t("{number} of {count}: {title}", number=number, count=len(names), title=t(lesson.title)), anchor=False)
    if present:
        st.html(frame.STYLE.with_name("present.css"))
        keys_to_page()
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
    st.markdown("> " + "  \n> ".join(literal(line) for line in text.split("\n")))
    st.caption(_who_reads(lesson))
    if lesson.model:
        runs.offer_to_fetch(lesson.model)
    task, door = st.columns([4, 1], vertical_alignment="center")
    task.markdown(t(lesson.task))
    page = navigation.PAGES[lesson.page]
    pressed = door.button(t("Open {page}", page=t(page.title)), icon=page.icon, key="lesson_door")
    if pressed and lesson.trained:
        frame.choose(lesson.settings)
        navigation.open_page(page.path)
    elif pressed:
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


def _who_reads(lesson: Lesson) -> str:
    """The model of the lesson, or what is trained for it."""
    title = literal(CATALOGUE[lesson.model].title if lesson.model in CATALOGUE else lesson.model)
    if lesson.trained == "induction":
        return t("Read by two small models, which are trained here while you watch: less than a minute.")
    if lesson.trained == "classifier":
        return t("Read by {model}, of which a copy is trained here while you watch: less than a minute.", model=title)
    return t("Read by {model}.", model=title)


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
    measured = _measure(lesson, text)
    if measured is None:
        st.session_state.pop(OPEN, None)
        return None
    finding, charts = measured
    st.session_state[OPEN] = subject
    _judge(lesson, finding, prediction)
    st.markdown(f"### {finding.statement.render(t, literal)}")
    for number, place in enumerate(st.columns(len(finding.groups), gap="large")):
        with place:
            scale = PRESENT_SCALE if st.session_state.get(PRESENT) else 1.0
            show.figure(chart(finding, number, scale=scale), key=f"lesson_numbers_{number}")
    for number, figure in enumerate(charts):
        show.figure(figure, key=f"lesson_training_{number}")
    show.caveat(lesson.caveat)
    return finding


def _measure(lesson: Lesson, text: str) -> tuple[Finding, tuple[Any, ...]] | None:
    """The numbers, and pictures of what was trained for them; ``None``, with a message, where there are none."""
    if lesson.trained:
        return _measure_trained(lesson, text)

    def run(reader: Reader, progress: Progress) -> Finding:
        return lesson.measure(reader, text, progress)

    st.session_state[OPEN] = (lesson.name, text)  # who chooses something else meanwhile comes back to it
    finding = runs.experiment_on(f"lesson {lesson.name}", lesson.model, text, None, run)
    return None if finding is None else (finding, ())


def _measure_trained(lesson: Lesson, text: str) -> tuple[Finding, tuple[Any, ...]] | None:
    """The same of what the lesson trains, which is drawn meanwhile, and which the page Train shares."""
    subject: Any = _birth() if lesson.trained == "induction" else _classifier(lesson)
    if subject is None:
        return None
    try:
        finding = lesson.measure(subject, text, no_progress)
    except MemVizError as error:
        show.problem(error)
        return None
    return finding, training.birth_charts(*subject) if lesson.trained == "induction" else ()


def _birth() -> Any:
    """Both models, born while one watches, or remembered."""
    from memviz.lessons import training as course

    return training.watch_birth((course.SEED, course.STEPS))


def _classifier(lesson: Lesson) -> Any:
    """The model as it is, and the classifier, trained while one watches, or remembered."""
    from memviz.lessons import training as course
    from memviz.training import examples

    reader, lines = runs.open_reader(lesson.model), examples.sample()
    settings = training.Settings(lesson.model, lines.texts, lines.labels, course.LAYERS, course.EPOCHS, course.SEED)
    trained = training.watch_classifier(settings)
    return None if trained is None else (reader, trained)


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


def chart(finding: Finding, number: int = 0, **options: Any) -> Any:
    """The numbers of a lesson that have one unit, as bars."""
    group = finding.groups[number]
    return figures.number_bars(
        [row.name.render(t) for row in group.rows],
        [row.value for row in group.rows],
        unit=group.unit.render(t),
        share=group.is_share,
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
