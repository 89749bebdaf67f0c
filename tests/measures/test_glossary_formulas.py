"""The formula that the glossary prints gives the number that is shown: each is worked out once more, cell by cell.

A formula stands here beside its sum. Who changes one has to change the other, and the numbers still have to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np
import pytest

from memviz.measures import MEASURES, sink_positions
from memviz.memory import Memory
from memviz.sources import special_places
from tests.memories import PLAIN, REPEATED, memory_of, tokens, weights_of

NAN = float("nan")
SPECIAL = tokens(["[CLS]", "a", "b", "a", "c", "a", "b", "[SEP]"], special=(0, 7))
MEMORIES = {
    "causal": lambda: memory_of(REPEATED, causal=True, seed=11)[0],
    "encoder": lambda: memory_of(SPECIAL, seed=12)[0],
    "learned sink": lambda: memory_of(REPEATED, causal=True, sink=True, seed=13)[0],
    "window": lambda: memory_of(PLAIN, causal=True, window=(None, 3), seed=14)[0],
    "cross": lambda: memory_of(SPECIAL, tokens(["x", "y", "z", "</s>"], special=(3,)), seed=15)[0],
    "cross without special tokens": lambda: memory_of(PLAIN, "uno dos tres", seed=16)[0],
}


class Rows:
    """The rows of one head, and what a formula asks of them."""

    def __init__(self, memory: Memory, layer: int, head: int) -> None:
        self.memory, self.layer, self.head = memory, layer, head
        self.a = weights_of(memory)[layer, head]
        self.rows, self.cols = self.a.shape
        first, stop = memory.visible(layer).T
        self.visible = [range(low, high) for low, high in zip(first, stop, strict=True)]
        self.sinks = sink_positions(memory)
        self.f = memory.summary.value_norm[layer, head].astype(np.float64)
        self.t = [token.id for token in memory.keys]

    def viewers(self, j: int) -> list[int]:
        return [i for i in range(self.rows) if j in self.visible[i]]

    def entropy(self, i: int) -> float:
        p = self.a[i] / self.a[i].sum()
        return float(-sum(x * np.log(x) for x in p if x > 0))

    def copies(self, i: int) -> list[int]:
        return [j for j in range(i) if self.t[j] == self.t[i]]

    def apart(self, d: int) -> list[tuple[int, int]]:
        return [(i, j) for i in range(self.rows) for j in self.visible[i] if abs(i - j) == d and j > 0]


def mean(values: Iterable[float]) -> float:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers) if numbers else NAN


def sums_within(head: Rows, d: int) -> float:
    return sum(head.a[i, j] for i in range(head.rows) for j in range(1, head.cols) if abs(i - j) <= d)


def span(head: Rows) -> int:
    return next(d for d in range(head.rows) if sums_within(head, d) >= 0.5 * sums_within(head, head.rows))


def by_distance(head: Rows) -> list[float]:
    pairs = [head.apart(d) for d in range(head.cols)]
    usual = [mean(1 / len(head.visible[i]) for i, _ in part) for part in pairs]
    return [mean(head.a[i, j] for i, j in part) / u if part else NAN for part, u in zip(pairs, usual, strict=True)]


def confidence(head: Rows) -> float:
    sources = [s for s in range(head.cols) if s not in special_places(head.memory.keys)]
    written = [t for t in range(head.rows) if t not in special_places(head.memory.queries)]
    return mean(max(head.a[t, s] for s in sources) for t in written)


def lift(head: Rows, i: int, j: int) -> float:
    if j not in head.visible[i]:
        return NAN
    others = mean(head.a[k, j] for k in head.viewers(j) if k != i)
    return head.a[i, j] / others if others > 0 else NAN


def sink_value_share(head: Rows) -> float:
    norms = [[head.a[i, j] * head.f[j] for j in range(head.cols)] for i in range(head.rows)]
    return sum(row[j] for row in norms for j in head.sinks) / sum(map(sum, norms))


def rollout(head: Rows) -> np.ndarray:
    whole, out = weights_of(head.memory), np.eye(head.rows)
    for layer in whole:
        out = (0.5 * layer.mean(axis=0) + 0.5 * np.eye(head.rows)) @ out
    return out


COPIES = r"\operatorname{mean}_{i:\, \exists j < i,\, t_j = t_i}\; "
FORMULAS: dict[str, tuple[str, Callable[[Rows], object]]] = {
    "coverage": (r"\text{cov}_s = \sum_t c_{ts}", lambda head: [sum(head.a[:, s]) for s in range(head.cols)]),
    "confidence": (
        r"\operatorname{mean}_{t \notin \text{special}}\; \max_{s \notin \text{special}} c_{ts}",
        confidence,
    ),
    "distance": (
        r"\frac{D(\delta)}{U(\delta)}, \quad D(\delta) = \operatorname{mean}_{|i-j|=\delta,\; j>0} a_{ij}, \quad "
        r"U(\delta) = \operatorname{mean}_{|i-j|=\delta,\; j>0} \frac{1}{|\text{visible}_i|}, \quad "
        r"j \text{ visible to } i",
        by_distance,
    ),
    "mean_distance": (
        r"\frac{1}{n} \sum_{ij} a_{ij}\, |i - j|",
        lambda head: sum(a * abs(i - j) for (i, j), a in np.ndenumerate(head.a)) / head.rows,
    ),
    "span": (r"\min \{ d : \sum_{|i-j| \le d,\; j>0} a_{ij} \ge \tfrac12 \sum_{ij,\; j>0} a_{ij} \}", span),
    "previous_token": (
        r"\operatorname{mean}_{i \ge 1}\; a_{i,i-1}",
        lambda head: mean(head.a[i, i - 1] for i in range(1, head.rows)),
    ),
    "next_token": (
        r"\operatorname{mean}_{i < n-1}\; a_{i,i+1}",
        lambda head: mean(head.a[i, i + 1] for i in range(head.rows - 1)),
    ),
    "self_attention": (
        r"\operatorname{mean}_i\; a_{ii}",
        lambda head: mean(head.a[i, i] for i in range(head.rows)),
    ),
    "first_token": (
        r"\operatorname{mean}_{i \ge 1}\; a_{i0}",
        lambda head: mean(head.a[i, 0] for i in range(1, head.rows)),
    ),
    "duplicate_token": (
        COPIES + r"\sum_{j < i,\; t_j = t_i} a_{ij}",
        lambda head: mean(sum(head.a[i, j] for j in head.copies(i)) for i in range(head.rows) if head.copies(i)),
    ),
    "induction": (
        COPIES + r"\sum_{j+1 < i,\; t_j = t_i} a_{i,j+1}",
        lambda head: mean(
            sum(head.a[i, j + 1] for j in head.copies(i) if j + 1 < i) for i in range(head.rows) if head.copies(i)
        ),
    ),
    "received": (
        r"r_j = \frac{1}{|\{i : j \text{ visible to } i\}|} \sum_i a_{ij}",
        lambda head: [sum(head.a[:, j]) / len(head.viewers(j)) for j in range(head.cols)],
    ),
    "entropy": (
        r"E_i = -\sum_j p_{ij} \ln p_{ij}, \quad p_{ij} = a_{ij} \Big/ \sum_k a_{ik}",
        lambda head: [head.entropy(i) for i in range(head.rows)],
    ),
    "slots": (r"N_i = \exp(E_i)", lambda head: [np.exp(head.entropy(i)) for i in range(head.rows)]),
    "sink_share": (
        r"s = \frac{1}{n} \sum_i \sum_{j \in \text{sinks}} a_{ij}",
        lambda head: sum(head.a[i, j] for i in range(head.rows) for j in head.sinks) / head.rows,
    ),
    "sink_value_share": (
        r"\frac{\sum_i \sum_{j \in \text{sinks}} \lVert a_{ij}\, f_j \rVert}"
        r"{\sum_{ij} \lVert a_{ij}\, f_j \rVert}, \quad f_j = v_j W_O",
        sink_value_share,
    ),
    "lift": (
        r"\text{lift}_{ij} = a_{ij} \Big/ \operatorname{mean}_{i' \neq i,\; j \text{ visible to } i'} a_{i'j}",
        lambda head: [[lift(head, i, j) for j in range(head.cols)] for i in range(head.rows)],
    ),
    "value_norm": (r"\lVert a_{ij}\, f_j \rVert, \quad f_j = v_j W_O", lambda head: head.a * head.f),
    "rollout": (
        r"R = \hat A_L \cdots \hat A_1, \quad \hat A_l = \tfrac12 \bar A_l + \tfrac12 I",
        rollout,
    ),
}
ACROSS = {"coverage", "confidence"}
ALIKE = {"received", "entropy", "slots", "sink_share", "sink_value_share", "lift", "value_norm", "first_token"}


def is_defined(name: str, memory: Memory) -> bool:
    if name == "rollout" and memory.causal:
        return False
    return name in ALIKE or (name in ACROSS) == (memory.kind == "cross")


CASES = [
    pytest.param(name, kind, id=f"{name}-{kind}")
    for name, kind in chain.from_iterable(((name, kind) for kind in MEMORIES) for name in FORMULAS)
    if is_defined(name, MEMORIES[kind]())
]


def test_every_measure_has_its_formula_here_as_it_is_printed() -> None:
    assert {name: measure.formula for name, measure in MEASURES.items()} == {
        name: formula for name, (formula, _) in FORMULAS.items()
    }


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_formula_gives_the_number(name: str, kind: str) -> None:
    measure, memory, (_, worked_out) = MEASURES[name], MEMORIES[kind](), FORMULAS[name]
    for layer, head in ((0, 1), (1, 2)):
        wanted = np.array(worked_out(Rows(memory, layer, head)), dtype=np.float64)
        if measure.of_one_head:
            values = measure.compute(memory, layer, head)
        else:
            values = measure.compute(memory)
            values = values[layer, head] if measure.axes[0] == "layer" else values
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-5)


def test_the_range_of_slots_begins_with_one_key() -> None:
    assert (MEASURES["slots"].low, MEASURES["slots"].high) == (1, None)
