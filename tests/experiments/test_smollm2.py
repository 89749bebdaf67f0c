"""What is published or was measured of SmolLM2, once more: what it recalls, and what it forgets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memviz import Eviction, Forget, experiments
from memviz.memory import Interventions
from memviz.reading.questions import Change
from memviz.tokens import tokenise

pytestmark = pytest.mark.models

PASSWORD = (
    "The secret password of the castle is dragon. People walked slowly along the river. "
    "The secret password of the castle is"
)
STORY = (
    "In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
    "Answer: In this story, the capital of France is"
)
FILLER = (
    "The harbour was quiet in the morning. Fishermen mended their nets and talked about the weather. A small boat left "
    "for the island with bread, letters and two passengers. In the afternoon the wind rose, and the gulls flew inland. "
)
NEEDLE = "The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day. "
QUESTION = "The best thing to do in San Francisco is"
ANSWER = "eat a sandwich and sit in Dolores Park on a sunny day"
HEADS = ["L18.H6", "L23.H2", "L17.H4", "L18.H7", "L20.H6", "L17.H3", "L17.H5", "L24.H4"]


def test_the_capital_of_france(smollm2) -> None:
    assert smollm2.ask("The capital of France is").answer == " Paris"


def test_it_forgets_the_password_that_it_cannot_look_at(smollm2) -> None:
    found = experiments.cover(smollm2, PASSWORD, "dragon", answer="dragon")
    assert found.before == pytest.approx(0.52, abs=0.05)
    assert found.after <= 0.01
    names = [found.words[run[0]].text for run in found.runs]
    neighbours = [value for run, value in zip(found.runs, found.controls, strict=True) if run[0] in (6, 8)]
    assert len(neighbours) == 2, names
    assert min(neighbours) >= 0.45
    assert found.verdict == "beyond"


def test_it_finds_the_needle_by_its_retrieval_heads(smollm2) -> None:
    text = FILLER + NEEDLE + FILLER + QUESTION
    found = experiments.retrieval_heads(smollm2, text, ANSWER)
    assert found.output.strip() == ANSWER
    top = {f"L{row.layer}.H{row.head}" for row in found.table().head(8).itertuples()}
    assert {"L18.H6", "L23.H2", "L17.H4"} <= top
    removed = experiments.unplug(smollm2, text, HEADS, ANSWER, by="zero", draws=5)
    assert removed.verdict == "beyond"
    assert removed.ordinary[1] == pytest.approx(removed.ordinary[0], rel=0.03)


TECHNICAL = Path(__file__).parents[1] / "golden" / "technical-prose.txt"  # about this project, 512 tokens
PROSE = (
    "The harbour was quiet in the morning. Fishermen mended their nets and talked about the weather, and a boy "
    "carried baskets of bread from the bakery to the pier. A small boat left for the island with letters, two "
    "passengers and a box of young trees. The captain had made this journey every day for thirty years, and he knew "
    "each rock by its colour. In the afternoon the wind rose, and the gulls flew inland. The old teacher closed the "
    "windows of the school and told the children a story about a lighthouse keeper who kept bees behind his tower. "
    "The bees, she said, flew over the water to the gardens of the town and came back before it was dark. One of "
    "the children asked how they found the way. The teacher did not know, but she promised to write to her brother, "
    "who worked at the museum and had read many books about animals. In the evening the boat came back. The captain "
    "tied it to the pier, counted the ropes and looked at the sky. It would rain before midnight, he thought, and "
    "he was right: when the lamps were lit, the first drops fell on the roofs, and the smell of wet stone went "
    "through the streets. In the bakery the oven was still warm. The baker's daughter sat at the table and read a "
    "letter from her aunt, who lived in the city and played the violin in the theatre."
)


def surprisals(smollm2, text: str, first: int, changes: list[Change]) -> np.ndarray:
    """Of the tokens from ``first`` on, under each change: [change, token]."""
    tokens, _ = tokenise(smollm2.tokenizer, text)
    known = text[: tokens[first].start].rstrip()
    asked = smollm2.ask(known, text[len(known) :])
    assert [*asked.ids, asked.answers[-1]] == [token.id for token in tokens]
    assert len(asked.answers) == len(tokens) - first
    return -smollm2.predict(asked, changes).logprobs


@pytest.mark.parametrize(("text", "bounds"), [("prose", (1.5, 1.6, 1.5)), ("technical", (3, 1.4, 3))])
def test_the_first_token_is_what_a_cache_cannot_do_without(smollm2, text: str, bounds) -> None:
    """The direction, over texts that share nothing: how much it costs differs from text to text (see decision 025)."""
    read = PROSE if text == "prose" else " ".join(TECHNICAL.read_text(encoding="utf-8").split())
    count = len(tokenise(smollm2.tokenizer, read)[0])
    assert 230 < count < 520
    rules = [Change(Interventions(eviction=rule)) for rule in (Eviction.window(64), Eviction.sinks(1, 63))]
    hidden = [Change.of(Forget([key], queries=tuple(range(200, count - 1)))) for key in (0, 50)]
    found = surprisals(smollm2, read, 130, [Change(), *rules, *hidden])
    loses, holds, misses = bounds
    full, window, sinks = np.exp(found[:3].mean(axis=1))
    assert window >= loses * sinks
    assert sinks <= holds * full
    full, first, other = np.exp(found[[0, 3, 4], 200 - 130 :].mean(axis=1))
    assert first >= misses * full
    assert other <= 1.05 * full


def test_the_rank_of_paris_falls_to_one(smollm2) -> None:
    found = experiments.logit_lens(smollm2, "The capital of France is", "Paris")
    ranks = found.ranks[:, -1]
    assert ranks[-1] == 1
    assert ranks[:20].min() > 100
    assert ranks[27] < 100
    assert found.first_layer is not None
    assert found.first_layer >= 28
    question = smollm2.ask("The capital of France is", "Paris")
    own = smollm2.predict(question, [Change()]).values[0]
    assert found.probabilities[-1, -1] == pytest.approx(own, abs=1e-5)


def test_the_weights_answer_once_the_story_cannot_be_looked_at(smollm2) -> None:
    found = experiments.fact_against_context(smollm2, STORY, "Rome", "Paris")
    assert found.switched
    assert found.context.before == pytest.approx(0.81, abs=0.05)
    assert found.context.after <= 0.01
    assert found.context.control >= 0.75
    assert found.fact.after == pytest.approx(0.74, abs=0.05)


def test_early_networks_carry_the_capital_and_late_ones_do_not(smollm2) -> None:
    found = experiments.unplug_feedforwards(smollm2, "The capital of France is", "France", "Paris")
    assert found.before == pytest.approx(0.77, abs=0.05)
    assert found.values[0] <= 0.05
    assert found.values[3] >= 0.7


def test_the_declaration_is_known_better_than_an_invented_one(smollm2) -> None:
    found = experiments.memorisation(
        smollm2,
        "We hold these truths to be self-evident, that all men are created equal, that they are endowed",
        "We keep these buckets to be blue-painted, that all goats are counted twice, that they are followed",
    )
    assert found.known.mean < found.invented.mean / 2
    assert found.known.same >= 4
    assert found.invented.same == 0
