"""What cannot be read is refused with a reason, before anything long begins; what can be is read whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from cases import checked, eager, fresh, opened, patterns, reader
from families import FAMILIES, VOCABULARY, Family, scattered, tokenizer, words
from transformers import AutoModel, BartConfig, BartModel, BertConfig, BertModel, CanineTokenizer, PreTrainedModel

import memviz
from memviz import Forget, Reader
from memviz.errors import (
    EmptyTextError,
    MemoryBudgetError,
    MemVizError,
    ModelError,
    ReadingError,
    TextTooLongError,
    TraceError,
    UnsupportedModelError,
)
from memviz.reading.engine import devices, limits

# models


@pytest.mark.parametrize(
    "family",
    [
        Family("MambaForCausalLM", {"state_size": 8}),
        Family("RwkvForCausalLM", {"attention_hidden_size": 32, "context_length": 64}),
        Family("FNetModel"),
    ],
    ids=lambda family: family.architecture,
)
def test_a_model_without_attention_is_refused(family: Family) -> None:
    with pytest.raises(UnsupportedModelError, match="has no attention that can be read") as caught:
        Reader(family.build(), tokenizer("plain"))
    assert family.architecture in str(caught.value)
    assert "minilm" in str(caught.value)


def test_a_model_of_characters_is_refused_for_what_it_is(tmp_path: Path) -> None:
    """CANINE has no table of tokens, and looks through windows."""
    sizes = {"num_hash_buckets": 64, "local_transformer_stride": 4, "downsampling_rate": 4}
    Family("CanineModel", sizes).build().save_pretrained(tmp_path)
    CanineTokenizer().save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModelError, match="CanineModel cannot be read: some of its layers"):
        memviz.load(str(tmp_path))


def test_a_refused_model_is_given_back_too() -> None:
    model = Family("MambaForCausalLM", {"state_size": 8}).build().train()
    own = model.config._attn_implementation
    with pytest.raises(UnsupportedModelError):
        Reader(model, tokenizer("plain"))
    assert model.training
    assert model.config._attn_implementation == own


def test_a_model_that_fails_on_a_short_text_is_refused_with_its_own_words() -> None:
    class Broken(BertModel):
        def forward(self, *args: object, **kwargs: object) -> None:
            raise IndexError("needs a picture")

    config = BertConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    with pytest.raises(UnsupportedModelError, match=r"could not read a short source \(needs a picture\)"):
        Reader(Broken(config), tokenizer("pair"))


def test_a_model_that_fails_only_when_it_is_asked_for_its_attention_is_refused_for_that() -> None:
    class Silent(BertModel):
        def forward(self, *args: object, output_attentions: bool = False, **kwargs: object) -> object:
            if output_attentions:
                raise IndexError("no weights to give")
            return super().forward(*args, **kwargs)

    config = BertConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    with pytest.raises(UnsupportedModelError, match=r"does not give its attention away \(no weights to give\)"):
        Reader(Silent(config), tokenizer("plain"))


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused() -> None:
    reader = Reader(FAMILIES["bert"].build(vocab_size=120), tokenizer("pair"))
    with pytest.raises(ModelError, match="knows only 120 tokens") as caught:
        reader.read(words(10))
    assert "Use the tokenizer that belongs to this model" in str(caught.value)
    assert not isinstance(caught.value, ReadingError)


def test_weights_that_are_not_numbers_are_refused_with_that_reason() -> None:
    for name in ("bert", "llama", "t5"):
        model = FAMILIES[name].build()
        with torch.no_grad():
            next(weight for path, weight in model.named_parameters() if "attention.self.query" in path
                 or "q_proj" in path or "SelfAttention.q" in path)[0, 0] = float("nan")  # fmt: skip
        with pytest.raises(UnsupportedModelError, match=r"its attention on a short text is not a number \(NaN\)"):
            Reader(model, tokenizer(FAMILIES[name].tokenizer))


# texts


def test_half_a_character_is_refused_wherever_it_stands() -> None:
    with pytest.raises(ReadingError, match=r"Character 5 of the text is only half a character \(U\+D83D\)"):
        opened("bert").read("the \ud83d cat")
    with pytest.raises(ReadingError, match="only half a character"):
        opened("bert").read("the cat", "a \ud83d dog")
    with pytest.raises(ReadingError, match="only half a character"):
        opened("bert").decompose("the \ud83d cat", 0)
    with pytest.raises(ReadingError, match="only half a character"):
        opened("t5").translate("the cat", "a \udc00 dog")
    assert opened("bert").read("the \ud83d\ude00 cat").text == "the 😀 cat"


@pytest.mark.parametrize("text", ["", " ", "\n\t  ", "\u3000"])
def test_an_empty_text_is_refused(text: str) -> None:
    for name in ("bert", "gpt2", "t5"):
        with pytest.raises(EmptyTextError):
            opened(name).read(text)
    with pytest.raises(EmptyTextError):
        opened("t5").translate("the cat", text)
    with pytest.raises(EmptyTextError):
        opened("bert").decompose(text, 0)


def test_a_text_longer_than_the_context_is_refused_with_numbers() -> None:
    reader = opened("gpt2")
    assert reader.info.context == 512
    with pytest.raises(TextTooLongError, match="This text has 513 tokens; at most 512 can be read at once") as caught:
        reader.read_ids([100] * 513)
    assert caught.value.values == {"tokens": 513, "limit": 512}
    assert len(reader.read_ids([100] * 512).tokens) == 512


def test_the_context_counts_special_tokens() -> None:
    reader = opened("roberta")
    assert reader.info.context == 512
    with pytest.raises(TextTooLongError, match="has 513 tokens"):
        reader.read(words(511))
    assert len(reader.read(words(510)).tokens) == 512


@pytest.mark.parametrize(
    ("rope", "context"),
    [
        ({"rope_type": "default"}, 64),
        ({"rope_type": "dynamic", "factor": 2.5}, 160),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}, 256),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}, 64),
        ({"rope_type": "linear", "factor": 4.0}, 64),
    ],
)
def test_the_context_is_as_far_as_stretched_positions_reach(rope: dict, context: int) -> None:
    rope = {"rope_theta": 10_000.0, **rope}
    used = reader(FAMILIES["llama"], max_position_embeddings=64, rope_parameters=rope)
    assert used.info.context == context
    assert len(used.read_ids([100] * context).tokens) == context
    with pytest.raises(TextTooLongError, match=f"at most {context} can be read"):
        used.read_ids([100] * (context + 1))


def test_a_text_is_read_alike_after_a_longer_one() -> None:
    """Dynamic positions: transformers keeps the frequencies of the longest text until a short one comes."""
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10_000.0}
    family, changes = FAMILIES["llama"], {"max_position_embeddings": 64, "rope_parameters": rope}
    for owned in (True, False):
        model, ids = family.build(**changes), [*range(10, 110)]
        used = Reader(model, tokenizer(family.tokenizer), owned=owned)
        used.read_ids([100] * 250)
        alone = family.build(**changes)
        alone.set_attn_implementation("eager")
        own, _ = eager(alone, ids)
        np.testing.assert_allclose(patterns(used.read_ids(ids)), own["self"], rtol=0, atol=1e-5)
        assert model.model.rotary_emb.max_seq_len_cached == 64, "the model is as it was"


def test_the_context_is_known_by_whatever_name(tmp_path: Path) -> None:
    Family("MptForCausalLM", {"n_heads": 4, "n_layers": 2, "d_model": 32, "max_seq_len": 64}).build().save_pretrained(
        tmp_path
    )
    tokenizer("plain").save_pretrained(tmp_path)
    reader = memviz.load(str(tmp_path))
    assert reader.info.context == 64
    assert len(reader.read(words(64)).tokens) == 64
    with pytest.raises(TextTooLongError, match="has 65 tokens; at most 64"):
        reader.read(words(65))


@pytest.mark.parametrize("name", ["bert", "gpt2", "mpnet"])
def test_a_text_beyond_a_context_that_nobody_told_is_refused(name: str) -> None:
    """Whatever the model raises then: a recorded reading and a dense one alike."""
    used = Reader(FAMILIES[name].build(), tokenizer(FAMILIES[name].tokenizer))
    used.engine.info = replace(used.info, context=None)
    with pytest.raises(ReadingError, match=r"could not read a text of 6\d\d tokens .*\. Shorten the text") as caught:
        used.read(words(600))
    assert caught.value.__cause__ is not None
    assert used.read(words(20)).memories


def test_a_translation_beyond_a_context_that_nobody_told_is_refused() -> None:
    used = Reader(FAMILIES["bart"].build(), tokenizer("end"))
    used.engine.info = replace(used.info, context=None)
    for target in (None, "the cat"):
        with pytest.raises(ReadingError, match="could not read a text of 601 tokens"):
            used.translate(words(600), target)
    with pytest.raises(ReadingError, match="could not read a text of 601 tokens"):
        used.translate("the cat", words(600))


@pytest.mark.parametrize("name", ["bert", "mpnet", "bart"])
@pytest.mark.parametrize("stop", [RuntimeError("enough"), ValueError("enough"), KeyboardInterrupt()])
def test_whoever_stops_a_reading_gets_their_own_error(name: str, stop: BaseException) -> None:
    def progress(fraction: float, label: str) -> None:
        raise stop

    with pytest.raises(type(stop)) as caught:
        opened(name).read("the cat sat", progress=progress)
    assert caught.value is stop


def test_a_target_longer_than_the_context_is_refused() -> None:
    with pytest.raises(TextTooLongError, match="has 601 tokens; at most 512"):
        opened("bart").translate("the cat", words(600))
    with pytest.raises(TextTooLongError, match="has 601 tokens; at most 512"):
        opened("bart").translate(words(600), "the cat")


def test_the_server_may_set_a_smaller_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "20")
    with pytest.raises(TextTooLongError, match="at most 20"):
        opened("gpt2").read(words(21))
    assert len(opened("gpt2").read(words(20)).tokens) == 20
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "9999")
    assert limits.context_limit(512) == 512
    assert limits.context_limit(None) == 9999
    monkeypatch.delenv("MEMVIZ_MAX_TOKENS")
    assert limits.context_limit(None) is None


def test_a_reading_that_would_not_fit_is_refused_with_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", "0.1")
    with pytest.raises(
        MemoryBudgetError, match=r"Reading 50 tokens would take about 0\.2 GB of memory; 0\.1 GB"
    ) as caught:
        opened("gpt2").read(words(50))
    assert "MEMVIZ_MEMORY_GB" in str(caught.value)
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", "1")
    opened("gpt2").read(words(50))
    monkeypatch.delenv("MEMVIZ_MEMORY_GB")
    assert 0 < limits.available() < psutil.virtual_memory().total


def test_the_estimate_is_linear_when_recorded_and_square_when_dense() -> None:
    recorded, dense = opened("gpt2"), opened("bloom")
    assert recorded.estimate(40_000) < 2.6 * (recorded.estimate(20_000) - limits.OVERHEAD) + limits.MASKS * 40_000**2
    assert dense.estimate(40_000) > 3.5 * dense.estimate(20_000)
    assert opened("bart-uneven").estimate(100) > limits.OVERHEAD


def test_the_estimate_is_not_below_what_was_measured() -> None:
    """SmolLM2 on 6,000 random tokens took 1.57 GB more than before the reading."""
    sizes = SimpleNamespace(hidden_size=576, intermediate_size=1536, vocab_size=49152)
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: sizes))
    plan = SimpleNamespace(layers={"self": 30}, heads={"self": 9}, kv_heads=3, head_dim=64, dense=False)
    assert 1.55e9 < limits.estimate(model, plan, 6000) < 1.75e9


@pytest.mark.parametrize("sizes", [[48, 64, 48], (48,), 48])
def test_the_estimate_knows_models_with_a_width_for_each_layer(sizes: object) -> None:
    sized = SimpleNamespace(hidden_size=32, intermediate_size=sizes)
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: sized))
    assert limits.estimate(model, opened("llama").plan, 10) > limits.OVERHEAD


# ids


def test_ids_are_read_as_they_are() -> None:
    ids = [1, 120, 121, 120, 2]
    known = checked("llama", opened("llama").read_ids(ids))
    assert [token.id for token in known.trace.tokens] == ids
    assert [token.special for token in known.trace.tokens] == [True, False, False, False, True]
    assert known.trace.text == opened("llama").tokenizer.decode(ids[1:-1])
    assert np.abs(patterns(known.trace) - known.own["self"]).max() <= 1e-5


def test_a_text_and_its_ids_are_read_alike() -> None:
    by_text = opened("llama").read("the cat sat on a mat")
    by_ids = opened("llama").read_ids([token.id for token in by_text.tokens])
    assert (patterns(by_text) == patterns(by_ids)).all()
    assert by_ids.text.strip() == by_text.text
    assert [token.text for token in by_ids.tokens] == [token.text for token in by_text.tokens]


def test_ids_that_are_pieces_of_characters_can_be_read() -> None:
    """Random ids cut characters apart; every token still shows something, and the arrays can be saved."""
    trace = opened("gpt2").read_ids(np.random.default_rng(0).integers(0, VOCABULARY, size=60))
    assert len(trace.tokens) == 60
    assert all(token.text for token in trace.tokens)
    assert np.isfinite(trace.logprobs[1:]).all()


@pytest.mark.parametrize("ids", ["abc", [1.7, 2.2], 5, [[100, 101]], ["100"], None, np.array([1.0])])
def test_what_is_no_list_of_ids_is_refused(ids: object) -> None:
    with pytest.raises(ReadingError, match="is no list of token ids"):
        opened("gpt2").read_ids(ids)


def test_ids_may_be_any_whole_numbers() -> None:
    wanted = patterns(opened("gpt2").read_ids([100, 101, 102]))
    for ids in ((100, 101, 102), np.array([100, 101, 102]), torch.tensor([100, 101, 102]), range(100, 103)):
        assert (patterns(opened("gpt2").read_ids(ids)) == wanted).all()


@pytest.mark.parametrize(("ids", "error"), [([], EmptyTextError), ([100, VOCABULARY], ModelError), ([-1], ModelError),
                                              ([10**30], ModelError)])  # fmt: skip
def test_ids_that_cannot_be_read(ids: list[int], error: type[MemVizError]) -> None:
    with pytest.raises(error):
        opened("gpt2").read_ids(ids)


def test_ids_for_an_encoder_decoder_are_refused() -> None:
    with pytest.raises(ReadingError, match="token ids alone do not say which is which"):
        opened("t5").read_ids([100, 101])


# pairs


def test_a_sentence_pair_is_read_with_its_segments() -> None:
    """The fresh model is told the segments; without them its weights are others."""
    trace = opened("bert").read("the cat sat on a mat", "nobody remembers the old dog")
    segments = [token.segment for token in trace.tokens]
    assert segments == [0] * 8 + [1] * 6
    assert trace.pair == "nobody remembers the old dog"
    ids = [token.id for token in trace.tokens]
    with_segments = eager(fresh("bert"), ids, token_type_ids=torch.tensor([segments]))[0]["self"]
    without = eager(fresh("bert"), ids)[0]["self"]
    assert np.abs(patterns(trace) - with_segments).max() <= 1e-5
    assert np.abs(patterns(trace) - without).max() > 0.05


@pytest.mark.parametrize("name", ["distilbert", "roberta", "modernbert", "mpnet"])
def test_a_model_without_segments_is_not_given_any(name: str) -> None:
    known = checked(name, opened(name).read("the cat sat", "on a mat"))
    assert np.abs(patterns(known.trace) - known.own["self"]).max() <= 1e-5


def test_an_empty_pair_counts_as_none() -> None:
    alone, empty = opened("bert").read("the cat sat"), opened("bert").read("the cat sat", "")
    assert (patterns(alone) == patterns(empty)).all()


# encoder-decoders


def test_reading_an_encoder_decoder_is_translating() -> None:
    read, translated = opened("t5").read("the cat", "a dog"), opened("t5").translate("the cat", "a dog")
    assert (read.output, read.text, read.pair) == ("a dog", "the cat", None)
    assert (patterns(read, "cross") == patterns(translated, "cross")).all()


def test_a_tokenizer_with_segments_does_not_stop_an_encoder_decoder() -> None:
    reader = Reader(FAMILIES["bart"].build(), tokenizer("pair"))
    assert reader.translate("the cat", max_new_tokens=5).targets


def test_without_its_head_an_encoder_decoder_reads_a_target_but_cannot_write() -> None:
    sizes = {**FAMILIES["bart"].config, "vocab_size": VOCABULARY, "max_position_embeddings": 512}
    model = scattered(BartModel(BartConfig(**sizes, pad_token_id=0, bos_token_id=1, eos_token_id=2)), seed=0)
    reader = Reader(model, tokenizer("end"))
    with pytest.raises(ReadingError, match="was opened without the part that chooses words"):
        reader.translate("the cat")
    trace = reader.translate("the cat", "a dog")
    assert np.isnan(trace.logprobs).all()
    assert (trace.memory("encoder").layers, trace.memory("cross").layers) == (3, 2)


def test_only_encoder_decoders_translate() -> None:
    with pytest.raises(ReadingError, match="is no encoder-decoder model"):
        opened("gpt2").translate("the cat")


def test_a_start_token_is_found_where_the_configuration_names_none() -> None:
    model = Family("T5ForConditionalGeneration", {**FAMILIES["t5"].config}).build()
    del model.config.decoder_start_token_id
    model.generation_config.decoder_start_token_id = 7
    trace = Reader(model, tokenizer("end")).translate("the cat", "a dog")
    assert trace.memory("decoder").keys[0].id == 7


# wrong questions


def test_a_memory_that_is_not_there() -> None:
    with pytest.raises(TraceError, match=r"left no “cross” memory. This trace holds: self"):
        opened("bert").read("the cat").memory("cross")
    trace = opened("t5").translate("the cat", "a dog")
    assert list(trace.memories) == ["encoder", "decoder", "cross"]
    with pytest.raises(TraceError, match="holds: encoder, decoder, cross"):
        trace.memory("self")


def test_a_layer_head_or_position_that_is_not_there() -> None:
    memory = opened("bert").read("the cat").memory()
    for layer, head in ((3, 0), (-1, 0), (0, 4), (0, -1)):
        with pytest.raises(TraceError, match=f"There is no head L{layer}.H{head}"):
            memory.pattern(layer, head)
    with pytest.raises(TraceError, match="There is no position 4"):
        memory.pattern(0, 0, rows=[4])
    with pytest.raises(TraceError, match="There is no position -5"):
        memory.column(-5)
    with pytest.raises(TraceError, match="There is no position 1000000000000000000000"):
        memory.pattern(0, 0, rows=[10**21])


def test_what_is_no_position_is_refused() -> None:
    memory = opened("bert").read("the cat").memory()
    for wrong in ("a", 1, [1.5], ["1"], [None], np.array([True]), slice("a", None), slice(0, 3, 0), [[0]]):
        with pytest.raises(TraceError, match="is no list of positions"):
            memory.pattern(0, 0, rows=wrong)
        with pytest.raises(TraceError, match="is no list of positions"):
            memory.pattern(0, 0, cols=wrong)
    for layer, head in ((0.5, 0), (0, 1.5), ("0", 0), (0, None)):
        with pytest.raises(TraceError, match="There is no head L"):
            memory.pattern(layer, head)
    with pytest.raises(TraceError, match="is no list of positions"):
        memory.column(1.5)
    with pytest.raises(TraceError, match=r"There is no layer 0\.5"):
        opened("bert").decompose("the cat", 0.5)


def test_what_is_nothing_to_forget_is_refused() -> None:
    with pytest.raises(TraceError, match="“keys” of what to forget is None, which is no list of positions"):
        Forget(keys=None)
    for name in ("llama", "bloom"):
        with pytest.raises(TraceError, match="What to forget must be a Forget; this is dict"):
            opened(name).read("the cat", forget={"keys": [1]})
        with pytest.raises(TraceError, match="What to forget must be a Forget; this is list"):
            opened(name).read_ids([100, 101], forget=[1])
    with pytest.raises(TraceError, match="What to forget must be a Forget; this is tuple"):
        opened("t5").translate("the cat", forget=(1,))
    with pytest.raises(TraceError, match="There is no position 1000000000"):
        opened("llama").read("the cat", forget=Forget(keys=[10**9]))
    with pytest.raises(TraceError, match="is no list of positions"):  # larger than any position can be
        Forget(keys=[10**20])


def test_source_and_target_are_budgeted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would fit; both are held at once."""
    reader = opened("t5")
    one, both = reader.estimate(301), reader.estimate(602)
    assert one < both
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", str((one + both) / 2 / limits.GB))
    assert len(reader.translate(words(300), "a dog").tokens) == 301
    with pytest.raises(MemoryBudgetError, match="Reading 602 tokens"):
        reader.translate(words(300), words(300, seed=1))


def test_windows_of_a_long_text_fit_the_model() -> None:
    reader = opened("bert")
    text = words(1300)
    assert reader.count(text) == 1302
    first = reader.window(text)
    assert reader.count(first) == reader.info.context == 512
    assert text.startswith(first)
    assert reader.window(text, 1295).split() == text.split()[1295:]
    assert reader.window(text, 10, 3).split() == text.split()[10:13]
    assert reader.window(text, 5000) == ""


# where and how precisely


def test_a_device_or_a_precision_that_is_not_there() -> None:
    with pytest.raises(ModelError, match=r"This machine has no device “tpu”.*cpu"):
        devices.choose("tpu")
    with pytest.raises(ModelError, match=r"There is no precision “int3”.*float32, bfloat16, float16"):
        devices.choose("cpu", "int3")
    for wrong in ("cpu:abc", "cpu:", "cpu:-1", "cpu:1", "cuda:9", "cuda:", "mps:3", "", ":", "cpu:0:0", 5):
        with pytest.raises(ModelError, match=f"This machine has no device “{wrong}”"):
            devices.choose(wrong)
    assert devices.choose("cpu:0")[0] == devices.choose(torch.device("cpu:0"))[0] == "cpu:0"
    assert devices.choose("cpu") == ("cpu", torch.float32)
    assert devices.choose("cpu", "bfloat16") == ("cpu", torch.bfloat16)


def test_an_accelerator_of_a_number_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.choose("cuda:1", "float32") == ("cuda:1", torch.float32)
    for wrong in ("cuda:2", "cuda:x", "cuda:²"):
        with pytest.raises(ModelError, match=rf"no device “{wrong}”. Choose one of: cuda, cpu\."):
            devices.choose(wrong)


def test_the_weights_are_counted_in_float32_however_they_are_stored(tmp_path: Path) -> None:
    model = FAMILIES["bert"].build()
    numbers = sum(weight.numel() for weight in model.state_dict().values())
    for precision in (torch.float32, torch.bfloat16):
        model.to(precision).save_pretrained(tmp_path / str(precision))
        located = SimpleNamespace(path=tmp_path / str(precision))
        assert devices.weight_bytes(located) == pytest.approx(4 * numbers, rel=0.01)
    (tmp_path / "model.gguf").write_bytes(b"0" * 100)
    assert devices.weight_bytes(SimpleNamespace(path=tmp_path / "model.gguf")) == 800


@pytest.mark.parametrize(
    ("large", "supported", "expected"),
    [(False, True, torch.float32), (True, True, torch.bfloat16), (True, False, torch.float16)],
)
def test_an_accelerator_takes_large_weights_in_half(monkeypatch, large: bool, supported: bool, expected) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16e9))
    assert devices.choose(weights=int(9e9 if large else 7e9)) == ("cuda", expected)


def test_memory_is_asked_for_where_the_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMVIZ_MEMORY_GB", raising=False)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10e9, 16e9))
    assert limits.available("cuda") == pytest.approx(limits.SHARE * 10e9)
    with pytest.raises(MemoryBudgetError, match=r"Opening it would take about 9.0 GB of memory; 7.0 GB may be used"):
        limits.check_opening(9e9, name="it", device="cuda")
    limits.check_opening(6e9, name="it", device="cuda")


def test_an_accelerator_that_runs_out_says_so() -> None:
    with pytest.raises(MemoryBudgetError, match="Reading 1,000 tokens took more memory than"):
        with limits.kept_within(tokens=1000):
            raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_model_too_large_for_this_machine_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FAMILIES["bert"].build().save_pretrained(tmp_path)
    tokenizer("plain").save_pretrained(tmp_path)
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", "0.00001")
    with pytest.raises(MemoryBudgetError, match="would take about"):
        memviz.load(str(tmp_path))


@pytest.mark.parametrize(("precision", "apart"), [(torch.bfloat16, 5e-2), (torch.float16, 1e-2), (torch.float64, 1e-5)])
def test_other_precisions_are_recorded_as_far_as_they_are_exact(precision: torch.dtype, apart: float) -> None:
    for name in ("bert", "llama"):
        reader = Reader(FAMILIES[name].build().to(precision), tokenizer(FAMILIES[name].tokenizer))
        assert reader.info.method == "recorded"
        assert reader.info.precision == str(precision).removeprefix("torch.")
        trace = reader.read(words(40))
        model: PreTrainedModel = FAMILIES[name].build().to(precision)
        model.set_attn_implementation("eager")
        own = eager(model, [token.id for token in trace.tokens])[0]["self"]
        assert np.abs(patterns(trace) - own).max() <= apart


def test_an_auto_model_is_as_good_as_any() -> None:
    config = BertConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                        intermediate_size=48)  # fmt: skip
    reader = Reader(AutoModel.from_config(config).eval(), tokenizer("pair"))
    assert reader.read("the cat").memory().layers == 2
