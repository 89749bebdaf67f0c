"""What the real models are known to do on known texts."""

import random

import numpy as np
import pytest

import memviz
from memviz import measures
from memviz.reading import Reader
from memviz.trace import Trace

pytestmark = pytest.mark.models


def numbers(trace: Trace, word: str, other: str, **options: object) -> tuple[int, float, float, int, int]:
    """(place in the list, weight, lift, layer, head) of the link from one word to another."""
    names = [one.text for one in trace.words]
    table = measures.links(trace.memory(), *trace.sides(), **options)[0]
    row = names.index(word)
    place = table.index[row].tolist().index(names.index(other))
    return place, *(getattr(table, name)[row, place].item() for name in ("weight", "lift", "layer", "head"))


def test_a_previous_token_head(cat: Trace) -> None:
    assert measures.previous_token(cat.memory())[0, 2] >= 0.95
    assert measures.roles(cat.memory())[0, 2] == "previous token"


def test_it_leads_to_the_head_where_the_cat_is_special_and_not_to_the_strongest(cat: Trace) -> None:
    place, weight, lift, *where = numbers(cat, "it", "cat")
    assert where == [3, 1]
    assert place <= 3
    assert weight == pytest.approx(0.49, abs=0.005)
    assert lift == pytest.approx(3.7, abs=0.05)
    _, weight, lift, *where = numbers(cat, "it", "cat", layer=5, head=11)
    assert where == [5, 11]
    assert weight == pytest.approx(0.71, abs=0.005)
    assert lift == pytest.approx(1.1, abs=0.05)


def test_lift_of_the_same_looks_in_the_token_pattern(cat: Trace) -> None:
    names = [token.text for token in cat.tokens]
    it, seen = names.index("it"), names.index("cat")
    assert measures.lift(cat.memory(), 3, 1)[it, seen] == pytest.approx(3.7, abs=0.05)
    assert measures.lift(cat.memory(), 5, 11)[it, seen] == pytest.approx(1.1, abs=0.05)


def test_without_the_resting_places_the_pair_stays_in_its_head(cat: Trace) -> None:
    _, weight, lift, *where = numbers(cat, "it", "cat", without=measures.sink_positions(cat.memory()))
    assert where == [3, 1]
    memory, names = cat.memory(), [token.text for token in cat.tokens]
    rows = memory.pattern(3, 1)[:, 1:-1]  # without [CLS] and [SEP]
    column = (rows / rows.sum(axis=1, keepdims=True))[:, names.index("cat") - 1]
    it = names.index("it")
    assert weight == pytest.approx(column[it], rel=1e-4) == pytest.approx(0.64, abs=0.005)
    assert lift == pytest.approx(column[it] / np.delete(column, it).mean(), rel=1e-3) == pytest.approx(3.0, abs=0.05)


def test_a_first_word_is_a_sink_in_smollm2_and_none_in_a_translator(smollm2: Reader) -> None:
    for text in ("The cat sat.", "The cat sat on the mat because it was tired.", "It rained, and " * 20 + "it rained."):
        memory = smollm2.read(text).memory()
        assert not memory.keys[0].special
        assert measures.sink_positions(memory) == (0,)
        trace = memviz.translate(text, model="firefox-en-pt")
        last = len(trace.memory("encoder").keys) - 1
        for kind in ("encoder", "cross"):
            assert 0 not in measures.sink_positions(trace.memory(kind))
            assert last in measures.sink_positions(trace.memory(kind)), "</s> is one"


def test_the_first_token_is_looked_at_and_little_is_read_from_it(cat: Trace) -> None:
    memory = cat.memory()
    weights = np.array([[memory.pattern(layer, head) for head in range(12)] for layer in range(1, 5)])
    written = weights * measures.value_norms(memory)[1:5, :, None, :]
    assert (weights[..., 0].mean(axis=(1, 2)) > 0.39).all()
    assert (written[..., 0].sum(axis=(1, 2)) / written.sum(axis=(1, 2, 3)) < 0.08).all()
    np.testing.assert_allclose(written[2, 5], measures.value_norm(memory, 3, 5), rtol=1e-6)


def test_what_is_read_from_a_sink_is_measured_model_by_model(cat: Trace, smollm2: Reader) -> None:
    """MiniLM reads little from where it looks hard; in SmolLM2 the same look brings a third and more of the norm."""
    text = "When the old librarian closed the heavy door behind her, the lamps along the river were already burning."
    shares = {}
    for name, memory in (("minilm", cat.memory()), ("smollm2", smollm2.read(text).memory())):
        resting = measures.sink_share(memory) >= 0.5
        assert resting.sum() > 10
        weights = np.stack(
            [np.stack([memory.pattern(i, j) for j in range(memory.heads)]) for i in range(memory.layers)]
        )
        written = weights * measures.value_norms(memory)[:, :, None]
        sinks = list(measures.sink_positions(memory))
        expected = written[..., sinks].sum((2, 3)) / written.sum((2, 3))
        np.testing.assert_allclose(measures.sink_value_share(memory), expected, rtol=1e-4)
        shares[name] = float(np.median(measures.sink_value_share(memory)[resting]))
    assert shares["minilm"] < 0.15
    assert shares["smollm2"] > 0.25


def test_the_induction_heads_of_smollm2(smollm2: Reader) -> None:
    vocabulary = sorted(word for word in smollm2.tokenizer.get_vocab() if word[0] == "Ġ" and word[1:].isascii())
    plain = [word[1:] for word in vocabulary if word[1:].isalpha() and word[1:].islower() and 3 <= len(word) <= 7]
    drawn = random.Random(0).sample(plain, 50)
    trace = smollm2.read("# " + " ".join(drawn * 2))
    memory = trace.memory()
    assert memory.summary.repeats == 50
    assert len(trace.tokens) == 101
    induction, previous = measures.induction(memory), measures.previous_token(memory)
    assert divmod(int(induction.argmax()), 9) == (18, 6)
    assert induction.max() > 0.7
    assert measures.roles(memory)[18, 6] == "induction"
    assert (previous[[16, 11], [0, 1]] > 0.8).all()
    assert set(measures.roles(memory)[[16, 11], [0, 1]]) == {"previous token"}
    assert trace.logprobs[52:].mean() > trace.logprobs[2:51].mean() + 5, "the second copy is remembered"
