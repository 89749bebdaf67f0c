"""Texts of one length that are read together leave what each leaves alone, in every family of models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cases import opened, patterns
from families import FAMILIES, words

from memviz.errors import EmptyTextError, ReadingError

WRITING = ("ForConditionalGeneration", "MTModel")
READ_ALONE = [name for name, family in FAMILIES.items() if not family.architecture.endswith(WRITING)]
TEXTS = [words(12, seed=seed) for seed in range(3)]


@pytest.mark.parametrize("name", READ_ALONE)
def test_a_text_is_read_as_it_is_alone(name: str) -> None:
    reader = opened(name)
    by_length: dict[int, list[str]] = {}
    for text in TEXTS:
        by_length.setdefault(reader.count(text), []).append(text)
    together = [trace for texts in by_length.values() for trace in reader.read_batch(texts)]
    assert max(map(len, by_length.values())) > 1
    for trace in together:
        alone = reader.read(trace.text)
        assert trace.tokens == alone.tokens
        assert trace.notes == alone.notes
        np.testing.assert_allclose(patterns(trace), patterns(alone), rtol=0, atol=1e-5)
        np.testing.assert_allclose(trace.logprobs, alone.logprobs, rtol=0, atol=1e-4)
        for field in dataclasses.fields(alone.memory().summary):
            one, other = (getattr(each.memory().summary, field.name) for each in (trace, alone))
            if field.name in ("top_key", "thumbnail"):  # of equal weights, either may be the strongest
                assert np.mean(np.asarray(one) != np.asarray(other)) < 0.01
            else:
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_texts_of_several_lengths_and_other_models_are_refused() -> None:
    with pytest.raises(ReadingError, match="as many tokens each"):
        opened("gpt2").read_batch([words(4), words(9)])
    with pytest.raises(EmptyTextError):
        opened("gpt2").read_batch([words(4), " "])
    with pytest.raises(ReadingError, match="one at a time"):
        opened("t5").read_batch([words(4)])
