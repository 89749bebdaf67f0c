"""Real readings of tiny models, saved and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import case, opened, patterns
from families import words

from memviz import Forget, Trace

TEXT = "猫坐在垫子上 😀 the cat — naïve, “quoted” and 👩‍👩‍👧 family"


def round_trip(trace: Trace, folder: Path) -> Trace:
    back = Trace.load(trace.save(folder / "reading.npz"))
    assert back.tokens == trace.tokens
    assert back.targets == trace.targets
    assert back.model == trace.model
    assert (back.text, back.pair, back.output, back.forget) == (trace.text, trace.pair, trace.output, trace.forget)
    assert back.next_tokens == trace.next_tokens
    assert dict(back.seconds) == dict(trace.seconds)
    assert np.array_equal(back.logprobs, trace.logprobs, equal_nan=True)
    assert list(back.memories) == list(trace.memories)
    for kind in trace.memories:
        assert (patterns(back, kind) == patterns(trace, kind)).all()
        one, other = vars(trace.memory(kind).summary), vars(back.memory(kind).summary)
        assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
    return back


@pytest.mark.parametrize("name", ["bert", "mistral", "gemma2", "gpt-oss", "bloom", "t5", "marian", "modernbert"])
def test_a_reading_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    round_trip(case(name).trace, tmp_path)


def test_a_reading_with_forgotten_edges_comes_back(tmp_path: Path) -> None:
    trace = opened("llama").read(words(30), forget=Forget(keys=[4, 5], queries=[-1], heads=[1]))
    back = round_trip(trace, tmp_path)
    assert not back.memory().pattern(0, 1)[-1, [4, 5]].any()
    assert back.memory().pattern(0, 0)[-1, [4, 5]].all()


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_any_script_comes_back(name: str, tmp_path: Path) -> None:
    trace = opened(name).read(TEXT, "猫" if name == "t5" else None)
    back = round_trip(trace, tmp_path)
    assert back.words == trace.words
    assert "😀" in {token.text for token in back.tokens}


def test_a_pair_comes_back(tmp_path: Path) -> None:
    assert round_trip(opened("bert").read("the cat", "a dog"), tmp_path).pair == "a dog"
