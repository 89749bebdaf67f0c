"""The page Lessons: nothing is told before the prediction, and every text keeps its question."""

from __future__ import annotations

import pytest

from memviz.lessons import LESSONS

pytestmark = pytest.mark.models


def test_the_numbers_come_after_the_prediction(visit) -> None:
    here = visit("lessons", lesson="sinks")
    lesson = LESSONS["sinks"]
    assert here.app.button(key="reveal").disabled
    assert not here.app.get("plotly_chart")
    here.app.radio(key="prediction_sinks").set_value(1)
    here.app.run()
    here.app.button(key="reveal").click().run()
    assert any(lesson.options[1] in box.value for box in here.app.success)
    assert len(here.app.get("plotly_chart")) == 1
    assert "sinks:right" in here.app.session_state["lesson_progress"]


def test_a_wrong_prediction_is_told_and_another_lesson_hides_its_numbers(visit) -> None:
    here = visit("lessons", lesson="sinks")
    here.app.radio(key="prediction_sinks").set_value(0)
    here.app.run()
    here.app.button(key="reveal").click().run()
    assert here.app.warning
    here.app.button(key="lesson_right").click().run()
    assert not here.app.get("plotly_chart")
    assert LESSONS["induction"].text in here.app.text_area(key="lesson_text").value


def test_a_link_brings_a_teachers_text(visit) -> None:
    here = visit("lessons", lesson="recital", lesson_text="only one line")
    here.app.radio(key="prediction_recital").set_value(0)
    here.app.run()
    here.app.button(key="reveal").click().run()
    assert any("two lines" in box.value for box in here.app.error)


def test_a_sheet_is_made_when_it_is_asked_for_and_holds_no_answer() -> None:
    from memviz.lessons import Finding, Row
    from memviz.note import Note
    from memviz.serving.ticket import Ticket
    from memviz.ui.share import LessonView

    lesson = LESSONS["sinks"]
    finding = Finding((Row(Note("of the attention"), 0.37),), Note("share"), 1, Note("It was <measured>."))
    view = Ticket(LessonView(lesson, lesson.text, finding)).get()
    sheet, answers = view.handout(answers=False), view.handout(answers=True)
    assert lesson.text in sheet
    assert all(option in sheet for option in lesson.options)
    assert "measured" not in sheet
    assert "It was &lt;measured&gt;." in answers
    assert "37" in answers


@pytest.mark.parametrize("name", ["heads", "first_token", "recital"])
def test_a_door_opens_the_page_with_the_lessons_text_and_model(visit, name: str) -> None:
    here, lesson = visit("lessons", lesson=name), LESSONS[name]
    here.press("lesson_door")
    assert here.errors == []
    assert here.input == (lesson.opens or lesson.text), "whether it is a sample of that page or not"
    assert here.state("writer" if lesson.page == "generate" else "model") == lesson.model
