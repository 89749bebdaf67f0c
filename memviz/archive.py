"""How does a value made of frozen dataclasses become one file, and come back exactly? By its fields and their types.

A file is a zip of arrays as numpy writes them (``.npz``), each under the path of fields that leads to it, such as
``memories.self.scores.0.query``. One more array, `HEAD`, holds everything else as json:

    a dataclass                 an object: every field that its constructor takes
    a union with dataclasses    the same in an object of one entry, which names the class: ``{"Forget": {…}}``
    an array                    ``{"array": name}``; an array that stands in several places is there once
    a tuple                     a list; one of plain records that stands elsewhere already, ``{"same_as": [path]}``
    a mapping                   an object
    a text, number or truth     itself; what may be anything (`typing.Any`) is one of these, or a tagged dataclass

The annotations say what is read back, so a new field needs nothing here. A field with a default may be missing in a
file; one that the class does not know is refused. Nothing in a file names code: no pickle, and only classes that the
annotations lead to.
"""

from __future__ import annotations

import functools
import json
import math
import os
import types
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import IO, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

HEAD = "trace"
"""The name of the array that holds the json, as bytes."""

Arrays = dict[str, np.ndarray]
Path = tuple[str | int, ...]
Value = TypeVar("Value")

_SCALARS = (str, int, float, bool, type(None))
_NUMBERS = "fiub"  # kinds of numpy types that are written and read
_WIDEST = 1100  # times what it was pressed to: deflate makes nothing larger
_USUAL = 50  # times what a file is pressed to: what is read in all may be more only while it is small
_SMALL = 1 << 28  # bytes
_CHUNK = 1 << 20  # bytes


class _Tag(str):
    """A part of a path that names a class, and not a field."""


# -- values to json and arrays ------------------------------------------------------------------------


def pack(kind: type, value: Any) -> tuple[Any, Arrays]:
    """(the value as json, its arrays by name).

    ``kind`` is the dataclass that ``value`` is one of. Raises `TypeError` for a value that its annotation does not
    allow, with the path to it: it would not come back.
    """
    packer = _Packer()
    return packer.pack(kind, value, ()), packer.arrays


class _Packer:
    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._names: dict[int, str] = {}  # of arrays that have their place, by identity
        self._records: dict[str, Path] = {}  # lists of plain records, by their json

    def pack(self, kind: Any, value: Any, path: Path) -> Any:
        value = value.item() if isinstance(value, np.generic) else value
        if is_dataclass(kind) and type(value) is kind:
            hints = _hints(type(value))
            return {
                item.name: self.pack(hints[item.name], getattr(value, item.name), (*path, item.name))
                for item in _items(kind)
            }
        if kind is Any or _is_union(kind):
            return self._pack_alternative(kind, value, path)
        if _is_array(kind) and isinstance(value, np.ndarray):
            return {"array": self._store(value, path)}
        if get_origin(kind) is tuple and isinstance(value, tuple | list):
            return self._pack_tuple(kind, value, path)
        if _is_mapping(kind) and isinstance(value, Mapping):
            return self._pack_mapping(kind, value, path)
        if _is_scalar(kind, value):
            return value
        raise _wrong(path, value, kind)

    def _pack_alternative(self, kind: Any, value: Any, path: Path) -> Any:
        if is_dataclass(value) and (kind is Any or type(value) in get_args(kind)):
            tag = _Tag(type(value).__name__)
            return {str(tag): self.pack(type(value), value, (*path, tag))}
        if kind is Any:
            if isinstance(value, _SCALARS):
                return value
            raise _wrong(path, value, kind)
        for alternative in get_args(kind):
            try:
                return self.pack(alternative, value, path)
            except TypeError:
                continue
        raise _wrong(path, value, kind)

    def _pack_tuple(self, kind: Any, value: tuple[Any, ...] | list[Any], path: Path) -> Any:
        kinds = _kinds_of_items(kind, len(value))
        if kinds is None:
            raise _wrong(path, value, kind)
        packed = [self.pack(*item, (*path, place)) for place, item in enumerate(zip(kinds, value, strict=True))]
        if not _is_records(packed):
            return packed
        first = self._records.setdefault(json.dumps(packed), path)
        return packed if first == path else {"same_as": list(first)}

    def _pack_mapping(self, kind: Any, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        of_key, of_value = get_args(kind)
        if not all(_is_scalar(of_key, key) and isinstance(key, str) for key in value):
            raise _wrong(path, value, kind)
        return {key: self.pack(of_value, item, (*path, key)) for key, item in value.items()}

    def _store(self, array: np.ndarray, path: Path) -> str:
        if array.dtype.kind not in _NUMBERS:
            raise _wrong(path, array, f"an array of numbers; it is one of {array.dtype}")
        name = self._names.get(id(array))
        if name is None:
            name = ".".join(str(part) for part in path if not isinstance(part, _Tag))
            while name in self.arrays or name == HEAD:
                name += "_"
            self._names[id(array)], self.arrays[name] = name, array
        return name


# -- json and arrays to values ------------------------------------------------------------------------


def unpack(kind: type[Value], packed: Any, arrays: Mapping[str, np.ndarray]) -> Value:
    """The value of this ``kind`` that `pack` made the json ``packed`` and the ``arrays`` of.

    Raises `ValueError` with the path to what does not fit: a field that is missing, or that the class does not know;
    a value of another type; an array that is not there, or that nothing refers to.
    """
    unpacker = _Unpacker(kind, packed, arrays)
    value: Value = unpacker.unpack(kind, packed, ())
    if spare := sorted(set(arrays) - unpacker.names):
        raise ValueError(f"nothing refers to the array {spare[0]!r}")
    return value


class _Unpacker:
    def __init__(self, kind: type, packed: Any, arrays: Mapping[str, np.ndarray]) -> None:
        self.packed, self.arrays = packed, arrays
        self.names: set[str] = set()  # of the arrays that something refers to
        self._classes = {each.__name__: each for each in dataclasses_of(kind)}
        self._records: dict[tuple[Path, Any], Any] = {}

    def unpack(self, kind: Any, packed: Any, path: Path) -> Any:
        if is_dataclass(kind):
            return self._unpack_fields(kind, packed, path)
        if kind is Any or _is_union(kind):
            return self._unpack_alternative(kind, packed, path)
        if _is_array(kind):
            return self._fetch(packed, path)
        if get_origin(kind) is tuple:
            return self._unpack_tuple(kind, packed, path)
        if _is_mapping(kind):
            of_key, of_value = get_args(kind)
            if not isinstance(packed, dict) or not all(_is_scalar(of_key, key) for key in packed):
                raise _misfit(path, packed, kind)
            return {key: self.unpack(of_value, item, (*path, key)) for key, item in packed.items()}
        if _is_scalar(kind, packed):
            return packed
        raise _misfit(path, packed, kind)

    def _unpack_fields(self, kind: Any, packed: Any, path: Path) -> Any:
        if not isinstance(packed, dict):
            raise _misfit(path, packed, kind)
        items, hints = {item.name: item for item in _items(kind)}, _hints(kind)
        if unknown := sorted(set(packed) - set(items)):
            raise ValueError(f"{_at(path)} has a field {unknown[0]!r}, which this version of {kind.__name__} has not")
        if missing := sorted(name for name, item in items.items() if name not in packed and _is_required(item)):
            raise ValueError(f"{_at(path)} has no field {missing[0]!r}, which every {kind.__name__} has")
        values = {name: self.unpack(hints[name], value, (*path, name)) for name, value in packed.items()}
        return kind(**values)

    def _unpack_alternative(self, kind: Any, packed: Any, path: Path) -> Any:
        if kind is Any:
            classes: Mapping[str, Any] = self._classes
        else:
            classes = {_name(each): each for each in get_args(kind) if is_dataclass(each)}
        if isinstance(packed, dict) and len(packed) == 1 and classes:
            ((name, value),) = packed.items()
            if name in classes:
                return self.unpack(classes[name], value, (*path, name))
        if kind is Any and isinstance(packed, _SCALARS):
            return packed
        problem = _misfit(path, packed, kind)
        for alternative in [] if kind is Any else get_args(kind):
            if is_dataclass(alternative):  # it would have been tagged
                continue
            try:
                return self.unpack(alternative, packed, path)
            except ValueError as error:
                if alternative is not type(None):
                    problem = error
        raise problem

    def _unpack_tuple(self, kind: Any, packed: Any, path: Path) -> Any:
        if isinstance(packed, dict) and set(packed) == {"same_as"}:
            path, packed = self._refer(packed["same_as"], path)
        if (path, kind) not in self._records:
            kinds = _kinds_of_items(kind, len(packed)) if isinstance(packed, list) else None
            if kinds is None:
                raise _misfit(path, packed, kind)
            values = zip(kinds, packed, strict=True)
            self._records[path, kind] = tuple(self.unpack(*value, (*path, place)) for place, value in enumerate(values))
        return self._records[path, kind]

    def _refer(self, target: Any, path: Path) -> tuple[Path, Any]:
        """The list of records at that path of the whole; a list of anything else might hold the reference itself."""
        item = self.packed
        for part in target if isinstance(target, list) else [None]:
            inside = (isinstance(item, dict) and isinstance(part, str) and part in item) or (
                isinstance(item, list) and type(part) is int and 0 <= part < len(item)
            )
            if not inside:
                raise ValueError(f"{_at(path)} refers to {str(target)[:80]}, which is not there")
            item = item[part]
        if not (isinstance(item, list) and _is_records(item)):
            raise ValueError(f"{_at(path)} refers to {str(target)[:80]}, which is not a list of plain records")
        return tuple(target), item

    def _fetch(self, packed: Any, path: Path) -> np.ndarray:
        name = packed.get("array") if isinstance(packed, dict) and len(packed) == 1 else None
        if not isinstance(name, str):
            raise _misfit(path, packed, "an array")
        if name not in self.arrays:
            raise ValueError(f"{_at(path)} is the array {name[:80]!r}, which is not there")
        self.names.add(name)
        return self.arrays[name]


# -- what annotations mean ----------------------------------------------------------------------------


def dataclasses_of(kind: Any) -> Iterator[type]:
    """Every dataclass that the annotations of a dataclass ``kind`` lead to, itself included, each once."""
    visited: set[type] = set()
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        if is_dataclass(each) and isinstance(each, type):
            if each not in visited:
                visited.add(each)
                yield each
                waiting += [_hints(each)[item.name] for item in _items(each)]
        else:
            waiting += get_args(each)


def _items(kind: Any) -> list[Field[Any]]:
    """The fields that the constructor of a dataclass takes."""
    return [item for item in fields(kind) if item.init]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_array(kind: Any) -> bool:
    return kind is np.ndarray or get_origin(kind) is np.ndarray


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_scalar(kind: Any, value: Any) -> bool:
    """Is this a text, a number or a truth value of that kind? A truth value is no number; a whole number is a float."""
    if get_origin(kind) is Literal:
        return any(value == each and type(value) is type(each) for each in get_args(kind))
    if kind is None or kind is type(None):
        return value is None
    if kind is float:
        return type(value) in (int, float)
    return kind in _SCALARS and type(value) is kind


def _is_records(packed: list[Any]) -> bool:
    """Is this a list of plain records: objects of texts, numbers and truth values?"""
    return bool(packed) and all(
        isinstance(item, dict) and all(isinstance(value, _SCALARS) for value in item.values()) for item in packed
    )


def _kinds_of_items(kind: Any, count: int) -> list[Any] | None:
    """The kinds of the items of a tuple of so many; ``None`` where it cannot have so many."""
    kinds = get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return [kinds[0]] * count
    return list(kinds) if len(kinds) == count else None


def _at(path: Path) -> str:
    return ".".join(map(str, path))[:120] or "the whole"


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _wrong(path: Path, value: Any, kind: Any) -> TypeError:
    return TypeError(f"{_at(path)} cannot be written: it is {repr(value)[:80]}, and should be {_name(kind)}")


def _misfit(path: Path, packed: Any, kind: Any) -> ValueError:
    return ValueError(f"{_at(path)} is {repr(packed)[:80]}, and should be {_name(kind)}")


# -- files --------------------------------------------------------------------------------------------


def write(file: IO[bytes], head: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the json ``head`` and its ``arrays`` into an open ``file``. The same ones give the same bytes."""
    everything = {**arrays, HEAD: np.frombuffer(json.dumps(head).encode("utf-8"), dtype=np.uint8)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in everything.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def read(path: str | os.PathLike[str], *, room: float = math.inf) -> tuple[dict[str, Any], Arrays]:
    """(the json of the file at ``path``, its arrays by name, read-only); ``room`` is how many bytes they may take.

    Believes no size that the file declares before comparing it with the bytes that are there. Raises `ValueError`,
    or what opening and unzipping a file raises, for one that `write` did not write.
    """
    arrays: Arrays = {}
    with zipfile.ZipFile(path) as archive:
        entries = _entries(archive, os.path.getsize(path))
        size = sum(entry.file_size for entry in entries.values())
        if size > max(_SMALL, _USUAL * os.path.getsize(path)):
            raise ValueError(f"it would unpack to {size:,} bytes, which no reading does from so small a file")
        if size > room:
            raise ValueError(f"it would take {size / 1e9:.1f} GB of memory; {room / 1e9:.1f} GB are free")
        for name, entry in entries.items():
            with archive.open(entry) as stream:
                arrays[name] = _read_array(stream, entry.file_size, name=name)
    if HEAD not in arrays:
        raise ValueError(f"there is no array {HEAD!r}")
    head = json.loads(arrays.pop(HEAD).tobytes().decode("utf-8"))
    if not isinstance(head, dict):
        raise ValueError(f"the array {HEAD!r} does not hold an object")
    return head, arrays


def _entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The entries of a file of so many bytes, by the names of their arrays. Raises `ValueError` for what is none."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name == entry.filename or name in entries:
            raise ValueError(f"the entry {entry.filename[:80]!r} is there twice, or is not an array")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"the array {name[:80]!r} is packed in a way that is not read here")
        if entry.compress_size > size or entry.file_size > _WIDEST * (entry.compress_size + 1):
            raise ValueError(f"the array {name[:80]!r} declares more bytes than the file can hold")
        entries[name] = entry
    return entries


def _read_array(stream: IO[bytes], size: int, *, name: str) -> np.ndarray:
    """An array of numbers from so many bytes, of which every one belongs to it."""
    readers: dict[tuple[int, int], Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"the array {name[:80]!r} is of version {version}, which is not read here")
    shape, fortran, dtype = readers[version](stream)
    if dtype.kind not in _NUMBERS or not dtype.isnative or dtype.hasobject:
        raise ValueError(f"the array {name[:80]!r} is one of {dtype}, not of numbers")
    count = math.prod(shape)
    if any(side < 0 for side in shape) or count * dtype.itemsize != size - stream.tell():
        raise ValueError(f"the array {name[:80]!r} declares the shape {shape}, which is not what it holds")
    array = np.empty(count, dtype=dtype)
    if count:
        view = array.data.cast("B")
        for start in range(0, len(view), _CHUNK):
            part = stream.read(min(_CHUNK, len(view) - start))
            view[start : start + len(part)] = part
            if len(part) < min(_CHUNK, len(view) - start):
                raise ValueError(f"the array {name[:80]!r} is cut off")
    array = array.reshape(shape, order="F" if fortran else "C")
    array.setflags(write=False)
    return array
