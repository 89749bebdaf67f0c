"""Every number of a lesson, once more: by the model's own eager attention or probabilities, or by what is published.

Those that train a model are tested where one is trained: in tests/training.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import memviz
from memviz.experiments import cover, perplexity_by_cache
from memviz.figures.style.numbers import percent
from memviz.lessons import COURSE, LESSONS, Finding
from memviz.lessons.registry import FILED, place_of
from memviz.measures import sink_positions
from memviz.progress import no_progress

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def measured(minilm, smollm2) -> dict[str, Finding]:
    """The finding of every lesson on its own text."""
    readers = {"minilm": minilm, "smollm2": smollm2, "firefox-en-pt": memviz.load("firefox-en-pt")}
    return {
        name: lesson.measure(readers[lesson.model], lesson.text, no_progress)
        for name, lesson in LESSONS.items()
        if not lesson.trained
    }


def values(finding: Finding) -> list[float]:
    return [row.value for row in finding.rows]


def next_probabilities(smollm2, text: str) -> torch.Tensor:
    """What the model itself says of the next token."""
    with torch.inference_mode():
        logits = smollm2.model(**smollm2.tokenizer(text, return_tensors="pt")).logits[0, -1]
    return logits.double().softmax(-1)


def test_every_lesson_that_is_filed_has_a_place_in_the_course() -> None:
    assert set(FILED) == set(COURSE)
    assert len(set(COURSE)) == len(COURSE)


def test_a_stretch_begins_at_its_bound() -> None:
    assert [place_of(value, (0.1, 0.5)) for value in (0.0, 0.1, 0.3, 0.5, 1.0)] == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", [name for name in COURSE if not LESSONS[name].trained])
def test_a_finding_fills_its_sentence_and_names_an_answer(measured, name: str) -> None:
    finding = measured[name]
    assert 0 <= finding.answer < len(LESSONS[name].options)
    assert "{" not in str(finding.statement)
    assert np.isfinite(values(finding)).all()


def test_one_word_becomes_two(measured, minilm) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    _, *texts = LESSONS["words"].text.split("\n")
    bank = tokenizer.convert_tokens_to_ids("bank")
    states = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**inputs, output_hidden_states=True).hidden_states
        states.append([layer[0, inputs["input_ids"][0].tolist().index(bank)] for layer in hidden])
    cosine = torch.nn.functional.cosine_similarity
    own = [cosine(states[0][layer], states[other][layer], dim=0).item() for layer, other in ((0, 1), (-1, 1), (-1, 2))]
    assert values(measured["words"]) == pytest.approx(own, abs=1e-4)
    assert own[1] <= 0.8
    assert own[2] >= 0.85
    assert measured["words"].answer == 1


def test_the_mean_over_heads_is_that_of_the_eager_weights(measured, smollm2) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("smollm2"), attn_implementation="eager")
    inputs = tokenizer(LESSONS["heads"].text, return_tensors="pt")
    with torch.inference_mode():
        weights = torch.stack(model(**inputs, output_attentions=True).attentions)[:, 0, :, -1].double()
    tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    mean = weights.mean(dim=(0, 1))
    the, mary = tokens.index("Ġthe"), tokens.index("ĠMary")
    assert values(measured["heads"]) == pytest.approx([float(mean[the]), float(mean[mary])], abs=1e-5)
    assert measured["heads"].answer == 1


def test_what_attention_sinks_get_is_that_of_the_eager_weights(measured) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    inputs = tokenizer(LESSONS["sinks"].text, return_tensors="pt")
    with torch.inference_mode():
        weights = model(**inputs, output_attentions=True).attentions
        states = model(**inputs, output_hidden_states=True).hidden_states
    share = float(torch.cat(weights)[..., [0, -1]].sum(-1).mean())
    looked, written = values(measured["sinks"])
    assert looked == pytest.approx(share, abs=1e-5)
    parts = []
    for weight, state, layer in zip(weights, states, model.encoder.layer, strict=False):
        value, output = layer.attention.self.value, layer.attention.output.dense
        for head in range(12):
            rows = slice(32 * head, 32 * head + 32)
            norms = ((state[0] @ value.weight[rows].T + value.bias[rows]) @ output.weight[:, rows].T).norm(dim=1)
            mass = weight[0, head].sum(0) * norms
            parts.append(float((mass[0] + mass[-1]) / mass.sum()))
    assert written == pytest.approx(np.mean(parts), abs=1e-5)
    assert written < looked / 2
    assert measured["sinks"].answer == 1


@pytest.mark.parametrize(("name", "answer"), [("induction", "ley"), ("password", " dragon"), ("two_memories", " Rome")])
def test_what_is_likely_with_nothing_covered_is_the_models_own(measured, smollm2, name: str, answer: str) -> None:
    (token,) = smollm2.tokenizer(answer, add_special_tokens=False)["input_ids"]
    probability = float(next_probabilities(smollm2, LESSONS[name].text)[token])
    assert values(measured[name])[0] == pytest.approx(probability, rel=1e-3)


def test_the_password_is_lost_and_the_learned_answer_comes_through(measured) -> None:
    before, after, control = values(measured["password"])
    assert (before, control) == (pytest.approx(0.52, abs=0.05), pytest.approx(0.52, abs=0.05))
    assert after < 0.01
    assert measured["password"].answer == 0
    rome, covered, low, high = values(measured["two_memories"])
    assert (rome, high) == (pytest.approx(0.81, abs=0.05), pytest.approx(0.74, abs=0.05))
    assert covered < low < high
    assert measured["two_memories"].answer == 1


WORDS = re.compile(r"\w+|[^\w\s]")  # a sign stands alone


class Eager:
    """SmolLM2 opened once more, with the attention of transformers, which is told by a mask what each token may see."""

    def __init__(self) -> None:
        from memviz.models import locate, open_model

        self.model, self.tokenizer = open_model(locate("smollm2"), attn_implementation="eager")

    def tokens_of(self, text: str, numbers: tuple[int, ...]) -> list[int]:
        """The tokens of these words, by where they end."""
        words = [match.span() for match in WORDS.finditer(text)]
        spans = self.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        return [
            place
            for place, (_, end) in enumerate(spans)
            if any(words[number][0] < end <= words[number][1] for number in numbers)
        ]

    def read(self, text: str, seen: torch.Tensor) -> torch.Tensor:
        """log p of what comes next: [mask, token, vocabulary], with ``seen`` bool [mask, query, key]."""
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        seen = seen & torch.ones_like(seen).tril()
        mask = torch.zeros(len(seen), 1, *seen.shape[1:]).masked_fill(~seen[:, None], torch.finfo(torch.float32).min)
        with torch.inference_mode():
            logits = self.model(input_ids=ids.expand(len(seen), -1), attention_mask=mask).logits
        return logits.double().log_softmax(-1)

    def covered(self, text: str, runs: list[tuple[int, ...]], *, for_all: bool = False) -> torch.Tensor:
        """p of the next token, with nothing and then with each run of words covered: [1 + run, vocabulary].

        For the last token alone, or ``for_all`` other words.
        """
        count = len(self.tokenizer(text)["input_ids"])
        seen = torch.ones(1 + len(runs), count, count, dtype=torch.bool)
        for number, run in enumerate(runs, 1):
            keys = self.tokens_of(text, run)
            assert keys
            others = [place for place in range(count) if place not in keys] if for_all else [count - 1]
            for query in others:
                seen[number, query, keys] = False
        return self.read(text, seen)[:, -1].exp()


@pytest.fixture(scope="module")
def eager() -> Eager:
    return Eager()


@pytest.mark.parametrize(
    ("name", "word", "answers"),
    [("induction", "Dursley", ["ley"]), ("password", "dragon", [" dragon"]), ("two_memories", "Rome", [" Rome"])],
)
def test_what_is_left_of_an_answer_is_that_of_eager_attention_under_a_mask(
    measured, smollm2, eager, name: str, word: str, answers: list[str]
) -> None:
    """The word covered, and every control, in one batch of masks; the statement says the same numbers."""
    text = LESSONS[name].text
    place = WORDS.findall(text).index(word)
    controls = cover(smollm2, text, [place]).runs
    assert len(controls) >= 7
    found = eager.covered(text, [(place,), *controls])
    (token,) = eager.tokenizer(answers[0], add_special_tokens=False)["input_ids"]
    before, after, *others = found[:, token].tolist()
    told = str(measured[name].statement)
    if name == "two_memories":
        (paris,) = eager.tokenizer(" Paris", add_special_tokens=False)["input_ids"]
        expected = [before, after, float(found[0, paris]), float(found[1, paris])]
    else:
        expected = [before, after, float(np.median(others))]
    assert values(measured[name]) == pytest.approx(expected, rel=2e-3)
    said = [before, *expected[2:], np.median(others)]
    said += [min(others), max(others)] if name == "password" else []
    for value in said:
        assert percent(float(value)) in told


def test_the_word_that_costs_most_is_found_by_hiding_each(measured, eager) -> None:
    text = LESSONS["heads"].text
    words = WORDS.findall(text)[1:-1]  # not the sink, nor where the answer is made
    found = eager.covered(text, [(number,) for number in range(1, len(words) + 1)], for_all=True)
    factors = found[0].max() / found[1:, int(found[0].argmax())]
    assert words[int(factors.argmax())] == "Mary"
    assert "Hiding “Mary” from all other words" in str(measured["heads"].statement), "as the mask above does it"
    assert f"becomes {float(factors.max()):.3g} times less likely" in str(measured["heads"].statement)


def test_the_perplexities_are_those_of_eager_attention_under_a_mask(measured, smollm2, eager) -> None:
    text = LESSONS["first_token"].text
    ids = torch.tensor(eager.tokenizer(text)["input_ids"])
    age = torch.arange(len(ids))[:, None] - torch.arange(len(ids))
    seen = torch.stack([age >= 0, age < 64, (age < 63) | (torch.arange(len(ids)) == 0)])
    losses = -eager.read(text, seen)[:, :-1].gather(2, ids[1:].expand(3, -1)[..., None])[..., 0]
    first = perplexity_by_cache(smollm2, text, sizes=(64,), policies=("window",)).first
    assert first == 65, "the first token behind a cache of 64"
    expected = losses[:, first - 1 :].mean(dim=1).exp().tolist()
    assert values(measured["first_token"]) == pytest.approx(expected, rel=1e-3)


def test_the_surprise_of_two_lines_is_the_models_own_loss(measured, smollm2) -> None:
    losses = []
    for line in LESSONS["recital"].text.split("\n"):
        ids = smollm2.tokenizer(line, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            losses.append(float(smollm2.model(input_ids=ids, labels=ids).loss))
    assert values(measured["recital"]) == pytest.approx(losses, abs=1e-3)
    assert measured["recital"].answer == 0


def test_a_small_cache_needs_the_first_token(measured, smollm2) -> None:
    assert 0 in sink_positions(smollm2.read(LESSONS["first_token"].text).memory()), "as the lesson says of it"
    full, window, first = values(measured["first_token"])
    assert full < first < window
    assert measured["first_token"].answer == 0


def test_the_decoder_goes_back_and_its_recurrent_state_fades(measured) -> None:
    assert values(measured["alignment"]) == [2, 7]  # preto before gato's noun, frio before leite's
    assert sum(values(measured["recurrence"])) == pytest.approx(1, abs=1e-4)
    newest, first, between, start = values(measured["recurrence"])
    gates = memviz.translate(LESSONS["recurrence"].text, model="firefox-en-pt").recurrent.gates.astype(np.float64)
    later = [gates[:, step + 1 :].prod(axis=1) for step in range(gates.shape[1])]  # what is kept of each step
    shares = [float(((1 - gates[:, step]) * kept).mean()) for step, kept in enumerate(later)]
    expected = [shares[-1], shares[0], sum(shares[1:-1]), float(gates.prod(axis=1).mean())]
    assert [newest, first, between, start] == pytest.approx(expected, abs=1e-5)
    assert 0.73 - 0.05 < newest < 0.77 + 0.05
    assert first < 0.01
