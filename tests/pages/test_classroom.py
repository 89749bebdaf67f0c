"""A small class at one real server: everyone is answered, with their own text, and nobody presses twice."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.classroom import PAGES, Answer, Lesson, Run, comparison, compose, cost, percentile, student, table
from memviz.errors import BusyError
from memviz.serving.gate import Gate, nobody_waits
from memviz.serving.headers import HEADERS
from tests.browser.serving import ROOT, serving

STUDENTS, TEXTS = 4, 2  # each of the four pages is opened twice
TEXT = "Ann reads. Bob writes."


def drawn(name: str, **values: object) -> ForwardMsg:
    """A message that shows a component."""
    message = ForwardMsg()
    part = message.delta.new_element.bidi_component
    part.component_name, part.mixed.json = f"memviz.{name}", json.dumps(values)
    return message


@pytest.mark.models
def test_a_small_class_is_answered_and_nothing_is_mixed() -> None:
    async def attend(number: int, address: str) -> list[Answer]:
        chance = random.Random(number)
        async with student(address) as person:
            return [
                await person.paste(
                    compose(chance, 30, f"Student {number} brings text {turn}."), PAGES[(number + turn) % len(PAGES)]
                )
                for turn in range(TEXTS)
            ]

    async def hold(address: str) -> list[list[Answer]]:
        return await asyncio.gather(*(attend(number, address) for number in range(STUDENTS)))

    with serving(ROOT / "server.py") as address:  # as others are served
        assert urllib.request.urlopen(address).headers["X-Frame-Options"] == HEADERS["X-Frame-Options"]
        with ThreadPoolExecutor(1) as thread:  # the tests of the browser keep a loop running in this one
            together = thread.submit(lambda: asyncio.run(hold(address))).result()
        answers = [answer for several in together for answer in several]
    assert len(answers) == STUDENTS * TEXTS
    assert {answer.page for answer in answers} == {page or "home" for page in PAGES}
    assert all(answer.seconds is not None for answer in answers)
    assert [text for answer in answers for text in answer.mixed] == []
    assert (sum(answer.busy for answer in answers), sum(answer.pressed for answer in answers)) == (0, 0)


@pytest.mark.parametrize(
    ("message", "mixed"),
    [
        (drawn("words_view", words=["[CLS]", "Ann", "reads", ".", "Bob", "writes", ".", "[SEP]"]), []),
        (drawn("words_view", words=["Ann", "reads", "."]), ["Ann reads ."]),
        (drawn("cross_view", sources=["Ann", "reads", ".", "</s>"]), []),
        (drawn("cross_view", sources=["Bob", "writes", ".", "</s>"]), ["Bob writes . </s>"]),
        (drawn("copy_button", text="http://x/heads?model=minilm&text=Ann+reads.+Bob+writes."), []),
        (drawn("copy_button", text="http://x/heads?text=Eve+reads."), ["Eve reads."]),
    ],
)
def test_a_text_that_is_not_the_students_is_noticed(message: ForwardMsg, mixed: list[str]) -> None:
    run = Run()
    run.take(message)
    assert run.mixed(TEXT) == mixed
    assert run.answered() == (message.delta.new_element.bidi_component.component_name != "memviz.copy_button")


def test_a_full_queue_is_noticed() -> None:
    gate, run = Gate(runs=1, places=0), Run()
    assert not run.busy
    with gate.enter(nobody_waits), pytest.raises(BusyError) as refused, gate.enter(nobody_waits):
        pass
    message = ForwardMsg()
    message.delta.new_element.alert.body = str(refused.value)
    run.take(message)
    assert run.busy
    assert not run.answered()


def test_a_page_that_breaks_is_noticed() -> None:
    message = ForwardMsg()
    message.delta.new_element.exception.type = "KeyError"
    with pytest.raises(RuntimeError, match="the page broke: KeyError"):
        Run().take(message)


def test_the_table_counts_every_answer_and_keeps_the_long_one_apart() -> None:
    answers = [Answer("home", seconds) for seconds in range(1, 21)]
    answers += [Answer("heads", None, busy=2, pressed=3), Answer("home", 99.0, long=True)]
    rows = {
        line.split("  ")[1]: line.split()
        for line in table(Lesson(2, (3, 8), 60), answers).splitlines()
        if line[:2] == "  "
    }
    assert rows["home"][1:] == ["20", "20", "0", "0", "0", "10.50", "s", "19.00", "s", "20.00", "s"]
    assert rows["heads"][1:] == ["1", "0", "0", "2", "3"]
    assert rows["all"][1:6] == ["21", "20", "0", "2", "3"]
    assert rows["the long"][-2:] == ["99.00", "s"]
    assert percentile([1.0], 95) == 1.0


def test_what_a_long_reading_costs_the_others_is_told_without_it() -> None:
    without = [Answer("home", float(seconds)) for seconds in range(1, 21)]
    beside = [Answer("home", 2.0 * seconds, mixed=["b"] * (seconds == 1)) for seconds in range(1, 21)]
    beside += [Answer("home"), Answer("home", 99.0, long=True)]
    assert comparison(without, beside).splitlines() == [
        "without: p50 10.50 s, p95 19.00 s, 0 mixed, 0 lost",
        "beside a long reading: p50 21.00 s, p95 38.00 s, 1 mixed, 1 lost",
        "p95 beside over without: 2.00 × (target ≤ 3 ×, 0 mixed, 0 lost)",
    ]


def test_the_sum_says_how_many_students_a_core_carries() -> None:
    assert cost(0.5).splitlines() == [
        "0.50 s of a core for an answer",
        "a paste every 5.5 s: 7 students a core",
        "a paste every 22.5 s: 30 students a core",
    ]
