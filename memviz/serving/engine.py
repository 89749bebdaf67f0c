"""Where models run: one interface, whether it is in this process or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from memviz.memory import OnLayers
from memviz.progress import Progress
from memviz.serving.gate import OnWait
from memviz.trace import ModelInfo

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

Key = tuple[str, ...]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Watcher:
    """What is called while a model runs, or while others are before us. Each may raise to leave.

    on_layers   of a reading: the layers that are read so far
    on_token    of a generation: what was written last; is there to be more?
    """

    on_wait: OnWait
    progress: Progress
    on_layers: OnLayers | None = None
    on_token: Callable[[str], bool] | None = None


Action = Callable[["Reader", Watcher], Any]
"""What is done with a model. It holds what it needs and nothing of a page, so that it can be sent elsewhere."""

Question = Callable[["Reader"], Any]
"""What only the model itself knows; answered without a place in the queue."""


class Work(Protocol):
    """What is done with which model, and how long it will take."""

    @property
    def model(self) -> str:
        """The name of the model."""

    @property
    def seconds(self) -> float:
        """About how many seconds it will take."""


@dataclass(frozen=True)
class Job:
    """A piece of work: its ``key`` under which it is remembered in a ``store``, how long it is, and what is done."""

    store: Literal["traces", "experiments"]
    key: Key
    work: Work
    action: Action


class Engine(Protocol):
    """Runs models. Raises `BusyError` when the queue is full, and what the model raises."""

    def is_open(self, model: str) -> bool:
        """Is this model open already?"""

    def ask(self, model: str, question: Question, watcher: Watcher) -> Any:
        """The answer of a model, which is opened (and fetched) first."""

    def run(self, job: Job, watcher: Watcher) -> Any:
        """What came of a job, after those that are before it."""


@dataclass(frozen=True)
class ModelFacts:
    """What a page must know of a model before it reads: as `Reader` says it.

    alignment_layer   the layer whose first head was trained to align, where the model's settings tell
    """

    info: ModelInfo
    languages: tuple[str, str | None] | None
    languages_known: dict[str, int]
    spoken_languages: tuple[str, ...]
    tasks: dict[str, str]
    alignment_layer: int | None


def facts(reader: Reader) -> ModelFacts:
    """The facts of a model; a question for `Engine.ask`."""
    return ModelFacts(
        reader.info,
        reader.languages,
        dict(reader.languages_known),
        tuple(reader.spoken_languages),
        dict(reader.tasks),
        getattr(reader.model.config, "alignment_layer", None),
    )
