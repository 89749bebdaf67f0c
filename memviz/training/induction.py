"""An induction head is born: a small Transformer learns to go on with what it has seen before, while one watches."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from memviz.errors import TrainingError
from memviz.memory import Ablate, read_only
from memviz.models.loader import quietly
from memviz.note import Note
from memviz.progress import Progress, no_progress, work_clock
from memviz.reading import Reader
from memviz.reading.engine.threads import one_thread
from memviz.trace import ModelInfo
from memviz.training import small_model
from memviz.training.settings import require_whole_number
from memviz.training.small_model import CONTEXT, HEADS, SYMBOLS, forward

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

Head = tuple[int, int]

BATCH = 32  # sequences a step
SHORTEST, LONGEST = 8, 24  # symbols of the segment that a sequence repeats
RATE = 8e-3  # of learning, at its highest
LEAST_RATE = 0.05  # of the highest, at the end
WARM_UP = 30  # steps until it is reached
BETAS = (0.9, 0.98)
TESTS = 64  # sequences on which each checkpoint is measured
TEST_SEED = 20_260_101  # of these; no training has it
BORN = 0.3  # nats: the second copy is as good as known
MOST_STEPS, MOST_LAYERS = 20_000, 4
MOST_CHECKPOINTS = 400


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """How far a training is, at one step.

    step                number of the step after which this was measured; 0: nothing is learnt yet
    first_copy_loss     mean −log p, in nats, of the symbols of the first copy, which nobody can know: about ln 48
    second_copy_loss    of those of the second copy, which stand in the first; its first symbol is left out
    previous_token      float32 [layer, head]: mean weight on the token before, over all queries but the first
    induction           float32 [layer, head]: mean weight on what came after the same symbol in the first copy, over
                        the queries of the second
    patterns            float32 [layer, head, query, key], of one sequence
    """

    step: int
    first_copy_loss: float
    second_copy_loss: float
    previous_token: np.ndarray
    induction: np.ndarray
    patterns: np.ndarray


OnCheckpoint = Callable[[Checkpoint], None]


@dataclass(frozen=True, eq=False)
class Unplugged:
    """What the model does without some heads, on the same test sequences.

    heads           (layer, head) of those that write nothing
    before, after   with all heads, and without these
    """

    heads: tuple[Head, ...]
    before: Checkpoint
    after: Checkpoint


@dataclass(frozen=True, eq=False)
class Induction:
    """How a small Transformer learnt to go on with what it has seen, checkpoint by checkpoint.

    layers              of attention; there is no MLP
    seed                of the weights at the beginning, and of the sequences
    steps               int [checkpoint]: after how many steps each was measured, from 0 on
    first_copy_loss     float64 [checkpoint], in nats; see `Checkpoint`
    second_copy_loss    float64 [checkpoint], in nats
    previous_token      float32 [checkpoint, layer, head], 0..1
    induction           float32 [checkpoint, layer, head], 0..1
    patterns            float32 [checkpoint, layer, head, query, key]: the attention weights on one `sequence`
    sequence            the symbols of that one: 24, twice
    seconds             that the training took
    weights             float32 [checkpoint, number]: all weights of the model
    """

    layers: int
    seed: int
    steps: np.ndarray
    first_copy_loss: np.ndarray
    second_copy_loss: np.ndarray
    previous_token: np.ndarray
    induction: np.ndarray
    patterns: np.ndarray
    sequence: tuple[str, ...]
    seconds: float
    weights: np.ndarray

    @property
    def heads(self) -> int:
        """How many each layer has."""
        return HEADS

    @property
    def name(self) -> str:
        """What the model is called, such as induction-2-layers-seed-0-800-steps."""
        return f"induction-{self.layers}-layers-seed-{self.seed}-{self.steps[-1]}-steps"

    @property
    def text(self) -> str:
        """The `sequence` as a text that the model reads."""
        return " ".join(self.sequence)

    @property
    def born(self) -> int | None:
        """After how many steps was the second copy as good as known (at most .3 nats)? ``None``: it never was."""
        reached = np.flatnonzero(self.second_copy_loss <= BORN)
        return int(self.steps[reached[0]]) if len(reached) else None

    def best_head(self, scores: str = "induction", checkpoint: int = -1) -> tuple[int, int, float]:
        """Layer, head and score of the head with the highest "induction" or "previous_token" score there."""
        values = (self.previous_token if scores == "previous_token" else self.induction)[checkpoint]
        layer, head = np.unravel_index(values.argmax(), values.shape)
        return int(layer), int(head), float(values[layer, head])

    @cached_property
    def model(self) -> GPT2LMHeadModel:
        """The trained model, as transformers' GPT-2 whose MLPs write nothing."""
        return small_model.make_model(self._weights(-1))

    def reader(self, checkpoint: int = -1) -> Reader:
        """The model at a ``checkpoint``, ready to read; the last one without an argument."""
        last = self._number(checkpoint) == len(self.steps) - 1
        model = self.model if last else small_model.make_model(self._weights(checkpoint))
        info = ModelInfo(self.name if last else f"{self.name}-at-{self.steps[checkpoint]}")
        return Reader(model, small_model.make_tokenizer(), info=info)

    def save(self, folder: str | os.PathLike[str], checkpoint: int = -1) -> Path:
        """Writes the model at a ``checkpoint`` into a ``folder`` that `memviz.load` opens: safetensors and json."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        with quietly():
            small_model.make_model(self._weights(checkpoint)).save_pretrained(path)
            small_model.make_tokenizer().save_pretrained(path)
        return path

    def unplug(self, heads: Sequence[Head | Ablate], checkpoint: int = -1) -> Unplugged:
        """What does the model at a ``checkpoint`` lose when these ``heads`` write nothing?

        ``heads``: (layer, head), or `memviz.Ablate` by "zero". Raises `TraceError` for heads that are not there, and
        `TrainingError` for what is done to them otherwise.
        """
        ablations = [head if isinstance(head, Ablate) else Ablate(*head) for head in heads]
        for ablation in ablations:
            ablation.check(layers=self.layers, heads=self.heads)
            if ablation.by != "zero":
                raise TrainingError(
                    "A head of this model is unplugged by “zero”; this is “{by}”.",
                    todo="Use memviz.experiments.unplug with .reader() for the mean.",
                    by=ablation.by,
                )
        pairs = tuple(dict.fromkeys((ablation.layer, ablation.head) for ablation in ablations))
        weights, step = self._weights(checkpoint), int(self.steps[checkpoint])
        with one_thread():
            return Unplugged(pairs, _measure(weights, step), _measure(weights, step, pairs))

    def statement(self, control: Induction | None = None) -> Note:
        """What is to be said of it, from its numbers; beside the ``control``, where there is one."""
        layer, head, score = self.best_head()
        born = self.born
        values = {
            "layers": self.layers,
            "steps": int(self.steps[-1]),
            "first": f"{self.first_copy_loss[-1]:.2f}",
            "second": f"{self.second_copy_loss[-1]:.2f}",
            "head": f"L{layer}.H{head}",
            "score": f"{score:.2f}",
        }
        if born is None:
            text = (
                "After {steps} steps the second copy still costs {second} nats a symbol, the first {first}: no head "
                "has learnt to look up what came next (the highest induction score is {score}, {head})."
            )
        else:
            values["born"] = born
            text = (
                "After {born} steps the model could go on with the second copy: it costs {second} nats a symbol in the "
                "end, the first {first}. {head} looks up what came next (induction score {score})."
            )
        learnt = Note(text, values)
        if control is None:
            return learnt
        beside = "In as many steps, the control of {layers} layer stands at {second} nats."
        if control.layers > 1:
            beside = "In as many steps, the control of {layers} layers stands at {second} nats."
        other = Note(beside, {"layers": control.layers, "second": f"{control.second_copy_loss[-1]:.2f}"})
        return Note("{learnt} {other}", {"learnt": learnt, "other": other})

    def table(self) -> pd.DataFrame:
        """One row a checkpoint: layers, seed, step, both losses, and both scores of every head."""
        columns = {
            "layers": np.full(len(self.steps), self.layers),
            "seed": np.full(len(self.steps), self.seed),
            "step": self.steps,
            "first_copy_loss": self.first_copy_loss,
            "second_copy_loss": self.second_copy_loss,
        }
        for what, scores in (("previous_token", self.previous_token), ("induction", self.induction)):
            for layer, head in np.ndindex(self.layers, self.heads):
                columns[f"{what} L{layer}.H{head}"] = scores[:, layer, head]
        return pd.DataFrame(columns)

    def _number(self, checkpoint: int) -> int:
        """A checkpoint counted from the front."""
        return range(len(self.steps))[checkpoint]

    def _weights(self, checkpoint: int) -> dict[str, Tensor]:
        values = torch.from_numpy(self.weights[self._number(checkpoint)].copy())
        return _unpacked(values, self.layers)


def train(
    layers: int = 2,
    seed: int = 0,
    steps: int = 2000,
    *,
    every: int = 25,
    on_checkpoint: OnCheckpoint | None = None,
    progress: Progress | None = None,
) -> Induction:
    """How does a small Transformer learn to go on with what it has seen before?

    ``layers`` of attention with 4 heads and 64 numbers a token, no MLP, are trained from nothing to predict the next
    symbol of random sequences: a segment of 8 to 24 of 48 symbols, drawn anew for each, is repeated until there are 48.
    32 sequences a step, for ``steps`` steps, by AdamW; its rate falls to almost nothing towards the last, so that fewer
    steps are another training, and not the beginning of a long one. Measured ``every`` so many steps, and before the
    first, on 64 sequences that are in no training: 24 symbols, twice. The same ``seed`` gives the same numbers.

    With two layers an induction head forms: one head writes into each token which one stood before it, and a head of
    the next layer looks for the token that stood after the same symbol. One layer cannot: it sees no token that knows
    its predecessor.

    ``on_checkpoint(checkpoint)`` is told each `Checkpoint` at once, ``progress(fraction, label)`` how far it is; either
    may raise to stop, and nothing is left behind.

    Raises `TrainingError` for numbers of layers, steps or checkpoints that are not trained here.

    Olsson et al. 2022, In-context Learning and Induction Heads.
    """
    _check(layers, seed, steps, every)
    progress = progress or no_progress
    began, checkpoints, rows = work_clock(), [], []
    with one_thread():
        generator = torch.Generator().manual_seed(int(seed))
        weights = {
            name: value.requires_grad_(True) for name, value in small_model.draw_weights(layers, generator).items()
        }
        optimizer = torch.optim.AdamW(weights.values(), lr=RATE, betas=BETAS, weight_decay=0.01, fused=True)
        for step in range(steps + 1):
            if step:
                optimizer.param_groups[0]["lr"] = rate(step, steps)
                _learn(weights, optimizer, _sequences(generator))
            if step % every == 0 or step == steps:
                checkpoints.append(_measure(weights, step))
                rows.append(torch.cat([value.detach().flatten() for value in weights.values()]).numpy())
                if on_checkpoint is not None:
                    on_checkpoint(checkpoints[-1])
                progress(step / steps, "Training")
    return Induction(
        layers=layers,
        seed=int(seed),
        steps=read_only(np.array([each.step for each in checkpoints])),
        first_copy_loss=read_only(np.array([each.first_copy_loss for each in checkpoints])),
        second_copy_loss=read_only(np.array([each.second_copy_loss for each in checkpoints])),
        previous_token=read_only(np.stack([each.previous_token for each in checkpoints])),
        induction=read_only(np.stack([each.induction for each in checkpoints])),
        patterns=read_only(np.stack([each.patterns for each in checkpoints])),
        sequence=tuple(SYMBOLS[number] for number in held_out_sequences()[0].tolist()),
        seconds=work_clock() - began,
        weights=read_only(np.stack(rows)),
    )


def rate(step: int, steps: int) -> float:
    """How large are the changes of a ``step``, of so many ``steps``? They grow at first, then fall along a cosine."""
    falling = LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * step / steps))
    return RATE * min(step / WARM_UP, falling)


def held_out_sequences() -> Tensor:
    """The sequences on which every training is measured: int [sequence, 48], 24 random symbols twice."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    segment = torch.randint(0, len(SYMBOLS), (TESTS, CONTEXT // 2), generator=generator)
    return torch.cat([segment, segment], dim=1)


def _check(layers: int, seed: int, steps: int, every: int) -> None:
    for what, number, least, most in (
        (Note("layers"), layers, 1, MOST_LAYERS),
        (Note("steps"), steps, 1, MOST_STEPS),
        (Note("steps between two checkpoints"), every, 1, MOST_STEPS),
        (Note("seed"), seed, 0, 2**63 - 1),
    ):
        require_whole_number(what, number, least, most)
    if steps // every > MOST_CHECKPOINTS:
        raise TrainingError(
            "{count} checkpoints are more than the {most} that are kept.",
            todo="Measure less often: every={every}.",
            count=steps // every,
            most=MOST_CHECKPOINTS,
            every=-(-steps // MOST_CHECKPOINTS),
        )


def _sequences(generator: torch.Generator) -> Tensor:
    """One batch: in every row a random segment, repeated."""
    lengths = torch.randint(SHORTEST, LONGEST + 1, (BATCH, 1), generator=generator)
    segments = torch.randint(0, len(SYMBOLS), (BATCH, LONGEST), generator=generator)
    return segments.gather(1, torch.arange(CONTEXT)[None] % lengths)


def _learn(weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, ids: Tensor) -> None:
    """One step."""
    logits = forward(weights, ids).logits
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


@torch.inference_mode()
def _measure(weights: Mapping[str, Tensor], step: int, unplugged: Sequence[Head] = ()) -> Checkpoint:
    """The losses and the scores on the test sequences, and the patterns of the first of them."""
    ids, half = held_out_sequences(), CONTEXT // 2
    output = forward(weights, ids, patterns=True, unplugged=unplugged)
    losses = F.cross_entropy(output.logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none").double()
    patterns = torch.stack(output.patterns)  # [layer, batch, head, query, key]
    previous = patterns.diagonal(-1, -2, -1).mean((1, 3))
    induction = patterns.diagonal(-(half - 1), -2, -1)[..., 1:].mean((1, 3))  # of queries of the second copy
    return Checkpoint(
        step=step,
        first_copy_loss=float(losses[:, : half - 1].mean()),
        second_copy_loss=float(losses[:, half:].mean()),
        previous_token=read_only(previous.numpy()),
        induction=read_only(induction.numpy()),
        patterns=read_only(patterns[:, 0].numpy()),
    )


def _unpacked(values: Tensor, layers: int) -> dict[str, Tensor]:
    """All weights in one row, by name."""
    shapes = {name: value.shape for name, value in small_model.draw_weights(layers, torch.Generator()).items()}
    parts = values.split([shape.numel() for shape in shapes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
