"""Units of sounds and pictures lie where they are said to lie."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from memviz.errors import TraceError
from memviz.sources import Patch, Picture, Sound, special_places, tokens_of, words_of_units
from memviz.tokens import Token


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (14, 9)])
def test_patches_cover_the_picture_once(rows: int, columns: int) -> None:
    picture = Picture.of(90, 60, rows=rows, columns=columns, prefix=1)
    seen = np.zeros((rows, columns), dtype=int)
    for unit in picture.units[1:]:
        left, top, right, bottom = (Fraction(share).limit_denominator(100) for share in unit.box)
        assert (right - left, bottom - top) == (Fraction(1, columns), Fraction(1, rows))
        assert (left * columns, top * rows) == (unit.column, unit.row)
        seen[unit.row, unit.column] += 1
    assert (seen == 1).all()
    assert len({unit.text for unit in picture.units}) == len(picture.units)


@pytest.mark.parametrize(
    ("prefix", "names"), [(0, []), (1, ["[CLS]"]), (3, ["[CLS]", "[REG1]", "[REG2]"])], ids=["none", "cls", "registers"]
)
def test_tokens_without_a_place_come_first_and_are_special(prefix: int, names: list[str]) -> None:
    units = Picture.of(4, 4, rows=2, columns=2, prefix=prefix).units
    assert [unit.text for unit in units[:prefix]] == names
    assert special_places(units) == list(range(prefix))
    assert [unit.word for unit in units] == list(range(prefix + 4))


@pytest.mark.parametrize(
    ("samples", "heard"),
    [(1, 1), (1600, 1), (1601, 2), (8000, 5), (16_000, 10)],
    ids=["one sample", "one frame", "and a sample", "half", "the whole window"],
)
def test_frames_behind_the_end_are_special(samples: int, heard: int) -> None:
    sound = Sound.of(samples, 16_000, frames=10, window=1.0)
    assert special_places(sound.units) == list(range(heard, 10))
    edges = [(unit.start, unit.end) for unit in sound.units]
    assert edges == [pytest.approx((number / 10, (number + 1) / 10)) for number in range(10)]
    assert sound.seconds == samples / 16_000


def test_units_of_one_group_are_one_word() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    units = [Patch("a", 0, 0, box, 0, special=True), Patch("b", 0, 0, box, 1), Patch("c", 0, 1, box, 1)]
    words = words_of_units(units)
    assert [(word.text, word.tokens, word.special) for word in words] == [("a", (0,), True), ("b", (1, 2), False)]


def test_what_stands_in_a_grid_says_so() -> None:
    picture, sound = Picture.of(4, 4, rows=1, columns=1, prefix=0), Sound.of(9, 9, frames=1, window=1.0)
    assert [unit.geometry for unit in (picture.units[0], sound.units[0])] == ["grid", "line"]
    assert Token.geometry == "line"


def test_only_tokens_are_tokens() -> None:
    token = Token("the", 5, 0, 3, special=False, word=0)
    assert tokens_of([token]) == (token,)
    with pytest.raises(TraceError, match="not tokens of a text but frames"):
        tokens_of(Sound.of(9, 9, frames=1, window=1.0).units)
    with pytest.raises(TraceError, match="not tokens of a text but patches"):
        tokens_of(Picture.of(4, 4, rows=1, columns=1, prefix=0).units)


def test_sources_need_neither_torch_nor_pictures_at_import() -> None:
    code = "import sys, memviz.sources; print([n for n in ('torch', 'transformers', 'PIL') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
