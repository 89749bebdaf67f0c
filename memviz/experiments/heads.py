"""What do single heads do for an answer? Which read it off the text, and what if they were unplugged?"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from memviz.errors import ReadingError, TraceError
from memviz.experiments.registry import experiment
from memviz.experiments.words import not_in_text, put_question
from memviz.memory import Ablate, Interventions, read_only
from memviz.progress import Progress, no_progress, progress_within
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.tokens import clean
from memviz.trace import Trace

Head = tuple[int, int]
NAME = re.compile(r"L?(\d+)[.:]?H?(\d+)", re.IGNORECASE)
ORDINARY = (
    "The museum opened a new room this spring. It holds old maps, a few letters and the tools of a village that was "
    "given up a century ago. Most visitors walk through it in ten minutes, but some stay for an hour and read every "
    "line on the walls."
)
"""A text without a riddle, on which unplugging heads should cost little."""


@dataclass(frozen=True, eq=False)
class Unplug:
    """What unplugging some heads did to an answer and to an ordinary text, beside other heads of the same layers.

    question   what was asked
    heads      (layer, head) of those that were unplugged
    by         "zero": they write nothing; "mean": they write their mean over the text
    before     the answer's number with all heads, in ``question.unit``
    after      without these
    effect     how much less likely the answer became, in nats; for a vector 1 − cosine
    draws      other heads, as many of each of the same layers, drawn at random
    controls   float64 [draw]: the answer's number without them
    control_effects   float64 [draw]
    ordinary   (before, after) of the ordinary text: loss per token, −mean log p, in nats; of a model that does not
               predict it, 1 − cosine
    ordinary_controls   float64 [draw]
    seed       of the draws
    """

    question: Question
    heads: tuple[Head, ...]
    by: str
    before: float
    after: float
    effect: float
    draws: tuple[tuple[Head, ...], ...]
    controls: np.ndarray
    control_effects: np.ndarray
    ordinary: tuple[float, float]
    ordinary_controls: np.ndarray
    seed: int

    @property
    def control(self) -> float:
        """The median of the controls."""
        return float(np.median(self.controls))

    @property
    def verdict(self) -> Literal["beyond", "within"]:
        """Is the effect on the answer larger than that of every draw?"""
        return "beyond" if self.effect > self.control_effects.max() else "within"

    def table(self) -> pd.DataFrame:
        """One row with all heads, one without those, one for each draw: heads, value, effect, ordinary text."""
        rows = [
            ("nothing", "", self.before, 0.0, self.ordinary[0]),
            ("unplugged", _names(self.heads), self.after, self.effect, self.ordinary[1]),
        ]
        rows += [
            (
                "control",
                _names(draw),
                float(self.controls[i]),
                float(self.control_effects[i]),
                float(self.ordinary_controls[i]),
            )
            for i, draw in enumerate(self.draws)
        ]
        return pd.DataFrame(rows, columns=["role", "heads", "value", "effect", "ordinary"])


@experiment(
    "Unplug heads",
    cost="1 for the text and 1 for an ordinary one, with every draw of heads",
    source="Michel et al. 2019, Are Sixteen Heads Really Better than One?",
    caveat="Other heads can do the same work, and a model without a head sees states it never saw in training.",
)
def unplug(
    reader: Reader,
    text: str | Question,
    heads: Sequence[Head | str],
    answer: str | None = None,
    *,
    by: Literal["zero", "mean"] = "mean",
    ordinary: str = ORDINARY,
    draws: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> Unplug:
    """Which answer does the model give without these heads, and what does it lose of an ordinary text?

    ``heads``: as (layer, head) or "L18.H6", of the model's own memory, or the cross-attention of an encoder-decoder.
    ``text``: or what `Reader.ask` made of one. ``answer`` as in `Reader.ask`. ``by`` as in `memviz.Ablate`. The
    controls unplug as many other heads of the same layers, in so many random ``draws`` by the ``seed`` (5 or more, to
    say anything). ``ordinary``: the text on which nothing should be lost. ``progress`` as in `Reader.read`.

    Raises `TraceError` for heads that are not there or none at all, `ReadingError` where a layer has no other heads.
    """
    question = put_question(reader, text, answer)
    layers, count = reader.engine.plan.layers[question.memory], reader.engine.plan.heads[question.memory]
    chosen = _heads(heads, layers, count)
    others = _draws(chosen, count, draws, seed)
    changes = [_change(question, group, by) for group in ((), chosen, *others)]
    found = reader.predict(question, changes, progress=progress_within(progress, 0, 0.5))
    plain = _ordinary(reader, ordinary, [(), chosen, *others], by, progress_within(progress, 0.5, 1))
    return Unplug(
        question=question,
        heads=chosen,
        by=by,
        before=float(found.values[0]),
        after=float(found.values[1]),
        effect=float(found.effects[1]),
        draws=others,
        controls=read_only(found.values[2:]),
        control_effects=read_only(found.effects[2:]),
        ordinary=(float(plain[0]), float(plain[1])),
        ordinary_controls=read_only(plain[2:]),
        seed=seed,
    )


def _heads(names: Sequence[Head | str], layers: int, heads: int) -> tuple[Head, ...]:
    """The heads of these names, each once. Raises `TraceError` for what is no head, or none at all."""
    chosen: list[Head] = []
    for name in [names] if isinstance(names, str) else names:
        match = NAME.fullmatch(name.strip()) if isinstance(name, str) else None
        pair = (int(match[1]), int(match[2])) if match else name
        if isinstance(pair, str) or len(pair) != 2:
            raise TraceError("{name} is no head.", todo="Name it like L18.H6, or (18, 6).", name=repr(name)[:80])
        ablate = Ablate(*pair)
        ablate.check(layers=layers, heads=heads)
        chosen.append((ablate.layer, ablate.head))
    if not chosen:
        raise TraceError("No head is named.", todo="Name one like L18.H6.")
    return tuple(dict.fromkeys(chosen))


def _draws(chosen: Sequence[Head], heads: int, draws: int, seed: int) -> tuple[tuple[Head, ...], ...]:
    """So many draws of other heads, as many of each layer as were chosen of it."""
    counts = Counter(layer for layer, _ in chosen)
    free = {layer: [head for head in range(heads) if (layer, head) not in chosen] for layer in counts}
    short = [layer for layer, count in counts.items() if len(free[layer]) < count]
    if short:
        raise ReadingError(
            "Layer {layer} has not enough other heads to compare with.",
            todo="Unplug fewer heads of it: at most {most}.",
            layer=short[0],
            most=heads // 2,
        )
    generator = random.Random(seed)
    return tuple(
        tuple(
            (layer, head) for layer in sorted(counts) for head in sorted(generator.sample(free[layer], counts[layer]))
        )
        for _ in range(max(1, int(draws)))
    )


def _change(question: Question, heads: Sequence[Head], by: Literal["zero", "mean"]) -> Change:
    unplugged = tuple(Ablate(layer, head, by) for layer, head in heads)
    return Change(Interventions(ablations=unplugged, usual=question.memory))


def _ordinary(
    reader: Reader, text: str, groups: Sequence[Sequence[Head]], by: Literal["zero", "mean"], progress: Progress
) -> np.ndarray:
    """What the ordinary text costs without each group of heads."""
    question = reader.ask(text)
    if question.kind == "continuation":
        losses = []
        for number, group in enumerate(groups):
            trace = reader.read(text, ablate=[Ablate(layer, head, by) for layer, head in group])
            losses.append(-float(np.mean(trace.logprobs[1:], dtype=np.float64)))
            progress((number + 1) / len(groups), "Asking again")
        return np.array(losses)
    found = reader.predict(question, [_change(question, group, by) for group in groups], progress=progress)
    return -found.logprobs.mean(axis=1) if found.logprobs.shape[1] else 1 - found.values


def _names(heads: Sequence[Head]) -> str:
    return " ".join(f"L{layer}.H{head}" for layer, head in heads)


@dataclass(frozen=True, eq=False)
class RetrievalHeads:
    """Which heads read an answer off the page, word by word?

    trace      the reading of prompt and answer together
    needle     the tokens of the needle, by position
    copied     how many tokens of the answer are tokens of the needle
    scores     float64 [layer, head]: the share of the needle's tokens that this head looked at hardest just before the
               model wrote the same token
    controls   float64 [layer, head]: the greatest score of any other stretch of the prompt of the same length
    """

    trace: Trace
    needle: tuple[int, ...]
    copied: int
    scores: np.ndarray
    controls: np.ndarray

    @property
    def output(self) -> str:
        """What the model wrote."""
        return self.trace.output or ""

    def table(self) -> pd.DataFrame:
        """One row a head, the greatest score first: layer, head, score, control."""
        layers, heads = np.indices(self.scores.shape)
        rows = pd.DataFrame(
            {
                "layer": layers.ravel(),
                "head": heads.ravel(),
                "score": self.scores.ravel(),
                "control": self.controls.ravel(),
            }
        )
        return rows.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)


@experiment(
    "Retrieval heads",
    cost="1 for every token of the answer, and 1 for the reading",
    source="Wu et al. 2024, Retrieval Head Mechanistically Explains Long-Context Factuality",
    caveat="One needle in one text; a head that looks there need not be what the answer depends on: unplug it.",
)
def retrieval_heads(
    reader: Reader,
    text: str,
    needle: str,
    *,
    max_new_tokens: int | None = None,
    progress: Progress | None = None,
) -> RetrievalHeads:
    """Which heads look, word by word, at what the model is copying from the text?

    The model continues the ``text`` greedily, for as many tokens as the ``needle`` (a part of the text) has, or
    ``max_new_tokens``. A head scores a hit where the key it looks at hardest, at the query that predicts a token, lies
    in the needle and is that very token; its score is |needle tokens hit| / |needle tokens|. ``progress`` as in
    `Reader.read`. Raises `ReadingError` where the needle does not stand in the text, and as `Reader.generate` does.
    """
    text = clean(text)
    start = text.rfind(needle.strip()) if needle.strip() else -1
    if start < 0:
        raise not_in_text(needle)
    stop = start + len(needle.strip())
    prompt = reader.ask(text).tokens
    inside = tuple(
        i for i, token in enumerate(prompt) if not token.special and token.start < stop and start < token.end
    )
    trace = reader.generate(text, max_new_tokens or len(inside), progress=progress or no_progress)
    hits = _hits(trace)
    keys = [i for i, token in enumerate(trace.tokens[: trace.written.start]) if not token.special]
    scores = hits[:, :, inside].sum(axis=-1) / len(inside)
    controls = np.zeros_like(scores)
    for first in range(len(keys) - len(inside) + 1):
        other = keys[first : first + len(inside)]
        if not set(other) & set(inside):
            controls = np.maximum(controls, hits[:, :, other].sum(axis=-1) / len(inside))
    ids = {trace.tokens[i].id for i in inside}
    copied = sum(token.id in ids for token in trace.tokens[trace.written])
    return RetrievalHeads(trace, inside, copied, read_only(scores), read_only(controls))


def _hits(trace: Trace) -> np.ndarray:
    """Which tokens of the prompt did a head look at hardest just before they were written? bool [layer, head, key]."""
    memory, ids = trace.memory("self"), np.array([token.id for token in trace.tokens])
    hits = np.zeros((memory.layers, memory.heads, trace.written.start), dtype=bool)
    for place in range(trace.written.start, len(ids)):
        top = memory.row(place - 1).argmax(axis=-1)
        same = (ids[top] == ids[place]) & (top < trace.written.start)
        layers, heads = np.nonzero(same)
        hits[layers, heads, top[layers, heads]] = True
    return hits
