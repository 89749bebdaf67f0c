"""Translating with transformers: exact for every family, and the same in the writing as in the reading."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import CROSS, PLACES, cutting
from cases import eager, patterns
from families import FAMILIES, SEQ2SEQ, Family, tokenizer
from translators import LIMIT, TARGET, TEXT, TRANSLATORS, Saved, ids, translated

import memviz
from memviz import Forget
from memviz.errors import EmptyTextError, MemVizError, ModelError, ReadingError, TextTooLongError, TraceError
from memviz.reading import Reader
from tests.models.tiny_marian import firefox_folder

EXACT = 1e-5
families = pytest.mark.parametrize("name", TRANSLATORS)


def plain(saved: Saved, name: str, *, beam: int = 1, attention: str = "sdpa", **settings: Any) -> Any:
    """What transformers makes of the text by itself."""
    inputs = saved.tokenizer(name)(TEXT, return_tensors="pt")
    model = saved.fresh(name, attention)
    asked = {"max_new_tokens": LIMIT, "num_beams": beam, "do_sample": False, **saved.begins(name), **settings}
    return model.generate(**inputs, **asked)


# -- exactness ------------------------------------------------------------------------------------------


@families
def test_all_three_memories_equal_a_fresh_model(saved: Saved, name: str) -> None:
    for trace in (translated(saved, name), translated(saved, name, target=TARGET)):
        assert trace.model.method == "recorded"
        own, logits = eager(saved.fresh(name), ids(trace.tokens), target=ids(trace.memory("decoder").keys))
        assert set(trace.memories) == set(own) == {"encoder", "decoder", "cross"}
        for kind, weights in own.items():
            assert np.abs(patterns(trace, kind) - weights).max() <= EXACT
            assert weights.max(axis=-1).mean() > 3 / weights.shape[-1], "the weights are far from uniform"
        shares = logits.log_softmax(-1)
        wanted = shares.gather(1, torch.tensor(ids(trace.targets))[:, None])[:, 0]
        np.testing.assert_allclose(trace.logprobs, wanted, rtol=0, atol=1e-4)
        for step, share in zip(trace.steps, shares.exp(), strict=True):
            top = share.topk(10)
            np.testing.assert_allclose([one.probability for one in step], top.values, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose([share[one.id] for one in step], top.values, rtol=1e-4, atol=1e-6)


@families
@pytest.mark.parametrize("beam", [1, 3])
def test_the_output_is_what_generate_writes(saved: Saved, name: str, beam: int) -> None:
    trace = translated(saved, name, beam=beam)
    start, *made = plain(saved, name, beam=beam)[0].tolist()
    assert ids(trace.targets) == made
    assert ids(trace.memory("decoder").keys) == [start, *made[:-1]]
    assert ids(trace.tokens) == saved.tokenizer(name)(TEXT)["input_ids"]
    if beam == 1:
        assert len(set(made)) > 4, "the model writes many different tokens"
    else:
        assert made != ids(translated(saved, name).targets)


@families
def test_every_step_of_writing_read_what_the_reading_shows(saved: Saved, name: str) -> None:
    trace = translated(saved, name)
    made = plain(saved, name, attention="eager", output_attentions=True, return_dict_in_generate=True)
    assert made.sequences[0].tolist()[1:] == ids(trace.targets)
    for kind, steps in (("cross", made.cross_attentions), ("decoder", made.decoder_attentions)):
        found = patterns(trace, kind)
        for row, layers in enumerate(steps):
            own = torch.stack([layer[0, :, -1] for layer in layers]).numpy()  # [layer, head, key]
            assert np.abs(found[:, :, row, : own.shape[-1]] - own).max() <= EXACT


@families
def test_what_was_written_is_the_likeliest_at_its_step(saved: Saved, name: str) -> None:
    """But for what the settings of `generate` force: a language or <s> first, the end last."""
    trace = translated(saved, name)
    forced = {0} if TRANSLATORS[name].begins == "forced_bos_token_id" or name == "bart" else set()
    forced |= {LIMIT - 1} if name == "bart" else set()
    assert len(trace.targets) > len(forced)
    for place, (token, step, logprob) in enumerate(zip(trace.targets, trace.steps, trace.logprobs, strict=True)):
        assert len(step) == 10
        if place not in forced:
            assert step[0].id == token.id
            assert np.log(step[0].probability) == pytest.approx(logprob, abs=1e-5)


def test_a_token_is_shown_as_it_looks(saved: Saved) -> None:
    trace = translated(saved, "t5", target="le chat", max_new_tokens=1)
    shown = {one.id: one.text for step in trace.steps for one in step}
    own = saved.tokenizer("t5")
    for number, text in shown.items():
        assert text == own.convert_ids_to_tokens(number).replace("▁", " ")
    assert any(text.startswith(" ") for text in shown.values())
    assert any(not text.startswith(" ") for text in shown.values())


# -- forgetting -----------------------------------------------------------------------------------------

FORGOTTEN = {
    "a word": Forget(keys=(1, 3)),
    "for some steps": Forget(keys=(2, 4, -1), queries=(0, 2, 3, 7)),
    "one word only": Forget(keys=range(1, 9), layers=(1,), heads=(0, 3)),
    "one edge": Forget(keys=(5,), queries=(3,), layers=(0,), heads=(1,)),
    "a step never written": Forget(keys=(1,), queries=(4, 500)),
}


def cut_by(forget: Forget, rows: int, cols: int) -> np.ndarray:
    """[layer, head, query, key], as `Forget` says it."""
    cut = np.zeros((2, 4, rows, cols), dtype=bool)
    queries = [query for query in (range(rows) if forget.queries is None else forget.queries) if query < rows]
    layers, heads = (range(n) if own is None else own for n, own in ((2, forget.layers), (4, forget.heads)))
    cut[np.ix_(list(layers), list(heads), queries, list(forget.keys))] = True
    return cut


@pytest.mark.parametrize("how", FORGOTTEN)
@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("name", ["t5", "marian", "m2m-100", "mbart"])
def test_what_is_forgotten_while_writing_equals_a_model_patched_by_hand(
    saved: Saved, name: str, how: str, beam: int
) -> None:
    """The oracle keeps nothing of the steps before: every beginning is read anew."""
    trace = translated(saved, name, forget=FORGOTTEN[how], beam=beam)
    model, inputs = saved.fresh(name), saved.tokenizer(name)(TEXT, return_tensors="pt")
    cut = cut_by(FORGOTTEN[how], LIMIT, len(trace.tokens))
    with cutting(model, PLACES.get(name, CROSS), cut):
        made = model.generate(
            **inputs, max_new_tokens=LIMIT, num_beams=beam, do_sample=False, use_cache=False, **saved.begins(name)
        )
        own, _ = eager(model, ids(trace.tokens), target=ids(trace.memory("decoder").keys))
    assert ids(trace.targets) == made[0].tolist()[1:]
    found = patterns(trace, "cross")
    assert np.abs(found - own["cross"]).max() <= 2e-5
    assert (found[cut[:, :, : len(trace.targets)]] == 0).all()
    assert trace.forget == FORGOTTEN[how]


@families
def test_what_is_forgotten_while_writing_is_what_the_reading_forgets(saved: Saved, name: str) -> None:
    before = translated(saved, name)
    trace = translated(saved, name, forget=Forget(keys=range(1, 20)))
    assert ids(trace.targets) != ids(before.targets)
    written = [step[0].id for step in trace.steps][1:-1]  # the first and the last may be forced
    assert written == ids(trace.targets)[1:-1]
    assert not patterns(trace, "cross")[..., 1:20].any()
    np.testing.assert_array_equal(patterns(trace, "encoder"), patterns(before, "encoder"))


def test_what_cannot_be_forgotten_is_refused_before_anything_is_written(saved: Saved, monkeypatch) -> None:
    monkeypatch.setattr("memviz.reading.writing.transformers_writer.TransformersWriter.write", None)
    count = len(translated(saved, "bart", target=TARGET).tokens)
    for forget, said in (
        (Forget(keys=[99]), "no position 99"),
        (Forget(keys=[0], layers=[2]), "no layer 2"),
        (Forget(keys=[0], heads=[4]), "no head 4"),
        (Forget(keys=range(count), queries=[3]), "Position 3 would have nothing left"),
    ):
        with pytest.raises(TraceError, match=said):
            translated(saved, "bart", forget=forget)
    with pytest.raises(ReadingError, match="Position -1 counts from the end of the output"):
        translated(saved, "bart", forget=Forget(keys=[0], queries=[-1]))
    end = translated(saved, "bart", target=TARGET, forget=Forget(keys=[0], queries=[-1]))
    gone = (patterns(end, "cross")[..., 0] == 0).any(axis=(0, 1))
    assert gone.tolist() == [False] * (len(end.targets) - 1) + [True]


def test_a_dense_model_writes_but_cannot_be_made_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(Family("MvpForConditionalGeneration", SEQ2SEQ).build(), tokenizer("end"))
    trace = reader.translate("the cat sat", max_new_tokens=4)
    assert trace.model.method == "dense"
    assert len(trace.steps) == len(trace.targets) == 4
    monkeypatch.setattr("memviz.reading.writing.transformers_writer.TransformersWriter.write", None)
    with pytest.raises(ReadingError, match="cannot be made to forget"):
        reader.translate("the cat sat", forget=Forget(keys=[0]))


def test_two_people_may_forget_different_things_at_once(saved: Saved) -> None:
    wishes = [None, Forget(keys=range(1, 9)), Forget(keys=range(9, 20), queries=(1, 2, 3)), None]
    alone = [ids(translated(saved, "t5", forget=forget).targets) for forget in wishes]
    assert len({tuple(one) for one in alone}) == 3
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            found = pool.map(lambda forget: ids(translated(saved, "t5", forget=forget).targets), wishes)
            assert list(found) == alone


# -- limits and notes -----------------------------------------------------------------------------------


@families
def test_an_output_that_is_cut_says_so(saved: Saved, name: str) -> None:
    trace = translated(saved, name, max_new_tokens=3)
    assert len(trace.targets) == len(trace.steps) == 3
    assert "stopped after 3 tokens, the most that are written here" in str(trace.notes[0])
    assert not any("stopped" in str(note) for note in translated(saved, name, target=TARGET).notes)


@pytest.mark.parametrize("beam", [1, 2])
def test_an_output_that_only_repeats_itself_is_stopped_and_says_so(saved: Saved, beam: int) -> None:
    model = saved.fresh("marian")
    model.final_logits_bias[0, [7, model.config.eos_token_id]] += torch.tensor([60.0, -1e9])
    reader = Reader(model, saved.tokenizer("marian"))
    trace = reader.translate(TEXT, beam=beam)
    assert len(trace.targets) == 48
    assert "stopped after 48 tokens, as the model only repeated the last few" in str(trace.notes[0])
    asked = reader.translate(TEXT, beam=beam, max_new_tokens=60)
    assert len(asked.targets) == 60
    assert "stopped after 60 tokens, the most that are written here" in str(asked.notes[0])


@pytest.mark.parametrize("name", ["bart", "marian", "mbart"])
def test_an_output_that_ends_does_not(saved: Saved, name: str) -> None:
    model = saved.fresh(name)
    model.final_logits_bias[0, model.config.eos_token_id] += 30.0
    reader = Reader(model, saved.tokenizer(name))
    for limit in (2, 5):
        trace = reader.translate(TEXT, max_new_tokens=limit, beam=2)
        assert trace.targets[-1].text == "</s>"
        assert len(trace.targets) <= 2
        assert not any("stopped" in str(note) for note in trace.notes)


def test_what_the_model_never_saw_is_counted(saved: Saved) -> None:
    trace = translated(saved, "mbart", "the 猫 cat", target=TARGET)
    own = [token for token in trace.tokens if not token.special]
    assert trace.notes[0].values == {"unknown": 1, "tokens": len(own)}
    assert translated(saved, "bart", "the 猫 cat", target=TARGET).notes == ()


@pytest.mark.parametrize(
    "wish",
    [{"beam": 0}, {"beam": -1}, {"max_new_tokens": 0}, {"beam": None}, {"beam": 2.5}, {"beam": "2"}, {"beam": True}],
)
def test_settings_that_make_no_sense_are_refused(saved: Saved, wish: dict[str, Any]) -> None:
    with pytest.raises(ReadingError, match="must be 1 or more"):
        translated(saved, "t5", **wish)


@pytest.mark.parametrize("wish", [{"beam": 101}, {"beam": 2**70}, {"max_new_tokens": 10**9}])
def test_settings_that_would_take_all_memory_are_refused(saved: Saved, wish: dict[str, int]) -> None:
    with pytest.raises(ReadingError, match=r"(beam|max_new_tokens) may be [\d,]+ at most"):
        translated(saved, "t5", **wish)


def test_no_more_is_written_than_the_decoder_has_positions(saved: Saved) -> None:
    model = saved.fresh("marian")
    model.final_logits_bias[0, model.config.eos_token_id] = -1e9
    reader = Reader(model, saved.tokenizer("marian"))
    assert reader.info.context == 512
    trace = reader.translate(TEXT, max_new_tokens=2000)
    assert len(trace.targets) == 512
    assert trace.notes[0].values == {"tokens": 512}


def test_no_more_is_written_than_a_server_allows(
    saved: Saved, firefox: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    firefox.model.output_bias[firefox.tokenizer.eos_token_id] = -1e9  # it never ends
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "40")
    for trace in (translated(saved, "t5", max_new_tokens=128), firefox.translate(TEXT)):
        assert trace.notes[0].values == {"tokens": 40}
        assert len(trace.targets) == 40


def test_a_text_or_a_target_that_is_too_long(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, target in (("the " * 600, None), (TEXT, "the " * 600)):
        with pytest.raises(TextTooLongError, match="at most 512"):
            translated(saved, "marian", text, target=target)
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "20")
    with pytest.raises(TextTooLongError, match="at most 20"):
        translated(saved, "t5", task="translate English to German: ")


def test_nothing_to_translate(saved: Saved) -> None:
    for text in ("", "  \n"):
        with pytest.raises(EmptyTextError):
            translated(saved, "t5", text, task="summarize: ")
        with pytest.raises(EmptyTextError):
            translated(saved, "t5", target=text)


def test_a_target_that_the_model_has_no_tokens_for() -> None:
    own = tokenizer("end")
    source, target = (own(text)["input_ids"] for text in ("cat", "remembers"))
    small = Reader(FAMILIES["bart"].build(vocab_size=max(source) + 1), own)
    assert max(target) > max(source)
    with pytest.raises(ModelError, match=f"gave token {max(target)}"):
        small.translate("cat", "remembers")


def test_progress_runs_from_0_to_1_and_may_stop_it(saved: Saved) -> None:
    seen: list[tuple[float, str]] = []
    for beam in (1, 3):
        seen.clear()
        translated(saved, "t5", beam=beam, progress=lambda *heard: seen.append(heard))
        shares = [share for share, _ in seen]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        assert [label for _, label in seen].count("Writing") == LIMIT

    def stop(share: float, label: str) -> None:
        if label == "Writing" and share > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        translated(saved, "t5", progress=stop)
    assert translated(saved, "t5").output


def test_seconds_say_how_long_the_writing_took(saved: Saved) -> None:
    seconds = translated(saved, "t5").seconds
    assert set(seconds) == {"model", "writing", "total"}
    assert 0 < seconds["writing"] < seconds["total"]


# -- the same questions to every reader -------------------------------------------------------------------


@pytest.fixture
def firefox(tmp_path: Path) -> Reader:
    return memviz.load(str(firefox_folder(tmp_path / "tiny")))


def test_a_firefox_reader_answers_the_same_questions(firefox: Reader) -> None:
    assert (firefox.languages, firefox.languages_known, firefox.tasks) == (("en", "pt"), {}, {})
    own = firefox.translate(TEXT, languages=("en", "pt"), task="")
    assert ids(own.targets) == ids(firefox.translate(TEXT).targets)
    with pytest.raises(ReadingError, match="only translates from “en” into “pt”"):
        firefox.translate(TEXT, languages=("pt", "en"))
    with pytest.raises(ReadingError, match="cannot be told a task"):
        firefox.translate(TEXT, task="summarize: ")


def test_one_call_translates(saved: Saved) -> None:
    folder, languages = str(saved.folder("nllb")), TRANSLATORS["nllb"].languages
    trace = memviz.translate(TEXT, TARGET, model=folder, languages=languages)
    assert ids(trace.targets) == ids(translated(saved, "nllb", target=TARGET).targets)
    with pytest.raises(MemVizError, match="must be 1 or more"):
        memviz.translate(TEXT, model=folder, languages=languages, beam=0)
    task = memviz.translate(TEXT, TARGET, model=str(saved.folder("t5")), task="summarize:")
    assert task.text == f"summarize: {TEXT}"
