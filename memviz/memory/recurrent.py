"""The other kind of memory: boxes that fade. No look-up, one number a unit, mixed anew with every token.

A recurrent decoder (SSRU, Kim et al. 2019, From Research to Production and Back) keeps one state and overwrites a part
of it at every step:

    c_t = f_t · c_(t−1) + (1 − f_t) · z_t,   c before the first token = 0

Unrolled, that is a weighted sum of everything that was ever written, ``c_t = Σ_s w[t, s] · z_s``, so it can be drawn
like a pattern of attention. It is none: the weights differ from unit to unit, and nothing is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz.errors import TraceError
from memviz.memory.scores import read_only
from memviz.note import Note
from memviz.tokens import Token


@dataclass(frozen=True, eq=False, repr=False)
class Recurrent:
    """What the recurrent units of a decoder kept while it wrote: three arrays [layer, query, unit].

    queries     the tokens written, one a step
    keys        the tokens entered, one a step: nothing first, then each token after it was written
    gates       f, 0..1: 1 keeps what the unit held, 0 overwrites it
    candidates  z, what would be written
    states      c, what the unit then held, as the model computed it
    """

    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    gates: np.ndarray
    candidates: np.ndarray
    states: np.ndarray

    def __repr__(self) -> str:
        return f"<Recurrent {self.layers} layers × {self.units} units × {len(self.queries)} tokens>"

    @property
    def layers(self) -> int:
        """How many layers have such units; counted from 0."""
        return self.gates.shape[0]

    @property
    def units(self) -> int:
        """How many units a layer has: the size of this memory, however long the text."""
        return self.gates.shape[2]

    @property
    def nbytes(self) -> int:
        """How many bytes it holds."""
        return self.gates.nbytes + self.candidates.nbytes + self.states.nbytes

    def pattern(self, layer: int, unit: int | None = None) -> np.ndarray:
        """How much of what is held after each step was written at each step?

        float32 [query, key], 0..1, zero for later keys. A row and what is left of the start (`remainder`) sum to one.
        Without a ``unit``, the mean over all of them. ``w[t, s] = (1 − f_s) · Π_(r = s+1..t) f_r``, exact.
        Raises `TraceError` for a layer or a unit that is not there.
        """
        gates = self._gates(layer, unit)
        out = np.zeros((len(gates), len(gates)), dtype=np.float32)
        row = np.zeros_like(gates)
        for step, gate in enumerate(gates):
            row *= gate
            row[step] = 1 - gate
            out[step] = row.mean(axis=1)
        return out

    def remainder(self, layer: int, unit: int | None = None) -> np.ndarray:
        """How much of the empty start is left after each step? float32 [query], 0..1: ``Π_(r ≤ t) f_r``.

        Without a ``unit``, the mean over all of them. Raises `TraceError` as `pattern` does.
        """
        return np.cumprod(self._gates(layer, unit), axis=0).mean(axis=1)

    def rebuilt(self, layer: int) -> np.ndarray:
        """The states again, from the unrolled weights: ``Σ_s w[t, s] · z_s``. float32 [query, unit].

        Equal to ``states[layer]`` up to rounding, which is what shows that the weights are exact.
        """
        gates = self._gates(layer, None)
        row, out = np.zeros_like(gates), np.zeros_like(gates)
        for step, gate in enumerate(gates):
            row *= gate
            row[step] = 1 - gate
            out[step] = (row * self.candidates[layer]).sum(axis=0)
        return out

    def terms(self, layer: int, unit: int, query: int) -> np.ndarray:
        """What is each step's part in what a unit holds after step ``query``? float64 [key]: ``w[t, s] · z_s``.

        Zero for later steps; the sum is ``states[layer, query, unit]`` up to rounding. Raises `TraceError` as `pattern`
        does, and for a step that is not there.
        """
        if not 0 <= query < len(self.queries):
            raise TraceError(
                "There is no step {step}: {count} tokens were written.",
                todo="They are counted from 0.",
                step=query,
                count=len(self.queries),
            )
        gates = self._gates(layer, unit)[: query + 1, 0].astype(np.float64)
        terms = np.zeros(len(self.keys))
        later = np.append(np.cumprod(gates[::-1])[::-1][1:], 1.0)  # Π_(r = s+1..t) f_r
        terms[: query + 1] = (1 - gates) * later * self.candidates[layer, : query + 1, unit]
        return terms

    def half_lives(self) -> np.ndarray:
        """After how many tokens has each unit lost half of what it held? float32 [layer, unit], in tokens, from 0.

        ``ln ½ ÷ ln (mean_t f_t)``: as if its gate were the same at every step. Infinite for a gate that never closes.
        """
        with np.errstate(divide="ignore"):
            fading = -np.log(self.gates.mean(axis=1, dtype=np.float64))
            return (np.log(2) / np.abs(fading)).astype(np.float32)

    def _gates(self, layer: int, unit: int | None) -> np.ndarray:
        """The gates of a layer, of all units or of one: [query, unit]."""
        for what, number, there in ((Note("layer"), layer, self.layers), (Note("unit"), unit, self.units)):
            if number is not None and not 0 <= number < there:
                raise TraceError(
                    "There is no {what} {number} in this memory: it has {there} of them.",
                    todo="They are counted from 0 to {last}.",
                    what=what,
                    number=number,
                    there=there,
                    last=there - 1,
                )
        gates = self.gates[layer]
        return gates if unit is None else gates[:, unit : unit + 1]


def recurrent_memory(queries: tuple[Token, ...], keys: tuple[Token, ...], **arrays: np.ndarray) -> Recurrent:
    """The memory of ``queries``, ``keys`` and the ``arrays`` of `Recurrent`, made read-only."""
    return Recurrent(queries, keys, **{name: read_only(array) for name, array in arrays.items()})
