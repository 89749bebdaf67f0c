"""Words before and in context: nearest rows, fixed pictures, and how far two texts carry one word."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memviz import Reader, embeddings
from memviz.errors import EmptyTextError, ReadingError, TraceError
from tests.reading.cases import fresh, opened
from tests.reading.families import words

RIVER = "He sat on the bank of the river and watched the water."
RIVER_TOO = "They walked along the bank of the river until the sun went down."
MONEY = "She put her money in the bank and checked her account."
TEXT = words(14)


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "t5", "albert"])
def test_the_nearest_rows_are_the_nearest(name: str) -> None:
    reader = opened(name)
    found = embeddings.neighbours(reader, "cat", k=4)
    assert list(found.columns) == ["word", "cosine", "token"]
    assert len(found) == 4
    table = fresh(name).get_input_embeddings().weight.detach().double()
    cat = reader.tokenizer(" cat", add_special_tokens=False)["input_ids"]
    wanted = torch.nn.functional.cosine_similarity(table, table[cat].mean(0)[None])
    assert found.cosine.is_monotonic_decreasing
    np.testing.assert_allclose(found.cosine, wanted[found.token.tolist()].numpy(), rtol=0, atol=1e-5)
    passed = [t for t in wanted.argsort(descending=True).tolist() if wanted[t] > found.cosine.iloc[0] + 1e-6]
    hidden = {*reader.tokenizer.all_special_ids, *cat}
    texts = [reader.tokenizer.decode([token]).strip() for token in passed if token not in hidden]
    assert all(text in ("", "cat") or "\ufffd" in text for text in texts), "only what cannot be shown stands nearer"
    assert "cat" not in found.word.tolist()
    assert abs(found.attrs["floor"]) < 0.2
    assert found.attrs["floor_high"] > found.attrs["floor"]
    assert (found.attrs["whole"], found.attrs["note"]) == (True, "")


def test_a_word_that_the_vocabulary_lacks_is_the_mean_of_its_pieces_and_that_is_said() -> None:
    reader = opened("gpt2")
    found = embeddings.neighbours(reader, "catzq", k=3)
    ids = reader.tokenizer(" catzq", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1
    assert found.attrs["whole"] is False
    assert "".join(found.attrs["pieces"]).strip() == "catzq"
    assert "not in the vocabulary" in found.attrs["note"]
    table = fresh("gpt2").get_input_embeddings().weight.detach()
    wanted = torch.nn.functional.cosine_similarity(table, table[ids].mean(0)[None])
    assert found.cosine.iloc[0] == pytest.approx(float(wanted[found.token.iloc[0]]), abs=1e-5)
    with pytest.raises(EmptyTextError):
        embeddings.neighbours(reader, "  ")
    with pytest.raises(ReadingError, match="0 neighbours"):
        embeddings.neighbours(reader, "cat", k=0)


def test_a_projection_is_the_principal_components_with_a_fixed_sign() -> None:
    reader, names = opened("bert"), ["cat", "dog", "stone", "bridge", "rain"]
    found = embeddings.project(reader, names)
    assert list(found.word) == names
    table = fresh("bert").get_input_embeddings().weight.detach().double()
    rows = torch.stack([table[reader.tokenizer(f" {n}", add_special_tokens=False)["input_ids"]].mean(0) for n in names])
    centred = (rows - rows.mean(0)).numpy()
    values, axes = np.linalg.eigh(centred.T @ centred)
    for column, axis in (("x", -1), ("y", -2)):
        np.testing.assert_allclose(np.abs(found[column]), np.abs(centred @ axes[:, axis]), rtol=0, atol=1e-5)
        assert found[column][found[column].abs().idxmax()] > 0
    assert found.attrs["explained"] == pytest.approx(values[-2:].sum() / values.sum(), abs=1e-6)
    with pytest.raises(ReadingError, match="picture of 2 words"):
        embeddings.project(reader, ["cat", "dog", "cat"])


@pytest.mark.parametrize("name", ["bert", "llama", "marian"])
def test_drift_is_the_cosine_of_the_models_own_hidden_states(name: str) -> None:
    reader, model = opened(name), fresh(name)
    word = TEXT.split()[5]
    other = f"{word} {words(9, seed=3)}"
    found = embeddings.drift(reader, word, TEXT, other)
    part = model.get_encoder() if name == "marian" else model.base_model
    states = []
    for text in (TEXT, other):
        trace = reader.read(text) if name != "marian" else reader.translate(text, "a")
        place = next(w for w in trace.words if w.text == word).tokens
        with torch.no_grad():
            output = part(input_ids=torch.tensor([[t.id for t in trace.tokens]]), output_hidden_states=True)
        states.append(torch.stack(output.hidden_states)[:, 0, list(place)].double().mean(1))
    wanted = torch.nn.functional.cosine_similarity(*states, dim=1)
    assert found.shape == (4,)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=1e-5)
    assert found.min() < 0.99
    np.testing.assert_allclose(embeddings.drift(reader, word, TEXT, TEXT), 1, rtol=0, atol=1e-6)
    with pytest.raises(TraceError, match="no word “harvest”"):
        embeddings.drift(reader, "harvest", TEXT, other)


@pytest.mark.models
@pytest.mark.parametrize(
    ("word", "families"),
    [
        ("monday", {"tuesday", "sunday", "wednesday"}),
        ("paris", {"parisian", "france", "london"}),
        ("seven", {"7", "six", "nine"}),
        ("bank", {"banks", "banking"}),
    ],
)
def test_minilm_knows_weekdays_cities_and_numbers(minilm: Reader, word: str, families: set[str]) -> None:
    found = embeddings.neighbours(minilm, word, k=10)
    assert families <= set(found.word[: len(families) + 1])
    assert found.attrs["floor"] == pytest.approx(0.015, abs=0.015)
    assert found.cosine.iloc[1] > found.attrs["floor_high"]


@pytest.mark.models
def test_a_bank_of_a_river_drifts_from_a_bank_with_money(minilm: Reader) -> None:
    apart, together = (embeddings.drift(minilm, "bank", RIVER, text) for text in (MONEY, RIVER_TOO))
    assert apart[0] >= 0.95
    assert apart[-1] <= 0.8
    assert together[-1] >= 0.85
