"""What a Firefox reader does with a text, on a tiny model: parts, targets, beams, limits, forgetting, odd texts."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from firefox_checks import patterns

import memviz
from memviz import Forget, Trace
from memviz.errors import (
    EmptyTextError,
    MemoryBudgetError,
    ReadingError,
    TextTooLongError,
    TraceError,
    UnsupportedModelError,
)
from memviz.memory import Interventions
from memviz.models import locate, open_model
from memviz.reading import Reader
from memviz.reading.attention.summary import Axes
from memviz.reading.firefox import network, verification
from memviz.reading.firefox.writer import TOGETHER, forced_steps
from memviz.reading.writing.request import TranslationRequest
from memviz.tokens import Token
from tests.models.tiny_marian import LAYERS, firefox_folder

TEXT = "the cat sat on the mat ."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return firefox_folder(tmp_path_factory.mktemp("firefox") / "tiny", quantised=False)


@pytest.fixture(scope="module")
def reader(folder: Path) -> Reader:
    return memviz.load(str(folder))


def ids(tokens: tuple[Token, ...]) -> list[int]:
    return [token.id for token in tokens]


def test_a_reader_says_what_it_is(reader: Reader, folder: Path) -> None:
    assert isinstance(reader, Reader)
    info = reader.info
    assert (info.name, info.kind, info.layers, info.heads, info.head_dim) == (str(folder), "encoder-decoder", 2, 4, 4)
    assert (info.device, info.precision, info.method, info.quantisation) == ("cpu", "float32", "recorded", "")
    assert reader.languages == ("en", "pt")


def test_transformers_does_not_open_it(folder: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="Firefox"):
        open_model(locate(str(folder)), attn_implementation="eager")


@pytest.mark.parametrize("part", ["scale", "mask", "record", "output"])
def test_a_model_is_verified_when_it_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Whatever is wrong between what a layer computes and what is recorded of it, no trace says it."""

    def attention(*args, scaling: float, **more):
        if part == "scale":
            scaling *= 1.05
        query, key, value, mask = args[1:5]
        if part == "mask":
            mask = torch.ones(query.shape[0], 1, query.shape[2], key.shape[2], dtype=torch.bool)
            mask[..., 2] = False
        output, nothing = original(args[0], query, key, value, mask, scaling=scaling, **more)
        return (1.01 * output if part == "output" else output), nothing

    original = network.attention
    monkeypatch.setattr(network, "attention", attention)
    if part == "record":
        stored = verification.to_scores
        monkeypatch.setattr(verification, "to_scores", lambda call: replace(stored(call), key=stored(call).key[::-1]))
    with pytest.raises(UnsupportedModelError, match="its recorded weights differ from what its layers give by"):
        memviz.load(str(folder))


def test_the_shape_of_a_translation(reader: Reader) -> None:
    trace = reader.translate(TEXT)
    encoder, cross, recurrent = trace.memory("encoder"), trace.memory("cross"), trace.recurrent
    assert list(trace.memories) == ["encoder", "cross"]
    assert trace.memory() is encoder
    assert (trace.text, trace.output) == (TEXT, reader.writer.target_tokenizer.decode(ids(trace.targets)))
    assert encoder.queries == encoder.keys == cross.keys == trace.tokens
    assert cross.queries == recurrent.queries == trace.targets
    assert trace.tokens[-1].text == "</s>"
    assert trace.tokens[-1].special
    assert len(trace.steps) == len(trace.logprobs) == len(trace.targets)
    assert (encoder.layers, cross.layers, recurrent.layers, cross.heads) == (LAYERS, LAYERS, LAYERS, 4)
    np.testing.assert_allclose(patterns(cross).sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(patterns(encoder).sum(-1), 1, atol=1e-5)
    assert not cross.causal
    assert cross.summary.value_norm.shape == (LAYERS, 4, len(trace.tokens))
    assert set(trace.seconds) == {"model", "writing", "total"}


def test_the_recurrent_memory_begins_with_nothing(reader: Reader) -> None:
    trace = reader.translate(TEXT, target="o gato .")
    keys = trace.recurrent.keys
    assert (keys[0].text, keys[0].special) == ("⟨start⟩", True)
    assert ids(keys[1:]) == ids(trace.targets[:-1])
    np.testing.assert_allclose(trace.recurrent.rebuilt(0), trace.recurrent.states[0], atol=1e-5)


def test_value_norms_are_what_a_full_weight_writes(reader: Reader) -> None:
    trace = reader.translate(TEXT)
    with torch.inference_mode():
        source = reader.model.encoder(torch.tensor([ids(trace.tokens)]))
        for number, layer in enumerate(reader.model.decoder.layers):
            value = layer.cross.remember(source)[1][0]  # [head, key, dim]
            maps = layer.cross.output.weight.T.unflatten(0, (4, -1))  # [head, dim, width]
            expected = torch.bmm(value, maps).norm(dim=-1)
            np.testing.assert_allclose(trace.memory("cross").summary.value_norm[number], expected, rtol=1e-4)


# -- targets, beams, limits ----------------------------------------------------------------------


def test_a_forced_target_is_written_as_it_is(reader: Reader) -> None:
    free = reader.translate(TEXT)
    forced = reader.translate(TEXT, target="o gato preto .")
    assert forced.output == "o gato preto ."
    assert ids(forced.targets) == reader.tokenizer("o gato preto .")["input_ids"]
    assert [token.text for token in forced.targets][-1] == "</s>"
    assert forced.notes == ()
    assert forced.logprobs.mean() < free.logprobs.mean()
    assert reader.read(TEXT, "o gato preto .").output == "o gato preto ."


def _remembered(reader: Reader, trace: Trace) -> list:
    return reader.model.decoder.remember(reader.model.encoder(torch.tensor([ids(trace.tokens)])))


def test_a_wider_beam_finds_something_else(reader: Reader) -> None:
    means = {beam: reader.translate(TEXT, beam=beam).logprobs.mean() for beam in (1, 2, 4, 12)}
    greedy = reader.translate(TEXT)
    assert ids(reader.translate(TEXT, beam=1).targets) == ids(greedy.targets)
    with pytest.raises(ReadingError, match=r"beam must be 1 or more, not 2.5"):
        reader.translate(TEXT, beam=2.5)
    assert len(set(means.values())) > 1, "the model should be undecided enough for beams to matter"


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_of_all(reader: Reader) -> None:
    """Two tokens at most: every pair can be tried."""
    trace = reader.translate(TEXT, beam=50, max_new_tokens=2)
    remembered, end = _remembered(reader, trace), reader.tokenizer.eos_token_id
    with torch.inference_mode():
        pairs = torch.cartesian_prod(torch.arange(50), torch.arange(50))
        words, _ = reader.model.decoder.whole(pairs, remembered)
        shares = reader.model.logits(words.flatten(0, 1)).log_softmax(-1).unflatten(0, (2500, 2))
        first, second = shares[:, 0].gather(1, pairs[:, :1])[:, 0], shares[:, 1].gather(1, pairs[:, 1:])[:, 0]
    means = torch.where(pairs[:, 0] == end, first, (first + second) / 2)
    best = pairs[means.argmax()].tolist()
    expected = best[:1] if best[0] == end else best
    assert ids(trace.targets) == expected
    assert trace.logprobs.mean() == pytest.approx(float(means.max()), abs=1e-5)


@pytest.mark.parametrize("beam", [1, 2, 3, 6])
@pytest.mark.parametrize("text", [TEXT, "o gato preto .", "a red book"])
def test_the_beam_by_its_definition(reader: Reader, text: str, beam: int) -> None:
    trace = reader.translate(text, beam=beam, max_new_tokens=8)
    expected, score = _searched(reader, trace, beam=beam, limit=8)
    assert ids(trace.targets) == expected
    assert float(trace.logprobs.sum()) == pytest.approx(score, abs=1e-4)


def _searched(reader: Reader, trace: Trace, *, beam: int, limit: int) -> tuple[list[int], float]:
    """Beam search written out: every beginning is read anew at every step. (tokens, their log-probability)"""
    remembered, end = _remembered(reader, trace), reader.tokenizer.eos_token_id
    live: list[tuple[list[int], float]] = [([], 0.0)]
    done: list[tuple[list[int], float]] = []
    for _ in range(limit):
        found = []
        for begun, score in live:
            words, _ = reader.model.decoder.whole(torch.tensor([[*begun, 0]]), remembered)
            shares = reader.model.logits(words[0, -1:]).log_softmax(-1)[0].tolist()
            found += [([*begun, token], score + share) for token, share in enumerate(shares)]
        found.sort(key=lambda one: one[1], reverse=True)
        best = found[: beam - len(done)]
        done += [one for one in best if one[0][-1] == end]
        live = [one for one in best if one[0][-1] != end]
        if not live:
            break
    return max([*done, *live], key=lambda one: one[1] / len(one[0]))


def test_an_output_that_is_cut_says_so(reader: Reader) -> None:
    trace = reader.translate(TEXT, max_new_tokens=2)
    assert len(trace.targets) == len(trace.steps) == 2
    assert not any(token.special for token in trace.targets)
    assert [str(note) for note in trace.notes] == [
        "The translation was stopped after 2 tokens, the most that are written here: it may be unfinished."
    ]
    np.testing.assert_allclose(patterns(trace.memory("cross")).sum(-1), 1, atol=1e-5)


def test_the_usual_limit_is_two_and_a_half_tokens_for_each(folder: Path) -> None:
    endless = memviz.load(str(folder))
    endless.model.output_bias[endless.tokenizer.eos_token_id] = -1e9
    for text in ("the cat", TEXT):
        trace = endless.translate(text)
        assert len(trace.targets) == math.ceil(2.5 * len(trace.tokens))
        assert trace.notes[0].values == {"tokens": len(trace.targets)}


def test_a_model_that_only_repeats_itself_is_stopped_and_says_so(folder: Path) -> None:
    stuck = memviz.load(str(folder))
    stuck.model.output_bias[stuck.tokenizer.eos_token_id] = -1e9
    stuck.model.output_bias[5] = 1e6
    for words in (3, 30, 40, 80):
        text = " ".join(["cat"] * words)
        trace = stuck.translate(text, split=False)
        count = len(trace.tokens)
        assert len(trace.targets) == min(math.ceil(2.5 * count), max(count, 48))
    assert str(trace.notes[0]).startswith(
        f"The translation was stopped after {count} tokens, as the model only repeated"
    )
    assert "most that are written" in str(stuck.translate("cat cat cat").notes[0])
    for options in ({"max_new_tokens": 200}, {"max_new_tokens": 200, "beam": 2}):
        assert len(stuck.translate(text, split=False, **options).targets) == 200
    assert len(stuck.translate(text, split=False, beam=2).targets) == count


@pytest.mark.parametrize(
    ("ids", "source", "stops"),
    [
        ([7] * 48, 10, True),
        ([7] * 48, 49, False),
        ([7] * 47, 10, False),
        ([1, 2, 3, 4, 5, 6, 7, 8] * 6, 48, True),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9] * 6, 48, False),
        ([*range(100), *[3, 4] * 24], 90, True),
        ([*[3, 4] * 60, 5], 90, False),
        (list(range(300)), 10, False),
    ],
)
def test_what_goes_round_repeats_a_few_tokens_to_the_end(ids: list[int], source: int, stops: bool) -> None:
    assert TranslationRequest().stops(ids, source) == stops
    assert not TranslationRequest(max_new_tokens=1000).stops(ids, source)


def test_numbers_of_numpy_are_numbers(reader: Reader) -> None:
    found = reader.translate(TEXT, beam=np.int64(3), max_new_tokens=np.int32(4))
    assert ids(found.targets) == ids(reader.translate(TEXT, beam=3, max_new_tokens=4).targets)


@pytest.mark.parametrize(
    "wish", [{"beam": 0}, {"beam": -1}, {"max_new_tokens": 0}, {"beam": "4"}, {"beam": np.int64(0)}]
)
def test_settings_that_make_no_sense_are_refused(reader: Reader, wish: dict) -> None:
    with pytest.raises(ReadingError, match="must be 1 or more"):
        reader.translate(TEXT, **wish)


def test_writing_alone_gives_the_same_text(reader: Reader) -> None:
    assert reader.write(TEXT) == reader.translate(TEXT).output
    assert reader.write(TEXT, beam=3) == reader.translate(TEXT, beam=3).output


# -- sentences ---------------------------------------------------------------------------------------


def test_several_sentences_have_a_trace_each(reader: Reader) -> None:
    text = "The cat sat.  A dog sat!\nthe house"
    trace = reader.translate(text)
    assert [part.text for part in trace.parts] == ["The cat sat.", "A dog sat!", "the house"]
    first, second, third = (part.output for part in trace.parts)
    assert trace.output == f"{first}  {second}\n{third}"
    for part in trace.parts:
        alone = reader.translate(part.text)
        assert ids(part.targets) == ids(alone.targets)
        np.testing.assert_array_equal(patterns(part.memory("cross")), patterns(alone.memory("cross")))
        assert part.parts == ()
    assert ids(trace.tokens) == [token for part in trace.parts for token in ids(part.tokens)]
    assert len(trace.logprobs) == len(trace.steps) == len(trace.targets)
    assert trace.nbytes == sum(part.nbytes for part in trace.parts) > 0
    assert trace.memories == {}
    assert trace.recurrent is None


def test_sentences_that_are_written_together_are_those_written_alone(folder: Path) -> None:
    """Of very different lengths; some come to an end, some are stopped at their limit or as they repeat themselves."""
    words = "the cat sat on mat a red book o gato preto".split()
    sentences = [" ".join(words[(3 * k + i) % 11] for i in range(1 + 5 * k % 7)) + " ." for k in range(34)]
    endings = set()
    for bias, count in ((0.0, 34), (-1e9, 4)):
        reader = memviz.load(str(folder))
        reader.model.output_bias[reader.tokenizer.eos_token_id] += bias
        alone = [reader.translate(sentence, split=False) for sentence in sentences[:count]]
        together = reader.translate("\n".join(sentences[:count]))
        assert len(together.parts) == count
        for one, part in zip(alone, together.parts, strict=True):
            assert (ids(part.targets), part.output, part.notes) == (ids(one.targets), one.output, one.notes)
            np.testing.assert_allclose(part.logprobs, one.logprobs, atol=1e-5)
            np.testing.assert_allclose(patterns(part.memory("cross")), patterns(one.memory("cross")), atol=1e-5)
            endings.add(tuple(note.code or note.text[:30] for note in part.notes))
    assert len(sentences) > TOGETHER
    assert len(endings) > 1


def test_the_time_of_writing_together_is_shared_out(reader: Reader) -> None:
    trace = reader.translate("The cat sat. A dog sat on the mat.")
    first, second = trace.parts
    shares = [part.seconds["writing"] / len(part.targets) for part in (first, second)]
    assert shares[0] == pytest.approx(shares[1])
    assert trace.seconds["total"] == pytest.approx(trace.seconds["model"] + trace.seconds["writing"])


def test_several_sentences_can_be_stopped_at_every_step(reader: Reader) -> None:
    steps: list[float] = []
    text = "The cat sat. A dog sat on the mat. A red book."
    trace = reader.translate(
        text, progress=lambda fraction, label: steps.append(fraction) if label == "Writing" else None
    )
    assert len(steps) == max(len(part.targets) for part in trace.parts)
    for stop in (0, 1, len(steps) - 1):
        calls = 0

        def leave(fraction: float, label: str, stop: int = stop) -> None:
            nonlocal calls
            calls += label == "Writing"
            if calls > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            reader.translate(text, progress=leave)
        assert calls == stop + 1


def test_the_words_of_the_whole_are_those_of_its_sentences(reader: Reader) -> None:
    trace = reader.translate("the cat sat .\n a house .\n\nthe book", max_new_tokens=4)
    shown = [word.text for word in trace.words if not word.special]
    assert shown == ["the", "cat", "sat", ".", "a", "house", ".", "the", "book"]
    assert [word.newline for word in trace.words if word.text in ("the", "a")] == [False, True, True]
    assert sum(word.special for word in trace.words) == 3
    for words, text in ((trace.words, trace.text), (trace.target_words, trace.output)):
        inked = [word for word in words if not word.special and word.start < word.end]
        assert inked
        assert all(text[word.start : word.end] == word.text for word in inked)


def test_a_whole_of_parts_says_where_its_memories_are(reader: Reader) -> None:
    trace = reader.translate("The cat sat. A dog sat.")
    assert repr(trace).endswith("2 parts>")
    for kind in (None, "cross"):
        with pytest.raises(TraceError, match=r"translated in 2 parts.*trace\.parts\[0\] to trace\.parts\[1\]"):
            trace.memory(kind)


def test_sentences_can_be_kept_together(reader: Reader) -> None:
    text = "The cat sat. A dog sat."
    assert reader.sentences(text) == tuple(part.text for part in reader.translate(text).parts)
    assert reader.sentences("The cat sat.") == ("The cat sat.",)
    for trace in (reader.translate(text, split=False), reader.read(text), reader.translate(text, "o gato .")):
        assert trace.parts == ()
        assert trace.memory("cross").keys == trace.tokens
        assert sum(token.special for token in trace.tokens) == 1


def test_a_sentence_of_very_many_tokens_is_cut_and_says_so(reader: Reader) -> None:
    text = ", ".join(["the cat sat on the mat"] * 12)
    trace = reader.translate(text)
    assert len(trace.parts) > 1
    assert all(len(part.tokens) <= 129 for part in trace.parts)
    assert all(part.text.endswith(",") for part in trace.parts[:-1])
    assert "A sentence of more than 128 tokens was translated in parts." in map(str, trace.notes)


@pytest.mark.parametrize(
    ("text", "between"),
    [
        ("a" * 3000, ""),
        ("the,cat," * 100, ""),
        ("猫a" * 200, " "),
        ("the cat。a dog。", " "),
        ("the cat。」a dog。", " "),
        ("the cat. a dog.\nthe", "\n"),
    ],
    ids=["word", "no space", "wide", "full stop", "closing", "lines"],
)
def test_what_stands_between_the_parts_of_the_output(reader: Reader, text: str, between: str) -> None:
    """Nothing where a word was cut; what the source has, and a space where its writing has none."""
    trace = reader.translate(text, max_new_tokens=3)
    assert len(trace.parts) > 1
    assert trace.output == between.join(part.output for part in trace.parts)


def test_the_notes_on_a_sentence_that_was_cut_are_on_its_parts(reader: Reader) -> None:
    said = [str(note) for note in reader.translate("a" * 300, max_new_tokens=2).notes]
    assert said[0] == "A sentence of more than 128 tokens was translated in parts."
    assert said[1].startswith("Part 1: The translation was stopped after 2 tokens")
    assert not any(note.startswith("Sentence") for note in said)


# -- forgetting ----------------------------------------------------------------------------------------


def test_a_covered_word_has_no_weight_anywhere_and_the_text_changes(reader: Reader) -> None:
    plain, trace = reader.translate(TEXT), reader.translate(TEXT, forget=Forget(keys=[1, 3]))
    weights = patterns(trace.memory("cross"))
    assert (weights[..., [1, 3]] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert (trace.memory("cross").summary.mass[..., [1, 3]] == 0).all()
    assert ids(trace.targets) != ids(plain.targets)
    np.testing.assert_array_equal(patterns(trace.memory("encoder")), patterns(plain.memory("encoder")))
    assert trace.forget == Forget(keys=(1, 3))


def test_reading_one_word_only(reader: Reader) -> None:
    count = len(reader.translate(TEXT).tokens)
    trace = reader.translate(TEXT, forget=Forget(keys=[key for key in range(count) if key != 2]))
    np.testing.assert_array_equal(patterns(trace.memory("cross"))[..., 2], 1)


@pytest.mark.parametrize(
    "forget",
    [
        None,
        Forget(keys=[0, 2]),
        Forget(keys=[1], queries=[0, 2]),
        Forget(keys=[-1, 1], layers=[1], heads=[0, 3]),
    ],
)
def test_what_is_forgotten_while_writing_is_what_the_reading_forgets(reader: Reader, forget: Forget | None) -> None:
    """The probabilities of writing, step by step, are those of one reading without the same edges."""
    trace = reader.translate(TEXT, forget=forget)
    written = tuple(ids(trace.targets))
    inputs = {"source": _remembered(reader, trace), "decoder_input_ids": torch.tensor([written])}
    axes = {"cross": Axes(trace.targets, trace.tokens)}
    recorded = reader.engine.record(inputs, axes, interventions=Interventions(forget, usual="cross"))
    steps = forced_steps(reader.model, recorded.outputs.words[0], written)
    np.testing.assert_allclose(trace.logprobs, [step.logprob for step in steps], atol=5e-5)
    for step, candidates in zip(steps, trace.steps, strict=True):
        assert [one.id for one in candidates] == list(step.ids)


def test_single_layers_heads_and_steps(reader: Reader) -> None:
    trace = reader.translate(TEXT, forget=Forget(keys=[1], queries=[1], layers=[1], heads=[2]))
    weights, cut = patterns(trace.memory("cross")), np.zeros((LAYERS, 4, len(trace.targets)), dtype=bool)
    cut[1, 2, 1] = True
    assert (weights[..., 1] == 0).sum() == 1
    assert (weights[cut][:, 1] == 0).all()


def test_a_step_that_is_never_written_is_ignored(reader: Reader) -> None:
    plain = reader.translate(TEXT)
    trace = reader.translate(TEXT, forget=Forget(keys=[1], queries=[500]))
    assert ids(trace.targets) == ids(plain.targets)
    np.testing.assert_array_equal(patterns(trace.memory("cross")), patterns(plain.memory("cross")))


def test_what_is_no_forget_is_refused(reader: Reader) -> None:
    with pytest.raises(TraceError, match="must be a Forget; this is dict"):
        reader.translate(TEXT, forget={"keys": [1]})


def test_what_cannot_be_forgotten_is_refused_before_anything_is_written(reader: Reader, monkeypatch) -> None:
    monkeypatch.setattr("memviz.reading.firefox.writer.FirefoxWriter.write", None)
    keys = list(range(len(reader.tokenizer(TEXT)["input_ids"])))
    for forget, said in (
        (Forget(keys=[99]), "no position 99"),
        (Forget(keys=[0], layers=[2]), "no layer 2"),
        (Forget(keys=[0], heads=[4]), "no head 4"),
        (Forget(keys=keys, queries=[3]), "Position 3 would have nothing left"),
    ):
        with pytest.raises(TraceError, match=said):
            reader.translate(TEXT, forget=forget)
    with pytest.raises(ReadingError, match="Position -1 counts from the end of the output"):
        reader.translate(TEXT, forget=Forget(keys=[0], queries=[-1]))
    with pytest.raises(ReadingError, match="2 sentences, and what to forget"):
        reader.translate("The cat sat. A dog sat.", forget=Forget(keys=[0]))


def test_positions_from_the_end_of_a_forced_target(reader: Reader) -> None:
    trace = reader.translate(TEXT, target="o gato .", forget=Forget(keys=[0], queries=[-1]))
    weights = patterns(trace.memory("cross"))
    assert (weights[:, :, -1, 0] == 0).all()
    assert (weights[:, :, :-1, 0] > 0).all()


# -- texts and servers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "\n\n \t"])
def test_nothing_to_translate(reader: Reader, text: str) -> None:
    for call in (reader.translate, reader.read, reader.write):
        with pytest.raises(EmptyTextError):
            call(text)
    with pytest.raises(EmptyTextError):
        reader.translate(TEXT, target=text)


ODD = [
    "cat", "THE CAT SAT", "😀", "the 😀 cat 👩‍👩‍👧", "我喜欢猫", "3.14 1,000,000", "http://a.b/c?d=1&e",
    "<script>alert(1)</script>", "**bold** `code` [x](y)", "x\x00y", "مرحبا", "e\u0301 ﬁ ™", "if (a < b) { return; }",
    "the cat " * 40,
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_translated_all_the_same(reader: Reader, text: str) -> None:
    trace = reader.translate(text, max_new_tokens=8)
    for part in trace.parts or (trace,):
        np.testing.assert_allclose(part.memory("cross").mean().sum(-1), 1, atol=1e-5)
        assert all(token.text for token in (*part.tokens, *part.targets))
    inked = [token for token in trace.tokens if not token.special and token.start < token.end]
    assert inked or text == "😀"
    assert all(0 <= token.start <= token.end <= len(text) for token in trace.tokens)


def test_characters_that_the_model_never_saw_are_counted(reader: Reader) -> None:
    trace = reader.translate("the 猫 cat", max_new_tokens=3)
    unknown = [token for token in trace.tokens if token.id == reader.tokenizer.unk_token_id]
    assert [token.text for token in unknown] == ["猫"]
    assert f"Unknown tokens ([UNK]): 1 of {len(trace.tokens) - 1}." in str(trace.notes[-1])


def test_notes_on_a_text_say_which_sentence_they_are_about(reader: Reader) -> None:
    trace = reader.translate("The 猫 cat. The cat sat. The 犬 cat 猫.", max_new_tokens=2)
    assert len(trace.parts) == 3
    own = [token for token in trace.tokens if not token.special]
    unknown = [token.text for token in own if token.id == reader.tokenizer.unk_token_id]
    assert unknown == ["T", "猫", "T", "T", "犬", "猫"]
    cut = "The translation was stopped after 2 tokens, the most that are written here: it may be unfinished."
    assert [str(note) for note in trace.notes] == [
        f"Unknown tokens ([UNK]): 6 of {len(own)}. These words or characters are not in the vocabulary of this model.",
        *(f"Sentence {number}: {cut}" for number in (1, 2, 3)),
    ]


def test_a_server_may_limit_the_text(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "40")
    reader.translate(TEXT)
    with pytest.raises(TextTooLongError, match="at most 40"):
        reader.translate("The cat sat on the mat. " * 5)
    monkeypatch.delenv("MEMVIZ_MAX_TOKENS")
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", "0.1505")
    reader.translate(TEXT)
    with pytest.raises(MemoryBudgetError):
        reader.translate("The cat sat on the mat. " * 50)


def test_progress_runs_from_0_to_1_and_may_stop_it(reader: Reader) -> None:
    for text in (TEXT, "The cat sat. A dog sat. the house"):
        seen: list[float] = []
        reader.translate(text, progress=lambda fraction, label: seen.append(fraction))  # noqa: B023
        assert seen == sorted(seen)
        assert 0 <= seen[0] < 0.5
        assert seen[-1] == pytest.approx(1)

    def stop(fraction: float, label: str) -> None:
        if label == "Writing" and fraction > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reader.translate(TEXT, progress=stop)
    assert reader.translate(TEXT).output


def test_a_trace_comes_back_from_a_file(reader: Reader, tmp_path: Path) -> None:
    one = reader.translate(TEXT, forget=Forget(keys=[1]), max_new_tokens=4)
    back = Trace.load(one.save(tmp_path / "one.npz"))
    assert (back.steps, back.notes, back.targets, back.forget) == (one.steps, one.notes, one.targets, one.forget)
    assert (back.recurrent.queries, back.recurrent.keys) == (one.recurrent.queries, one.recurrent.keys)
    for name in ("gates", "candidates", "states"):
        np.testing.assert_array_equal(getattr(back.recurrent, name), getattr(one.recurrent, name))
    np.testing.assert_array_equal(patterns(back.memory("cross")), patterns(one.memory("cross")))


def test_a_trace_of_many_parts_comes_back_from_a_file(reader: Reader, tmp_path: Path) -> None:
    many = reader.translate("The cat sat. " * 12)
    back = Trace.load(many.save(tmp_path / "many.npz"))
    assert (back.output, back.steps, len(back.parts)) == (many.output, many.steps, 12)
    for part, own in zip(back.parts, many.parts, strict=True):
        np.testing.assert_array_equal(patterns(part.memory("cross")), patterns(own.memory("cross")))
        np.testing.assert_array_equal(part.recurrent.states, own.recurrent.states)
    assert back.recurrent is None


def test_threads_may_share_a_reader(reader: Reader) -> None:
    texts = [TEXT, "the old house .", "a dog and a bird live ."]
    wishes = [(text, None if number % 2 else Forget(keys=[1])) for number, text in enumerate(texts * 4)]
    alone = [patterns(reader.translate(text, forget=forget).memory("cross")) for text, forget in wishes]
    found: dict[int, np.ndarray] = {}

    def read(number: int) -> None:
        text, forget = wishes[number]
        found[number] = patterns(reader.translate(text, forget=forget).memory("cross"))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(wishes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        np.testing.assert_allclose(found[number], expected, atol=1e-6)


def test_ids_alone_cannot_be_read(reader: Reader) -> None:
    with pytest.raises(ReadingError, match="Use `translate`"):
        reader.read_ids([3, 4, 5])


# -- threads ------------------------------------------------------------------------------------------------


@pytest.fixture
def two_threads() -> Iterator[None]:
    """As on a machine with two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


CALLS = {
    "translate": lambda reader, **told: reader.translate(TEXT, **told),
    "parts": lambda reader, **told: reader.translate("The cat sat. A dog sat.", **told),
    "read": lambda reader, **told: reader.read(TEXT, "o gato .", **told),
    "write": lambda reader, **told: reader.write(TEXT),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_small_model_runs_on_one_thread(reader: Reader, two_threads, name: str) -> None:
    seen: set[int] = set()
    watched = [*reader.model.encoder.layers, *reader.model.decoder.layers]
    hooks = [one.register_forward_pre_hook(lambda *_: seen.add(torch.get_num_threads())) for one in watched]
    CALLS[name](reader)
    for hook in hooks:
        hook.remove()
    assert seen == {1}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_the_threads_come_back_when_a_reading_is_stopped(reader: Reader, two_threads, at: float) -> None:
    def stop(fraction: float, label: str) -> None:
        if fraction > at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reader.translate(TEXT, progress=stop)
    assert torch.get_num_threads() == 2


def test_other_threads_keep_theirs(reader: Reader, two_threads) -> None:
    """One that begins while a Firefox model runs, and one that runs a second one meanwhile."""
    found: list[int] = []

    def begin() -> None:
        found.append(torch.get_num_threads())
        reader.write(TEXT)
        found.append(torch.get_num_threads())

    def watch(fraction: float, label: str) -> None:
        if not found:
            other = threading.Thread(target=begin)
            other.start()
            other.join()

    reader.translate(TEXT, progress=watch)
    assert found == [2, 2]
    assert torch.get_num_threads() == 2
