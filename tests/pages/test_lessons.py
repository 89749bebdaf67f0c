"""The page Lessons: nothing is told before the prediction, and every text keeps its question."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from memviz.lessons import LESSONS
from memviz.locales import dictionary
from memviz.models.location import Preview
from memviz.progress import no_progress
from memviz.serving import cache
from memviz.ui.parts.lessons import PRESENT_SCALE
from memviz.ui.shell import runs
from memviz.ui.shell.navigation import PAGES

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

    def letters() -> float:
        return json.loads(here.app.get("plotly_chart")[0].proto.spec)["data"][0]["textfont"]["size"]

    before = letters()
    here.app.toggle(key="present").set_value(True).run()
    assert letters() == pytest.approx(PRESENT_SCALE * before), "a class reads the picture, too"


def shown(here) -> str:
    """All text on the page, as it is read."""
    return " ".join(item.value for item in here.app.markdown).replace("\\", "").replace("\u00a0", " ")


def plain(finding) -> str:
    return str(finding.statement).replace("\u00a0", " ")


def test_a_head_is_born_in_the_lesson_and_the_page_train_shares_it(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    from memviz.lessons import training as course
    from memviz.training import induction

    lesson, trained, real = LESSONS["birth"], [], induction.train
    assert (lesson.settings["seed"], lesson.settings["steps"]) == (str(course.SEED), str(course.STEPS))

    def train(layers: int, *settings: int, **told: object) -> induction.Induction:
        trained.append(layers)
        return real(layers, *settings, **told)

    monkeypatch.setattr(course, "STEPS", 25)
    monkeypatch.setattr(induction, "train", train)
    here = visit("lessons", lesson="birth")
    here.app.radio(key="prediction_birth").set_value(3)
    here.app.run()
    here.app.button(key="reveal").click().run()
    subject = real(2, 0, 25), real(1, 0, 25)
    finding = lesson.measure(subject, lesson.text, no_progress)
    assert finding.answer == 3, "after 25 steps neither knows anything"
    assert any(lesson.options[3] in box.value for box in here.app.success)
    assert plain(finding) in shown(here)
    assert here.pictures == ["chart"] * 4
    assert trained == [2, 1]
    here.app.run()
    assert trained == [2, 1], "it is remembered"
    monkeypatch.setattr(induction, "train", lambda layers, *_, **__: subject[layers == 1])
    here.press("lesson_door")
    assert str(subject[0].statement(subject[1])) in shown(here).replace("**", "")
    assert here.address["run"] == "1"


def test_a_classifier_is_trained_in_the_lesson(visit, minilm, monkeypatch: pytest.MonkeyPatch) -> None:
    from memviz.lessons import training as course
    from memviz.training import classifier, examples

    lines = examples.sample()
    few = examples.Examples(lines.texts[:24], lines.labels[:24])
    monkeypatch.setattr(examples, "sample", lambda: few)
    monkeypatch.setattr(course, "EPOCHS", 1)
    lesson, here = LESSONS["fine_tuning"], visit("lessons", lesson="fine_tuning")
    here.app.radio(key="prediction_fine_tuning").set_value(1)
    here.app.run()
    here.app.button(key="reveal").click().run()
    trained = classifier.train(few.texts, few.labels, minilm, 1, epochs=1, seed=0)
    finding = lesson.measure((minilm, trained), lesson.text, no_progress)
    assert plain(finding) in shown(here)
    assert any(lesson.options[1] in box.value for box in here.app.success)
    here.press("lesson_door")
    assert here.address.get("training") == "classifier"
    assert (here.address.get("tuned"), here.address.get("epochs")) == ("1", "3")


def test_a_model_that_is_not_here_is_offered_and_fetched_when_that_is_asked_for(visit, monkeypatch) -> None:
    opened: list[str] = []

    def fetch(name: str, question, **_: object) -> bool:
        opened.append(name)
        return question(None)

    def find(name: str, **_: object) -> Preview:
        here = name in opened
        return Preview(name=name, title="MiniLM", size=91_000_000, here=here, licence="Apache-2.0")

    monkeypatch.setattr(runs, "preview", find)
    monkeypatch.setattr(cache, "is_open", lambda name: False)
    monkeypatch.setattr(cache, "ask", fetch)
    here = visit("lessons", lesson="sinks")
    assert any("MiniLM is not on this machine yet: 0.09 GB" in note for note in here.notes)
    assert here.app.radio(key="prediction_sinks").options, "the lesson can be read meanwhile"
    assert opened == []
    here.press("fetch_ahead")
    assert opened == ["minilm"]
    assert not any("not on this machine" in note for note in here.notes)


@pytest.mark.parametrize("name", ["words", "recital"])
def test_a_text_of_several_lines_keeps_them_on_the_page_and_on_the_sheet(visit, name: str) -> None:
    from memviz.ui.share import LessonView

    lesson, here = LESSONS[name], visit("lessons", lesson=name)
    lines = lesson.text.split("\n")
    assert len(lines) >= 2
    (quoted,) = [item.value for item in here.app.markdown if item.value.startswith("> ")]
    assert quoted.replace("\\", "").split("  \n") == [f"> {line}" for line in lines]
    sheet = LessonView(lesson, lesson.text, None).handout(answers=False)
    assert f"<blockquote>{'<br>'.join(lines)}</blockquote>" in sheet


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_task_speaks_of_the_page_that_its_door_opens(language: str) -> None:
    words = dictionary(language)
    for lesson in LESSONS.values():
        title = words.get(PAGES[lesson.page].title, PAGES[lesson.page].title)
        others = {words.get(page.title, page.title) for page in PAGES.values()} - {title}
        task = words.get(lesson.task, lesson.task)
        quoted = f"“{title}”" if language == "zh" and title != "首页" else title
        assert quoted in task, lesson.name
        assert not [other for other in others if f"page {other}" in task or f"“{other}”页" in task], lesson.name


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


def test_the_link_for_a_class_has_lesson_and_text_and_hides_what_was_shown(visit) -> None:
    own = "The rain fell on the quiet town all night, and nobody came to the station."
    teacher = visit("lessons", lesson="sinks", lesson_text=own)
    teacher.app.radio(key="prediction_sinks").set_value(0)
    teacher.app.run()
    teacher.app.button(key="reveal").click().run()
    assert teacher.pictures == ["chart"]
    assert teacher._payloads("address_bar")[0]["texts"]["lesson_progress"].startswith("sinks:"), "the tab keeps it"
    link = dict(parse_qsl(teacher._payloads("copy_button")[0]["text"].partition("?")[2]))
    assert link == {"lang": "en", "lesson": "sinks", "lesson_text": own}
    student = visit("lessons", **link)
    assert student.app.text_area(key="lesson_text").value == own
    assert student.pictures == []
    assert student.app.radio(key="prediction_sinks").value is None
    assert student.app.button(key="reveal").disabled
    assert not [item for kind in ("success", "warning") for item in student.app.get(kind)]


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
