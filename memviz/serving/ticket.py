"""What a page keeps of what it shows: names of traces. The cache alone holds them, and its bound counts them all."""

from __future__ import annotations

import io
import pickle
from typing import Any, Generic, TypeVar

from memviz.memory import Memory
from memviz.serving import cache
from memviz.trace import Trace

Value = TypeVar("Value")
Place = tuple[int | str, ...]  # which trace; then the number of a part, or the kind of a memory


class Ticket(Generic[Value]):
    """A value without the traces in it: ``get()`` gives it back, with those traces of the cache, or read once more.

    Traces that are not from the cache, and memories that are no trace's, are held as they are.
    """

    def __init__(self, value: Value) -> None:
        buffer = io.BytesIO()
        pickler = _Pickler(buffer)
        pickler.dump(value)
        self._bytes, self._held = buffer.getvalue(), pickler.held

    def get(self) -> Value:
        """The value; raises what a reading raises."""
        held = [item.trace() if isinstance(item, cache.Origin) else item for item in self._held]
        value: Value = _Unpickler(io.BytesIO(self._bytes), held).load()
        return value


class _Pickler(pickle.Pickler):
    """Writes places for traces, their parts and their memories."""

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer)
        self.held: list[cache.Origin | Trace | Memory] = []
        self._places: dict[int, Place] = {}

    def persistent_id(self, value: Any) -> Place | None:
        """Where a trace or a memory is found again; ``None``: it is neither."""
        if id(value) not in self._places and isinstance(value, Trace | Memory):
            place: Place = (len(self.held),)
            if isinstance(value, Trace):
                self.held.append(cache.origin(value) or value)
                self._find_places(value, place)
            else:
                self.held.append(value)
                self._places[id(value)] = place
        return self._places.get(id(value))

    def _find_places(self, trace: Trace, place: Place) -> None:
        self._places[id(trace)] = place
        for kind, memory in trace.memories.items():
            self._places[id(memory)] = (*place, kind)
        for number, part in enumerate(trace.parts):
            self._find_places(part, (*place, number))


class _Unpickler(pickle.Unpickler):
    """Reads what `_Pickler` wrote in this process."""

    def __init__(self, buffer: io.BytesIO, held: list[Any]) -> None:
        super().__init__(buffer)
        self._held = held

    def persistent_load(self, place: Any) -> Any:
        """The trace or memory of this place."""
        first, *steps = place
        value = self._held[first]
        for step in steps:
            value = value.memories[step] if isinstance(step, str) else value.parts[step]
        return value
