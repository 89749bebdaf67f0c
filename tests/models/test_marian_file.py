"""Marian's binary format: what is inside, and what is said when something is wrong."""

from __future__ import annotations

import pickle
import random
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tiny_marian import (
    CONFIG,
    FLOAT32,
    INTGEMM8,
    PIECES,
    firefox_folder,
    marian_bytes,
    packed,
    rounded,
    vocabulary,
    weights,
)

from memviz.errors import ModelError, ModelFileError, UnsupportedModelError
from memviz.models import locate, marian_file

RNG = np.random.default_rng(1)
MATRIX = RNG.normal(size=(3, 5)).astype(np.float32)  # [in, out]
TABLE = RNG.normal(size=(7, 3)).astype(np.float32)
BIAS = RNG.normal(size=(1, 5)).astype(np.float32)
ITEMS = {"Wemb": TABLE, "encoder_l1_ffn_W1": MATRIX, "encoder_l1_ffn_b1": BIAS}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.enpt.bin"
    path.write_bytes(marian_bytes(ITEMS))
    return path


def test_a_linear_map_comes_out_as_out_by_in_and_the_embeddings_as_they_are(file: Path) -> None:
    found = marian_file.read(file)
    np.testing.assert_array_equal(found.linear("encoder_l1_ffn_W1"), rounded(MATRIX.T))
    np.testing.assert_array_equal(found.table("Wemb"), rounded(TABLE))
    np.testing.assert_array_equal(found.vector("encoder_l1_ffn_b1"), BIAS.ravel())
    assert found.quantised
    assert found.shape("encoder_l1_ffn_W1") == (3, 5)


def test_a_float_file_holds_the_same(file: Path) -> None:
    file.write_bytes(marian_bytes(ITEMS, quantised=False))
    found = marian_file.read(file)
    np.testing.assert_array_equal(found.linear("encoder_l1_ffn_W1"), MATRIX.T)
    np.testing.assert_array_equal(found.table("Wemb"), TABLE)
    assert not found.quantised


def test_the_configuration_is_text_with_plain_settings(file: Path) -> None:
    config = marian_file.read(file).config
    assert config["transformer-heads"] == "4"
    assert config["transformer-preprocess"] == ""
    assert config["version"] == "v1.9.56"
    assert config["dim-vocabs"] == "32000, 32000"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_is_cut_says_so(file: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelFileError, match="is cut off"):
        marian_file.read(file)


def test_a_cut_file_says_how_long_it_should_be(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(ModelFileError, match=rf"should have {len(whole):,} bytes, but has {len(whole) - 1:,}"):
        marian_file.read(file)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"short", b"PK\x03\x04" + b"x" * 100, pickle.dumps({"weights": [0.0] * 50}), b"\0" * 64,
        struct.pack("<QQ", 2, 195) + b"\0" * 64, struct.pack("<QQ", 1, 10**9) + b"\0" * 64,
        struct.pack("<QQ", 1, 1) + struct.pack("<QQQQ", 10**15, FLOAT32, 2, 4) + b"\0" * 64,
    ],
    ids=["empty", "short", "zip", "pickle", "zeros", "version 2", "too many items", "name too long"],
)  # fmt: skip
def test_a_foreign_file_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.enpt\.bin is not a Marian model") as error:
        marian_file.read(file)
    assert error.value.todo


def test_weights_for_one_kind_of_processor_are_refused(file: Path) -> None:
    file.write_bytes(packed([("Wemb", 0x5101, (2, 2), b"\0" * 8)]))
    with pytest.raises(UnsupportedModelError, match=r"Wemb: 0x5101"):
        marian_file.read(file)


def test_too_few_bytes_for_a_shape_are_refused(file: Path) -> None:
    for shape in ((100, 100), (2**31 - 1, 2**31 - 1, 2**31 - 1)):
        file.write_bytes(packed([("Wemb", FLOAT32, shape, b"\0" * 16)]))
        with pytest.raises(ModelFileError, match="too few bytes"):
            marian_file.read(file)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("nan"), float("inf")])
def test_a_multiplier_that_makes_no_sense_is_refused(file: Path, multiplier: float) -> None:
    file.write_bytes(packed([("Wemb", INTGEMM8, (2, 2), b"\1\2\3\4" + struct.pack("<f", multiplier))]))
    with pytest.raises(ModelFileError, match="was quantised with"):
        marian_file.read(file).table("Wemb")


def test_what_is_missing_is_named(file: Path) -> None:
    file.write_bytes(marian_bytes(ITEMS, config=None))
    found = marian_file.read(file)
    with pytest.raises(ModelFileError, match=r"special:model.yml is missing"):
        _ = found.config
    with pytest.raises(ModelFileError, match="encoder_l1_ffn_W2 is missing"):
        found.linear("encoder_l1_ffn_W2")


def test_damage_anywhere_in_the_head_is_an_error_of_ours_or_none(file: Path) -> None:
    """A file may be damaged in many ways: never another exception, never a hang, never gigabytes."""
    whole = file.read_bytes()
    draw, readable = random.Random(0), 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(16, 700)] = draw.randrange(256)
        file.write_bytes(damaged)
        with suppress(ModelError):
            found = marian_file.read(file)
            _ = found.config, found.table("Wemb"), found.linear("encoder_l1_ffn_W1")
            readable += 1
    assert 0 < readable < 400, "damage of both sorts"


def test_the_files_of_a_folder_and_the_languages(tmp_path: Path) -> None:
    files = marian_file.find(firefox_folder(tmp_path / "a", pair="ptes"))
    assert (files.source, files.languages) == (files.target, ("pt", "es"))
    folder = tmp_path / "b"
    folder.mkdir()
    for name in ("model.enzh.intgemm.alphas.bin", "srcvocab.enzh.spm", "trgvocab.enzh.spm", "lex.50.50.enzh.s2t.bin"):
        (folder / name).write_bytes(b"")
    files = marian_file.find(folder)
    assert (files.source.name, files.target.name) == ("srcvocab.enzh.spm", "trgvocab.enzh.spm")
    assert files.languages == ("en", "zh")
    (folder / "model.enzh.intgemm.alphas.bin").rename(folder / "model.bin")
    (folder / "trgvocab.enzh.spm").rename(folder / "trgvocab.spm")
    (folder / "srcvocab.enzh.spm").rename(folder / "srcvocab.spm")
    assert marian_file.find(folder).languages is None


@pytest.mark.parametrize(
    ("model", "vocabulary", "languages"),
    [
        ("model.enpt.intgemm.alphas.bin", "vocab.enpt.spm", ("en", "pt")),
        ("model.tiny.enpt.bin", "vocab.enpt.spm", ("en", "pt")),
        ("model.tiny.bin", "vocab.spm", None),
        ("model.tiny.bin", "vocab.enpt.spm", None),
        ("model.enpt.bin", "vocab.spm", None),
        ("model.enpt.bin", "vocab.enes.spm", None),
    ],
)
def test_languages_are_what_the_files_agree_on(
    tmp_path: Path, model: str, vocabulary: str, languages: tuple[str, str] | None
) -> None:
    for name in (model, vocabulary):
        (tmp_path / name).write_bytes(b"")
    assert marian_file.find(tmp_path).languages == languages


def test_a_folder_is_located_as_it_lies(tmp_path: Path) -> None:
    found = locate(firefox_folder(tmp_path / "mine"))
    assert found.format == "marian"
    assert found.revision.startswith("blocks:")


def test_a_whole_tiny_model_has_what_a_network_needs(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(marian_bytes(weights(PIECES)))
    found = marian_file.read(path)
    assert set(weights(PIECES)) | {"special:model.yml"} == set(found.items)
    assert found.table("Wemb").shape == (PIECES, 16)
    assert CONFIG.splitlines()[0] == f"dec-cell: {found.config['dec-cell']}"
    assert len(vocabulary()) > 1000


@pytest.mark.timeout(60)  # in time that grows as its square it would take minutes
@pytest.mark.parametrize(
    "line",
    [
        "a: " + " " * 60_000 + "b",
        "a:" + "\t" * 60_000,
        "a: b" + " \t" * 30_000 + "c",
        "a" * 60_000,
        "a:\n" + " " * 60_000,
    ],
)
def test_a_long_configuration_is_read_in_time_linear_in_it(line: str, tmp_path: Path) -> None:
    path = tmp_path / "model.enpt.bin"
    path.write_bytes(marian_bytes(ITEMS, config=f"{line}\ntype: transformer"))
    assert marian_file.read(path).config["type"] == "transformer"


def test_a_configuration_that_is_longer_than_any_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.enpt.bin"
    path.write_bytes(marian_bytes(ITEMS, config="type: " + " " * 400_000 + "transformer"))
    with pytest.raises(ModelFileError, match=r"its configuration has 400,0\d\d bytes"):
        marian_file.read(path)
