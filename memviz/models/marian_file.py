"""What is inside a Firefox Translations model: Marian's binary file of named items, and its vocabulary.

    u64 version (1) · u64 count n
    n × { u64 name length with its NUL · u64 type · u64 dimensions · u64 bytes }
    n names, NUL-terminated · n shapes of int32 · u64 padding · that many zero bytes
    n blobs, one after the other

Everything is little endian. An 8-bit matrix is its int8 numbers followed by one float32, the multiplier they were
quantised with: ``weight = int8 / multiplier``. The configuration is text, in the item ``special:model.yml``.
Format: ``src/common/binary.cpp`` of Marian; the multiplier and the transposition: its 8-bit matrix library intgemm.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from memviz.errors import ModelFileError, UnsupportedModelError
from memviz.note import Note

VERSION = 1
CONFIG = "special:model.yml"
_ITEMS = 100_000  # more than any model has: then it is some other file
_LONGEST_NAME, _DIMENSIONS = 1024, 8
_FLOAT32, _INT8, _INTGEMM8 = 0x0404, 0x0101, 0x4101
_PAIR = re.compile(r"[a-z]{4}")
_SETTING = re.compile(r"^([\w-]+):(.*)$((?:\n[ \t]*-[ \t].*)*)", re.MULTILINE)  # in time linear in the text
_LONGEST_CONFIG = 1 << 16  # bytes


@dataclass(frozen=True)
class Files:
    """The files of one model: its weights, and the vocabulary of each side (often the same file)."""

    model: Path
    source: Path
    target: Path

    @property
    def languages(self) -> tuple[str, str] | None:
        """From which language into which, ``("en", "pt")``? ``None`` where weights and vocabulary agree on none."""
        both = _pairs(self.source) | _pairs(self.target)
        pair = next((part for part in _pairs(self.model) if part in both), None)
        return (pair[:2], pair[2:]) if pair else None


@dataclass(frozen=True)
class Item:
    """One named array of a file: its type, its shape, and where its bytes are."""

    type: int
    shape: tuple[int, ...]
    start: int
    size: int

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class MarianFile:
    """A Marian model, taken apart but not yet run.

    name    what messages call it
    items   every item by its name
    names_read   the names of those that were read
    """

    name: str
    items: Mapping[str, Item]
    raw: bytes
    names_read: set[str] = field(default_factory=set)

    @cached_property
    def config(self) -> dict[str, str]:
        """The settings of the configuration text, unquoted; a list as its items, with commas between them."""
        return {
            key: value.strip(" \t").strip("\"'[]")
            or ", ".join(item.strip(" \t-") for item in items.splitlines() if item)
            for key, value, items in _SETTING.findall(self._text)
        }

    @property
    def quantised(self) -> bool:
        """Are its matrices 8-bit numbers?"""
        return any(item.type == _INTGEMM8 for item in self.items.values())

    def table(self, name: str) -> np.ndarray:
        """A table of vectors, one row a token: float32 [vocabulary, width]."""
        return self._numbers(name, dimensions=2).reshape(self.items[name].shape)

    def linear(self, name: str) -> np.ndarray:
        """The weights of a linear map: float32 [out, in].

        The shape in the file says [in, out]; 8-bit matrices are stored transposed all the same.
        """
        numbers, item = self._numbers(name, dimensions=2), self.items[name]
        into, out = item.shape
        return numbers.reshape(out, into) if item.type == _INTGEMM8 else numbers.reshape(into, out).T

    def vector(self, name: str) -> np.ndarray:
        """A bias, or the scale of a norm: float32 [width]."""
        return self._numbers(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an item, as the file says it."""
        return self._item(name).shape

    def _item(self, name: str) -> Item:
        if name not in self.items:
            raise _broken(self.name, Note("{item} is missing", {"item": name}))
        self.names_read.add(name)
        return self.items[name]

    def _numbers(self, name: str, *, dimensions: int = 0) -> np.ndarray:
        item = self._item(name)
        if dimensions and len(item.shape) != dimensions:
            raise _broken(self.name, Note("{item} has the shape {shape}", {"item": name, "shape": str(item.shape)}))
        if item.type == _FLOAT32:
            return np.frombuffer(self.raw, "<f4", item.count, item.start)
        numbers = np.frombuffer(self.raw, np.int8, item.count, item.start)
        (multiplier,) = struct.unpack_from("<f", self.raw, item.start + item.count)
        if not (np.isfinite(multiplier) and multiplier > 0):
            raise _broken(self.name, Note("{item} was quantised with {by:g}", {"item": name, "by": multiplier}))
        return np.multiply(numbers, np.float32(1 / multiplier), dtype=np.float32)

    @property
    def _text(self) -> str:
        item = self._item(CONFIG)
        return self.raw[item.start : item.start + item.size].rstrip(b"\0").decode("utf-8", "replace")


def find(folder: Path, *, name: str = "") -> Files:
    """Which files of a folder make up a Firefox model?

    One ``model*.bin``, and either one ``vocab*.spm`` for both languages or a ``srcvocab*.spm`` and a ``trgvocab*.spm``.
    Raises ``ModelFileError`` when one is missing or there are several.
    """
    name = name or folder.name
    model = _only(folder, "model*.bin", name=name)
    if any(folder.glob("srcvocab*.spm")) or any(folder.glob("trgvocab*.spm")):
        return Files(model, _only(folder, "srcvocab*.spm", name=name), _only(folder, "trgvocab*.spm", name=name))
    shared = _only(folder, "*.spm", name=name)
    return Files(model, shared, shared)


def check(folder: Path, *, name: str = "") -> None:
    """Is this folder a Firefox model, as far as its names and first bytes tell? Raises ``ModelFileError`` if not."""
    files = find(folder, name=name)
    if not begins_well(files.model):
        raise _foreign(files.model.name)


def begins_well(path: Path) -> bool:
    """Does this file begin like a Marian model: the version, and a plausible number of items?"""
    with path.open("rb") as stream:
        head = stream.read(16)
    if len(head) < 16:
        return False
    version, count = struct.unpack("<QQ", head)
    return bool(version == VERSION and 0 < count < _ITEMS)


def read(path: Path, *, name: str = "") -> MarianFile:
    """Take a Marian file apart, and check that it is whole.

    Raises ``ModelFileError`` for a file that is cut, foreign or of another version, ``UnsupportedModelError`` for
    weights of a type that is not read here.
    """
    name = name or path.name
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _broken(name, str(error)) from error
    if len(raw) < 16:
        raise _foreign(path.name)
    version, count = struct.unpack_from("<QQ", raw)
    if version != VERSION or not 0 < count < _ITEMS:
        raise _foreign(path.name)
    try:
        items, end = _items(raw, count)
    except struct.error as error:
        raise _cut(path.name, len(raw)) from error
    except ValueError as error:
        raise _foreign(path.name) from error
    if end > len(raw):
        raise _cut(path.name, len(raw), expected=end)
    for title, item in items.items():
        if title == CONFIG and item.size > _LONGEST_CONFIG:
            raise _broken(name, Note("its configuration has {size:,} bytes", {"size": item.size}))
        if item.type not in (_FLOAT32, _INTGEMM8) and not (title == CONFIG and item.type == _INT8):
            raise _unread(name, title, item.type)
        if item.size < item.count * (4 if item.type == _FLOAT32 else 1) + (4 if item.type == _INTGEMM8 else 0):
            raise _broken(
                name,
                Note("{item} holds too few bytes for its shape {shape}", {"item": title, "shape": str(item.shape)}),
            )
    return MarianFile(name, items, raw)


def _items(raw: bytes, count: int) -> tuple[dict[str, Item], int]:
    """(the items by name, where the last one ends). Raises ``struct.error`` or ``ValueError`` where there are none."""
    place = 16 + 32 * count
    heads = [struct.unpack_from("<4Q", raw, 16 + 32 * number) for number in range(count)]
    if any(not 0 < length <= _LONGEST_NAME or dimensions > _DIMENSIONS for length, _, dimensions, _ in heads):
        raise ValueError("not the heads of items")
    names = []
    for length, *_ in heads:
        names.append(raw[place : place + length - 1].decode("utf-8"))
        place += length
    shapes = []
    for _, _, dimensions, _ in heads:
        shapes.append(struct.unpack_from(f"<{dimensions}i", raw, place))
        place += 4 * dimensions
    place += 8 + struct.unpack_from("<Q", raw, place)[0]
    items = {}
    for name, shape, (_, kind, _, size) in zip(names, shapes, heads, strict=True):
        if any(side < 0 for side in shape):
            raise ValueError("a shape below zero")
        items[name] = Item(kind, shape, place, size)
        place += size
    return items, place


def _pairs(path: Path) -> dict[str, None]:
    """What may be two languages in the name of a file, in order: ``enpt`` in ``vocab.enpt.spm``."""
    return dict.fromkeys(part for part in path.name.split(".") if _PAIR.fullmatch(part))


def _only(folder: Path, pattern: str, *, name: str) -> Path:
    """The one file of that pattern."""
    files = sorted(folder.glob(pattern))
    if len(files) == 1:
        return files[0]
    if not files:
        what = Note("vocabulary") if pattern.endswith(".spm") else Note("weights")
        raise ModelFileError(
            "The folder of {name} has no {pattern}: the {what} of a Firefox model is missing.",
            todo="Put it there; a Firefox model is a folder with model.*.bin and vocab.*.spm, unpacked.",
            name=name,
            pattern=pattern,
            what=what,
        )
    raise ModelFileError(
        "The folder of {name} has {count} files like {pattern}: {files}.",
        todo="Give every model a folder of its own.",
        name=name,
        count=len(files),
        pattern=pattern,
        files=", ".join(file.name for file in files[:5]),
    )


def _foreign(file: str) -> ModelFileError:
    return ModelFileError(
        "{file} is not a Marian model: it does not begin like one (version {version}).",
        todo="Give the model.*.bin of a Firefox Translations model, unpacked.",
        file=file,
        version=VERSION,
    )


def _cut(file: str, size: int, *, expected: int | None = None) -> ModelFileError:
    if expected is None:
        return ModelFileError(
            "{file} is cut off: its {found:,} bytes end inside the list of its items.",
            todo="Fetch or copy the model again.",
            file=file,
            found=size,
        )
    return ModelFileError(
        "{file} is cut off: it should have {expected:,} bytes, but has {found:,}.",
        todo="Fetch or copy the model again.",
        file=file,
        expected=expected,
        found=size,
    )


def _broken(name: str, why: Note | str) -> ModelFileError:
    return ModelFileError(
        "The Firefox model {name} cannot be opened: {why}.",
        todo="Its file is broken or incomplete. Fetch or copy the model again.",
        name=name,
        why=why,
    )


def _unread(name: str, item: str, kind: int) -> UnsupportedModelError:
    return UnsupportedModelError(
        "The Firefox model {name} has weights of a type that is not read here ({item}: {kind}).",
        todo="Choose a model whose weights are float32, or 8-bit and not prepared for one kind of processor.",
        name=name,
        item=item,
        kind=f"0x{kind:x}",
    )
