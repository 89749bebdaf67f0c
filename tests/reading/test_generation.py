"""Does a language model write what transformers writes, and is what is told of it true?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import memviz
from memviz.errors import EmptyTextError, ReadingError, TextTooLongError, TraceError
from memviz.generation import cache_bytes
from memviz.memory import Ablate, Eviction, Forget
from memviz.progress import no_progress
from memviz.reading import Reader
from memviz.reading.prompts import Watch, measure_cache
from memviz.trace import Trace
from tests.reading.cases import fresh, opened, reader
from tests.reading.families import FAMILIES, tokenizer, words

WRITERS = ["gpt2", "llama", "qwen3", "gemma2", "gpt-oss", "mistral"]
LONG = words(30)  # past Mistral's window, and Gemma's


def greedy(name: str, ids: list[int], count: int) -> list[int]:
    """What transformers' own `generate` writes, with eager attention."""
    with torch.inference_mode():
        written = fresh(name).generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=count, do_sample=False
        )
    return written[0, len(ids) :].tolist()


@pytest.mark.parametrize("name", WRITERS)
def test_it_writes_what_transformers_writes_and_rates_it_alike(name: str) -> None:
    trace = opened(name).generate(LONG, 12)
    ids = [token.id for token in trace.tokens]
    first = trace.written.start
    assert ids[first:] == greedy(name, ids[:first], 12)
    assert trace.text.endswith(trace.output or "?")
    with torch.inference_mode():
        logits = fresh(name)(torch.tensor([ids])).logits[0, first - 1 : -1].float()
    logprobs = logits.log_softmax(-1)
    own = logprobs[range(len(ids) - first), ids[first:]]
    assert np.allclose(trace.logprobs[trace.written], own, atol=1e-4)
    assert trace.generation is not None
    assert (
        trace.generation.ranks.tolist()
        == (1 + (logits > logits.gather(1, torch.tensor(ids[first:])[:, None])).sum(-1)).tolist()
    )
    assert np.allclose(trace.generation.entropies, -(logprobs.exp() * logprobs).nan_to_num().sum(-1), atol=1e-3)
    for step, row in zip(trace.steps, logprobs, strict=True):
        assert [candidate.id for candidate in step[:3]] == row.topk(3).indices.tolist()


@pytest.mark.parametrize("name", WRITERS)
def test_the_reading_is_that_of_the_whole_text(name: str) -> None:
    trace = opened(name).generate(LONG, 6)
    again = opened(name).read_ids([token.id for token in trace.tokens])
    ours, theirs = trace.memory(), again.memory()
    assert [np.array_equal(ours.pattern(layer, 0), theirs.pattern(layer, 0)) for layer in range(ours.layers)] == [
        True
    ] * ours.layers


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3"])
@pytest.mark.parametrize(
    "eviction",
    [
        Eviction.window(8),
        Eviction.sinks(2, 6),
        Eviction.window(1),
        Eviction.heavy_hitters(5, 6),
        Eviction.heavy_hitters(7, 1),
    ],
)
def test_a_cache_that_lets_keys_go_shrinks_and_writes_what_reading_under_the_same_rule_predicts(
    name: str, eviction: Eviction
) -> None:
    trace = opened(name).generate(LONG, 10, eviction=eviction)
    assert trace.eviction == eviction
    assert trace.generation is not None
    assert trace.generation.ranks.tolist() == [1] * len(trace.steps)  # the reading finds likeliest what was written
    cache = trace.cache
    assert cache is not None
    assert cache.tokens == (eviction.room or 0) - 1  # the query to come brings its own key
    assert cache.bytes == cache.tokens * cache.bytes_per_token
    logprobs = []
    ids = [token.id for token in trace.tokens]
    with torch.inference_mode():  # one step after the other, each with nothing but the keys that are left
        for end in range(trace.written.start, len(ids)):
            step = opened(name).read_ids(ids[:end], eviction=eviction)
            logprobs.append(next(c.probability for c in step.next_tokens if c.id == ids[end]))
    assert np.allclose(np.exp(trace.logprobs[trace.written]), logprobs, atol=1e-4)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "eviction", [Eviction.none(), Eviction.window(200), Eviction.sinks(1, 199), Eviction.heavy_hitters(199, 1)]
)
def test_a_cache_as_long_as_the_text_changes_nothing(name: str, eviction: Eviction) -> None:
    free, kept = opened(name).generate(LONG, 8), opened(name).generate(LONG, 8, eviction=eviction)
    assert [token.id for token in free.tokens] == [token.id for token in kept.tokens]
    assert np.array_equal(free.logprobs, kept.logprobs, equal_nan=True)


@pytest.mark.parametrize("name", ["gemma2", "gpt-oss", "mistral"])
@pytest.mark.parametrize("eviction", [Eviction.sinks(1, 5), Eviction.heavy_hitters(4, 3)])
def test_where_the_model_has_windows_of_its_own_both_hold(name: str, eviction: Eviction) -> None:
    trace = opened(name).generate(LONG, 8, eviction=eviction)
    assert trace.generation is not None
    assert trace.generation.ranks.tolist() == [1] * 8


@pytest.mark.parametrize(
    "changes",
    [
        {"forget": Forget([3, 5])},
        {"ablate": Ablate(1, 1)},
        {"forget": Forget([2]), "eviction": Eviction.window(9)},
        {"forget": Forget([2, 25], heads=[1]), "eviction": Eviction.heavy_hitters(5, 4)},
    ],
)
def test_what_is_forgotten_is_forgotten_while_it_writes(changes: dict) -> None:
    trace = opened("llama").generate(LONG, 8, **changes)
    assert trace.generation is not None
    assert trace.generation.ranks.tolist() == [1] * len(trace.steps)
    assert trace.output != opened("llama").generate(LONG, 8).output


@pytest.mark.parametrize(("name", "size_of_number"), [("gpt2", 4), ("llama", 4), ("llama", 2)])
def test_the_cache_takes_what_the_arithmetic_says(name: str, size_of_number: int) -> None:
    family = FAMILIES[name]
    used = opened(name) if size_of_number == 4 else Reader(family.build().half(), tokenizer(family.tokenizer))
    trace = used.generate(LONG, 6)
    config = fresh(name).config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = config.hidden_size // config.num_attention_heads
    cache = trace.cache
    assert cache is not None
    assert (cache.layers, cache.kv_heads, cache.head_dim) == (config.num_hidden_layers, heads, size)
    assert cache.bytes_per_token == 2 * config.num_hidden_layers * heads * size * size_of_number
    assert cache.tokens == len(trace.tokens) - 1
    assert cache.bytes == cache.tokens * cache.bytes_per_token
    assert measure_cache(None) is None


def test_a_draw_is_the_same_with_the_same_seed_and_follows_the_probabilities() -> None:
    used = opened("gpt2")
    first = used.generate("the cat", 8, temperature=1.0, seed=5)
    assert first.text == used.generate("the cat", 8, temperature=1.0, seed=5).text
    assert len({used.generate("the cat", 8, temperature=1.0, seed=seed).text for seed in range(5)}) > 1
    top = {candidate.id for candidate in used.read("the cat").next_tokens[:2]}
    drawn = {used.generate("the cat", 1, temperature=5.0, top_k=2, seed=seed).tokens[-1].id for seed in range(12)}
    assert drawn == top
    assert {used.generate("the cat", 1, temperature=5.0, top_p=1e-9, seed=seed).tokens[-1].id for seed in range(5)} == {
        used.read("the cat").next_tokens[0].id
    }


def test_draws_are_as_frequent_as_they_are_probable() -> None:
    used = opened("gpt2")
    best = used.read("the cat").next_tokens[:4]
    total = sum(candidate.probability for candidate in best)
    counts = dict.fromkeys((candidate.id for candidate in best), 0)
    for seed in range(120):
        counts[used.generate("the cat", 1, temperature=1.0, top_k=4, seed=seed).tokens[-1].id] += 1
    for candidate in best:
        share = candidate.probability / total
        assert abs(counts[candidate.id] / 120 - share) < 4 * (share * (1 - share) / 120) ** 0.5


def test_it_stops_at_a_text_even_over_two_tokens() -> None:
    used = opened("gpt2")
    free = used.generate(LONG, 10)
    output = free.output or ""
    stop = output[len(output) // 2 : len(output) // 2 + 3]
    trace = used.generate(LONG, 10, stop=stop)
    assert trace.generation is not None
    assert trace.generation.stop == "string"
    assert stop in (trace.output or "")
    assert len(trace.steps) < 10
    never = used.generate(LONG, 10, stop=["zzzzzz"])
    assert never.generation is not None
    assert never.generation.stop == "length"
    assert never.output == free.output


def test_each_token_is_told_and_no_half_of_a_character() -> None:
    pieces: list[str] = []
    trace = opened("gpt2").generate(LONG, 40, temperature=3.0, seed=1, on_token=pieces.append)
    assert "".join(pieces) == trace.output

    used = opened("gpt2").tokenizer
    prompt, written = used("so")["input_ids"], used(" 猫 and 🙂!")["input_ids"]
    pieces.clear()
    watch = Watch(used, prompt, len(written), None, pieces.append, no_progress)
    for end in range(1, len(written) + 1):
        watch(torch.tensor([prompt + written[:end]]), None)
    watch.finish()
    assert len(pieces) < len(written)
    assert "".join(pieces) == " 猫 and 🙂!"
    assert not any("\ufffd" in piece for piece in pieces)


def test_it_can_be_stopped_from_outside_and_what_was_written_stays() -> None:
    pieces: list[str] = []

    def enough(piece: str) -> bool:
        pieces.append(piece)
        return len(pieces) < 3

    trace = opened("llama").generate(LONG, 30, on_token=enough)
    assert trace.generation is not None
    assert trace.generation.stop == "cancelled"
    assert trace.output == "".join(pieces)


def test_a_prefix_is_rated_like_the_rest_and_gone_on_from() -> None:
    free = opened("gpt2").generate(LONG, 8)
    ids = [token.id for token in free.tokens[free.written]]
    again = opened("gpt2").generate(LONG, 5, prefix=ids[:3])
    assert [token.id for token in again.tokens] == [token.id for token in free.tokens]
    assert np.allclose(again.logprobs[again.written], free.logprobs[free.written], atol=1e-5)
    assert again.generation is not None
    assert (again.generation.prefix, again.written, again.output) == (3, free.written, free.output)
    end = opened("gpt2").model.generation_config.eos_token_id
    ended = opened("gpt2").generate(LONG, 5, prefix=[*ids[:2], end])
    assert ended.generation is not None
    assert (len(ended.steps), ended.generation.stop, ended.cache) == (3, "end", None)
    with pytest.raises(ReadingError, match="no list of token ids"):
        opened("gpt2").generate(LONG, 5, prefix="the")


def test_what_a_listener_raises_is_passed_on_as_it_is() -> None:
    class LeftError(Exception):
        pass

    def leave(piece: str) -> None:
        raise LeftError

    with pytest.raises(LeftError):
        opened("gpt2").generate(LONG, 5, on_token=leave)


def test_a_trace_that_was_generated_comes_back_from_its_file(tmp_path: Path) -> None:
    trace = opened("llama").generate(LONG, 5, temperature=0.7, seed=3, stop="zzzz", eviction=Eviction.sinks(1, 20))
    again = Trace.load(trace.save(tmp_path / "trace.npz"))
    assert (again.output, again.written, again.cache, again.steps) == (
        trace.output,
        trace.written,
        trace.cache,
        trace.steps,
    )
    assert again.generation is not None
    assert trace.generation is not None
    assert np.array_equal(again.generation.ranks, trace.generation.ranks)
    assert (again.generation.temperature, again.generation.seed, again.generation.stops) == (0.7, 3, ("zzzz",))


def test_no_more_is_written_than_there_is_room_for() -> None:
    context = opened("gpt2").info.context
    assert context is not None
    used = opened("gpt2")
    ids = used.count(LONG)
    text = LONG
    while used.count(text + " the") <= context - 3:
        text += " the"
    trace = used.generate(text, 50)
    assert trace.generation is not None
    assert trace.generation.stop == "context"
    assert len(trace.tokens) == context
    with pytest.raises(TextTooLongError, match="none are left to write"):
        used.generate(text + " the" * 5, 5)
    assert ids < context


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be 1 or more"),
        ({"max_new_tokens": 10**9}, "max_new_tokens may be"),
        ({"temperature": -1}, "The temperature is -1"),
        ({"temperature": float("nan")}, "The temperature is nan"),
        ({"temperature": "hot"}, "The temperature is 'hot'"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"top_p": 0}, "top_p is 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"seed": -1}, "The seed is -1"),
        ({"seed": 1.5}, r"The seed is 1\.5"),
        ({"stop": ""}, "must not be empty"),
        ({"stop": [1]}, "must not be empty"),
        ({"chat": [{"role": "user", "content": "Hi"}]}, "There is a prompt and a chat"),
    ],
)
def test_settings_that_no_model_has_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ReadingError, match=message):
        opened("gpt2").generate("the cat", **settings)


def test_models_that_do_not_continue_texts_say_so() -> None:
    with pytest.raises(ReadingError, match="sees its whole text at once"):
        opened("bert").generate("the cat")
    with pytest.raises(ReadingError, match="does not continue a text"):
        opened("t5").generate("the cat")
    with pytest.raises(ReadingError, match="has no chat template"):
        opened("gpt2").generate(chat=[{"role": "user", "content": "Hi"}])
    with pytest.raises(EmptyTextError):
        opened("gpt2").generate("")
    with pytest.raises(TraceError, match="layer"):
        opened("gpt2").generate("the cat", ablate=Ablate(99, 0))


def test_a_model_that_gives_no_numbers_is_not_believed() -> None:
    broken = reader(FAMILIES["gpt2"])
    with torch.no_grad():
        broken.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(ReadingError):
        broken.generate("the cat", 3)


@pytest.fixture(scope="module")
def smollm2() -> Reader:
    return memviz.load("smollm2")


@pytest.mark.models
class TestSmolLM2:
    """What is known of the model as it is shipped."""

    def test_the_capital_of_france(self, smollm2: Reader) -> None:
        trace = smollm2.generate("The capital of France is", 1)
        assert trace.output == " Paris"
        cache = trace.cache
        assert cache is not None
        assert cache.bytes_per_token == 46_080
        shape = {"layers": cache.layers, "kv_heads": cache.kv_heads, "head_dim": cache.head_dim}
        assert cache_bytes(1, **shape, number_bytes=2) == 23_040

    def test_it_writes_what_transformers_writes(self, smollm2: Reader) -> None:
        trace = smollm2.generate("Once upon a time, in a small village", 12)
        ids = [token.id for token in trace.tokens]
        first = trace.written.start
        with torch.inference_mode():
            own = smollm2.model.generate(
                torch.tensor([ids[:first]]),
                attention_mask=torch.ones(1, first),
                max_new_tokens=12,
                do_sample=False,
            )
        assert own[0].tolist() == ids

    def test_a_chat_is_put_into_words_by_its_template(self, smollm2: Reader) -> None:
        chat = [{"role": "user", "content": "Say hello."}]
        trace = smollm2.generate(chat=chat, max_new_tokens=4)
        ids = smollm2.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"]
        assert [token.id for token in trace.tokens[: trace.written.start]] == ids
        assert trace.generation is not None
        assert trace.generation.chat
