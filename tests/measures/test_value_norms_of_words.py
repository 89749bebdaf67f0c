"""How much is written of a whole word: the length of the sum of what its pieces write, from the model's own weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import memviz
from memviz import Reader, Trace, figures
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import PatternView
from memviz.measures.weights import WordPieces, word_value_norm
from memviz.tokens.word import LONGEST, word_pairs

pytestmark = pytest.mark.models

TEXT = "Unbelievably, the antidisestablishmentarians rejuvenated extraordinarily, incomprehensibly."
LAYER, HEAD = 3, 5


@pytest.fixture(scope="module", params=["minilm", "smollm2"])
def read(request: pytest.FixtureRequest) -> tuple[Reader, Trace]:
    reader = memviz.load(request.param)
    return reader, reader.read(TEXT)


def written(reader: Reader, trace: Trace) -> np.ndarray:
    """What a full weight on each key would write in one head, from the model's layers: float64 [key, width]."""
    model, caught = reader.model, []
    if trace.model.name == "minilm":
        block = model.get_submodule("encoder.layer")[LAYER].attention
        value, output = block.self.value, block.output.dense.weight
    else:
        block = model.get_submodule("model.layers")[LAYER].self_attn
        value, output = block.v_proj, block.o_proj.weight
    hook = value.register_forward_hook(lambda _m, _a, out: caught.append(out[0].double()))
    with torch.inference_mode():
        model(torch.tensor([[token.id for token in trace.tokens]]))
    hook.remove()
    heads, dim = trace.memory().heads, trace.model.head_dim
    shared = heads // (caught[0].shape[1] // dim)
    values = caught[0].unflatten(1, (-1, dim))[:, HEAD // shared]
    return (values @ output.double()[:, HEAD * dim : (HEAD + 1) * dim].T).detach().numpy()


def test_the_norm_of_a_word_is_that_of_the_sum(read: tuple[Reader, Trace]) -> None:
    reader, trace = read
    memory, words = trace.memory(), [word.tokens for word in trace.words]
    weights, vectors = memory.pattern(LAYER, HEAD), written(reader, trace)
    assert max(map(len, words)) >= 3
    wanted = np.array(
        [[np.linalg.norm(sum(row[j] * vectors[j] for j in places)) for places in words] for row in weights]
    )
    norms = word_value_norm(memory, LAYER, HEAD, WordPieces.of(memory, words), weights=weights)
    np.testing.assert_allclose(norms, wanted, rtol=5e-4, atol=1e-5)
    added = np.array(
        [[sum(row[j] * np.linalg.norm(vectors[j]) for j in places) for places in words] for row in weights]
    )
    split = np.array([len(places) > 1 for places in words])
    assert (added[-1] / wanted[-1])[split].max() > 1.05, "adding norms says more than is written"
    shown = pattern_data(
        memory,
        PatternView(layer=LAYER, head=HEAD, values="value norm", query_words=trace.words, key_words=trace.words),
    ).values
    mean = np.array([wanted[list(places)].mean(axis=0) for places in words])
    np.testing.assert_allclose(shown[~np.isnan(shown)], mean[~np.isnan(shown)], rtol=2e-3, atol=1e-5)
    removed = pattern_data(
        memory,
        PatternView(
            layer=LAYER, head=HEAD, values="value norm", query_words=trace.words, key_words=trace.words, without=(0,)
        ),
    ).values
    np.testing.assert_allclose(removed[:, 1:], shown[:, 1:], rtol=1e-5)


def test_what_the_reading_did_not_keep_is_left_blank_and_said(read: tuple[Reader, Trace], tmp_path) -> None:
    _, trace = read
    trace.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz").memory()
    np.testing.assert_array_equal(again.summary.value_dots, trace.memory().summary.value_dots)
    old = replace(again, summary=replace(again.summary, value_dots=np.zeros((0, 0, 0), dtype=np.float32)))
    words = [word.tokens for word in trace.words]
    whole = np.array([len(places) == 1 for places in words])
    np.testing.assert_array_equal(WordPieces.of(old, words).has_norm, whole)
    assert WordPieces.of(again, words).has_norm.all()
    sides = {"query_words": trace.words, "key_words": trace.words}
    blank, full = (figures.pattern(m, LAYER, HEAD, view="value norm", **sides) for m in (old, again))
    assert np.isnan(np.asarray(blank.data[0].z)[:, ~whole]).all()
    np.testing.assert_array_equal(np.asarray(blank.data[0].z)[:, whole], np.asarray(full.data[0].z)[:, whole])
    note = "left blank: split words whose value norm"
    assert (note in blank.layout.meta["caption"], note in full.layout.meta["caption"]) == (True, False)
    assert "what its pieces write together" in full.layout.meta["caption"]
    assert "weights add up" not in full.layout.meta["caption"]


def test_the_pairs_of_a_long_word_are_not_listed() -> None:
    token = memviz.read("a", model="minilm").tokens[1]
    assert len(word_pairs([token] * LONGEST)) == LONGEST * (LONGEST - 1) // 2
    assert word_pairs([token] * (LONGEST + 1)).shape == (0, 2)
    assert word_pairs([token, replace(token, word=token.word + 1), token, replace(token, special=True)]).tolist() == [
        [0, 2]
    ]
