import struct
from pathlib import Path

import pytest

from memviz.errors import ModelFileError
from memviz.models.gguf_header import fields, quantisation, splits_digits

pytest.importorskip("gguf")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    from tiny_gguf import write_gguf

    return write_gguf(tmp_path / "tiny.gguf")


def test_fields_with_one_value_are_read_and_lists_are_skipped(file: Path) -> None:
    known = fields(file)
    assert known["general.architecture"] == "llama"
    assert known["general.name"] == "Tiny llama"
    assert known["llama.block_count"] == 2
    assert known["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    assert known["tokenizer.ggml.unknown_token_id"] == 0  # stands behind the lists
    assert "tokenizer.ggml.tokens" not in known


def test_fields_equal_those_of_the_library(file: Path) -> None:
    from gguf import GGUFReader

    theirs = {name: field.contents() for name, field in GGUFReader(file).fields.items() if not name.startswith("GGUF.")}
    single = {name: value for name, value in theirs.items() if not isinstance(value, list)}
    assert fields(file) == single
    assert len(single) > 10


@pytest.mark.parametrize("length", [0, 3, 8, 20, 60, 200, 700])
def test_a_file_that_ends_too_early(file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ModelFileError, match=r"tiny.gguf is not a GGUF file"):
        fields(file)


@pytest.mark.parametrize(
    "content",
    [
        b"GGML" + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0) + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60) + bytes(100),
        b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 99) + bytes(100),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 90) + bytes(100),
        b"GGUF" + struct.pack("<IQQQ1sIIQQ", 3, 0, 1, 1, b"k", 9, 8, 2, 2**64 - 1) + bytes(100),
        b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 9) + struct.pack("<IQ", 9, 1) * 100_000,
    ],
    ids=["magic", "version", "fields", "string", "type", "list", "overflow", "nesting"],
)
def test_nonsense_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(ModelFileError):
        fields(tmp_path / "x.gguf")


def test_lists_of_lists_are_skipped(tmp_path: Path) -> None:
    inner = struct.pack("<IQ2H", 2, 2, 7, 8)
    field = struct.pack("<Q1sIIQ", 1, b"k", 9, 9, 2) + inner * 2
    last = struct.pack("<Q1sI?", 1, b"z", 7, True)
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + field + last)
    assert fields(tmp_path / "x.gguf") == {"z": True}


@pytest.mark.parametrize(("number", "said"), [(3, "GGUF Q4_1"), (1, "GGUF F16"), (0, "GGUF F32"), (9999, "GGUF")])
def test_quantisation_in_words(number: int, said: str) -> None:
    assert quantisation({"general.file_type": number}) == said
    assert quantisation({}) == "GGUF"


def test_who_splits_digits() -> None:
    assert splits_digits({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm"})
    assert not splits_digits({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe"})
    assert not splits_digits({"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "smollm"})
    assert not splits_digits({})
