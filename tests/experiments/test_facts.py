"""What a model knew before it read: the logit lens, unplugged MLPs, texts known by heart, entities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memviz import experiments
from memviz.errors import MeasureError, ReadingError, TraceError
from memviz.experiments.entities import find_entities
from memviz.reading.questions import Change
from tests.reading.cases import fresh, opened
from tests.reading.families import words

TEXT = words(12)
PREDICT = [
    *("gpt2", "gpt-neo", "gpt-neox", "opt", "bloom", "llama", "mixtral", "qwen3", "gemma2", "gemma3", "phi3"),
    *("olmo2", "smollm3", "gpt-oss"),
]
FACTS = "The lighthouse was built in 1871. Its keeper, Ingrid Dahl, kept bees. Mr. Berg came from Bergen on 3 May 1902."


@pytest.mark.parametrize("name", PREDICT)
def test_the_last_layer_of_the_lens_is_the_model(name: str) -> None:
    found = experiments.logit_lens(opened(name), TEXT)
    ids = [token.id for token in found.question.tokens]
    with torch.no_grad():
        outputs = fresh(name)(input_ids=torch.tensor([ids]), output_hidden_states=True)
    own = outputs.logits[0].double().softmax(-1)
    answer = int(own[-1].argmax())
    assert found.question.answers == (answer,)
    assert found.probabilities.shape == found.ranks.shape == (4, len(ids))
    np.testing.assert_allclose(found.probabilities[-1], own[:, answer].numpy(), rtol=0, atol=1e-5)
    assert found.ranks[-1, -1] == 1
    np.testing.assert_array_equal(found.ranks[-1], 1 + (own > own[:, answer, None]).sum(-1).numpy())
    np.testing.assert_allclose(found.confidences[-1], own.max(-1).values.numpy(), rtol=0, atol=1e-5)
    assert found.table().shape == (4 * len(ids), 7)


@pytest.mark.parametrize(("name", "norm"), [("gpt2", "transformer.ln_f"), ("llama", "model.norm"), ("gemma2", "")])
def test_the_layers_in_between_go_through_the_final_norm_once(name: str, norm: str) -> None:
    model = fresh(name)
    found = experiments.logit_lens(opened(name), TEXT)
    ids = torch.tensor([[token.id for token in found.question.tokens]])
    with torch.no_grad():
        states = model.base_model(input_ids=ids, output_hidden_states=True).hidden_states
        logits = model.lm_head(model.get_submodule(norm or "model.norm")(states[2][0])).double()
    if name == "gemma2":
        logits = (logits / 4.0).tanh() * 4.0
    wanted = logits.softmax(-1)[:, found.question.answers[0]]
    np.testing.assert_allclose(found.probabilities[2], wanted.numpy(), rtol=0, atol=1e-5)


def test_a_masked_model_is_asked_through_its_whole_head() -> None:
    found = experiments.logit_lens(opened("roberta"), f"{TEXT} [MASK]")
    ids = torch.tensor([found.question.ids])
    model = fresh("roberta")
    with torch.no_grad():
        outputs = model(input_ids=ids, output_hidden_states=True)
        middle = model.lm_head(outputs.hidden_states[1])[0].double().softmax(-1)
    own = outputs.logits[0].double().softmax(-1)
    answer = found.question.answers[0]
    assert answer == int(own[found.position].argmax())
    np.testing.assert_allclose(found.probabilities[-1], own[:, answer].numpy(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.probabilities[1], middle[:, answer].numpy(), rtol=0, atol=1e-5)


def test_an_answer_is_followed_by_its_first_token() -> None:
    reader = opened("llama")
    found = experiments.logit_lens(reader, TEXT, answer="cat dog")
    assert found.answer.strip() == "cat"
    assert found.probabilities.shape[1] == len(reader.read(TEXT).tokens)


@pytest.mark.parametrize(
    ("name", "said"), [("bert", "predicts no next or masked word"), ("marian", "is an encoder-decoder")]
)
def test_models_that_predict_no_words_are_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(ReadingError, match=f"{opened(name).info.name} {said}"):
        experiments.logit_lens(opened(name), TEXT)


MLPS = {"gpt2": "transformer.h.{}.mlp", "llama": "model.layers.{}.mlp", "qwen2": "model.layers.{}.mlp"}


@pytest.mark.parametrize("name", MLPS)
def test_unplugged_networks_write_nothing_at_their_word(name: str) -> None:
    reader, model = opened(name), fresh(name)
    found = experiments.unplug_feedforwards(reader, TEXT, 4, window=2)
    assert (found.starts, found.layers) == ((0, 2), 3)
    tokens = list(found.words[4].tokens)

    def silence(_module, _args, output):
        output = output.clone()
        output[0, tokens] = 0
        return output

    for start, value in zip(found.starts, found.values, strict=True):
        modules = [model.get_submodule(MLPS[name].format(layer)) for layer in range(start, min(start + 2, 3))]
        hooks = [module.register_forward_hook(silence) for module in modules]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([found.question.ids])).logits[0, -1].double()
        for hook in hooks:
            hook.remove()
        assert value == pytest.approx(float(logits.softmax(-1)[found.question.answers[0]]), abs=1e-5)
        assert (abs(value - found.before) > 1e-6) == (start < 2), "nothing looks at a word behind the last layer"
    again = experiments.unplug_feedforwards(reader, TEXT, found.others[0], window=2)
    np.testing.assert_allclose(again.values, found.controls[:, 0], rtol=0, atol=1e-6)
    assert reader.predict(found.question, [Change()]).values[0] == pytest.approx(found.before, abs=1e-6)


def test_a_post_norm_block_without_its_network_is_the_norm_of_the_rest() -> None:
    """BERT's network ends in a map that the residual is added to: without it the norm sees the residual alone."""
    reader, model = opened("bert"), fresh("bert")
    question = reader.ask(TEXT)
    found = reader.predict(question, [Change(), Change(feedforwards=((1, 3),))])
    dense = model.encoder.layer[1].output.dense
    states = []
    for silenced in (False, True):

        def silence(_module, _args, output, silenced=silenced):
            if silenced:
                output = output.clone()
                output[0, 3] = 0
            return output

        hook = dense.register_forward_hook(silence)
        with torch.no_grad():
            states.append(model(input_ids=torch.tensor([question.ids])).last_hidden_state[0].double().mean(0))
        hook.remove()
    wanted = torch.nn.functional.cosine_similarity(*states, dim=0)
    assert found.values[1] == pytest.approx(float(wanted), abs=1e-6)
    assert wanted < 0.9999


@pytest.mark.parametrize("name", ["mixtral", "bloom", "albert"])
def test_networks_that_cannot_be_told_are_refused(name: str) -> None:
    with pytest.raises((MeasureError, ReadingError), match="feed-forward networks of"):
        experiments.unplug_feedforwards(opened(name), TEXT, 4)
    with pytest.raises(TraceError, match="no layer 9"):
        opened("llama").predict(opened("llama").ask(TEXT), [Change(feedforwards=((9, 1),))])


def test_fact_and_context_are_two_answers_to_one_cover() -> None:
    reader = opened("llama")
    word, fact = TEXT.split()[5], "dog"
    found = experiments.fact_against_context(reader, TEXT, word, fact)
    assert found.fact.after == experiments.cover(reader, TEXT, word, fact).after
    assert found.context.before == experiments.cover(reader, TEXT, word, word).before
    table = found.table()
    assert table.context[1] == found.context.after
    assert table.fact[0] == found.fact.before


def test_a_recital_counts_the_words_that_the_model_repeats() -> None:
    reader = opened("gpt2")
    begun = " ".join(TEXT.split()[:6])
    text = begun + (reader.generate(begun, 6).output or "")
    found = experiments.memorisation(reader, text, TEXT)
    assert found.known.words >= 1
    trace = reader.read(text)
    np.testing.assert_allclose(found.known.surprisal[1:], -trace.logprobs[1:], rtol=0, atol=1e-6)
    assert found.known.mean == pytest.approx(float(-trace.logprobs[1:].mean()), abs=1e-5)
    assert found.known.same <= found.known.words
    assert found.known.output.split()[: found.known.same] == text.split(" ")[-found.known.words :][: found.known.same]
    with pytest.raises(ReadingError, match="too short to be recited"):
        experiments.memorisation(reader, "the cat", TEXT)
    with pytest.raises(ReadingError, match="does not continue texts"):
        experiments.memorisation(opened("bert"), TEXT, TEXT)


def test_entities_are_found_by_their_spelling() -> None:
    trace = opened("gpt2").read(FACTS)
    found = {(entity.text, entity.kind) for entity in find_entities(trace.words, trace.text)}
    assert ("1871", "date") in found
    assert ("Ingrid Dahl", "name") in found
    assert ("Bergen", "place") in found
    assert ("3 May 1902", "date") in found
    assert not {text for text, _ in found} & {"The", "Its"}
    letters = "She wrote from Oslo to Doctor Berg in Bergen, and to Queen Maud."
    trace = opened("gpt2").read(letters)
    found = {entity.text: entity.kind for entity in find_entities(trace.words, trace.text)}
    assert found == {"Oslo": "place", "Doctor Berg": "name", "Bergen": "place", "Queen Maud": "name"}


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_the_lift_of_an_entity_is_the_mean_look_of_later_words_over_an_even_one(name: str) -> None:
    reader = opened(name)
    found = experiments.entities(reader, FACTS)
    trace = reader.read(FACTS)
    memory = trace.memory("self")
    from memviz.measures import sink_positions

    sinks = set(sink_positions(memory))
    mean = np.mean([memory.mean(layer) for layer in range(memory.layers)], axis=0)
    entity = found.entities[0]
    keys = [token for number in entity.numbers for token in found.words[number].tokens]
    later = [t for word in found.words[entity.numbers[-1] + 6 :] if not word.special for t in word.tokens]
    lifts = []
    for query in later:
        seen = [key for key in range(len(memory.keys)) if key not in sinks and (name == "bert" or key <= query)]
        row = mean[query, seen]
        lifts += [mean[query, key] / row.sum() * len(seen) for key in keys]
    assert found.lifts[0] == pytest.approx(np.mean(lifts), abs=1e-4)
    assert np.isnan(found.lifts[-1]), "nothing comes behind the last"
    assert len(found.others) == len(found.controls) > 3
    assert found.table().role.tolist().count("control") == len(found.others)
    with pytest.raises(ReadingError, match="No name, date or place"):
        experiments.entities(reader, TEXT)
