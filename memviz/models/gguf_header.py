"""What does a GGUF file say about itself? Its small fields, read in milliseconds without any library.

Layout (version 2 and 3, little endian): ``GGUF``, u32 version, u64 tensors, u64 fields; a field is
a string key, a u32 type and a value; a string is a u64 length and bytes; an array is a u32 type, a
u64 length and values. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from memviz.errors import ModelFileError

_STRING, _ARRAY = 8, 9
_FLOAT32 = 0  # as the type of a weight
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_DIGIT_SPLITTERS = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b")

Fields = dict[str, str | int | float | bool]
_Part = TypeVar("_Part")


def fields(path: Path) -> Fields:
    """The fields of a GGUF file that hold one value (arrays, such as the vocabulary, are skipped).

    Raises ``ModelFileError`` if this is no GGUF file or if it ends too early.
    """
    return _scanned(path, lambda scan: scan.fields())


def tensor_names(path: Path) -> tuple[str, ...]:
    """The names of the weights in a GGUF file, such as ``blk.0.attn_q.weight``. Raises as `fields` does."""
    return _scanned(path, lambda scan: scan.tensor_names())


def vector(path: Path, name: str) -> tuple[float, ...] | None:
    """The numbers of a weight of float32 and one dimension; ``None`` where there is none. Raises as `fields` does."""
    return _scanned(path, lambda scan: scan.vector(name))


def _scanned(path: Path, read: Callable[[_Scan], _Part]) -> _Part:
    """What ``read`` makes of the file from its first byte on."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return read(_Scan(data))
    except (struct.error, ValueError, OSError, OverflowError, RecursionError) as error:
        raise ModelFileError(
            "{file} is not a GGUF file that can be read.",
            todo="Download or copy it again; GGUF versions 2 and 3 are known.",
            file=path.name,
        ) from error


def quantisation(header: Fields) -> str:
    """How are the weights stored? Such as ``GGUF Q4_1``; ``GGUF`` if the file does not say."""
    try:
        from gguf import LlamaFileType

        kind = LlamaFileType(int(header["general.file_type"])).name
    except (ImportError, KeyError, ValueError):
        return "GGUF"
    return f"GGUF {kind.removeprefix('MOSTLY_').removeprefix('ALL_')}"


def splits_digits(header: Fields) -> bool:
    """Was this model trained on numbers cut into single digits before anything else?

    GGUF stores only the name of that rule (``tokenizer.ggml.pre``). The names are those for which
    llama.cpp applies its pattern for one digit first.
    """
    return header.get("tokenizer.ggml.model") == "gpt2" and header.get("tokenizer.ggml.pre") in _DIGIT_SPLITTERS


class _Scan:
    """A position that walks through the header."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0
        self.tensors = 0

    def fields(self) -> Fields:
        magic, version = self.take("4s"), self.take("I")
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError("not GGUF version 2 or 3")
        self.tensors = self.take("Q")
        header: Fields = {}
        for _ in range(self.take("Q")):
            key, kind = self.string(), self.take("I")
            if kind == _ARRAY:
                self.skip_array()
            else:
                header[key] = self.string() if kind == _STRING else self.take(_scalar(kind))
        return header

    def tensor_names(self) -> tuple[str, ...]:
        """Behind the fields, for every tensor: name, u32 dimensions, a u64 for each, u32 type, u64 place."""
        self.fields()
        names = []
        for _ in range(self.tensors):
            names.append(self.string())
            dimensions = self.take("I")
            self.at += 8 * dimensions + 12
        return tuple(names)

    def vector(self, name: str) -> tuple[float, ...] | None:
        """The weight of that name; the data of all weights begins behind their list, at a multiple of the alignment."""
        alignment, place = int(self.fields().get("general.alignment", 32)), None
        for _ in range(self.tensors):
            is_asked, dimensions = self.string() == name, self.take("I")
            sizes, kind, offset = [self.take("Q") for _ in range(dimensions)], self.take("I"), self.take("Q")
            if is_asked and (dimensions, kind) == (1, _FLOAT32):
                place = sizes[0], offset
        if place is None:
            return None
        count, offset = place
        begin = -(-self.at // alignment) * alignment + offset
        if begin + 4 * count > len(self.data):
            raise ValueError("a weight goes beyond the end of the file")
        return struct.unpack_from(f"<{count}f", self.data, begin)

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value

    def string(self) -> str:
        length = self.take("Q")
        text = self.data[self.at : self.at + length]
        if len(text) < length:
            raise ValueError("a text goes beyond the end of the file")
        self.at += length
        return text.decode("utf-8", errors="replace")

    def skip_array(self) -> None:
        kind, length = self.take("I"), self.take("Q")
        if kind == _STRING:
            for _ in range(length):
                length_of_one = self.take("Q")
                self.at += length_of_one
        elif kind == _ARRAY:
            for _ in range(length):
                self.skip_array()
        else:
            self.at += length * struct.calcsize(f"<{_scalar(kind)}")
        if self.at > len(self.data):
            raise ValueError("a list goes beyond the end of the file")


def _scalar(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError("an unknown type of field")
    return _SCALARS[kind]
