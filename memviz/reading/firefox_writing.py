"""How does a Firefox model write? One token after the other, each the likeliest, or with a few tries side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from memviz.memory import Forget
from memviz.reading.attention import Lookup, attend
from memviz.reading.eager import running
from memviz.reading.firefox_model import FirefoxModel, Remembered
from memviz.reading.predictions import CHUNK, SHOWN


@dataclass(frozen=True)
class Step:
    """One token that was chosen: its log-probability, and the likeliest tokens at this step with theirs."""

    id: int
    logprob: float
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True)
class Written:
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


class Covering:
    """Forgets edges of cross-attention while the model writes; ``step`` is the position it is writing now."""

    def __init__(self, forget: Forget, attentions: Sequence[nn.Module]) -> None:
        self.forget = forget
        self.layers = {id(module): layer for layer, module in enumerate(attentions)}
        self.step = 0

    def attend(self, module: nn.Module, lookup: Lookup) -> Tensor:
        """The attention output of one step, without the edges that are forgotten."""
        asked = self.forget.queries is None or self.step in self.forget.queries
        if not asked or not self.forget.touches(self.layers[id(module)]):
            return attend(lookup)
        rows, cols = lookup.query.shape[1], lookup.key.shape[1]
        now = Forget(self.forget.keys, None if self.forget.queries is None else (0,))
        cut = torch.from_numpy(now.edges(rows, cols, visible=lookup.visible.cpu().numpy()))
        heads = torch.tensor([self.forget.covers(head) for head in range(lookup.query.shape[0])])
        return attend(Lookup(**{**vars(lookup), "cut": (heads[:, None, None] & cut).to(lookup.query.device)}))


def write(
    model: FirefoxModel,
    remembered: list[Remembered],
    *,
    end: int,
    limit: int,
    beam: int = 1,
    covering: Covering | None = None,
    told: Callable[[int], None] = lambda step: None,
) -> Written:
    """What does the model write, having read a source? At most ``limit`` tokens.

    With a ``beam`` of one, the likeliest token at every step. With more, the likeliest beginnings are kept side by
    side; one that ends leaves the beam a place smaller; in the end the one with the highest mean log-probability wins
    (as in Marian, with ``normalize: 1.0``). ``told(step)`` is called before every step, and may raise to stop.
    """
    decoder = model.decoder
    tries, done = [Written()], []
    states, words = decoder.start(), torch.zeros_like(decoder.embedding.positions(1))[None]
    with running(covering) if covering is not None else nullcontext(), torch.inference_mode():
        for step in range(limit):
            told(step)
            if covering is not None:
                covering.step = step
            hidden, kept = decoder(words + decoder.embedding.positions(1, start=step), remembered, states)
            made = _continued(tries, model.logits(hidden[:, 0]), room=beam - len(done), end=end)
            done += [one for one, _ in made if not one.unfinished]
            made = [(one, parent) for one, parent in made if one.unfinished]
            tries = [one for one, _ in made]
            if not tries:
                break
            states = [layer.state[[parent for _, parent in made], -1] for layer in kept]
            words = decoder.embedding(torch.tensor([[one.steps[-1].id] for one in tries], device=model.device))
    return max([*done, *tries], key=lambda one: one.mean)


def forced(model: FirefoxModel, words: Tensor, ids: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of writing exactly these tokens; ``words`` [token, width] is what the decoder had at each."""
    steps: list[Step] = []
    with torch.inference_mode():
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            logits = model.logits(words[start : start + CHUNK]).float()
            top, logprobs, total = _likeliest(logits)
            own = logits.gather(1, torch.tensor(part, device=logits.device)[:, None])[:, 0] - total
            steps += map(Step, part, own.tolist(), top, logprobs)
    return tuple(steps)


def _likeliest(logits: Tensor) -> tuple[list[tuple[int, ...]], list[tuple[float, ...]], Tensor]:
    """(the likeliest tokens at each position, their log-probabilities, log Σ exp [position]) of [position, token]."""
    total = logits.logsumexp(-1)
    best = logits.topk(min(SHOWN, logits.shape[1]))
    ids, logprobs = best.indices.tolist(), (best.values - total[:, None]).tolist()
    return [tuple(row) for row in ids], [tuple(row) for row in logprobs], total


def _continued(tries: list[Written], logits: Tensor, *, room: int, end: int) -> list[tuple[Written, int]]:
    """The ``room`` likeliest continuations, each with the number of the try that it continues."""
    logits = logits.float()
    ids, logprobs, total = _likeliest(logits)
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
        (Written((*tries[number].steps, step), score, step.id != end), number) for score, number, step in found[:room]
    ]
