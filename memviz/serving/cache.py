"""Models and traces that are kept between reruns: bounded, shared by all readers, keyed by strings.

Streamlit hashes large arrays by a sample, so nothing here is ever keyed by an array.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from cachetools import LRUCache

import memviz
from memviz.memory import Forget, OnLayers
from memviz.models import Policy, clean_name
from memviz.progress import Progress, no_progress, work_clock
from memviz.serving.cluster import Cluster
from memviz.serving.engine import Action, Engine, Job, Key, Question, Result, Watcher
from memviz.serving.gate import OPENING, RUNNING, OnWait, Turn, nobody_waits
from memviz.serving.pace import Pace
from memviz.settings import defaults, number
from memviz.trace import Trace

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

DEVICE = os.environ.get("MEMVIZ_DEVICE")  # "cuda", "mps" or "cpu"; the best there is when unset
PRECISION = os.environ.get("MEMVIZ_PRECISION")  # "float32", "bfloat16" or "float16"

SERVER = {"MEMVIZ_MAX_TOKENS": 8192}  # where the operator sets nothing else; in a notebook nothing is set
PACE = Pace()
WRITTEN_TOKEN = 40  # a token that is written takes about as long as so many characters that are read
SENSED = 1_000  # characters that a picture or a sound counts as
SWITCH = 0.001  # seconds: torch lets go of the interpreter in every operation, and waits so long while a page is drawn
sys.setswitchinterval(SWITCH)

_lock = threading.Lock()
_readers: LRUCache[str, Reader] = LRUCache(maxsize=number("MEMVIZ_OPEN_MODELS", 4, minimum=1))
_CAPACITY = number("MEMVIZ_TRACE_GB", 2.0, minimum=0.01) * 1e9  # bytes


def _size(trace: Trace) -> float:
    """Bytes of a trace; one that is larger than the cache fills it, so that a page that is shown is not read again."""
    return min(trace.nbytes + 10_000, _CAPACITY)


_traces: LRUCache[Key, Trace] = LRUCache(maxsize=_CAPACITY, getsizeof=_size)
_answers: LRUCache[Key, object] = LRUCache(maxsize=40)  # what was asked of models without a run
_searches: LRUCache[Key, object] = LRUCache(maxsize=16)
_experiments: LRUCache[Key, object] = LRUCache(maxsize=128)  # their results are small: numbers, no weights
_trainings: LRUCache[Key, object] = LRUCache(maxsize=number("MEMVIZ_TRAININGS", 8, minimum=1))  # with their weights


@dataclass(eq=False)
class Asker:
    """Somebody for whom things are kept here: under which keys, in which store."""

    keys: set[tuple[int, Key]] = field(default_factory=set)


_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


@contextmanager
def asked_by(asker: Asker) -> Iterator[None]:
    """What is kept while this block runs is kept for them, so that `forget_asked` finds it."""
    token = _asker.set(asker)
    try:
        yield
    finally:
        _asker.reset(token)


def _note(store: LRUCache[Key, Result], key: Key) -> None:
    """This is kept for whoever asks now."""
    if (asker := _asker.get()) is not None:
        asker.keys.add((id(store), key))


def forget_asked(asker: Asker) -> int:
    """Lets go of all that was kept for them: readings, answers, what was found, and what was trained; how many.

    Whoever asks for the same again, also someone else, has it made once more.
    """
    with _lock:
        stores = {id(store): store for store in (_traces, _answers, _searches, _experiments, _trainings)}
        dropped = [stores[number].pop(key, None) for number, key in asker.keys]
        asker.keys.clear()
    return sum(item is not None for item in dropped)


class InProcess:
    """The engine of this process: a few models that are open, and one queue before them; see `Engine`.

    ``remembers``: what came of a job is kept for whoever asks for the same.
    """

    def __init__(self, *, remembers: bool = True) -> None:
        self._remembers = remembers

    def is_open(self, model: str) -> bool:
        """Is this model open already?"""
        key = clean_name(model, policy=Policy.server())
        with _lock:
            return key in _readers

    def ask(self, model: str, question: Question, watcher: Watcher) -> Any:
        """The answer of a model, which is opened (and fetched) first."""
        reader = open_reader(model, on_wait=watcher.on_wait, progress=watcher.progress)
        with defaults(SERVER):
            return question(reader)

    def run(self, job: Job, watcher: Watcher) -> Any:
        """What came of a job; what is remembered of it, unless it has to run now."""
        store: LRUCache[Key, Any] = _traces if job.store == "traces" else _experiments
        reader = open_reader(job.work.model, on_wait=watcher.on_wait, progress=watcher.progress)

        def run_bounded(turn: Turn) -> Any:
            with defaults(SERVER):
                return job.action(reader, replace(watcher, progress=giving_way(turn, watcher.progress)))

        try:
            return _once(store, job.key, cast("Work", job.work), run_bounded, on_wait=watcher.on_wait)
        finally:
            if not self._remembers:
                with _lock:
                    store.pop(job.key, None)


def forgetful_engine() -> Engine:
    """The engine of a replica: what it has read is remembered by the front ends alone, where it can be forgotten."""
    return InProcess(remembers=False)


@functools.cache
def engine() -> Engine:
    """Where models run: in this process, or on the cluster that `MEMVIZ_ENGINE` names.

    Raises `EngineError` where the setting names nothing.
    """
    return InProcess() if runs_here() else Cluster(_setting())


def runs_here() -> bool:
    """Do models run in this process?"""
    return _setting() in ("", "local")


def _setting() -> str:
    return os.environ.get("MEMVIZ_ENGINE", "").strip()


def is_open(name: str) -> bool:
    """Is this model open already, under this name or another? Raises a `ModelError` for what cannot be a name."""
    return engine().is_open(clean_name(name, policy=Policy.server()))


def ask(
    name: str, question: Callable[[Reader], Result], *, key: Key | None = None, on_wait: OnWait, progress: Progress
) -> Result:
    """What a model says of itself or of a text, without a run; it is opened first.

    ``question`` holds nothing of a page: it may be sent to another machine. Under a ``key`` the answer is remembered.
    Raises as `open_reader` does.
    """
    whole_key = (clean_name(name, policy=Policy.server()), *(key or ()))
    answers = cast("LRUCache[Key, Result]", _answers)
    if key is not None:
        _note(answers, whole_key)
    with _lock:
        if key is not None and whole_key in answers:
            return answers[whole_key]
    result: Result = engine().ask(name, question, Watcher(on_wait, progress))
    if key is not None:
        with _lock:
            answers[whole_key] = result
    return result


def open_reader(name: str, *, on_wait: OnWait, progress: Progress) -> Reader:
    """The model of that name in this process, opened (and fetched) now unless it is open.

    Raises `BusyError` when the queue is full.
    """
    key = clean_name(name, policy=Policy.server())
    with _lock:
        if key in _readers:
            return _readers[key]
    with OPENING.enter(on_wait):
        with _lock:
            if key in _readers:
                return _readers[key]
        progress(0.0, "Opening the model")
        reader = memviz.load(name, device=DEVICE, precision=PRECISION, policy=Policy.server(), progress=progress)
        with _lock:
            _readers[key] = reader
        return reader


def read(
    model: str,
    text: str,
    pair: str | None,
    *,
    on_wait: OnWait,
    progress: Progress,
    on_layers: OnLayers | None = None,
) -> Trace:
    """The reading of a text by a model; read now, unless it is still remembered: ``on_layers`` is then not called."""
    return get_or_run(
        ("read", text, pair or "", str(pair is not None)),
        Work("read", model, characters=len(text) + len(pair or "")),
        partial(_read, text, pair),
        Watcher(on_wait, progress, on_layers),
    )


def _read(text: str, pair: str | None, reader: Reader, watcher: Watcher) -> Trace:
    return reader.read(text, pair, on_layers=watcher.on_layers, progress=watcher.progress)


@dataclass(frozen=True)
class TranslationOptions:
    """What a text should be translated into, and how; see `Reader.translate`.

    ``whole``: the text is read as one sentence, and is not split.
    """

    target: str | None = None
    forget: Forget | None = None
    languages: tuple[str, str] | None = None
    task: str | None = None
    whole: bool = False


def translate(model: str, text: str, options: TranslationOptions, *, on_wait: OnWait, progress: Progress) -> Trace:
    """The translation of a text by a model; made now, unless it is still remembered."""
    work = Work("translate", model, characters=len(text) + len(options.target or ""))
    action = partial(_translate, text, options)
    return get_or_run(("translate", text, repr(options)), work, action, Watcher(on_wait, progress))


def _translate(text: str, options: TranslationOptions, reader: Reader, watcher: Watcher) -> Trace:
    return reader.translate(
        text,
        options.target,
        options.forget,
        languages=options.languages,
        task=options.task,
        split=not options.whole,
        progress=watcher.progress,
    )


def look(model: str, content: bytes, forget: Forget | None, *, on_wait: OnWait, progress: Progress) -> Trace:
    """The reading of a picture, the bytes of its file; looked at now, unless it is still remembered."""
    key = ("look", hashlib.sha256(content).hexdigest(), repr(forget))
    work = Work("look", model, characters=SENSED)
    return get_or_run(key, work, partial(_look, content, forget), Watcher(on_wait, progress))


def _look(content: bytes, forget: Forget | None, reader: Reader, watcher: Watcher) -> Trace:
    return reader.look(content, forget, progress=watcher.progress)


@dataclass(frozen=True)
class HearingOptions:
    """How a sound should be heard; see `Reader.transcribe`."""

    start: float = 0.0
    language: str | None = None
    target: str | None = None
    by_character: bool = False
    prefix: tuple[int, ...] = ()
    forget: Forget | None = None
    kind: Literal["cross", "decoder"] = "cross"


def transcribe(model: str, content: bytes, options: HearingOptions, *, on_wait: OnWait, progress: Progress) -> Trace:
    """What is written for a sound, the bytes of its file; heard now, unless it is still remembered."""
    key = ("transcribe", hashlib.sha256(content).hexdigest(), repr(options))
    work = Work("transcribe", model, characters=SENSED)
    return get_or_run(key, work, partial(_transcribe, content, options), Watcher(on_wait, progress))


def _transcribe(content: bytes, options: HearingOptions, reader: Reader, watcher: Watcher) -> Trace:
    return reader.transcribe(
        content,
        target=options.target,
        forget=options.forget,
        start=options.start,
        language=options.language,
        prefix=options.prefix,
        by_character=options.by_character,
        kind=options.kind,
        progress=watcher.progress,
    )


@dataclass(frozen=True)
class GenerationOptions:
    """How a text should be continued; see `Reader.generate`.

    tokens   how many are written at most, after the ``prefix``
    chat     the text is what a person says in a chat, after the words of the ``system``
    """

    tokens: int = 64
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    chat: bool = False
    system: str = ""
    prefix: tuple[int, ...] = ()

    def messages(self, text: str) -> list[dict[str, str]] | None:
        """The ``text`` as a chat; ``None`` where it is none."""
        if not self.chat:
            return None
        system = [{"role": "system", "content": self.system}] if self.system.strip() else []
        return [*system, {"role": "user", "content": text}]


class _StoppedEarly(Exception):  # noqa: N818 - carries what was written; nothing is wrong
    """Somebody stopped the writing: what there is must not be taken for all of it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace


def generate(
    model: str,
    text: str,
    options: GenerationOptions,
    *,
    on_wait: OnWait,
    progress: Progress,
    on_token: Callable[[str], bool] | None = None,
) -> Trace:
    """How a model continues a text; written now, unless it is still remembered: ``on_token`` is then not called.

    What ``on_token`` stopped is remembered as a text of so many tokens, and never as the whole.
    """
    system = options.system if options.chat else ""
    work = Work("generate", model, characters=len(text) + len(system) + WRITTEN_TOKEN * options.tokens)
    watcher = Watcher(on_wait, progress, on_token=on_token)
    try:
        return get_or_run(("generate", text, repr(options)), work, partial(_generate, text, options), watcher)
    except _StoppedEarly as early:
        written = len(early.trace.steps) - len(options.prefix)
        shorter = replace(options, tokens=written)
        key = ("generate", text, repr(shorter))
        _remember_origin(early.trace, Origin(key, work, partial(_generate, text, shorter)))
        whole = (clean_name(model, policy=Policy.server()), *key)
        _note(_traces, whole)
        with _lock:
            _traces[whole] = early.trace
        return early.trace


def _generate(text: str, options: GenerationOptions, reader: Reader, watcher: Watcher) -> Trace:
    trace = reader.generate(
        None if options.chat else text,
        options.tokens,
        chat=options.messages(text),
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        stop=options.stop,
        prefix=options.prefix,
        on_token=watcher.on_token,
        progress=watcher.progress,
    )
    if trace.generation is not None and trace.generation.stop == "cancelled":
        raise _StoppedEarly(trace)
    return trace


@dataclass(frozen=True)
class Work:
    """What is done with a model, and on how many characters: tells how long it will take."""

    name: str
    model: str
    characters: int

    @property
    def seconds(self) -> float:
        """About how many seconds it will take."""
        return PACE.seconds(f"{self.name} {self.model}", self.characters)

    def observe(self, seconds: float) -> None:
        """It took so many seconds."""
        PACE.observe(f"{self.name} {self.model}", self.characters, seconds)


def get_or_run(key: Key, work: Work, action: Action, watcher: Watcher) -> Trace:
    """What a run of a model gave; run now, unless it is still remembered under this ``key`` of the model.

    ``action(reader, watcher)`` is given a progress that also gives way to shorter work. It holds nothing of a page: it
    may be sent to another machine, and is done again for one who watches no more, as when the trace was let go and a
    file of it is asked for. Raises as `open_reader` does.
    """
    whole_key = (clean_name(work.model, policy=Policy.server()), *key)
    _note(_traces, whole_key)
    with _lock:
        if whole_key in _traces:
            return _traces[whole_key]
    trace: Trace = engine().run(Job("traces", whole_key, work, action), watcher)
    with _lock:
        trace = _traces.setdefault(whole_key, trace)
    if origin(trace) is None:
        _remember_origin(trace, Origin(key, work, action))
    return trace


@dataclass(frozen=True)
class Origin:
    """How a trace is had again: from the cache, or by the same ``action`` once more; see `get_or_run`."""

    key: Key
    work: Work
    action: Action

    def trace(self) -> Trace:
        """The trace. Raises as `get_or_run` does."""
        return get_or_run(self.key, self.work, self.action, Watcher(nobody_waits, no_progress))


_origins: dict[int, Origin] = {}  # by the identity of each trace that is alive


def _remember_origin(trace: Trace, place: Origin) -> None:
    """This trace is had again from there, for as long as it is alive."""
    _origins[id(trace)] = place
    weakref.finalize(trace, _forget_origin, id(trace)).atexit = False


def _forget_origin(identity: int) -> None:
    """The trace of this identity is gone."""
    _origins.pop(identity, None)


def origin(trace: Trace) -> Origin | None:
    """How this trace is had again; ``None`` for one that did not come from here."""
    return _origins.get(id(trace))


def search(key: Key, work: Work, run: Callable[[Turn], Result], *, on_wait: OnWait) -> Result:
    """What a search of a trace found; searched now, unless it is still remembered under this key.

    It is searched in this process, where the trace is.

    A long text takes as long to search as to read: ``run(turn)`` has a turn of its own, which goes before those who
    have not read yet, and gives way (`Turn.give_way`) between its parts. Raises `BusyError` when the queue is full.
    """
    return _once(cast("LRUCache[Key, Result]", _searches), key, work, run, on_wait=on_wait, ahead=True)


def experiment(
    name: str,
    model: str,
    text: str,
    settings: object,
    run: Callable[[Reader, Progress], Result],
    *,
    on_wait: OnWait,
    progress: Progress,
) -> Result:
    """The result of the experiment of this ``name``; run now, unless it is still remembered.

    It is remembered by the model, the text and the ``settings``, whose ``repr`` must tell them apart.
    ``run(reader, progress)`` is given a progress that also gives way to shorter work; it holds nothing of a page, since
    it may be sent to another machine. Raises as `open_reader` does, and what the experiment raises.
    """
    key = (clean_name(model, policy=Policy.server()), name, text, repr(settings))
    store = cast("LRUCache[Key, Result]", _experiments)
    _note(store, key)
    with _lock:
        if key in store:
            return store[key]
    job = Job("experiments", key, Work(name, model, characters=len(text)), partial(_experiment, run))
    result: Result = engine().run(job, Watcher(on_wait, progress))
    with _lock:
        store.setdefault(key, result)
    return result


def _experiment(run: Callable[[Reader, Progress], Result], reader: Reader, watcher: Watcher) -> Result:
    return run(reader, watcher.progress)


def train(
    name: str,
    settings: object,
    amount: int,
    run: Callable[[Progress], Result],
    *,
    on_wait: OnWait,
    progress: Progress,
) -> Result:
    """What the training of this ``name`` gave; trained now, unless it is still remembered by its ``settings``.

    ``run(progress)`` is given a progress that also gives way to shorter work; ``amount``: how much is learnt, such as
    the number of steps, which tells how long it will take. Who stops it leaves nothing behind. Raises `BusyError` when
    the queue is full, and what the training raises.
    """
    store, work = cast("LRUCache[Key, Result]", _trainings), Work(f"train {name}", "", characters=amount)
    return _once(
        store, _training_key(name, settings), work, lambda turn: run(giving_way(turn, progress)), on_wait=on_wait
    )


def trained(name: str, settings: object) -> object | None:
    """What the training of this ``name`` gave with these ``settings``; ``None``: it is not remembered."""
    with _lock:
        return _trainings.get(_training_key(name, settings))


def put_trained(name: str, settings: object, result: object) -> None:
    """Remembers what was trained elsewhere."""
    key = _training_key(name, settings)
    _note(_trainings, key)
    with _lock:
        _trainings[key] = result


def _training_key(name: str, settings: object) -> Key:
    """Short, whatever was learnt from."""
    return name, hashlib.sha256(repr(settings).encode()).hexdigest()


def _once(
    store: LRUCache[Key, Result],
    key: Key,
    work: Work,
    run: Callable[[Turn], Result],
    *,
    on_wait: OnWait,
    ahead: bool = False,
) -> Result:
    """What ``run(turn)`` gave; run now, unless it is in the ``store``, or comes there while we wait for our turn."""
    _note(store, key)
    with _lock:
        if key in store:
            return store[key]
    with RUNNING.enter(on_wait, seconds=work.seconds, ahead=ahead) as turn:
        with _lock:
            if key in store:
                return store[key]
        began = work_clock()
        with _threads(turn):
            result = run(turn)
        work.observe(work_clock() - began)
        with _lock:
            store[key] = result
    return result


def _threads(turn: Turn) -> AbstractContextManager[None]:
    """Short work runs on one thread: beside the pages that are drawn, two would wait for each other at every step."""
    from memviz.reading.engine.threads import one_thread  # brings torch

    return nullcontext() if turn.long else one_thread()


def giving_way(turn: Turn, progress: Progress) -> Progress:
    """The same progress; after each piece of the work, shorter work goes first."""

    def told(fraction: float, label: str) -> None:
        progress(fraction, label)
        turn.give_way()

    return told


def forget_traces() -> None:
    """Lets go of all traces, and of what was found in them; the models stay open."""
    with _lock:
        for kept in (_traces, _answers, _searches, _experiments, _trainings):
            kept.clear()


def forget_everything() -> None:
    """Empties the caches."""
    forget_traces()
    with _lock:
        _readers.clear()
