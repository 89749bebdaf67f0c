"""Any value of frozen dataclasses comes back from its archive as it was, and no archive makes anything else."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from memviz import archive
from memviz.trace import Trace


@dataclass(frozen=True)
class Point:
    x: int
    y: float = 0.0


@dataclass(frozen=True)
class Cut:
    at: tuple[int, ...]
    why: str | None = None


@dataclass(frozen=True)
class Fade:
    at: int
    by: Literal["zero", "mean"] = "zero"


@dataclass(frozen=True)
class Step:
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Whole:
    points: tuple[Point, ...]
    again: tuple[Point, ...] = ()
    done: Cut | Fade | None = None
    all_done: tuple[Cut | Fade, ...] = ()
    pair: tuple[int, str] = (0, "")
    steps: Mapping[str, Step] = field(default_factory=dict)
    numbers: np.ndarray | None = None
    others: tuple[np.ndarray, ...] = ()
    size: int | float | str = 0
    inside: tuple[Whole, ...] = ()


def back(value: Any) -> Any:
    """The value, once it was a file."""
    packed, arrays = archive.pack(type(value), value)
    file = io.BytesIO()
    archive.write(file, {"value": packed}, arrays)
    with zipfile.ZipFile(file) as opened:
        assert opened.testzip() is None
    head, arrays = read(file.getvalue())
    return archive.unpack(type(value), head["value"], arrays)


def read(data: bytes) -> Any:
    """What is in a file of these bytes."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        return archive.read(path)


POINTS = (Point(1, 2.5), Point(2))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"again": POINTS},
        {"done": Cut((1, 2))},
        {"done": Fade(3, "mean")},
        {"all_done": (Cut(()), Fade(1), Cut((2,), "because"))},
        {"pair": (7, "x")},
        {"size": 3},
        {"size": 3.0},
        {"size": "3"},
        {
            "steps": {
                "a": Step("x", {"n": 1, "f": 0.5, "t": "y", "b": True, "z": None, "s": Step("in", {"p": Point(1)})})
            }
        },
        {"inside": (Whole(POINTS, done=Fade(1)), Whole(()))},
    ],
    ids=str,
)
def test_a_value_comes_back(changes: dict[str, Any]) -> None:
    value = Whole(POINTS, **changes)
    again = back(value)
    assert vars(again) | {"inside": ()} == vars(value) | {"inside": ()}
    assert [vars(part) for part in again.inside] == [vars(part) for part in value.inside]
    assert type(again.size) is type(value.size)


def test_arrays_come_back_read_only_and_the_same_one_is_there_once() -> None:
    numbers = np.arange(6, dtype=np.int16).reshape(2, 3)
    empty, whole, columns = np.zeros((0, 3)), np.array(2.5), np.asfortranarray(numbers)
    value = Whole((), numbers=numbers, others=(numbers, empty, whole, columns))
    packed, arrays = archive.pack(Whole, value)
    assert sorted(arrays) == ["numbers", "others.1", "others.2", "others.3"]
    assert packed["others"][0] == {"array": "numbers"}
    again = back(value)
    assert again.others[0] is again.numbers
    for before, after in zip((numbers, *value.others), (again.numbers, *again.others), strict=True):
        assert (before.dtype, before.shape, before.tobytes()) == (after.dtype, after.shape, after.tobytes())
        assert not after.flags.writeable


def test_classes_of_a_union_are_told_apart_and_records_are_there_once() -> None:
    packed, _ = archive.pack(Whole, Whole(POINTS, POINTS, done=Fade(1)))
    assert packed["done"] == {"Fade": {"at": 1, "by": "zero"}}
    assert packed["again"] == {"same_as": ["points"]}
    whole = archive.unpack(Whole, packed, {})
    assert whole.again is whole.points


def test_the_same_value_gives_the_same_bytes() -> None:
    files = []
    for _ in range(2):
        file = io.BytesIO()
        archive.write(file, *archive.pack(Whole, Whole(POINTS, numbers=np.ones(3))))
        files.append(file.getvalue())
    assert files[0] == files[1]


def test_a_later_version_with_another_field_reads_this_file_and_this_one_refuses_theirs() -> None:
    later = make_dataclass("Point", [("x", int), ("z", str, "new"), ("y", float, 0.0)], frozen=True)
    packed, _ = archive.pack(Point, Point(1, 2.0))
    assert archive.unpack(later, packed, {}) == later(1, "new", 2.0)
    packed, _ = archive.pack(later, later(1))
    with pytest.raises(ValueError, match="the whole has a field 'z', which this version of Point has not"):
        archive.unpack(Point, packed, {})
    with pytest.raises(ValueError, match="the whole has no field 'x', which every Point has"):
        archive.unpack(Point, {"y": 1.0}, {})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (Whole((Point("1"),)), "points.0.x cannot be written: it is '1', and should be int"),  # type: ignore[arg-type]
        (Whole((Point(True),)), "points.0.x cannot be written: it is True"),
        (Whole(POINTS, done=Point(1)), "done cannot be written"),  # type: ignore[arg-type]
        (Whole(POINTS, done=Fade(1, "half")), "done.Fade.by cannot be written"),  # type: ignore[arg-type]
        (Whole(POINTS, pair=(1, "x", 2)), "pair cannot be written"),  # type: ignore[arg-type]
        (Whole(POINTS, steps={1: Step("x")}), "steps cannot be written"),  # type: ignore[dict-item]
        (Whole(POINTS, steps={"a": Step("x", {"y": object()})}), "steps.a.values.y cannot be written"),
        (Whole(POINTS, others=(np.array([None]),)), "others.0 cannot be written: .* an array of numbers"),
    ],
)
def test_what_would_not_come_back_is_not_written(value: Whole, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        archive.pack(Whole, value)


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    value = Whole((Point(np.int64(3), np.float32(0.5)),))  # type: ignore[arg-type]
    assert back(value).points == (Point(3, 0.5),)


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        ([], "the whole is \\[\\], and should be Whole"),
        ({"points": {}}, "points is {}, and should be"),
        ({"points": [], "done": {"Point": {"x": 1}}}, "done is .*, and should be"),
        ({"points": [], "done": {"at": 1, "by": "zero"}}, "done is .*, and should be"),
        ({"points": [], "done": {"Fade": {"at": 1, "by": "half"}}}, "done.Fade.by is 'half'"),
        ({"points": [], "pair": [1, "x", 2]}, "pair is .*, and should be"),
        ({"points": [], "numbers": {"array": "missing"}}, "numbers is the array 'missing', which is not there"),
        ({"points": [], "numbers": {"array": 3}}, "numbers is .*, and should be an array"),
        ({"points": [], "numbers": [1, 2]}, "numbers is .*, and should be an array"),
        ({"points": [], "again": {"same_as": "points"}}, "again refers to points, which is not there"),
        ({"points": [], "again": {"same_as": []}}, "again refers to .*, which is not a list of plain records"),
        ({"points": [], "again": {"same_as": ["points"]}}, "which is not a list of plain records"),
        ({"points": [{"x": 1}], "again": {"same_as": ["points", -1]}}, "again refers to .*, which is not there"),
        ({"points": [{"x": 1}], "again": {"same_as": ["points", True]}}, "again refers to .*, which is not there"),
        ({"points": [{"x": 1, "y": [0]}]}, "points.0.y is"),
        ({"points": [], "steps": {"a": {"name": "x", "values": {"y": [1]}}}}, "steps.a.values.y is"),
        ({"points": [], "steps": {"a": {"name": "x", "values": {"y": {"Path": {}}}}}}, "steps.a.values.y is"),
        (
            {"points": [], "inside": {"same_as": ["inside"]}},
            "inside refers to .*, which is not a list",
        ),
    ],
)
def test_json_that_no_value_makes_is_refused(packed: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        archive.unpack(Whole, packed, {})


def test_a_record_that_is_referred_to_a_thousand_times_is_made_once() -> None:
    packed = {"points": [{"x": 1}], "inside": [{"points": {"same_as": ["points"]}} for _ in range(1000)]}
    whole = archive.unpack(Whole, packed, {})
    assert {id(part.points) for part in whole.inside} == {id(whole.points)}


def test_json_deeper_than_python_goes_is_an_error_and_no_crash() -> None:
    packed: dict[str, Any] = {"points": []}
    for _ in range(20_000):
        packed = {"points": [], "inside": [packed]}
    with pytest.raises(RecursionError):
        archive.unpack(Whole, packed, {})


# -- files that lie about what is in them -------------------------------------------------------------


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return file.getvalue()


def npy(header: str, data: bytes = b"", *, version: bytes = b"\x01\x00") -> bytes:
    """A file of one array with any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version[:1] == b"\x01" else "<I", len(text)) + text + data


def declared(dtype: str, shape: str) -> str:
    return f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}"


HEAD = ("trace.npy", npy(declared("|u1", "(2,)"), b"{}"))


def test_a_file_made_by_hand_is_read() -> None:
    head, arrays = read(zipped(HEAD, ("x.npy", npy(declared("<i2", "(2,)"), b"\x01\x00\x02\x00"))))
    assert (head, arrays["x"].tolist()) == ({}, [1, 2])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (npy(declared("<f4", "(1000000000000,)"), bytes(8)), "declares the shape"),
        (npy(declared("<f4", "(1000000000, 1000000000, 1000000000)"), bytes(8)), "declares the shape"),
        (npy(declared("<f4", "(-1, -2)"), bytes(8)), "declares the shape"),
        (npy(declared("<f4", "(1,)"), bytes(8)), "declares the shape"),
        (npy(declared("<f4", "(3,)"), bytes(8)), "declares the shape"),
        (npy(declared("|O", "(1,)"), b"cos\nsystem\n(S'true'\ntR."), "is one of object, not of numbers"),
        (npy(declared("<M8[s]", "(1,)"), bytes(8)), "not of numbers"),
        (npy(declared("|V8", "(1,)"), bytes(8)), "not of numbers"),
        (npy(declared("<f4", "(open('x', 'w'),)"), bytes(8)), "malformed"),
        (npy(declared("<f4", "(2.0,)"), bytes(8)), "shape"),
        (npy("{}", bytes(8)), "Header|header"),
        (npy(declared("<f4", "(2,)"), bytes(8), version=b"\x09\x00"), "of version"),
        (npy("{" + " " * 60_000 + "}", bytes(8)), "larg"),
        (b"\x93NUMPY", "magic string"),
        (b"", "magic string"),
    ],
)
def test_an_array_that_declares_what_it_is_not_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(zipped(HEAD, ("x.npy", data)))


def test_an_entry_that_declares_a_size_it_has_not_is_refused_before_room_is_made_for_it() -> None:
    header = npy(declared("<f4", "(250000000000,)"))
    data = bytearray(zipped(HEAD, ("x.npy", header + bytes(64))))
    at = data.rindex(b"PK\x01\x02")  # the entry's place in the directory: its size is 24 bytes on
    struct.pack_into("<I", data, at + 24, 0xFFFF_FFF0)
    with pytest.raises(ValueError, match="declares more bytes than the file can hold"):
        read(bytes(data))
    struct.pack_into("<I", data, at + 20, 0xFFFF_FFF0)  # and the size it was pressed to
    with pytest.raises(ValueError, match="declares more bytes than the file can hold"):
        read(bytes(data))


@pytest.mark.parametrize(
    ("entries", "method", "problem"),
    [
        ((), zipfile.ZIP_DEFLATED, "there is no array 'trace'"),
        ((HEAD, HEAD), zipfile.ZIP_DEFLATED, "is there twice"),
        ((HEAD, ("../x", b"")), zipfile.ZIP_DEFLATED, "is not an array"),
        ((HEAD,), zipfile.ZIP_LZMA, "packed in a way"),
        ((("trace.npy", npy(declared("|u1", "(2,)"), b"[]")),), zipfile.ZIP_STORED, "does not hold an object"),
        ((("trace.npy", npy(declared("|u1", "(2,)"), b"\xff\xfe")),), zipfile.ZIP_STORED, "utf-8"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_was_not_written_here_is_refused(entries: Any, method: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(zipped(*entries, method=method))


@pytest.mark.parametrize("count", [0, 16, 1_000_000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_byte_that_changed_is_noticed(method: int, count: int) -> None:
    data = bytearray(zipped(HEAD, ("x.npy", npy(declared("<f4", f"({count},)"), bytes(4 * count))), method=method))
    data[data.rindex(b"PK\x01\x02") + 16] ^= 1  # of the entry's check sum
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        read(bytes(data))


# -- the types of a trace -----------------------------------------------------------------------------


def test_the_classes_of_a_trace_have_names_of_their_own() -> None:
    names = [each.__name__ for each in archive.dataclasses_of(Trace)]
    assert len(names) == len(set(names)), "a tag could mean two classes"
    assert {"Trace", "Token", "Memory", "Scores", "Summary", "Forget", "Note", "ModelInfo", "Recurrent"} <= set(names)


def test_json_is_plain() -> None:
    packed, _ = archive.pack(Whole, Whole(POINTS, POINTS, done=Cut((1,)), numbers=np.ones(2)))
    assert json.loads(json.dumps(packed)) == packed
