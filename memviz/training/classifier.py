"""Which label does a text have? A head on an encoder, and by choice its last layers, learn it from labelled lines."""

from __future__ import annotations

import copy
import json
import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from memviz.errors import TrainingError
from memviz.memory import read_only
from memviz.note import Note
from memviz.progress import Progress, no_progress, progress_within, work_clock
from memviz.reading import Reader, load
from memviz.reading.engine.threads import one_thread
from memviz.trace import Trace
from memviz.training.examples import MOST_CHARACTERS, check
from memviz.training.settings import require_whole_number

BATCH = 16
HELD_OUT = 0.25  # of the lines of each label
HEAD_RATE, LAYER_RATE = 2e-3, 1e-4  # of learning
MOST_EPOCHS = 100
SHOWN = 6  # held-out lines on which attention is compared
CHANCE = 0.01  # a result that the majority class would reach less often than this is beyond it
WEIGHTS, SETTINGS = "classifier.safetensors", "classifier.json"
LAYOUT = 1
_MOST_SETTINGS = 20_000_000  # bytes


@dataclass(frozen=True)
class Epoch:
    """How far a training is: after one epoch, or before the first (0).

    loss            mean −log p of the right label over the lines that it learns from, in nats, while it learnt
    held_out_loss   the same over the lines that were held out, after the epoch
    accuracy        share of the held-out lines that it gets right
    """

    number: int
    loss: float
    held_out_loss: float
    accuracy: float


OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model that tells labels apart, and how well it does on lines that it did not learn from.

    labels             in the order of the columns
    reader             the model under the head: its last ``layers`` were trained
    layers             how many of its layers were trained; 0: the head alone
    seed               of the lines that are held out, of their order, and of the head at the beginning
    history            one row an epoch: epoch, loss, held_out_loss, accuracy
    held_out           one row a line that was held out: text, label, prediction, probability
    learnt_from        how many lines it learnt from
    majority_label     the label that most of these have
    attention_change   float64 [layer]: mean of 1 − cosine of all attention weights before and after, over a few
                       held-out lines; exactly 0 in frozen layers
    weight_change      float64 [layer]: ‖after − before‖ / ‖before‖ of all weights of the layer; exactly 0 if frozen
    compared           the lines on which attention was compared
    unknown            share of the tokens of all lines that the model has no word for
    seconds            that the training took
    """

    labels: tuple[str, ...]
    reader: Reader
    layers: int
    seed: int
    history: pd.DataFrame
    held_out: pd.DataFrame
    learnt_from: int
    majority_label: str
    attention_change: np.ndarray
    weight_change: np.ndarray
    compared: tuple[str, ...]
    unknown: float
    seconds: float
    head: Mapping[str, Tensor]

    @property
    def correct(self) -> int:
        """How many of the held-out lines it gets right."""
        return int((self.held_out["label"] == self.held_out["prediction"]).sum())

    @property
    def accuracy(self) -> float:
        """The share of the held-out lines that it gets right, 0..1."""
        return self.correct / len(self.held_out)

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, with 95 % confidence: Wilson's interval."""
        return wilson(self.correct, len(self.held_out))

    @property
    def majority(self) -> float:
        """The share of the held-out lines that is right if one always says the label most frequent in training."""
        return float((self.held_out["label"] == self.majority_label).mean())

    @property
    def p_value(self) -> float:
        """How often would the majority class alone be right on so many of the held-out lines or more? Binomial."""
        return binomial_tail(self.correct, len(self.held_out), self.majority)

    @property
    def confusion(self) -> pd.DataFrame:
        """How many held-out lines of each label (rows) were given each label (columns)."""
        counts = Counter(zip(self.held_out["label"], self.held_out["prediction"], strict=True))
        cells = [[counts[label, prediction] for prediction in self.labels] for label in self.labels]
        index, columns = pd.Index(self.labels, name="label"), pd.Index(self.labels, name="prediction")
        return pd.DataFrame(cells, index=index, columns=columns)

    @property
    def wrong(self) -> pd.DataFrame:
        """The held-out lines that it gets wrong, the surest first: text, label, prediction, probability."""
        rows = self.held_out[self.held_out["label"] != self.held_out["prediction"]]
        return rows.sort_values("probability", ascending=False, kind="stable").reset_index(drop=True)

    def predict(self, texts: str | Sequence[str]) -> pd.DataFrame:
        """Which label does each of these texts have? One row a text: text, prediction, probability, and p of each.

        The columns of the probabilities are ``p(label)``. Raises `TrainingError` for none, empty or overlong texts.
        """
        lines = [texts] if isinstance(texts, str) else list(texts)
        if not lines or not all(isinstance(line, str) and line.strip() for line in lines):
            raise TrainingError("There is no text to be judged.", todo="Give one text or several, none of them empty.")
        with _evaluated(self.reader):
            ids = _encoded(self.reader, lines)
            rows = [_logits(_vectors(self.reader, ids[at : at + BATCH]), self.head) for at in range(0, len(ids), BATCH)]
            probabilities = torch.cat(rows).double().softmax(-1).numpy()
        frame = _judged(lines, probabilities, self.labels)
        return frame.assign(**{f"p({label})": probabilities[:, place] for place, label in enumerate(self.labels)})

    def read(self, text: str, *, progress: Progress | None = None) -> Trace:
        """What does the trained model look at when it reads this text? As `Reader.read`, which says what is raised."""
        return self.reader.read(text, progress=progress)

    def statement(self) -> Note:
        """What is to be said of it, from its numbers."""
        low, high = self.interval
        values = {
            "correct": self.correct,
            "count": len(self.held_out),
            "accuracy": _percent(self.accuracy),
            "low": _percent(low),
            "high": _percent(high),
            "label": self.majority_label,
            "majority": _percent(self.majority),
            "p": f"= {self.p_value:.2g}" if self.p_value >= 1e-4 else "< 0.0001",
        }
        if self.p_value < CHANCE:
            text = (
                "On {count} lines that it never saw, the classifier is right on {correct}: {accuracy} (95 % interval "
                "{low} to {high}). Always saying “{label}” would be right on {majority}; luck does not explain the "
                "difference (p {p})."
            )
        else:
            text = (
                "On {count} lines that it never saw, the classifier is right on {correct}: {accuracy} (95 % interval "
                "{low} to {high}). Always saying “{label}” would be right on {majority}: that is not told apart from "
                "luck (p {p})."
            )
        return Note(text, values)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes head and trained layers (safetensors) and everything else (json) into a ``folder``; see `load`."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        layers = _layers(self.reader)
        first = len(layers) - self.layers
        tensors = {f"head.{name}": value.contiguous() for name, value in self.head.items()}
        for number in range(first, len(layers)):
            for name, value in layers[number].state_dict().items():
                tensors[f"layer.{number}.{name}"] = value.detach().cpu().contiguous()
        save_file(tensors, path / WEIGHTS)
        settings = {
            "layout": LAYOUT,
            "model": self.reader.info.name,
            "revision": self.reader.info.revision,
            "labels": list(self.labels),
            "layers": self.layers,
            "seed": self.seed,
            "history": self.history.to_dict("list"),
            "held_out": self.held_out.to_dict("list"),
            "learnt_from": self.learnt_from,
            "majority_label": self.majority_label,
            "attention_change": self.attention_change.tolist(),
            "weight_change": self.weight_change.tolist(),
            "compared": list(self.compared),
            "unknown": self.unknown,
            "seconds": self.seconds,
        }
        (path / SETTINGS).write_text(json.dumps(settings, ensure_ascii=False, indent=1), encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: str | os.PathLike[str], model: str | Reader | None = None) -> Classifier:
        """The classifier that `save` wrote into this ``folder``.

        Its model is opened by the name that stands there; ``model`` is another name for it, or the reader itself, which
        stays as it is. Raises `TrainingError` for a folder that holds none, or one of other weights, and `ModelError`.
        """
        path = Path(folder)
        settings, tensors = _read_settings(path), _read_tensors(path)
        reader = _private_reader(settings["model"] if model is None else model, no_progress)
        if settings["revision"] and settings["revision"] != reader.info.revision:
            raise TrainingError(
                "The classifier was trained on other weights of {model} than those that are here.",
                todo="Give the reader of the weights that it was trained on: Classifier.load(folder, model=reader).",
                model=reader.info.name,
            )
        layers = _layers(reader)
        head = {name.removeprefix("head."): value for name, value in tensors.items() if name.startswith("head.")}
        try:
            count, width = len(settings["labels"]), reader.model.config.hidden_size
            shapes = {"weight": (count, width), "bias": (count,), "mean": (width,), "std": (width,)}
            if {name: tuple(value.shape) for name, value in head.items()} != shapes:
                raise ValueError("the head")
            for number in range(len(layers) - settings["layers"], len(layers)):
                prefix = f"layer.{number}."
                layers[number].load_state_dict(
                    {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
                )
            return cls(
                labels=tuple(map(str, settings["labels"])),
                reader=reader,
                layers=int(settings["layers"]),
                seed=int(settings["seed"]),
                history=pd.DataFrame(settings["history"]),
                held_out=pd.DataFrame(settings["held_out"]),
                learnt_from=int(settings["learnt_from"]),
                majority_label=str(settings["majority_label"]),
                attention_change=read_only(np.array(settings["attention_change"], dtype=np.float64)),
                weight_change=read_only(np.array(settings["weight_change"], dtype=np.float64)),
                compared=tuple(map(str, settings["compared"])),
                unknown=float(settings["unknown"]),
                seconds=float(settings["seconds"]),
                head=head,
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise _broken(path) from error


def _percent(share: float) -> str:
    """As it stands on the pages: 78 %."""
    return f"{100 * share:.0f}\u00a0%"


def train(
    texts: Sequence[str],
    labels: Sequence[str],
    model: str | Reader = "minilm",
    layers: int = 0,
    *,
    epochs: int = 12,
    seed: int = 0,
    on_epoch: OnEpoch | None = None,
    progress: Progress | None = None,
) -> Classifier:
    """How does a model learn to tell labels apart, and how well does it on lines that it never saw?

    ``model``: an encoder by name, or a reader, which stays as it is: a copy is trained. The mean of its last hidden
    states goes into a linear head. ``layers``: how many of its last layers are trained with the head; the others are
    frozen, and with 0 all of them. A quarter of the lines of each label is held out. AdamW, 16 lines a step, no
    dropout, as many ``epochs``. The same ``seed`` gives the same numbers on the same machine.

    ``on_epoch(epoch)`` is told each `Epoch` at once, ``progress(fraction, label)`` how far it is; either may raise to
    stop, and nothing is left behind.

    Raises `TrainingError` for texts and labels from which nothing can be learnt (see `memviz.training.examples.check`),
    for a model that is not an encoder, and for numbers that it does not have; `ModelError` as `memviz.load` does.
    """
    texts, labels = list(texts), list(labels)
    check(texts, labels)
    require_whole_number(Note("epochs"), epochs, 1, MOST_EPOCHS)
    require_whole_number(Note("seed"), seed, 0, 2**63 - 1)
    progress = progress or no_progress
    reader = _private_reader(model, progress_within(progress, 0, 0.1))
    blocks = _layers(reader)
    require_whole_number(Note("layers"), layers, 0, len(blocks))
    names = tuple(dict.fromkeys(labels))
    began = work_clock()
    learn, hold = _split(labels, seed)
    targets = torch.tensor([names.index(label) for label in labels])
    compared = tuple(texts[number] for number in hold[:SHOWN])
    with _evaluated(reader, gradients=True):
        ids = _encoded(reader, texts)
        trained = [parameter for block in blocks[len(blocks) - layers :] for parameter in block.parameters()]
        before = [copy.deepcopy(block.state_dict()) for block in blocks]
        patterns = _patterns(reader, compared)
        for parameter in trained:
            parameter.requires_grad_(True)
        training = _Training(reader, ids, targets, learn, hold, trained, classes=len(names), seed=seed)
        history = []
        for number in range(epochs + 1):
            loss = training.learn(progress, number, epochs) if number else math.nan
            history.append(training.judge(number, loss))
            if on_epoch is not None:
                on_epoch(history[-1])
            progress(0.1 + 0.85 * number / epochs, "Training")
        for parameter in trained:
            parameter.requires_grad_(False)
        probabilities = training.probabilities()
    frame = _judged([texts[number] for number in hold], probabilities, names)
    frame.insert(1, "label", [labels[number] for number in hold])
    unknown_id = getattr(reader.tokenizer, "unk_token_id", None)
    tokens = [token for row in ids for token in row]
    changes = zip(patterns, _patterns(reader, compared), strict=True)
    progress(1.0, "Training")
    return Classifier(
        labels=names,
        reader=reader,
        layers=layers,
        seed=int(seed),
        history=pd.DataFrame(
            [(each.number, each.loss, each.held_out_loss, each.accuracy) for each in history],
            columns=["epoch", "loss", "held_out_loss", "accuracy"],
        ),
        held_out=frame,
        learnt_from=len(learn),
        majority_label=Counter(labels[number] for number in learn).most_common(1)[0][0],
        attention_change=read_only(np.mean([_turns(old, new) for old, new in changes], axis=0)),
        weight_change=read_only(np.array([_moved(old, block) for old, block in zip(before, blocks, strict=True)])),
        compared=compared,
        unknown=sum(token == unknown_id for token in tokens) / len(tokens),
        seconds=work_clock() - began,
        head=training.head(),
    )


class _Training:
    """A head, and the layers that learn with it."""

    def __init__(
        self,
        reader: Reader,
        ids: Sequence[list[int]],
        targets: Tensor,
        learn: Sequence[int],
        hold: Sequence[int],
        trained: Sequence[nn.Parameter],
        *,
        classes: int,
        seed: int,
    ) -> None:
        self.reader, self.ids, self.targets, self.trained = reader, ids, targets, trained
        self.hold = list(hold)
        self.fixed = self._all_vectors()  # of the untrained model; where no layer is trained they stay
        generator = torch.Generator().manual_seed(seed)
        self.mean = self.fixed[list(learn)].mean(0)
        self.std = self.fixed[list(learn)].std(0).clamp_min(1e-6)
        bound = self.mean.shape[0] ** -0.5
        self.weight = torch.empty(classes, len(self.mean)).uniform_(-bound, bound, generator=generator)
        self.bias = torch.zeros(classes)
        for parameter in (self.weight, self.bias):
            parameter.requires_grad_(True)
        groups = [{"params": [self.weight, self.bias], "lr": HEAD_RATE}]
        if trained:
            groups.append({"params": list(trained), "lr": LAYER_RATE})
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        self.batches: DataLoader[int] = DataLoader(
            list(learn),  # type: ignore[arg-type]  # a list is all that it needs
            batch_size=BATCH,
            shuffle=True,
            generator=generator,
            collate_fn=list,
        )

    def head(self) -> dict[str, Tensor]:
        """The weights of the head, and what the vectors are brought to a common scale with."""
        return {
            "weight": self.weight.detach().clone(),
            "bias": self.bias.detach().clone(),
            "mean": self.mean.clone(),
            "std": self.std.clone(),
        }

    def learn(self, progress: Progress, number: int, epochs: int) -> float:
        """One epoch; the mean loss while it learnt."""
        losses, rows = 0.0, 0
        for place, batch in enumerate(self.batches):
            vectors = _vectors(self.reader, [self.ids[row] for row in batch]) if self.trained else self.fixed[batch]
            logits = _logits(vectors, self._parts())
            loss = nn.functional.cross_entropy(logits, self.targets[batch])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            losses, rows = losses + float(loss.detach()) * len(batch), rows + len(batch)
            if self.trained:  # a step of the head alone is too short to be told
                progress(0.1 + 0.85 * (number - 1 + place / len(self.batches)) / epochs, "Training")
        return losses / rows

    def judge(self, number: int, loss: float) -> Epoch:
        """How well it does on the held-out lines."""
        probabilities = torch.from_numpy(self.probabilities())
        right = self.targets[self.hold]
        held_out_loss = -probabilities[torch.arange(len(right)), right].clamp_min(1e-12).log().mean()
        accuracy = (probabilities.argmax(-1) == right).double().mean()
        return Epoch(number, loss, float(held_out_loss), float(accuracy))

    @torch.no_grad()
    def probabilities(self) -> np.ndarray:
        """Of each label for the held-out lines: float64 [line, label]."""
        vectors = self._all_vectors(self.hold) if self.trained else self.fixed[self.hold]
        return np.asarray(_logits(vectors, self._parts()).double().softmax(-1).numpy())

    def _parts(self) -> dict[str, Tensor]:
        return {"weight": self.weight, "bias": self.bias, "mean": self.mean, "std": self.std}

    @torch.no_grad()
    def _all_vectors(self, rows: Sequence[int] | None = None) -> Tensor:
        ids = [self.ids[row] for row in (range(len(self.ids)) if rows is None else rows)]
        return torch.cat([_vectors(self.reader, ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)])


def wilson(correct: int, count: int) -> tuple[float, float]:
    """Between which shares does the true one lie, with 95 % confidence? Wilson 1927, without correction.

    ``correct`` of ``count`` were right.
    """
    z, share = 1.959963984540054, correct / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def binomial_tail(correct: int, count: int, share: float) -> float:
    """P(X ≥ ``correct``) for ``count`` independent tries that each succeed with probability ``share``: 0..1."""
    total = math.fsum(
        math.comb(count, number) * share**number * (1 - share) ** (count - number)
        for number in range(correct, count + 1)
    )
    return min(1.0, total)


def _private_reader(model: str | Reader, progress: Progress) -> Reader:
    """A reader of a copy that may be trained. Raises `TrainingError` for a model that is not an encoder of texts."""
    if isinstance(model, Reader):
        reader = Reader(copy.deepcopy(model.model), model.tokenizer, info=model.info, owned=True)
    else:
        reader = load(model, device="cpu", precision="float32", progress=progress)
    if reader.info.kind != "encoder-only" or not reader.plan.layers.get("self"):
        raise TrainingError(
            "{model} is not an encoder: a classifier is trained on a model of the BERT family.",
            todo="Choose minilm, or another encoder.",
            model=reader.info.name,
        )
    _layers(reader)
    reader.model.requires_grad_(False)
    return reader


def _layers(reader: Reader) -> list[nn.Module]:
    """The layers of the network, first to last."""
    count = reader.plan.layers["self"]
    lists = [part for part in reader.model.base_model.modules() if isinstance(part, nn.ModuleList)]
    for part in lists:
        if len(part) == count:
            return list(part)
    raise TrainingError(
        "The layers of {model} are not found, so that none can be trained.",
        todo="Choose minilm, or another model of the BERT family.",
        model=reader.info.name,
    )


@contextmanager
def _evaluated(reader: Reader, *, gradients: bool = False) -> Iterator[None]:
    """The model as it is run here: no dropout, and one thread, so that its numbers are the same again."""
    reader.model.eval()
    with one_thread(), torch.inference_mode(not gradients):
        yield


def _encoded(reader: Reader, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text. Raises `TrainingError` for one that is longer than the model reads."""
    context = reader.info.context
    rows: list[list[int]] = reader.tokenizer([" ".join(text.split()) for text in texts])["input_ids"]
    for text, row in zip(texts, rows, strict=True):
        if len(text) > MOST_CHARACTERS or (context is not None and len(row) > context):
            raise TrainingError(
                "“{text}…” has {count} tokens; {model} reads at most {most}, and a line at most {characters:,} "
                "characters.",
                todo="Shorten it.",
                text=" ".join(text.split())[:40],
                count=len(row),
                model=reader.info.name,
                most=context or len(row),
                characters=MOST_CHARACTERS,
            )
    return rows


def _vectors(reader: Reader, rows: Sequence[list[int]]) -> Tensor:
    """The mean of the last hidden states of each row of tokens: [row, number]."""
    longest, padding = max(map(len, rows)), reader.tokenizer.pad_token_id or 0
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    states = reader.model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask[..., None].to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)


def _logits(vectors: Tensor, head: Mapping[str, Tensor]) -> Tensor:
    return nn.functional.linear((vectors - head["mean"]) / head["std"], head["weight"], head["bias"])


def _split(labels: Sequence[str], seed: int) -> tuple[list[int], list[int]]:
    """Which rows it learns from, and which are held out: a quarter of each label, one at least."""
    generator, learn, hold = random.Random(seed), [], []
    for label in dict.fromkeys(labels):
        rows = [row for row, other in enumerate(labels) if other == label]
        generator.shuffle(rows)
        count = max(1, round(HELD_OUT * len(rows)))
        hold += rows[:count]
        learn += rows[count:]
    generator.shuffle(hold)
    return sorted(learn), hold


def _judged(texts: Sequence[str], probabilities: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """One row a text: text, prediction, probability."""
    best = probabilities.argmax(-1)
    return pd.DataFrame(
        {
            "text": list(texts),
            "prediction": [labels[place] for place in best],
            "probability": probabilities[np.arange(len(best)), best],
        }
    )


def _patterns(reader: Reader, texts: Sequence[str]) -> list[list[np.ndarray]]:
    """The weights of all heads of each layer on each text, layer by layer."""
    result = []
    for text in texts:
        memory = reader.read(text).memory("self")
        result.append(
            [
                np.stack([memory.pattern(layer, head) for head in range(memory.heads)]).ravel()
                for layer in range(memory.layers)
            ]
        )
    return result


def _turns(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[float]:
    """1 − cosine of each layer, as half the squared distance of the unit vectors: exactly 0 for what is the same."""
    pairs = [(old.astype(np.float64), new.astype(np.float64)) for old, new in zip(before, after, strict=True)]
    return [float(((old / np.linalg.norm(old) - new / np.linalg.norm(new)) ** 2).sum() / 2) for old, new in pairs]


def _moved(before: Mapping[str, Tensor], block: nn.Module) -> float:
    """How far the weights of a layer went, against their length."""
    after = block.state_dict()
    change = math.fsum(float(((after[name] - value).double() ** 2).sum()) for name, value in before.items())
    return math.sqrt(change / math.fsum(float((value.double() ** 2).sum()) for value in before.values()))


def _read_settings(path: Path) -> dict[str, Any]:
    file = path / SETTINGS
    if not file.is_file() or not (path / WEIGHTS).is_file():
        raise TrainingError(
            "There is no classifier in {folder}: it holds {settings} and {weights}.",
            todo="Give the folder that Classifier.save wrote.",
            folder=str(path)[:120],
            settings=SETTINGS,
            weights=WEIGHTS,
        )
    try:
        if file.stat().st_size > _MOST_SETTINGS:
            raise ValueError("too large")
        settings = json.loads(file.read_text(encoding="utf-8"))
        if settings["layout"] != LAYOUT or not 0 <= int(settings["layers"]) <= 1000:
            raise ValueError("layout")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(path) from error
    return dict(settings)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> TrainingError:
    return TrainingError(
        "The classifier in {folder} is broken, or of another version.",
        todo="Save it again.",
        folder=str(path)[:120],
    )
