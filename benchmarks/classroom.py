"""Does one machine carry a class? `python -m benchmarks.classroom [--pause 15 30] [--minutes 5] [--long] [--compare]`,
`… --front-ends 2`, `… --cost`, `… --memory`

Students without a browser, who speak Streamlit's own messages over a websocket, paste 40 to 110 words, one text after
the other, over the pages Home, Heads, Recall and Translate. Each checks that what a page shows is the student's own
text. ``--long``: in the middle someone else has 7,000 words read by SmolLM2; the times are those of the students.
A time counts from the paste until the page has all of its answer. Who gets no answer presses again: "by hand".

``--front-ends``: so many servers on this machine, as `docs/serving.md` has them; a student stays with one of them, as
the proxy's cookie makes a browser do. (The proxy itself is left out.)
``--compare``: the class twice, without and with a reading of some 8,000 tokens in progress all the time; how much
longer a short reading then takes. ``--cost``: what one answer costs the server, in seconds of a core, and how many
students a core carries. ``--memory``: one student, 1,000 texts, and the memory of the server after every hundred.

The students run on the same processors as the server, which must have nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from tests.browser.serving import serving_process

PAGES = ("", "heads", "recall", "translate")  # Home has no path
WORDS = (40, 110)
LONG_WORDS = 7000
LONG_MODEL = "smollm2"
PATIENCE = 600.0  # seconds until a student gives up
AGAIN = 3.0  # seconds until a student without an answer presses again
TARGETS = {
    "15–30 s, with the long text": "p95 of the students ≤ 3 s, 0 pressed by hand",
    "3–8 s": "all answered, p95 ≤ 8 s",
}
READINGS, EVERY = 1000, 100
COST_ANSWERS = 40  # of which the seconds are the mean
SHARE = 2 / 3  # of a core that may be busy before queues grow

NOUNS = (
    "teacher garden river window letter market doctor village bridge mountain kitchen picture station winter".split()
)
ADJECTIVES = "small old red quiet long bright heavy young cold famous green happy simple strange".split()
VERBS = "found watched carried opened remembered followed painted crossed visited described".split()
PLACES = "near behind under above beside".split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--pause", type=float, nargs=2, default=(15.0, 30.0), metavar="SECONDS", help="between pastes")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--long", action="store_true", help=f"one text of {LONG_WORDS:,} words in the middle")
    parser.add_argument("--threads", type=int, default=2, help="of all servers together")
    parser.add_argument("--front-ends", type=int, default=1, metavar="N", help="servers that share the class")
    parser.add_argument("--compare", action="store_true", help="with and without a long reading in progress")
    parser.add_argument("--cost", action="store_true", help="seconds of a core for an answer")
    parser.add_argument("--memory", action="store_true", help=f"the memory of the server over {READINGS:,} texts")
    options = parser.parse_args()
    threads = str(max(1, options.threads // options.front_ends))
    with ExitStack() as stack:
        servers = [stack.enter_context(serving_process(OMP_NUM_THREADS=threads)) for _ in range(options.front_ends)]
        addresses, (address, process) = [address for address, _ in servers], servers[0]
        if options.memory:
            asyncio.run(watch_memory(address, process.pid))
            return
        load = os.getloadavg()[0]
        print(
            f"{options.threads} threads, front ends: {options.front_ends}, load of the machine {load:.1f}", flush=True
        )
        lesson = Lesson(options.students, tuple(options.pause), 60 * options.minutes, options.long)
        if options.cost:
            print(cost(asyncio.run(spend(address, process.pid))))
            return
        if options.compare:
            without = asyncio.run(hold(replace(lesson, long=False), addresses))
            print(table(lesson, without), "\n\nthe same, with a long reading in progress all the time\n", flush=True)
            beside = asyncio.run(hold(replace(lesson, long=True, all_the_time=True), addresses))
            print(table(lesson, beside), "\n\n" + comparison(without, beside), flush=True)
            return
        answers = asyncio.run(hold(lesson, addresses))
    print(table(lesson, answers), flush=True)
    print(f"\nload of the machine {os.getloadavg()[0]:.1f}")
    if any(answer.mixed for answer in answers):
        raise SystemExit("a page showed another text than the student's own")


@dataclass(frozen=True)
class Lesson:
    """So many students, who wait so long between pastes (seconds, from – to), for so many seconds."""

    students: int
    pause: tuple[float, float]
    seconds: float
    long: bool = False
    all_the_time: bool = False  # one long text after the other, and not one in the middle
    pages: tuple[str, ...] = PAGES


@dataclass
class Answer:
    """What came of one paste.

    seconds   from the paste until the page has its answer; ``None``: it never had
    busy      how often the page said that there is no place in the queue
    pressed   how often the student had to press again
    mixed     texts on the page that are not the student's
    """

    page: str
    seconds: float | None = None
    busy: int = 0
    pressed: int = 0
    long: bool = False
    mixed: list[str] = field(default_factory=list)


class Run:
    """What one run of a page put there."""

    def __init__(self) -> None:
        self.elements: list[Element] = []

    def take(self, message: ForwardMsg) -> None:
        """One message of the server; raises where it is an exception on the page."""
        if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "exception":
                raise RuntimeError(f"the page broke: {element.exception.type} {element.exception.message}")
            self.elements.append(element)

    @property
    def alerts(self) -> list[str]:
        """What it said in boxes: what it waits for, or why it shows nothing."""
        return [element.alert.body for element in self.elements if element.WhichOneof("type") == "alert"]

    @property
    def busy(self) -> bool:
        """Did it say that there is no place in the queue?"""
        return any("readings are waiting before you" in alert for alert in self.alerts)

    def drawings(self) -> list[tuple[str, dict]]:
        """(name of the component, what it was sent) for every component."""
        sent = [element.bidi_component for element in self.elements if element.WhichOneof("type") == "bidi_component"]
        return [(part.component_name.split(".")[-1], json.loads(part.mixed.json or part.json or "{}")) for part in sent]

    def answered(self) -> bool:
        """Does it show words, heads or links?"""
        return any(name in ("words_view", "heads_grid", "cross_view") for name, _ in self.drawings())

    def mixed(self, text: str) -> list[str]:
        """What it shows that is not of this ``text``: words, a first sentence, the text of a link."""
        wrong: list[str] = []
        for name, values in self.drawings():
            if name == "words_view" and _letters(values["words"]) != _letters([text]):
                wrong.append(" ".join(values["words"]))
            elif name == "cross_view" and not _letters([text]).startswith(_letters(values["sources"])):
                wrong.append(" ".join(values["sources"]))
            elif name == "copy_button":
                wrong += [other for other in parse_qs(urlparse(values["text"]).query).get("text", []) if other != text]
        return wrong


def _letters(words: Sequence[str]) -> str:
    """The characters of some words without white space and special tokens."""
    special = ("[CLS]", "[SEP]", "<s>", "</s>", "<|endoftext|>")
    return "".join("".join(word for word in words if word not in special).split())


class Student:
    """Someone at a page of the server, by websocket."""

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self._connection, self._address = connection, address
        self._pages: dict[str, str] = {}  # path → the hash by which the server knows the page
        self._page = self._box = self._session = ""
        self.query = ""
        self.run = Run()  # the last one

    async def go(self, page: str) -> Run:
        """To another page, by its link."""
        self._page = page
        return await self._run({})

    async def paste(self, text: str, page: str, *, long: bool = False) -> Answer:
        """Has a text read on this page, and presses again until there is an answer."""
        if page != self._page or not self._box:
            await self.go(page)
        answer, began = Answer(page or "home", long=long), time.monotonic()
        while True:
            run = self.run = await self._run({self._box: text})
            answer.busy += run.busy
            if run.answered():
                answer.seconds = time.monotonic() - began
                answer.mixed = run.mixed(text)
                return answer
            if time.monotonic() - began > PATIENCE:
                return answer
            answer.pressed += 1
            await asyncio.sleep(AGAIN)

    async def export(self, ending: str) -> str:
        """The address of a file that the page on show gives away; it is made now."""
        buttons = [item.download_button for item in self.run.elements if item.WhichOneof("type") == "download_button"]
        message = BackMsg()
        request = message.backend_operation_request
        request.request_id, request.session_id = ending, self._session
        request.deferred_file.file_id = next(
            button.deferred_file_id for button in buttons if button.id.split("-")[-1].endswith(ending)
        )
        await self._connection.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = ForwardMsg()
                answer.ParseFromString(await self._connection.recv(decode=False))
                if answer.WhichOneof("type") == "backend_operation_response":
                    return answer.backend_operation_response.deferred_file.url

    async def _run(self, texts: Mapping[str, str]) -> Run:
        """One run of the page, with these texts in its boxes."""
        message = BackMsg()
        request = message.rerun_script
        request.query_string = self.query
        request.page_script_hash = self._pages.get(self._page, "")
        request.page_name = "" if request.page_script_hash else self._page
        request.context_info.url = f"{self._address}/{self._page}"
        request.context_info.locale = "en-US"
        for box, text in texts.items():
            widget = request.widget_states.widgets.add()
            widget.id, widget.string_value = box, text
        await self._connection.send(message.SerializeToString())
        run = Run()
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = ForwardMsg()
                answer.ParseFromString(await self._connection.recv(decode=False))
                self._notice(answer)
                run.take(answer)
                if answer.WhichOneof("type") == "script_finished":
                    if answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                        return run
                    run = Run()

    def _notice(self, message: ForwardMsg) -> None:
        """Keeps what the next message to the server must name."""
        if message.WhichOneof("type") == "new_session":
            self._session = message.new_session.initialize.session_id
        if message.WhichOneof("type") == "navigation":
            pages = message.navigation.app_pages
            self._pages = {"" if page.is_default else page.url_pathname: page.page_script_hash for page in pages}
        element = message.delta.new_element
        if element.WhichOneof("type") == "text_area":
            self._box = element.text_area.id


@asynccontextmanager
async def student(address: str, *, query: str = "", cookie: str = ""):
    """Someone who has a tab open; the ``cookie`` is the browser's."""
    url = address.replace("http", "ws", 1) + "/_stcore/stream"
    headers = {"Cookie": cookie} if cookie else None
    async with connect(
        url, subprotocols=["streamlit"], max_size=None, ping_timeout=None, additional_headers=headers
    ) as connection:
        person = Student(connection, address)
        person.query = query
        yield person


async def hold(lesson: Lesson, addresses: Sequence[str]) -> list[Answer]:
    """All answers of a lesson at these servers; the models are opened before it begins."""
    await asyncio.gather(*(open_models(lesson, address) for address in addresses))
    end = time.monotonic() + lesson.seconds
    people = [attend(number, lesson, addresses[number % len(addresses)], end) for number in range(lesson.students)]
    if lesson.long:
        people.append(
            read_all_the_time(addresses[0], end) if lesson.all_the_time else read_long(addresses[0], lesson.seconds / 2)
        )
    return list(itertools.chain.from_iterable(await asyncio.gather(*people)))


async def open_models(lesson: Lesson, address: str) -> None:
    """Everyone's models are open when the lesson begins."""
    for page in lesson.pages:
        async with student(address) as person:
            await person.go(page)
    if lesson.long:
        async with student(address, query=f"model={LONG_MODEL}") as person:
            await person.paste(compose(random.Random(0), WORDS[0], "Nobody reads this."), "")


async def attend(number: int, lesson: Lesson, address: str, end: float) -> list[Answer]:
    """One student's lesson: a text, a pause, and so on."""
    chance, answers = random.Random(number), []
    await asyncio.sleep(chance.uniform(0, lesson.pause[1]))
    async with student(address) as person:
        for turn in itertools.count():
            text = compose(chance, chance.randint(*WORDS), f"Student {number} brings text {turn}.")
            answers.append(await person.paste(text, chance.choice(lesson.pages)))
            await asyncio.sleep(chance.uniform(*lesson.pause))
            if time.monotonic() >= end:
                return answers
    raise AssertionError("a lesson has an end")


async def read_long(address: str, after: float) -> list[Answer]:
    """The long text, in the middle of the lesson."""
    text = compose(random.Random(-1), LONG_WORDS, "This is the long text.")
    async with student(address, query=f"model={LONG_MODEL}") as person:
        await person.go("")
        await asyncio.sleep(after)
        return [await person.paste(text, "", long=True)]


async def read_all_the_time(address: str, end: float) -> list[Answer]:
    """Long texts, one after the other, until the end of the lesson."""
    answers = []
    async with student(address, query=f"model={LONG_MODEL}") as person:
        for turn in itertools.count():
            text = compose(random.Random(-turn), LONG_WORDS, f"This is the long text {turn}.")
            answers.append(await person.paste(text, "", long=True))
            if time.monotonic() >= end:
                return answers
    raise AssertionError("a lesson has an end")


def comparison(without: Sequence[Answer], beside: Sequence[Answer]) -> str:
    """How much longer a short reading takes beside a long one; how many were mixed or lost."""
    lines, p95 = [], []
    for name, answers in (("without", without), ("beside a long reading", beside)):
        short = [answer for answer in answers if not answer.long]
        seconds = sorted(answer.seconds for answer in short if answer.seconds is not None)
        p95.append(percentile(seconds, 95))
        mixed, lost = sum(bool(answer.mixed) for answer in short), len(short) - len(seconds)
        times = f"p50 {statistics.median(seconds):.2f} s, p95 {p95[-1]:.2f} s"
        lines.append(f"{name}: {times}, {mixed} mixed, {lost} lost")
    return "\n".join([*lines, f"p95 beside over without: {p95[1] / p95[0]:.2f} × (target ≤ 3 ×, 0 mixed, 0 lost)"])


async def spend(address: str, pid: int) -> float:
    """Seconds of a core that an answer takes from the server, over all pages."""
    chance, server = random.Random(0), psutil.Process(pid)
    await open_models(Lesson(1, (0, 0), 0), address)
    async with student(address) as person:
        for page in PAGES:  # what comes in with the first answer of a page
            await person.paste(compose(chance, WORDS[0], "This is the first text."), page)
        before = sum(server.cpu_times()[:2])
        for turn, page in zip(range(COST_ANSWERS), _pages_in_turn(), strict=False):
            answer = await person.paste(compose(chance, chance.randint(*WORDS), f"This is text {turn}."), page)
            assert answer.seconds is not None
        return (sum(server.cpu_times()[:2]) - before) / COST_ANSWERS


def cost(seconds: float) -> str:
    """The sum of `docs/serving.md`: how many students a core carries."""
    lines = [f"{seconds:.2f} s of a core for an answer"]
    lines += [f"a paste every {pause:g} s: {SHARE * pause / seconds:.0f} students a core" for pause in (5.5, 22.5)]
    return "\n".join(lines)


def compose(chance: random.Random, words: int, beginning: str) -> str:
    """English sentences of about so many words, which begin with a sentence of the student's own."""
    count = len(beginning.split())
    sentences = [beginning]
    while count < words:
        who, what, where = chance.sample(NOUNS, 3)
        first, second = chance.sample(ADJECTIVES, 2)
        sentences.append(
            f"The {first} {who} {chance.choice(VERBS)} a {second} {what} {chance.choice(PLACES)} the {where}."
        )
        count += 10
    return " ".join(sentences)


def table(lesson: Lesson, answers: Sequence[Answer]) -> str:
    """The answers by page, and the targets."""
    short = [answer for answer in answers if not answer.long]
    low, high = lesson.pause
    lines = [
        f"{lesson.students} students, a paste {low:g}–{high:g} s after each answer, {lesson.seconds / 60:g} minutes",
        "",
        "  page        pastes  answered   mixed   busy   by hand      p50      p95   longest",
    ]
    pages = sorted({answer.page for answer in short})
    lines += [_row(page, [answer for answer in short if answer.page == page]) for page in pages]
    lines.append(_row("all", short))
    lines += [_row("the long", [answer]) for answer in answers if answer.long]
    lines += ["", *(f"target, {which}: {target}" for which, target in TARGETS.items())]
    return "\n".join(lines)


def _row(name: str, answers: Sequence[Answer]) -> str:
    seconds = sorted(answer.seconds for answer in answers if answer.seconds is not None)
    times = [statistics.median(seconds), percentile(seconds, 95), seconds[-1]] if seconds else []
    return (
        f"  {name:<10}{len(answers):8}{len(seconds):10}{sum(bool(answer.mixed) for answer in answers):8}"
        f"{sum(answer.busy for answer in answers):7}{sum(answer.pressed for answer in answers):10}  "
        + "".join(f"{value:7.2f} s" for value in times)
    )


def percentile(values: Sequence[float], share: int) -> float:
    """The smallest of the sorted values that at least ``share`` per cent of them do not exceed."""
    return values[max(-(-share * len(values) // 100) - 1, 0)]


async def watch_memory(address: str, pid: int) -> None:
    """The memory of the server while one student has a thousand texts read."""
    chance = random.Random(0)
    await open_models(Lesson(1, (0, 0), 0), address)
    print("  texts   resident memory of the server")
    print(f"{0:7,}   {resident(pid) / 1e6:8,.0f} MB", flush=True)
    async with student(address) as person:
        for turn, page in zip(range(1, READINGS + 1), _pages_in_turn(), strict=False):
            answer = await person.paste(compose(chance, chance.randint(*WORDS), f"This is text {turn}."), page)
            assert answer.seconds is not None
            assert not answer.mixed
            if turn % EVERY == 0:
                print(f"{turn:7,}   {resident(pid) / 1e6:8,.0f} MB", flush=True)


def _pages_in_turn() -> Iterator[str]:
    """The same page for ten texts, then the next."""
    return (page for page in itertools.cycle(PAGES) for _ in range(10))


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
