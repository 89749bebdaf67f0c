"""Are experiments what they say: right numbers beside fair controls, on tiny models of every family?"""

from __future__ import annotations

import numpy as np
import pytest

from memviz import experiments
from memviz.errors import ReadingError, TraceError
from memviz.experiments.agreement import spearman
from memviz.experiments.cache import eviction_of
from memviz.experiments.registry import EXPERIMENTS
from memviz.experiments.words import control_runs, find_words, tokens_of_words, words_of
from memviz.memory import Ablate, Eviction, Forget
from memviz.reading.questions import Change
from tests.reading.cases import opened
from tests.reading.families import words

TEXT = words(14)
LONG = words(60)
WORD = TEXT.split()[5]


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert", "marian"])
def test_covering_a_word_is_forgetting_its_tokens(name: str) -> None:
    reader = opened(name)
    found = experiments.cover(reader, TEXT, 5)
    keys = tokens_of_words(found.words, found.covered)
    if found.question.kind == "continuation":
        queries = tuple(found.question.queries or ())
        trace = reader.read_ids((*found.question.ids, *found.question.answers), Forget(keys, queries=queries))
        assert found.after == pytest.approx(float(np.exp(trace.logprobs[-1])), abs=1e-5)
        plain = reader.read_ids((*found.question.ids, *found.question.answers))
        assert found.before == pytest.approx(float(np.exp(plain.logprobs[-1])), abs=1e-5)
        assert found.effect == pytest.approx(float(np.log(found.before / found.after)), abs=1e-6)
    elif found.question.kind == "translation":
        trace = reader.translate(TEXT, found.answer, Forget(keys), split=False)
        assert found.after == pytest.approx(float(np.exp(trace.logprobs.astype(np.float64)).mean()), abs=1e-6)
    else:
        assert (found.before, found.answer) == (1, None)
        assert found.after < 1 - 1e-5
    assert found.control == pytest.approx(float(np.median(found.controls)))
    assert found.range == (found.controls.min(), found.controls.max())
    table = found.table()
    assert list(table.role) == ["nothing", "covered", *["control"] * len(found.runs)]
    assert table.value[1] == found.after


def test_a_question_that_was_put_before_is_taken_as_it_is() -> None:
    reader, other = opened("bert"), " ".join(TEXT.split()[3:9])
    asked = reader.ask(TEXT, pair=other)
    found = experiments.cover(reader, asked, -2)  # the last word but [SEP], which is one of the second text
    keys = tokens_of_words(found.words, found.covered)
    rest = tuple(place for place in range(len(asked.ids)) if place not in keys)
    expected = reader.predict(asked, [Change(), Change.of(Forget(keys, queries=rest))])
    assert found.after == pytest.approx(expected.values[1], abs=1e-6)
    assert max(number for run in found.runs for number in run) > len(TEXT.split()), "words of both texts are controls"
    unplugged = experiments.unplug(reader, asked, ["L1.H2"])
    assert unplugged.question is asked
    with pytest.raises(ReadingError, match="has its answer already"):
        experiments.cover(reader, asked, -2, WORD)


def test_the_controls_are_all_other_runs_of_as_many_tokens() -> None:
    text = " ".join(["lighthouse", *TEXT.split()[:8], "harbour", *TEXT.split()[8:]])
    every = words_of(opened("gpt2").ask(text))
    assert {1} < {len(word.tokens) for word in every}, "words of one token, and of several"
    without = frozenset({0, every[-1].tokens[-1]})
    for numbers in ((5,), (0,), (3, 4), (9,)):
        size = len(tokens_of_words(every, numbers))
        expected = []
        for first in range(len(every)):
            for last in range(first, len(every)):
                run = tuple(range(first, last + 1))
                tokens = tokens_of_words(every, run)
                if len(tokens) == size and not without & set(tokens) and not set(numbers) & set(run):
                    expected.append(run)
        assert len(expected) >= 3
        assert control_runs(every, numbers, without=without, seed=0) == tuple(expected)


def test_a_control_is_the_same_experiment_with_another_word() -> None:
    reader = opened("llama")
    found = experiments.cover(reader, TEXT, 5)
    other = experiments.cover(reader, TEXT, found.runs[1])
    assert other.after == pytest.approx(found.controls[1], abs=1e-6)


def test_the_windows_of_layers_cover_all_layers_once() -> None:
    reader = opened("gpt2")
    found = experiments.cover_by_layer(reader, TEXT, 5, window=2)
    assert found.starts == (0, 2)
    for start, value in zip(found.starts, found.values, strict=True):
        alone = experiments.cover(reader, TEXT, 5, layers=range(start, min(start + 2, 3)))
        assert alone.after == pytest.approx(value, abs=1e-6)
    everywhere = experiments.cover_by_layer(reader, TEXT, 5, window=99)
    assert everywhere.values[0] == pytest.approx(everywhere.cover.after, abs=1e-6)


def test_words_are_named_by_text_and_by_number() -> None:
    every = words_of(opened("gpt2").ask("the cat sat on the mat"))
    assert find_words(every, "the") == (0, 4)
    assert find_words(every, [1, -1]) == (1, 5)
    with pytest.raises(TraceError, match="no word “dog”"):
        find_words(every, "dog")
    with pytest.raises(TraceError, match="There is no word 99"):
        find_words(every, 99)
    with pytest.raises(TraceError, match="No word is named"):
        find_words(every, [])


def test_what_cannot_be_covered_is_refused() -> None:
    reader = opened("gpt2")
    with pytest.raises(ReadingError, match="Every word"):
        experiments.cover(reader, "the cat", [0, 1])
    with pytest.raises(ReadingError, match="itself"):
        experiments.cover(reader, TEXT, -1)
    with pytest.raises(TraceError, match="layer 7"):
        experiments.cover(reader, TEXT, 5, layers=[7])


def test_recall_gain_is_the_difference_of_two_readings() -> None:
    reader = opened("gpt2")
    fact, other, rest = "The cat sat on a mat. ", "Nobody told Mr. Dog.", " Rain had fallen for seven"
    found = experiments.recall_gain(reader, fact + other + rest, fact, "days")
    short = reader.ask(other + rest, "days")
    trace = reader.read_ids((*short.ids, short.answers[-1]))
    assert found.after == pytest.approx(float(np.exp(trace.logprobs[len(short.tokens) :].sum())), abs=1e-5)
    assert found.gain == pytest.approx(float(np.log(found.before / found.after)), abs=1e-5)
    assert found.others == (other,)
    assert len(found.table()) == 3
    with pytest.raises(ReadingError, match="does not stand"):
        experiments.recall_gain(reader, TEXT, "zebra")
    with pytest.raises(ReadingError, match="does not continue"):
        experiments.recall_gain(opened("bert"), TEXT, WORD)


def test_perplexity_by_cache_is_that_of_the_readings() -> None:
    reader = opened("gpt2")
    found = experiments.perplexity_by_cache(reader, LONG, sizes=(4, 16, 9_999))
    assert found.sizes == (4, 16)
    for row, policy in enumerate(found.policies):
        for column, size in enumerate(found.sizes):
            rule = eviction_of(policy, size)
            if rule is None:
                assert np.isnan(found.perplexity[row, column])
                continue
            logprobs = reader.read(LONG, eviction=rule).logprobs[found.first :]
            assert found.perplexity[row, column] == pytest.approx(float(np.exp(-logprobs.mean())), rel=1e-5)
    assert found.first > 16
    assert eviction_of("window", 7) == Eviction.window(7)
    assert eviction_of("sinks 4", 7) == Eviction.sinks(4, 3)
    with pytest.raises(ReadingError, match="no rule"):
        eviction_of("luck", 7)
    with pytest.raises(ReadingError, match="perplexity"):
        experiments.perplexity_by_cache(opened("bert"), LONG)
    with pytest.raises(ReadingError, match="too few"):
        experiments.perplexity_by_cache(reader, words(3), sizes=(64,))


def test_the_span_is_the_first_size_that_costs_nothing() -> None:
    reader = opened("llama")
    found = experiments.span(reader, LONG, sizes=(1, 8, 32, 60))
    losses = [-float(reader.read(LONG, eviction=Eviction.sinks(1, size)).logprobs[1:].mean()) for size in found.sizes]
    assert np.allclose(found.losses, losses, rtol=1e-5)
    enough = [size for size, loss in zip(found.sizes, losses, strict=True) if loss <= 1.01 * found.full]
    assert found.span == (enough[0] if enough else None)


def test_a_span_costs_a_hundredth_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = {1: 1.5, 8: 1.04, 32: 1.011, 64: 1.009, 80: 1.0, None: 1.0}

    def logprobs(reader: object, text: str, eviction: Eviction | None, progress: object) -> np.ndarray:
        return np.array([np.nan, *[-losses[None if eviction is None else eviction.recent]] * 100])

    monkeypatch.setattr("memviz.experiments.cache._logprobs", logprobs)
    found = experiments.span(opened("gpt2"), LONG, sizes=(80, 64, 32, 8, 1))
    assert (found.sizes, found.span) == ((1, 8, 32, 64, 80), 64)
    assert list(found.losses) == pytest.approx([losses[size] for size in found.sizes])
    assert experiments.span(opened("gpt2"), LONG, sizes=(1, 8)).span is None


@pytest.mark.parametrize("name", ["gpt2", "bert", "marian"])
def test_unplugging_heads_is_ablating_them(name: str) -> None:
    reader = opened(name)
    found = experiments.unplug(reader, TEXT, ["L1.H2", (0, 0)], by="zero", ordinary=words(9), draws=3)
    assert found.heads == ((1, 2), (0, 0))
    if found.question.kind == "continuation":
        ablate = [Ablate(1, 2), Ablate(0, 0)]
        trace = reader.read_ids((*found.question.ids, *found.question.answers), ablate=ablate)
        assert found.after == pytest.approx(float(np.exp(trace.logprobs[-1])), abs=1e-5)
        ordinary = reader.read(words(9), ablate=ablate).logprobs[1:]
        assert found.ordinary[1] == pytest.approx(-float(ordinary.mean()), abs=1e-5)
    assert len(found.draws) == 3
    for draw in found.draws:
        assert sorted(layer for layer, _ in draw) == [0, 1]
        assert not set(draw) & set(found.heads)
    assert experiments.unplug(reader, TEXT, ["L1.H2"], ordinary=words(9), draws=3, seed=4).draws != found.draws
    with pytest.raises(ReadingError, match="not enough other heads"):
        experiments.unplug(reader, TEXT, [(0, head) for head in range(3)])
    for wrong in (["up"], [], [(0, 99)]):
        with pytest.raises(TraceError):
            experiments.unplug(reader, TEXT, wrong)


def test_a_hit_is_the_hardest_look_at_the_very_token_that_is_written() -> None:
    reader = opened("gpt2")
    needle = " ".join(TEXT.split()[2:8])
    found = experiments.retrieval_heads(reader, TEXT, needle, max_new_tokens=8)
    memory, trace = found.trace.memory(), found.trace
    count, prompt = len(found.needle), range(found.trace.written.start)
    stretches = [set(range(first, first + count)) for first in prompt[: len(prompt) - count + 1]]
    others = [stretch for stretch in stretches if not stretch & set(found.needle)]
    expected, controls = np.zeros((memory.layers, memory.heads)), np.zeros((memory.layers, memory.heads))
    for layer in range(memory.layers):
        for head in range(memory.heads):
            pattern, hit = memory.pattern(layer, head), set()
            for place in range(trace.written.start, len(trace.tokens)):
                key = int(pattern[place - 1].argmax())
                if key in prompt and trace.tokens[key].id == trace.tokens[place].id:
                    hit.add(key)
            expected[layer, head] = len(hit & set(found.needle)) / count
            controls[layer, head] = max(len(hit & stretch) for stretch in others) / count
    assert np.allclose(found.scores, expected)
    assert np.allclose(found.controls, controls)
    assert controls.any()
    assert found.table().score.is_monotonic_decreasing


def test_a_needle_is_looked_for_at_every_depth_and_without_it() -> None:
    reader = opened("gpt2")
    filler = ". ".join(" ".join(WORDS) for WORDS in (TEXT.split()[:6], TEXT.split()[6:])) + "."
    found = experiments.needle(
        reader, "the dog went home.", "the dog went", "home", filler, lengths=(12, 24), depths=(0, 1)
    )
    assert found.values.shape == (2, 2)
    assert found.tokens[0, 0] < found.tokens[1, 0]
    assert ((found.values > 0) & (found.values <= 1)).all()
    assert not np.allclose(found.controls, found.values[:, 0])
    assert len(found.table()) == 2 + 4
    for wrong in ({"depths": (2,)}, {"filler": " "}):
        settings = {"filler": filler, **wrong}
        with pytest.raises(ReadingError):
            experiments.needle(reader, "a", "the dog went", "home", **settings)


def test_the_numbers_of_a_grid_of_needles_are_those_of_its_texts() -> None:
    reader = opened("gpt2")
    filler = ". ".join([" ".join(TEXT.split()[:6]), " ".join(TEXT.split()[6:])]) + "."
    needle, question = "the dog went home.", "the dog went"
    texts = [f"{filler} {question}", f"{needle} {filler} {question}", f"{filler} {needle} {question}"]
    settings = {"lengths": [reader.count(filler)], "depths": (0, 1)}
    own = reader.ask(texts[1]).answer
    assert own
    for answer in (own.strip(), "home again"):
        found = experiments.needle(reader, needle, question, answer, filler, **settings)
        values, exact = [], []
        for text in texts:
            asked = reader.ask(text, answer)
            trace = reader.read_ids((*asked.ids, asked.answers[-1]))
            values.append(float(np.exp(trace.logprobs[-len(asked.answers) :].mean())))
            exact.append(reader.ask(text).answers == asked.answers)
        assert [found.controls[0], *found.values[0]] == pytest.approx(values, rel=1e-4)
        assert list(found.exact[0]) == exact[1:]
        assert found.exact[0, 0] == (answer == own.strip())


def test_leaving_one_out_is_done_in_two_ways() -> None:
    reader = opened("gpt2")
    found = experiments.blank(reader, TEXT)
    number = found.numbers[2]
    one = experiments.cover(reader, TEXT, number, queries="all")
    assert found.attention[2] == pytest.approx(one.effect, abs=1e-5)
    assert not np.allclose(found.attention, found.embedding, atol=1e-3)
    assert np.isnan(experiments.blank(opened("marian"), words(6)).embedding).all()


@pytest.mark.parametrize("name", ["gpt2", "bert", "roberta", "marian"])
def test_rankings_are_compared_with_what_the_words_do(name: str) -> None:
    reader = opened(name)
    found = experiments.agree(reader, TEXT, WORD if name == "roberta" else None)
    names = [ranking.name for ranking in found.rankings]
    assert {"attention", "last layer", "value norm"} <= set(names)
    assert ("rollout" in names) == (name in ("bert", "roberta"))
    assert ("Chefer" in names) == (name in ("gpt2", "roberta"))
    truth = found.blank.attention if name == "marian" else found.blank.embedding
    for ranking in found.rankings:
        assert ranking.spearman == pytest.approx(spearman(ranking.scores, np.abs(truth)), nan_ok=True)
        assert -1 <= ranking.low < 0 < ranking.high <= 1
    assert np.allclose(found.table().spearman[: len(names)], [ranking.spearman for ranking in found.rankings])
    again = experiments.agree(reader, TEXT, WORD if name == "roberta" else None)
    assert [ranking.low for ranking in again.rankings] == [ranking.low for ranking in found.rankings]


class StopError(Exception):
    """What a person who leaves raises."""


FILLER = ". ".join([" ".join(TEXT.split()[:6]), " ".join(TEXT.split()[6:])]) + "."
RUNS = {
    "agree": lambda reader, progress: experiments.agree(reader, TEXT, progress=progress),
    "blank": lambda reader, progress: experiments.blank(reader, TEXT, progress=progress),
    "cover": lambda reader, progress: experiments.cover(reader, TEXT, 5, progress=progress),
    "cover_by_layer": lambda reader, progress: experiments.cover_by_layer(reader, TEXT, 5, progress=progress),
    "needle": lambda reader, progress: experiments.needle(
        reader, "the dog went home.", "the dog went", "home", FILLER, lengths=(12, 24), progress=progress
    ),
    "perplexity_by_cache": lambda reader, progress: experiments.perplexity_by_cache(
        reader, LONG, sizes=(4, 16), progress=progress
    ),
    "recall_gain": lambda reader, progress: experiments.recall_gain(
        reader, "The cat sat on a mat. Nobody told Mr. Dog. Rain", "The cat sat on a mat.", progress=progress
    ),
    "retrieval_heads": lambda reader, progress: experiments.retrieval_heads(
        reader, TEXT, " ".join(TEXT.split()[2:6]), progress=progress
    ),
    "span": lambda reader, progress: experiments.span(reader, LONG, sizes=(1, 8), progress=progress),
    "unplug": lambda reader, progress: experiments.unplug(
        reader, TEXT, ["L1.H2"], ordinary=words(9), draws=2, progress=progress
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_an_experiment_says_how_far_it_is_and_stops_when_it_is_told_to(name: str) -> None:
    told: list[float] = []
    RUNS[name](opened("gpt2"), lambda fraction, label: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)

    def stop(fraction: float, label: str) -> None:
        if fraction >= told[len(told) // 2]:
            raise StopError

    with pytest.raises(StopError):
        RUNS[name](opened("gpt2"), stop)


def test_what_a_ranking_takes_away_and_what_a_random_order_would() -> None:
    reader = opened("gpt2")
    found = experiments.agree(reader, TEXT)
    question, numbers, words_ = found.blank.question, found.blank.numbers, found.blank.words
    before = reader.predict(question, [Change()]).values[0]

    def lost(places: np.ndarray) -> float:
        blanks = tokens_of_words(words_, [numbers[place] for place in places])
        return float(before - reader.predict(question, [Change(blanks=blanks)]).values[0])

    sizes = sorted({max(1, round(share * len(numbers))) for share in (0.1, 0.2, 0.5)})
    for ranking in (found.ranking("attention"), found.ranking("Chefer")):
        order = np.argsort(-ranking.scores, kind="stable")
        assert ranking.comprehensiveness == pytest.approx(np.mean([lost(order[:size]) for size in sizes]), abs=5e-6)
        assert ranking.sufficiency == pytest.approx(np.mean([lost(order[size:]) for size in sizes]), abs=5e-6)
        assert abs(ranking.comprehensiveness - ranking.sufficiency) > 5e-5
        generator, truth = np.random.default_rng(1), np.abs(found.blank.embedding)
        others = [spearman(generator.permutation(ranking.scores), truth) for _ in range(200)]
        assert 0.88 < np.mean([ranking.low <= other <= ranking.high for other in others]) < 0.995


def test_rank_correlation() -> None:
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 4, 9, 16])) == pytest.approx(1)
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1])) == pytest.approx(-1)
    assert spearman(np.array([1.0, 2, 2, 3]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.9486833)  # ties, by hand
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


def test_every_experiment_says_what_it_asks_and_what_it_does_not_show() -> None:
    assert set(EXPERIMENTS) == {
        "agree", "blank", "cover", "cover_by_layer", "cover_patches", "entities", "fact_against_context", "logit_lens",
        "memorisation", "needle", "perplexity_by_cache", "recall_gain", "retrieval_heads", "span", "unplug",
        "unplug_feedforwards",
    }  # fmt: skip
    for experiment in EXPERIMENTS.values():
        assert "?" in experiment.question
        assert all((experiment.caveat, experiment.source, experiment.cost, experiment.label))
