"""One look-up in numbers: each step is what the model's own modules give, and the sums are the model's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import eager, fresh, opened
from families import words

import memviz
from memviz.errors import MeasureError, TextTooLongError, TraceError
from memviz.reading import Reader
from memviz.reading.decompose import LIMIT
from tests.models.tiny_marian import firefox_folder

TEXT = words(14)
TARGET = "the cat sat on a mat near old stone"
CASES = [
    ("bert", "self", "post-norm"),
    ("gpt2", "self", "pre-norm"),
    ("llama", "self", "pre-norm"),
    ("gemma2", "self", "normed output"),
    ("t5", "encoder", "pre-norm"),
    ("t5", "decoder", "pre-norm"),
    ("t5", "cross", "pre-norm"),
    ("marian", "encoder", "post-norm"),
    ("marian", "decoder", "post-norm"),
    ("marian", "cross", "post-norm"),
    ("gpt-oss", "self", "pre-norm"),
]
ATOL = 1e-4


def taken(name: str, kind: str, layer: int, head: int, query: int):
    reader = opened(name)
    target = TARGET if reader.info.kind == "encoder-decoder" else None
    return reader.formula(TEXT, layer, head, query, kind=kind, target=target)


@pytest.mark.parametrize(("name", "kind", "shape"), CASES)
def test_the_sums_are_what_a_model_that_nobody_touched_computes(name: str, kind: str, shape: str) -> None:
    """Weights by eager attention, the projection's output by a hook, both of fresh weights."""
    reader, model = opened(name), fresh(name)
    layers, heads = reader.plan.layers[kind], reader.plan.heads[kind]
    names = {id(module): path for path, module in reader.model.named_modules()}
    for layer in range(layers):
        made: list[torch.Tensor] = []
        path = names[id(reader.plan.projections[kind][layer])]
        hook = model.get_submodule(path).register_forward_hook(lambda _m, _a, out, made=made: made.append(out))
        found = [taken(name, kind, layer, head, 6) for head in range(heads)]
        first = found[0]
        entered = None
        if reader.info.kind == "encoder-decoder":
            trace = reader.translate(TEXT, TARGET)
            entered = [token.id for token in trace.memory("decoder").keys]
            source = trace.tokens
        else:
            source = first.keys
        weights, _ = eager(model, [token.id for token in source], target=entered)
        hook.remove()
        for head, each in enumerate(found):
            np.testing.assert_allclose(each.weights, weights[kind][layer, head, 6], rtol=0, atol=1e-5)
            np.testing.assert_allclose(each.attended, made[0][0, 6].numpy(), rtol=0, atol=ATOL)
            np.testing.assert_allclose(each.weights @ each.v, each.read, rtol=0, atol=1e-12)
            np.testing.assert_allclose(each.q @ each.k.T, each.products, rtol=0, atol=1e-9)
            assert each.error < ATOL
            assert each.total_error < ATOL
            assert each.shape == shape
        parts = sum(each.written for each in found)
        bias = getattr(reader.plan.projections[kind][layer], "bias", None)
        parts = parts if bias is None else parts + bias.detach().double().numpy()
        np.testing.assert_allclose(parts, first.attended, rtol=0, atol=1e-9)


def test_heads_that_share_keys_say_which() -> None:
    """Llama's four heads have two heads of keys: their keys are the same, their queries are not."""
    first, second, third = (taken("llama", "self", 1, head, 5) for head in (0, 1, 2))
    assert [each.key_head for each in (first, second, third)] == [0, 0, 1]
    np.testing.assert_array_equal(first.k, second.k)
    assert np.abs(first.k - third.k).max() > 0.1
    assert np.abs(first.q - second.q).max() > 0.1


def test_what_may_not_be_seen_has_no_weight() -> None:
    found = taken("gpt2", "self", 0, 0, 5)
    assert found.visible.tolist() == [place <= 5 for place in range(len(found.keys))]
    assert (found.weights[~found.visible] == 0).all()
    assert np.isneginf(found.scores[~found.visible]).all()
    assert found.weights.sum() == pytest.approx(1)
    assert taken("gpt-oss", "self", 0, 0, 5).weights.sum() < 1, "a learned sink takes the rest"


def test_the_article_formula_is_not_what_a_head_writes() -> None:
    found = taken("bert", "self", 1, 2, 3)
    np.testing.assert_allclose(found.mean_state, sum(w * x for w, x in zip(found.weights, found.states, strict=True)))
    value = opened("bert").model.encoder.layer[1].attention.self.value
    with torch.inference_mode():
        values = value(torch.from_numpy(found.states.copy()).float()).double().numpy()
    size = found.v.shape[1]
    np.testing.assert_allclose(values[:, 2 * size : 3 * size], found.v, rtol=0, atol=1e-5)
    assert abs(found.likeness) < 0.9


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return memviz.load(str(firefox_folder(tmp_path_factory.mktemp("firefox") / "tiny", quantised=False)))


@pytest.mark.parametrize("kind", ["encoder", "cross"])
def test_firefox_adds_up_too(firefox: Reader, kind: str) -> None:
    for layer in range(firefox.plan.layers[kind]):
        found = firefox.formula("the cat sat on the mat .", layer, 1, 2, kind=kind, target="o gato")
        assert found.shape == "post-norm"
        assert found.error < ATOL
        assert found.total_error < ATOL
        assert np.abs(found.attended).max() > 1e-3
        trace = firefox.translate("the cat sat on the mat .", "o gato", split=False)
        np.testing.assert_allclose(found.weights, trace.memory(kind).pattern(layer, 1)[2], rtol=0, atol=1e-5)


def test_the_parts_of_a_recurrent_memory_are_what_it_holds(firefox: Reader) -> None:
    recurrent = firefox.translate("the cat sat on the mat .", split=False).recurrent
    assert recurrent is not None
    last = len(recurrent.queries) - 1
    for query in (0, last):
        for unit in range(recurrent.units):
            terms = recurrent.terms(0, unit, query)
            assert terms.sum() == pytest.approx(float(recurrent.states[0, query, unit]), abs=1e-5)
            assert (terms[query + 1 :] == 0).all()
            wanted = recurrent.pattern(0, unit)[query] * recurrent.candidates[0, :, unit]
            np.testing.assert_allclose(terms, wanted, rtol=0, atol=1e-6)
    with pytest.raises(TraceError, match="no step 99"):
        recurrent.terms(0, 0, 99)


def test_what_is_not_there_is_refused() -> None:
    reader = opened("bert")
    for layer, head, query, words_said in [(9, 0, 0, "no layer 9"), (0, 9, 0, "no head 9"), (0, 0, 99, "no token 99")]:
        with pytest.raises(TraceError, match=words_said):
            reader.formula(TEXT, layer, head, query)
    with pytest.raises(TraceError, match="no memory “cross”"):
        reader.formula(TEXT, 0, 0, kind="cross")
    with pytest.raises(MeasureError, match="cannot be shown in numbers"):
        opened("bloom").formula(TEXT, 0, 0)
    with pytest.raises(TextTooLongError):
        opened("llama").formula(words(LIMIT * 2), 0, 0)


def test_the_table_holds_every_number_once() -> None:
    found = taken("llama", "self", 1, 2, 5)
    assert (found.key_head, found.sharing) == (1, 2)
    frame = found.table()
    size, keys, width = found.v.shape[1], len(found.keys), len(found.written)
    assert len(frame) == 2 * size + 7 * width + 2 * keys * size + 4 * keys
    assert frame.step.nunique() == 15
    values = frame[(frame.step == "k") & (frame.key == "3")].value.to_numpy()
    np.testing.assert_array_equal(values, found.k[3])
    np.testing.assert_array_equal(frame[frame.step == "weights"].value.to_numpy(), found.weights)
    assert frame[frame.step == "scores"].token.tolist() == [token.text for token in found.keys]
