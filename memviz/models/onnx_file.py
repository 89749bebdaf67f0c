"""What stands in an ONNX file? Its weights and its steps, read as data: nothing of it runs.

An ONNX file is one message of Protocol Buffers. Of its fields five are needed here, so they are read directly, and no
package for ONNX comes in: https://protobuf.dev/programming-guides/encoding and
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memviz.errors import ModelFileError

_GRAPH = 7  # of a model
_NODE, _INITIALIZER = 1, 5  # of a graph
_INPUT, _NAME, _OPERATION = 1, 3, 4  # of a node
_DIMS, _TYPE, _TENSOR_NAME, _RAW = 1, 2, 8, 9  # of a tensor
_TYPES = {1: "<f4", 7: "<i8"}

Value = int | memoryview


@dataclass(frozen=True)
class Node:
    """One step: its ``name``, the ``operation``, and the names of its ``inputs``."""

    name: str
    operation: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """The ``weights`` by name, and the ``nodes`` in the order in which they run."""

    weights: dict[str, np.ndarray]
    nodes: tuple[Node, ...]


def read_graph(path: Path) -> Graph:
    """The graph in an ONNX file. Raises `ModelFileError` for a file that is not one, or whose weights lie outside."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        graphs = [value for number, value in _fields(content) if number == _GRAPH]
        parts = list(_fields(_inner(graphs[0])))
        weights = dict(_tensor(_inner(value)) for number, value in parts if number == _INITIALIZER)
        nodes = tuple(_node(_inner(value)) for number, value in parts if number == _NODE)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            "{file} is not an ONNX file that can be read.", todo="Fetch or copy the model again.", file=path.name
        ) from error
    return Graph(weights, nodes)


def _node(part: memoryview) -> Node:
    texts: dict[int, list[str]] = {_INPUT: [], _NAME: [""], _OPERATION: [""]}
    for number, value in _fields(part):
        if number in texts:
            texts[number].append(bytes(_inner(value)).decode())
    return Node(texts[_NAME][-1], texts[_OPERATION][-1], tuple(texts[_INPUT]))


def _tensor(part: memoryview) -> tuple[str, np.ndarray]:
    name, kind, raw, shape = "", 0, memoryview(b""), []
    for number, value in _fields(part):
        if number == _TENSOR_NAME:
            name = bytes(_inner(value)).decode()
        elif number == _TYPE:
            kind = _whole(value)
        elif number == _RAW:
            raw = _inner(value)
        elif number == _DIMS:
            shape += [value] if isinstance(value, int) else _packed(value)
    return name, np.frombuffer(raw, _TYPES[kind]).reshape(shape)


def _fields(part: memoryview) -> Iterator[tuple[int, Value]]:
    """Every field of a message: its number, and what stands in it."""
    place = 0
    while place < len(part):
        tag, place = _varint(part, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(part, place)
            yield number, value
            continue
        if wire == 2:
            length, place = _varint(part, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if place + length > len(part):
            raise ValueError("the file ends too early")
        yield number, part[place : place + length]
        place += length


def _varint(part: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = part[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _packed(part: memoryview) -> list[int]:
    values, place = [], 0
    while place < len(part):
        value, place = _varint(part, place)
        values.append(value)
    return values


def _inner(value: Value) -> memoryview:
    if isinstance(value, int):
        raise TypeError("a number in the place of a message")
    return value


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise TypeError("a message in the place of a number")
    return value
