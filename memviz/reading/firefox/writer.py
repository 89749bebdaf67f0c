"""How does a Firefox model write? One token after the other, each the likeliest, or with a few tries side by side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memviz.memory.recurrent import Recurrent, recurrent_memory
from memviz.reading.attention.eager import handled_by
from memviz.reading.attention.interventions import StepwiseForget
from memviz.reading.engine.predictions import Step, top_tokens, writing_steps
from memviz.reading.firefox.network import FirefoxModel, Kept, Remembered
from memviz.tokens import Token

START = Token("⟨start⟩", -1, 0, 0, 0, True, 0, 0)  # what the decoder enters before anything is written: nothing


@dataclass(frozen=True)
class Hypothesis:
    """What a model wrote, step by step, the end token last; ``unfinished`` when the limit came before the end."""

    steps: tuple[Step, ...] = ()
    score: float = 0.0  # sum of log-probabilities
    unfinished: bool = True

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens."""
        return tuple(step.id for step in self.steps)

    @property
    def mean(self) -> float:
        """The mean log-probability of a token: what tries of different lengths are compared by."""
        return self.score / max(len(self.steps), 1)


def write(
    model: FirefoxModel,
    remembered: list[Remembered],
    *,
    end: int,
    limit: int,
    beam: int = 1,
    covering: StepwiseForget | None = None,
    told: Callable[[int], None] = lambda step: None,
) -> Hypothesis:
    """What does the model write, having read a source? At most ``limit`` tokens.

    With a ``beam`` of one, the likeliest token at every step. With more, the likeliest beginnings are kept side by
    side; one that ends leaves the beam a place smaller; in the end the one with the highest mean log-probability wins
    (as in Marian, with ``normalize: 1.0``). ``told(step)`` is called before every step, and may raise to stop.
    """
    decoder = model.decoder
    tries, done = [Hypothesis()], []
    states, words = decoder.start(), torch.zeros_like(decoder.embedding.positions(1))[None]
    with handled_by(covering) if covering is not None else nullcontext(), torch.inference_mode():
        for step in range(limit):
            told(step)
            if covering is not None:
                covering.step = step
            hidden, units = decoder(words + decoder.embedding.positions(1, start=step), remembered, states)
            made = _continued(tries, model.logits(hidden[:, 0]), room=beam - len(done), end=end)
            done += [one for one, _ in made if not one.unfinished]
            made = [(one, parent) for one, parent in made if one.unfinished]
            tries = [one for one, _ in made]
            if not tries:
                break
            states = [unit.state[[parent for _, parent in made], -1] for unit in units]
            words = decoder.embedding(torch.tensor([[one.steps[-1].id] for one in tries], device=model.device))
    return max([*done, *tries], key=lambda one: one.mean)


def forced_steps(model: FirefoxModel, words: Tensor, ids: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of writing exactly these tokens; ``words`` [token, width] is what the decoder had at each."""
    return writing_steps(lambda rows: model.logits(words[rows]), ids)


def recurrent(targets: tuple[Token, ...], units: list[Kept]) -> Recurrent:
    """What the recurrent units kept, by layer; each step enters the token written before."""
    keys = START, *(replace(token, word=token.word + 1, group=token.group + 1) for token in targets[:-1])
    arrays = {
        f"{name}s": torch.stack([getattr(unit, name)[0] for unit in units]).float().cpu().numpy()
        for name in ("gate", "candidate", "state")
    }
    return recurrent_memory(targets, keys, **arrays)


def _continued(tries: list[Hypothesis], logits: Tensor, *, room: int, end: int) -> list[tuple[Hypothesis, int]]:
    """The ``room`` likeliest continuations, each with the number of the try that it continues."""
    logits = logits.float()
    ids, logprobs, total = top_tokens(logits)
    wider = logits.topk(min(room, logits.shape[1])) if room > len(ids[0]) else None
    found = []
    for number, one in enumerate(tries):
        own = ids[number], logprobs[number]
        if wider is not None:
            own = wider.indices[number].tolist(), (wider.values[number] - total[number]).tolist()
        for token, logprob in list(zip(*own, strict=True))[:room]:
            found.append((one.score + logprob, number, Step(token, logprob, ids[number], logprobs[number])))
    found.sort(key=lambda each: -each[0])
    return [
        (Hypothesis((*tries[number].steps, step), score, step.id != end), number)
        for score, number, step in found[:room]
    ]
