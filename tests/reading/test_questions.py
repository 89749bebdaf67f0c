"""Are answers under changes those of the model itself, whichever way they are batched?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

import memviz
from memviz.errors import EmptyTextError, ReadingError, TraceError
from memviz.memory import Ablate, Eviction, Forget, Interventions
from memviz.reading import Reader, questions
from memviz.reading.questions import Change
from tests.reading.cases import fresh, opened
from tests.reading.families import FAMILIES, tokenizer, words

TEXT = words(14)
MODELS = ["gpt2", "llama", "gemma2", "gpt-oss", "opt", "mistral"]


def changes(queries: tuple[int, ...]) -> list[Change]:
    """Edges at the end, edges for all, a cache, heads: everything a question can be asked under."""
    return [
        Change(),
        *(Change.of(Forget((key,), queries=queries)) for key in (0, 3, 7)),
        Change.of(Forget((5,), layers=(1,), heads=(2,))),
        Change(Interventions(eviction=Eviction.sinks(1, 4))),
        Change(Interventions(ablations=(Ablate(0, 1), Ablate(2, 3)))),
    ]


@pytest.mark.parametrize("name", MODELS)
def test_an_answer_under_a_change_is_that_of_a_reading_under_it(name: str) -> None:
    reader = opened(name)
    asked = reader.ask(TEXT, "harbour again")
    assert len(asked.answers) >= 2
    tried = changes(asked.queries or ())
    found = reader.predict(asked, tried)
    first = len(asked.tokens)
    for change, logprobs in zip(tried, found.logprobs, strict=True):
        rule = change.interventions
        ids = (*asked.ids, asked.answers[-1])
        trace = reader.read_ids(ids, rule.forget, eviction=rule.eviction, ablate=list(rule.ablations))
        assert np.allclose(logprobs, trace.logprobs[first:], atol=2e-5)
    assert np.allclose(found.values, np.exp(found.logprobs.sum(1)))
    assert found.effects[0] == 0
    assert np.allclose(found.effects, found.logprobs[0].sum() - found.logprobs.sum(1))


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_what_no_change_reaches_is_computed_once_and_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = opened(name)
    asked = reader.ask(TEXT, "harbour again")
    tried = changes(asked.queries or ())[:4]
    past = questions._past(reader.engine, asked, len(asked.ids))
    assert past is not None
    assert past.get_seq_length() == (asked.queries or (0,))[0]
    shared = reader.predict(asked, tried)
    monkeypatch.setattr(questions, "_past", lambda *_: None)
    assert np.allclose(shared.logprobs, reader.predict(asked, tried).logprobs, atol=1e-5)


def test_nothing_is_shared_of_a_text_that_is_changed_from_its_beginning() -> None:
    reader = opened("gpt2")
    asked = reader.ask(TEXT)
    for change in (Change.of(Forget((0,))), Change(Interventions(ablations=(Ablate(0, 0),))), Change(blanks=(0,))):
        assert questions._first_changed(change, len(asked.ids)) == 0


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_changes_share_what_comes_before_each_of_them_and_keep_their_order(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = opened(name)
    asked = reader.ask(TEXT, "harbour again")
    blanks = [Change(blanks=(place,)) for place in range(1, len(asked.tokens) - 1)]
    tried = [Change(), *blanks[::2], *blanks[1::2][::-1]]
    read: list[int] = []
    inputs = questions._inputs
    counted = lambda *given: read.append(len(given[2]) * (len(given[1].ids) - given[3])) or inputs(*given)  # noqa: E731
    monkeypatch.setattr(questions, "_inputs", counted)
    alone = [reader.predict(asked, [change]).logprobs[0] for change in tried]
    assert np.ptp(alone, axis=0).max() > 1e-3
    passes, usual = [], questions.ENOUGH
    for enough in (1, usual):  # few tokens at once cost as much as some more: a short text is read in fewer passes
        monkeypatch.setattr(questions, "ENOUGH", enough)
        read.clear()
        assert np.allclose(reader.predict(asked, tried).logprobs, alone, atol=1e-5)
        passes.append(len(read))
        assert sum(read) < (0.75 if enough == 1 else 1) * len(tried) * len(asked.ids)
    assert passes[1] < passes[0]


def test_without_an_answer_it_is_the_likeliest_next_token() -> None:
    reader = opened("gpt2")
    asked = reader.ask(TEXT)
    assert asked.answers == (reader.read(TEXT).next_tokens[0].id,)
    assert reader.predict(asked, [Change()]).candidates[0][0].id == asked.answers[0]


@pytest.mark.parametrize(("text", "answer", "spaced"), [("is", "dragon", " dragon"), ("is ", "dragon", "dragon")])
def test_an_answer_stands_apart_from_the_text(text: str, answer: str, spaced: str) -> None:
    assert questions._spaced(text, answer) == spaced
    assert questions._spaced("首都是", "北京") == "北京"


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_an_answer_is_exact_where_the_model_would_write_it(name: str) -> None:
    reader = opened(name)
    trace = reader.generate(TEXT, 3)
    own = tuple(token.id for token in trace.tokens[trace.written])
    asked = reader.ask(TEXT)
    first = len(asked.tokens)
    for answers, exact in ((own, True), ((*own[:-1], own[-1] + 1), False), ((own[0] + 1, *own[1:]), False)):
        longer = replace(
            asked, ids=(*asked.ids[:first], *answers[:-1]), answers=answers, queries=tuple(range(first - 1, first + 2))
        )
        assert reader.predict(longer, [Change()]).exact.tolist() == [exact]


def test_a_head_that_writes_its_mean_writes_that_of_the_text() -> None:
    reader, ablate = opened("llama"), Ablate(1, 3, "mean")
    found = reader.predict(reader.ask(TEXT), [Change(), Change(Interventions(ablations=(ablate,)))])
    likeliest = reader.read(TEXT, ablate=ablate).next_tokens[0]
    assert found.candidates[1][0].id == likeliest.id
    assert found.candidates[1][0].probability == pytest.approx(likeliest.probability, abs=1e-6)
    assert found.effects[1] != pytest.approx(0, abs=1e-4)


def test_blanks_are_the_mean_of_all_embeddings() -> None:
    reader, model = opened("gpt2"), fresh("gpt2")
    asked = reader.ask(TEXT)
    found = reader.predict(asked, [Change(), Change(blanks=(4,))])
    table = model.get_input_embeddings()
    embeddings = table(torch.tensor([asked.ids])).detach().clone()
    embeddings[0, 4] = table.weight.mean(0)
    with torch.inference_mode():
        logprobs = model(inputs_embeds=embeddings).logits[0, -1].log_softmax(-1)
    assert found.logprobs[1, 0] == pytest.approx(float(logprobs[asked.answers[0]]), abs=1e-5)
    assert found.logprobs[1, 0] != pytest.approx(found.logprobs[0, 0], abs=1e-3)


def test_an_encoder_answers_with_its_vector() -> None:
    reader, model = opened("bert"), fresh("bert")
    asked = reader.ask(TEXT)
    assert (asked.kind, asked.answer) == ("vector", None)
    found = reader.predict(asked, [Change(), Change.of(Forget((3,)))])
    assert found.values[0] == 1
    with torch.inference_mode():
        plain = model(torch.tensor([asked.ids])).last_hidden_state[0].mean(0)
        table = model.get_input_embeddings()
        embeddings = table(torch.tensor([asked.ids])).clone()
        embeddings[0, 4] = table.weight.mean(0)
        blanked = model(inputs_embeds=embeddings).last_hidden_state[0].mean(0)
    expected = torch.nn.functional.cosine_similarity(plain, blanked, dim=0)
    blank = reader.predict(asked, [Change(blanks=(4,))])
    assert blank.values[0] == pytest.approx(float(expected), abs=1e-5)
    other = reader.predict(asked, [Change.of(Forget((3,)))])
    assert other.values[0] == pytest.approx(found.values[1], abs=1e-6)  # against the unchanged text, not itself
    assert found.effects[1] == pytest.approx(1 - found.values[1])
    assert found.values[1] < 1 - 1e-4


def test_of_a_pair_there_is_one_vector_and_words_of_both_can_be_covered() -> None:
    reader, model, other = opened("bert"), fresh("bert"), " ".join(TEXT.split()[3:9])
    asked = reader.ask(TEXT, pair=other)
    assert (asked.kind, asked.pair, set(asked.segments)) == ("vector", other, {0, 1})
    key = len(asked.ids) - 3  # of the second text
    found = reader.predict(asked, [Change(), Change.of(Forget((key,)))])
    ids, segments = torch.tensor([asked.ids]), torch.tensor([asked.segments])
    mask = torch.zeros(1, 1, len(asked.ids), len(asked.ids))
    with torch.no_grad():
        plain = model(ids, token_type_ids=segments, attention_mask=mask).last_hidden_state[0].mean(0)
        mask[..., key] = torch.finfo(torch.float32).min
        cut = model(ids, token_type_ids=segments, attention_mask=mask).last_hidden_state[0].mean(0)
    expected = float(torch.nn.functional.cosine_similarity(plain, cut, dim=0))
    assert found.values[1] == pytest.approx(expected, abs=1e-5)
    assert expected < 1 - 1e-4
    for name in ("gpt2", "marian"):
        with pytest.raises(ReadingError, match="answers about one text"):
            opened(name).ask(TEXT, pair=other)
    with pytest.raises(ReadingError, match="no other answer"):
        reader.ask(TEXT, TEXT.split()[4], pair=other)
    with pytest.raises(ReadingError, match="does not translate"):
        reader.ask(TEXT, languages=("en", "fr"))


def test_a_masked_model_answers_with_the_word_in_its_place() -> None:
    reader, model = opened("roberta"), fresh("roberta")
    asked = reader.ask(TEXT, TEXT.split()[4])
    assert asked.kind == "mask"
    place = (asked.queries or ())[0]
    assert asked.ids[place] == reader.tokenizer.mask_token_id
    with torch.inference_mode():
        logprobs = model(torch.tensor([asked.ids])).logits[0, list(asked.queries or ())].log_softmax(-1)
    expected = sum(float(row[token]) for row, token in zip(logprobs, asked.answers, strict=True))
    assert float(reader.predict(asked, [Change()]).logprobs.sum()) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ReadingError, match="does not stand in the text"):
        reader.ask(TEXT, "zebra")


def test_an_encoder_decoder_answers_with_its_translation() -> None:
    reader = opened("marian")
    asked = reader.ask(TEXT)
    assert asked.kind == "translation"
    found = reader.predict(asked, [Change(), Change.of(Forget((2,)))])
    trace = reader.translate(TEXT, asked.answer, Forget((2,)), split=False)
    assert np.allclose(found.logprobs[1], trace.logprobs, atol=1e-6)
    assert found.values[1] == pytest.approx(float(np.exp(trace.logprobs.astype(np.float64)).mean()))
    with pytest.raises(ReadingError, match="cannot be blanked"):
        reader.predict(asked, [Change(blanks=(1,))])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gpt-oss"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    reader, model = opened(name), fresh(name)
    asked = reader.ask(words(9))
    found = reader.relevance(asked)
    table = model.get_input_embeddings()
    embeddings = table(torch.tensor([asked.ids])).detach()

    def answer(place: int, factor: float) -> float:
        changed = embeddings.clone()
        changed[0, place] *= factor
        with torch.inference_mode():
            logits = model(inputs_embeds=changed).logits[0, -1].double()
        return float(logits.log_softmax(-1)[asked.answers[0]])

    for place in (1, 4, 7):
        slope = (answer(place, 1.01) - answer(place, 0.99)) / 0.02  # along the embedding itself
        assert found.gradient_input[place] == pytest.approx(abs(slope), abs=5e-3, rel=2e-2)
    assert (found.chefer >= -1e-9).all()
    assert found.chefer.sum() > 0


def test_a_model_may_be_opened_where_no_gradients_are_taken(tmp_path: Path) -> None:
    FAMILIES["gpt2"].build().save_pretrained(tmp_path)
    tokenizer("plain").save_pretrained(tmp_path)
    wanted = memviz.load(str(tmp_path))
    with torch.inference_mode():
        reader = memviz.load(str(tmp_path))
        found = reader.relevance(reader.ask(TEXT))
    np.testing.assert_allclose(found.chefer, wanted.relevance(wanted.ask(TEXT)).chefer, atol=1e-6)
    assert reader.relevance(reader.ask(TEXT)).gradient_input.sum() > 0


def test_no_gradient_is_asked_of_a_model_that_has_none() -> None:
    with torch.inference_mode():
        model = GPT2LMHeadModel(fresh("gpt2").config).eval()
    reader = Reader(model, tokenizer("plain"))
    with pytest.raises(ReadingError, match=r"inside torch\.inference_mode"):
        reader.relevance(reader.ask(TEXT))


def test_bad_questions_are_refused() -> None:
    reader = opened("gpt2")
    with pytest.raises(EmptyTextError):
        reader.ask("   ")
    with pytest.raises(EmptyTextError, match="no answer"):
        reader.ask(TEXT, "  ")
    asked = reader.ask(TEXT)
    with pytest.raises(TraceError, match="layer"):
        reader.predict(asked, [Change.of(Forget((1,), layers=(99,)))])
    with pytest.raises(TraceError, match="nothing left"):
        reader.predict(asked, [Change.of(Forget(tuple(range(len(asked.ids))), queries=(len(asked.ids) - 1,)))])
    with pytest.raises(ReadingError, match="heavy hitters"):
        reader.predict(asked, [Change(Interventions(eviction=Eviction.heavy_hitters(2, 2)))])
    with pytest.raises(ReadingError, match="makes a vector"):
        opened("bert").ask(TEXT, "cat")
    dense = opened("bloom")
    with pytest.raises(ReadingError, match="cannot be made to forget"):
        dense.predict(dense.ask(TEXT), [Change.of(Forget((1,)))])


def test_who_stops_it_gets_their_own_error() -> None:
    def stop(fraction: float, label: str) -> None:
        raise InterruptedError

    reader = opened("gpt2")
    with pytest.raises(InterruptedError):
        reader.predict(reader.ask(TEXT), [Change()], progress=stop)
