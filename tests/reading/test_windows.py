"""A stretch of a long text can be read: it fits as it will be tokenised, and no character is cut."""

from __future__ import annotations

import itertools
import math

import pytest
import regex
from cases import opened
from families import FAMILIES, tokenizer, words
from tokenizers import Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from memviz import Reader
from memviz.errors import TextTooLongError
from memviz.reading.engine import limits

TEXTS = {
    "words": words(120),
    "split words": "unhappy zookeepers remembered hippopotamuses; photographers misunderstood. " * 3,
    "chinese": "小猫坐在垫子上，因为它累了。" * 8,
    "emoji": "👩‍👩‍👧‍👦 ok " * 8,
    "hindi": "बिल्ली चटाई पर बैठी क्योंकि वह थकी हुई थी। " * 3,
}
LIMIT = 40


@pytest.fixture
def _forty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", str(LIMIT))


def spaced(kind: str) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer like GPT-2's: a word at the start of a text has no space, and so may have more tokens."""
    own = tokenizer(kind)
    raw = Tokenizer.from_str(own.backend_tokenizer.to_str())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return type(own)(tokenizer_object=raw, model_input_names=own.model_input_names, **own.special_tokens_map)


@pytest.fixture(scope="module", params=["gpt2", "bert"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return Reader(opened(request.param).model, spaced(FAMILIES[request.param].tokenizer))


@pytest.mark.usefixtures("_forty")
@pytest.mark.parametrize("pair", [None, "nobody remembers 猫"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_window_fits_and_cuts_no_character(reader: Reader, text: str, pair: str | None) -> None:
    total = reader.count(text)
    edges = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    sizes = itertools.count(max(5, total // 14))
    step = next(size for size in sizes if math.gcd(size, 6) == 1)  # also inside of characters of two and three bytes
    for start in range(0, total - 2, step):
        begin, end = reader.stretch(text, start, pair=pair)
        window = reader.window(text, start, pair=pair)
        assert window == text[begin:end] != ""
        assert {begin, end} <= edges
        count = reader.count(window, pair)
        assert count <= LIMIT
        limits.check(reader.engine, count)


@pytest.mark.usefixtures("_forty")
def test_a_window_is_as_long_as_it_can_be(reader: Reader) -> None:
    text = TEXTS["chinese"]
    window = reader.window(text, pair="the cat")
    assert reader.count(window, "the cat") > LIMIT - 3
    assert reader.read(window, "the cat").text == window
    assert reader.count(reader.window(text, 9, 12)) - reader.count("") in (11, 12)


@pytest.mark.usefixtures("_forty")
def test_a_pair_that_leaves_no_room_is_said(reader: Reader) -> None:
    with pytest.raises(TextTooLongError, match=r"The second sentence and what the model adds have [45]\d tokens") as no:
        reader.window(TEXTS["words"], pair="猫" * 15)
    assert "Shorten the second sentence" in str(no.value)


@pytest.mark.usefixtures("_forty")
def test_a_task_in_front_takes_room() -> None:
    reader = Reader(opened("t5").model, spaced("end"))
    begin, end = reader.stretch(TEXTS["chinese"], task="translate this old text:")
    assert 0 == begin < end
    assert reader.count("translate this old text: " + TEXTS["chinese"][:end]) <= LIMIT


def test_a_character_that_does_not_fit_is_never_cut(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "8")
    with pytest.raises(TextTooLongError, match="not one character of the text fits"):
        reader.window(TEXTS["emoji"])
