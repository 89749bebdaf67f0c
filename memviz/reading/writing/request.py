"""What is asked for with a text to translate, and can it be had?"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memviz.errors import ReadingError
from memviz.memory import Interventions, Place, positions
from memviz.reading.engine.probe import Plan
from memviz.tokens import clean

BEAMS = 100  # hypotheses side by side, at most: each costs the memory and the time of one
LONGEST = 1_000_000  # tokens written for one text, at most
ROUND, PERIOD = 48, 8  # so many tokens that repeat so many at most: the model does not come out of it
FACTOR = 2.5  # tokens written for each token read, at most (`max-length-factor` of Firefox's configuration)


@dataclass(frozen=True)
class TranslationRequest:
    """What a text should be translated into, and how.

    target          what to write (teacher forcing); ``None``: what the model finds likeliest
    interventions   what is changed about its attention; by default of cross-attention
    beam            how many hypotheses are kept side by side, 1 to 100
    max_new_tokens  how many tokens may be written; ``None``: as many as the writer finds usual
    languages       from which into which; ``None``: the model's default ones
    task            what is put in front of the text; ``None``: nothing
    """

    target: str | None = None
    interventions: Interventions = field(default_factory=lambda: Interventions(usual="cross"))
    beam: int = 1
    max_new_tokens: int | None = None
    languages: tuple[str, str] | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "beam", whole_number("beam", self.beam, largest=BEAMS))
        if self.max_new_tokens is not None:
            object.__setattr__(
                self, "max_new_tokens", whole_number("max_new_tokens", self.max_new_tokens, largest=LONGEST)
            )

    def prompt(self, text: str) -> str:
        """The text with the task in front, a space between them."""
        task = "" if self.task is None else clean(self.task)
        return task + (" " if task and not task[-1].isspace() else "") + text

    def limit(self, source: int) -> int:
        """How many tokens may be written for so many read?"""
        return self.max_new_tokens or math.ceil(FACTOR * source)

    def stops(self, ids: Sequence[int], source: int) -> bool:
        """Has the model written as many tokens as it read, and does it only repeat the last few?

        ``ids``: what is written so far, for so many tokens of the ``source``. Never where a number of tokens was asked
        for.
        """
        if self.max_new_tokens is not None or len(ids) < max(source, ROUND):
            return False
        last = list(ids[-ROUND:])
        return any(last[period:] == last[:-period] for period in range(1, PERIOD + 1))

    def check(self, plan: Plan, keys: int) -> None:
        """Raises `TraceError` or `ReadingError` for what cannot be changed, before anything is written.

        ``keys``: how many tokens the source has.
        """
        changes = self.interventions
        changes.check(layers=plan.layers, heads=plan.heads, causal=plan.causal_kinds)
        means = [ablation.place(changes.usual).kind for ablation in changes.ablations if ablation.by == "mean"]
        if self.target is None and any(kind != "encoder" for kind in means):
            raise ReadingError(
                "The mean of what a head writes is known only when the whole output is.",
                todo='Give the target to write, or unplug the head by "zero".',
            )
        if self.target is None and self.beam > 1 and changes.eviction is not None and changes.eviction.adaptive:
            raise ReadingError(
                "The hypotheses of a beam come and go, so none of them has heavy hitters of its own.",
                todo="Write with beam=1, give the target to write, or use Eviction.sinks(4, 64).",
            )
        forget = changes.forget
        if forget is None:
            return
        for member in forget.members:
            positions(member.keys, keys)
        queries = [query for member in forget.members for query in member.queries or ()]
        if self.target is not None or not queries:
            return
        if min(queries) < 0:
            raise ReadingError(
                "Position {position} counts from the end of the output, which is not written yet.",
                todo="Count from the start, or give the target to write.",
                position=min(queries),
            )
        spans = np.tile([0, keys], (max(queries) + 1, 1))
        for layer in range(plan.layers["cross"]):  # raises where nothing would be left to read
            heads = plan.heads["cross"]
            changes.masks(Place("cross", layer), heads=heads, keys=keys, spans=spans)


def whole_number(name: str, value: Any, *, largest: int) -> int:
    """A whole number from 1 to ``largest``, numpy's too. Raises `ReadingError` for anything else."""
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if count < 1 or isinstance(value, bool):
        raise ReadingError(
            "{name} must be 1 or more, not {value}.", todo="Leave it out.", name=name, value=repr(value)[:80]
        )
    if count > largest:
        raise ReadingError("{name} may be {largest:,} at most.", todo="Leave it out.", name=name, largest=largest)
    return count
