"""The network of Firefox Translations once more, from its equations, in double precision: what ours is held against.

Weights are a dictionary by Marian's names, matrices [in, out]. What is forgotten and which heads write nothing is done
as the words say: no weight, and nothing written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Weights = dict[str, np.ndarray]


@dataclass
class Run:
    """What came out: attention [layer, head, query, key], gates and states [layer, token, unit], logits."""

    encoder: list[np.ndarray] = field(default_factory=list)
    cross: list[np.ndarray] = field(default_factory=list)
    gates: list[np.ndarray] = field(default_factory=list)
    states: list[np.ndarray] = field(default_factory=list)
    logits: np.ndarray = field(default_factory=lambda: np.zeros(0))


def run(
    weights: Weights,
    source: list[int],
    target: list[int],
    *,
    heads: int,
    layers: int,
    cut: np.ndarray | None = None,
    replaced: Mapping[tuple[str, int, int], str] | None = None,
) -> Run:
    """Read the source tokens, and write the target tokens one after the other.

    ``cut`` bool [layer, head, query, key]: the edges of the cross-attention that are not there. ``replaced``: by
    memory ("encoder", "cross"), layer and head, what becomes of a head's output: "zero" or "mean".
    """
    replaced = replaced or {}
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    out = Run()
    width = w["Wemb"].shape[1]
    x = np.sqrt(width) * w["Wemb"][source] + positions(len(source), width)
    for layer in range(1, layers + 1):
        name = f"encoder_l{layer}"
        changed = {head: by for (kind, place, head), by in replaced.items() if (kind, place + 1) == ("encoder", layer)}
        read, weight = attend(w, f"{name}_self", x, x, heads=heads, replaced=changed)
        x = feedforward(w, name, norm(w, f"{name}_self_Wo", x + read))
        out.encoder.append(weight)
    states = [np.zeros(width) for _ in range(layers)]
    rows = [[] for _ in range(3 * layers + 1)]
    for step in range(len(target)):
        y = np.zeros(width) if step == 0 else np.sqrt(width) * w["Wemb"][target[step - 1]]
        y = (y + positions(step + 1, width)[step])[None]
        for layer in range(1, layers + 1):
            name = f"decoder_l{layer}"
            gate = 1 / (1 + np.exp(-(y @ w[f"{name}_rnn_Wf"] + w[f"{name}_rnn_bf"])))[0]
            states[layer - 1] = gate * states[layer - 1] + (1 - gate) * (y @ w[f"{name}_rnn_W"])[0]
            y = norm(w, f"{name}_rnn_ffn", y + np.maximum(states[layer - 1], 0))
            changed = {
                head: by for (kind, place, head), by in replaced.items() if (kind, place + 1) == ("cross", layer)
            }
            lost = None if cut is None else cut[layer - 1, :, step : step + 1]
            read, weight = attend(w, f"{name}_context", y, x, heads=heads, cut=lost, replaced=changed)
            y = feedforward(w, name, norm(w, f"{name}_context_Wo", y + read))
            for kind, value in enumerate((weight[:, 0], gate, states[layer - 1])):
                rows[3 * (layer - 1) + kind].append(value)
        rows[-1].append((y @ w["Wemb"].T + w["decoder_ff_logit_out_b"])[0])
    for layer in range(layers):
        out.cross.append(np.stack(rows[3 * layer], axis=1))
        out.gates.append(np.stack(rows[3 * layer + 1]))
        out.states.append(np.stack(rows[3 * layer + 2]))
    out.logits = np.stack(rows[-1])
    return out


def positions(count: int, width: int) -> np.ndarray:
    """Sines, then cosines, of the same angles."""
    half = width // 2
    angles = np.arange(count)[:, None] * 10_000.0 ** (-np.arange(half) / (half - 1))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def attend(
    w: Weights,
    name: str,
    x: np.ndarray,
    memory: np.ndarray,
    *,
    heads: int,
    cut: np.ndarray | None = None,
    replaced: Mapping[int, str],
) -> tuple[np.ndarray, np.ndarray]:
    """(what is read [query, width], the weights [head, query, key])."""
    query, key, value = (
        (text @ w[f"{name}_W{letter}"] + w[f"{name}_b{letter}"]).reshape(len(text), heads, -1).transpose(1, 0, 2)
        for letter, text in (("q", x), ("k", memory), ("v", memory))
    )
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
    if cut is not None:
        scores = np.where(cut, -np.inf, scores)
    weight = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)
    mixed = weight @ value
    for head, by in replaced.items():
        mixed[head] = mixed[head].mean(axis=0) if by == "mean" else 0
    return mixed.transpose(1, 0, 2).reshape(len(x), -1) @ w[f"{name}_Wo"] + w[f"{name}_bo"], weight


def feedforward(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    inner = np.maximum(x @ w[f"{name}_ffn_W1"] + w[f"{name}_ffn_b1"], 0)
    return norm(w, f"{name}_ffn_ffn", x + inner @ w[f"{name}_ffn_W2"] + w[f"{name}_ffn_b2"])


def norm(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return scaled * w[f"{name}_ln_scale"] + w[f"{name}_ln_bias"]
