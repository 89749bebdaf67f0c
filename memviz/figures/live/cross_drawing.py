"""Two rows of words, joined by links: what the script of the component draws, without a page around it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict

import numpy as np

from memviz.figures.live.assets import as_utf8
from memviz.tokens import Word, distinct_names
from memviz.trace import Trace

LINKS = 16  # of a target word at most
MOST_HEADS = 4  # whose colours stay apart for everybody
OTHERS = 3  # tokens that could have been written instead of one
BUDGET = 400_000  # bytes of those tokens: a text of 2,000 words stays below one megabyte

LABELS = {
    "source": "The source, word by word. Arrow keys move, Enter pins a word, Escape releases it.",
    "target": "The translation, word by word. Arrow keys move, Enter pins a word, Escape releases it.",
    "hint": "Hover or tap a word; click to pin it.",
    "read_from": "“{word}” was read from",
    "read_by": "“{word}” was read by",
    "written": "How probable “{word}” was",
    "read_from_none": "It was read from no word here.",
    "read_by_none": "No word was read from it here.",
    "unknown": "From which words it was read cannot be told here.",
    "rest": "all others",
    "steps": "Watch the translation being written",
    "first": "First word",
    "back": "Previous word",
    "play": "Play",
    "pause": "Pause",
    "forward": "Next word",
    "last": "Whole translation",
    "step": "Step {step} of {steps}",
    "whole": "Whole translation",
    "forgotten": "“{word}” is masked",
    "announce_target": "“{word}” was read most from “{top}”, {weight}.",
    "announce_source": "“{word}” was read most by “{top}”, {weight}.",
}


class TokenStep(TypedDict):
    """One token as it was written: how probable it was, and what else could have been, likeliest first."""

    text: str
    probability: float | None
    others: Sequence[tuple[str, float]]


class SourceWord(TypedDict, total=False):
    """One word that was read, or that might not be; its ``name`` tells it apart from others that are written alike."""

    text: str
    name: str
    special: bool
    forgotten: bool


class TargetWord(TypedDict, total=False):
    """One word that was written, its name, and the tokens it was written as."""

    text: str
    name: str
    special: bool
    steps: Sequence[TokenStep]


@dataclass(frozen=True)
class Pin:
    """A word that is kept: in which row, and its index there."""

    side: Literal["source", "target"]
    index: int


def token_steps(part: Trace, word: Word) -> list[TokenStep]:
    """The tokens of a written word: how probable each was, and what could have been written instead."""
    steps: list[TokenStep] = []
    for place in word.tokens:
        step = part.steps[place] if place < len(part.steps) else ()
        token = part.targets[place]
        steps.append(
            {
                "text": token.text,
                "probability": float(np.exp(part.logprobs[place])),
                "others": [(other.text, other.probability) for other in step if other.id != token.id],
            }
        )
    return steps


def drawing(
    sources: Sequence[SourceWord],
    targets: Sequence[TargetWord],
    weights: np.ndarray,
    *,
    labels: Mapping[str, str],
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
    note: str = "",
    steps: bool = True,
    facing: bool = False,
    heads: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What does the script draw? (plain values, arrays), as ``cross.js`` describes them."""
    expected = (*([len(heads)] if heads else []), len(targets), len(sources))
    if np.shape(weights) != expected:
        axes = "[head, target word, source word]" if heads else "[target word, source word]"
        raise ValueError(f"weights must be {axes}, {expected}, got {np.shape(weights)}")
    if len(heads) > MOST_HEADS:
        raise ValueError(f"at most {MOST_HEADS} heads can be told apart by their colours, got {len(heads)}")
    if not 0 <= keep <= 1:
        raise ValueError(f"keep must be a share, 0 to 1, got {keep}")
    links = overlay_links(np.asarray(weights), keep=keep) if heads else select_links(np.asarray(weights), keep=keep)
    tokens, chances = _token_payload(targets)
    plain = {
        "sources": [as_utf8(word["text"]) for word in sources],
        "targets": [as_utf8(word["text"]) for word in targets],
        "names": {"source": _names(sources), "target": _names(targets)},
        "rtl": {"source": bool(right_to_left[0]), "target": bool(right_to_left[1])},
        "labels": {name: labels.get(name, english) for name, english in LABELS.items()},
        "note": note,
        "steps": steps,
        "facing": facing,
        "heads": list(heads),
        **tokens,
    }
    flags = {
        "source_special": np.array([bool(word.get("special")) for word in sources], dtype=np.uint8),
        "source_forgotten": np.array([bool(word.get("forgotten")) for word in sources], dtype=np.uint8),
        "target_special": np.array([bool(word.get("special")) for word in targets], dtype=np.uint8),
    }
    return plain, {**flags, **links, **chances}


def _names(words: Sequence[SourceWord] | Sequence[TargetWord]) -> dict[str, str]:
    """The names of words that are not their texts, by place: those given, else text and place where texts are alike."""
    texts = [word["text"] for word in words]
    names = [word.get("name", name) for word, name in zip(words, distinct_names(texts), strict=True)]
    return {str(place): as_utf8(name) for place, name in enumerate(names) if name != texts[place]}


def pin_payload(pin: Pin | None) -> dict[str, Any] | None:
    """A pin as the script reads it."""
    return None if pin is None else asdict(pin)


def select_links(weights: np.ndarray, *, keep: float = 1.0) -> dict[str, np.ndarray]:
    """Which links of each target word are drawn? Strongest first; the earlier source word where two are equal.

    ``index`` uint32 and ``weight`` float32 [target, link], weight 0 is no link; ``rest`` float32 [target], what all
    that is not drawn sums to; ``known`` uint8 [target], 0 where a row has NaN in it.
    """
    is_known = ~np.isnan(weights).any(axis=1)
    weights = np.where(is_known[:, None], weights, 0).astype(np.float32)
    count = min(LINKS, weights.shape[1])
    index = np.argpartition(-weights, max(count - 1, 0), axis=1)[:, :count] if count else np.zeros(weights.shape, int)
    index = np.sort(index, axis=1)
    order = np.argsort(-np.take_along_axis(weights, index, axis=1), axis=1, kind="stable")
    index = np.take_along_axis(index, order, axis=1)
    weight = np.take_along_axis(weights, index, axis=1)
    total = weights.sum(axis=1, dtype=np.float64)
    stronger = np.cumsum(weight, axis=1, dtype=np.float64) - weight  # what stands before a link
    shares = np.where(stronger < keep * total[:, None], weight, 0) if keep < 1 else weight
    rest = np.maximum(total - shares.sum(axis=1, dtype=np.float64), 0)
    return {
        "index": index.astype(np.uint32),
        "weight": shares.astype(np.float32),
        "rest": rest.astype(np.float32),
        "known": is_known.astype(np.uint8),
    }


def overlay_links(weights: np.ndarray, *, keep: float = 1.0) -> dict[str, np.ndarray]:
    """The same of several heads [head, target, source]: the links of all of them, and of each its ``head``, uint8.

    [target, link], strongest first. ``rest`` is 0: what is not drawn belongs to different heads.
    """
    each = [select_links(part, keep=keep) for part in weights]
    head = [np.full(part["index"].shape, number, dtype=np.uint8) for number, part in enumerate(each)]
    joined = {name: np.concatenate([part[name] for part in each], axis=1) for name in ("index", "weight")}
    joined["head"] = np.concatenate(head, axis=1)
    order = np.argsort(-joined["weight"], axis=1, kind="stable")
    links = {name: np.take_along_axis(values, order, axis=1) for name, values in joined.items()}
    known = np.min([part["known"] for part in each], axis=0)
    return {**links, "rest": np.zeros(len(known), dtype=np.float32), "known": known}


def _token_payload(targets: Sequence[TargetWord]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The tokens of all target words one after the other, and what else could have been written."""
    steps = [step for word in targets for step in word.get("steps", ())]
    count = _others_that_fit(steps)
    plain: dict[str, Any] = {
        "tokens": [as_utf8(step["text"]) for step in steps],
        "others": [[as_utf8(text) for text, _ in step["others"][:count]] for step in steps],
    }
    chances = [np.nan if step["probability"] is None else step["probability"] for step in steps]
    arrays: dict[str, np.ndarray] = {
        "token_count": np.array([len(word.get("steps", ())) for word in targets], dtype=np.uint16),
        "probability": np.array(chances, dtype=np.float32),
        "other_probability": np.array([c for step in steps for _, c in step["others"][:count]], dtype=np.float32),
    }
    return plain, arrays


def _others_that_fit(steps: Sequence[TokenStep]) -> int:
    """How many alternatives of each token can be sent?"""
    for count in range(OTHERS, 0, -1):
        texts = [[as_utf8(text) for text, _ in step["others"][:count]] for step in steps]
        if len(json.dumps(texts)) + 4 * sum(map(len, texts)) <= BUDGET:
            return count
    return 0
