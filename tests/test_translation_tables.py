"""A translation as tables: the words, the weights and the probabilities, each in its row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memviz import measures, tables
from memviz.errors import MeasureError, TraceError
from memviz.trace import Candidate
from tests.memories import NASTY, memory_of, tokens, trace_of, words_of

WRITTEN = tokens(["O", "ga", "##to", "pre", "##to", "</s>"], special=(5,))
READ = tokens(["The", "bl", "##ack", "cat", "</s>"], special=(4,))
MEMORY, TRUTH = memory_of(WRITTEN, READ, sharp=6.0)
SIDES = words_of(WRITTEN), words_of(READ)
PROBABILITIES = np.array([0.9, 0.5, 0.8, 0.25, 1.0, 0.75])
LOGPROBS = np.log(PROBABILITIES).astype(np.float32)


def by_word(layer: int, head: int) -> np.ndarray:
    """Weights between the words of the text, worked out apart from the measure: [target word, source word]."""
    token = TRUTH[layer, head]
    columns = np.stack([token[:, 0], token[:, [1, 2]].sum(axis=1), token[:, 3]], axis=1)
    return np.stack([columns[0], columns[[1, 2]].mean(axis=0), columns[[3, 4]].mean(axis=0)])


@pytest.mark.parametrize(("layer", "head"), [(0, 0), (1, 2)])
def test_a_target_word_stands_beside_its_source(layer: int, head: int) -> None:
    frame = tables.alignment_table(MEMORY, SIDES, layer=layer, head=head, logprobs=LOGPROBS)
    assert list(frame.columns) == ["target", "target_word", "source", "source_word", "weight", "probability"]
    assert frame.target_word.tolist() == ["O", "gato", "preto", "</s>"]
    expected = by_word(layer, head)
    assert frame.source[:3].tolist() == expected.argmax(axis=1).tolist()
    assert frame.source_word[:3].tolist() == [("The", "black", "cat")[place] for place in expected.argmax(axis=1)]
    np.testing.assert_allclose(frame.weight[:3], expected.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(frame.probability, [0.9, 0.5 * 0.8, 0.25, 0.75], rtol=1e-5)
    assert frame.iloc[3][["source", "source_word", "weight"]].isna().all(), "an added token was read from no word"


def test_without_probabilities_there_is_a_gap_and_a_shift_takes_the_later_step() -> None:
    frame = tables.alignment_table(MEMORY, SIDES, layer=1, head=1, shift=1)
    assert frame.probability.isna().all()
    later = TRUTH[1, 1][1]
    assert frame.weight[0] == pytest.approx(max(later[0], later[[1, 2]].sum(), later[3]), abs=1e-6)


def test_the_table_survives_csv() -> None:
    odd = tokens([*NASTY[:5], "</s>"], special=(5,))
    frame = tables.alignment_table(memory_of(odd, READ)[0], (words_of(odd), SIDES[1]), layer=0, head=0)
    back, _ = tables.read_csv(tables.csv(frame))
    assert back.target_word.tolist() == frame.target_word.tolist()
    assert back.source_word[:5].tolist() == frame.source_word[:5].tolist()
    assert back.source[:5].tolist() == frame.source[:5].tolist()
    np.testing.assert_array_equal(back.weight.to_numpy(np.float32), frame.weight)


@pytest.mark.parametrize("head", [0, 1, 2])
def test_what_other_tools_read_is_the_alignment(head: int) -> None:
    text = tables.links_pharaoh(MEMORY, SIDES, layer=0, head=head)
    expected = by_word(0, head).argmax(axis=1)
    assert text == " ".join(f"{source}-{target}" for target, source in enumerate(expected))
    assert measures.Gold.parse(text).sure == measures.alignment(MEMORY, SIDES, layer=0, head=head).pairs
    shifted = tables.links_pharaoh(MEMORY, SIDES, layer=0, head=head, shift=1)
    assert measures.Gold.parse(shifted).sure == measures.alignment(MEMORY, SIDES, layer=0, head=head, shift=1).pairs


def test_the_words_that_the_links_count() -> None:
    assert tables.words_counted(SIDES) == "The black cat ||| O gato preto"
    links = measures.Gold.parse(tables.links_pharaoh(MEMORY, SIDES, layer=0, head=0))
    sources, targets = (side.split(" ") for side in tables.words_counted(SIDES).split(" ||| "))
    assert links.in_words(SIDES) == tuple((sources[s], targets[t]) for s, t in sorted(links.sure))


def test_the_files_of_an_alignment_have_the_same_lines() -> None:
    files = tables.alignment_files(MEMORY, SIDES, layer=0, head=1, shift=1)
    links = tables.links_pharaoh(MEMORY, SIDES, layer=0, head=1, shift=1)
    assert files == {"alignment.pharaoh": f"{links}\n", "alignment.words": "The black cat ||| O gato preto\n"}
    assert all("-" in link and link.replace("-", "").isdigit() for link in files["alignment.pharaoh"].split())


def trace():
    """A trace with other tokens that could have been written: three at the first step, none at the last."""
    others = [("A", 90, 0.05), ("Um", 91, 0.04), ("=1", 92, 0.01)]
    steps = tuple(
        (Candidate(token.text, token.id, float(sure)), *(Candidate(*other) for other in others[: max(0, 3 - number)]))
        for number, (token, sure) in enumerate(zip(WRITTEN, PROBABILITIES, strict=True))
    )
    return replace(trace_of(MEMORY), targets=WRITTEN, logprobs=LOGPROBS, steps=steps)


def test_a_step_has_its_token_and_what_could_have_been_written() -> None:
    frame = tables.steps_table(trace())
    names = [name for n in (1, 2, 3) for name in (f"alternative_{n}", f"alternative_{n}_probability")]
    assert list(frame.columns) == ["step", "token", "probability", *names]
    assert frame.token.tolist() == [token.text for token in WRITTEN]
    np.testing.assert_allclose(frame.probability, PROBABILITIES, rtol=1e-6)
    assert frame.iloc[0][names[::2]].tolist() == ["A", "Um", "=1"]
    np.testing.assert_allclose(frame.iloc[0][names[1::2]].to_numpy(float), [0.05, 0.04, 0.01], rtol=1e-6)
    assert frame.iloc[1][names[::2]].tolist()[:2] == ["A", "Um"]
    assert frame.iloc[1][names[4:]].isna().all()
    assert frame.iloc[5][names].isna().all()
    back, _ = tables.read_csv(tables.csv(frame))
    assert back.alternative_3[0] == "=1"


def test_steps_without_alternatives_are_still_steps() -> None:
    assert list(tables.steps_table(replace(trace(), steps=())).columns) == ["step", "token", "probability"]


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(MeasureError, match="2 log-probabilities for 6 target tokens"):
        tables.alignment_table(MEMORY, SIDES, logprobs=LOGPROBS[:2])
    with pytest.raises(TraceError, match="tiny wrote nothing here"):
        tables.steps_table(trace_of(MEMORY))
    plain, _ = memory_of(READ)
    for call in (tables.alignment_table, tables.links_pharaoh, tables.alignment_files):
        with pytest.raises(MeasureError, match="cross-attention"):
            call(plain, (SIDES[1], SIDES[1]))
    assert isinstance(tables.alignment_table(MEMORY, SIDES), pd.DataFrame)
