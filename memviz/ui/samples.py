"""Texts that show something on the models they are offered for, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A text to begin with: its name on the page, and what there is to see in it."""

    name: str
    text: str
    see: str
    pair: str | None = None


_ENCODER = (
    Sample(
        "The cat",
        "The cat sat on the mat because it was tired.",
        "Choose “it”: head L5.H11 looks hardest at “cat”, but so does every word there. "
        "In L3.H1 the look is weaker, and it belongs to “it”.",
    ),
    Sample(
        "River bank",
        "He sat on the bank of the river and watched the water.",
        "Choose “bank”: which words tell what kind of bank it is?",
    ),
    Sample(
        "Money bank",
        "She put her money in the bank and checked her account.",
        "Choose “bank”, and compare with the river.",
    ),
    Sample(
        "Looked at, not read",
        "When the old librarian closed the heavy door behind her, the lamps along the river were already burning, "
        "and the last tram of the evening, almost empty, carried her slowly home through streets that smelled of rain.",
        "On the page Heads, switch from raw weights to value norms: the dark first column fades.",
    ),
    Sample(
        "Two sentences",
        "The bank raised its interest rates.",
        "On the page Heads, the lines divide what a sentence looks at in itself and in the other.",
        pair="Borrowing money became more expensive.",
    ),
)
_DECODER = (
    Sample(
        "Mary and John",
        "When Mary and John went to the store, John gave a drink to",
        "The model goes on with “Mary”. Which heads look back at her?",
    ),
    Sample(
        "Mr Dursley",
        "Mr Dursley sold drills. Mrs Potter was thin. Mr Durs",
        "Induction: the last word looks at what came after it the first time.",
    ),
    Sample(
        "The password",
        "The secret password of the castle is dragon. People walked slowly along the river. "
        "The secret password of the castle is",
        "Choose the last word: where does the model look for the password?",
    ),
    Sample(
        "The capital",
        "In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
        "Answer: In this story, the capital of France is",
        "The story says Rome, the weights say Paris. What does the last word look at?",
    ),
    Sample(
        "中文",
        "小猫坐在垫子上，因为它累了。小猫睡着了，因为它",
        "Each character is made of several byte tokens; they are shown as one word.",
    ),
)


def samples(kind: str) -> tuple[Sample, ...]:
    """The samples for a kind of model: "encoder-only", "decoder-only" or "encoder-decoder"."""
    return _DECODER if kind == "decoder-only" else _ENCODER
