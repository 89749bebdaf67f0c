"""The memory that fades: its weights against the recurrence they unroll."""

from __future__ import annotations

import numpy as np
import pytest

from memviz.errors import TraceError
from memviz.memory.recurrent import Recurrent, recurrent_memory
from memviz.tokens import Token

LAYERS, STEPS, UNITS = 2, 7, 5


def tokens(count: int) -> tuple[Token, ...]:
    return tuple(Token(f"t{number}", number, number, number + 1, number, False) for number in range(count))


def memory(gates: np.ndarray, candidates: np.ndarray | None = None) -> Recurrent:
    """The memory that these gates [layer, step, unit] make, its states by the recurrence itself."""
    gates = np.asarray(gates, dtype=np.float32)
    random = np.random.default_rng(0)
    candidates = random.normal(size=gates.shape).astype(np.float32) if candidates is None else candidates
    states, before = np.zeros_like(gates), np.zeros_like(gates[:, 0])
    for step in range(gates.shape[1]):
        before = gates[:, step] * before + (1 - gates[:, step]) * candidates[:, step]
        states[:, step] = before
    return recurrent_memory(
        tokens(gates.shape[1]), tokens(gates.shape[1]), gates=gates, candidates=candidates, states=states
    )


RANDOM = memory(np.random.default_rng(1).uniform(0, 1, (LAYERS, STEPS, UNITS)))


def test_the_weights_by_their_definition() -> None:
    for layer in range(LAYERS):
        for unit in range(UNITS):
            gate = RANDOM.gates[layer, :, unit].astype(np.float64)
            found = RANDOM.pattern(layer, unit)
            for row in range(STEPS):
                for column in range(STEPS):
                    expected = (1 - gate[column]) * np.prod(gate[column + 1 : row + 1]) if column <= row else 0.0
                    assert found[row, column] == pytest.approx(expected, abs=1e-6)
            np.testing.assert_allclose(RANDOM.remainder(layer, unit), np.cumprod(gate), atol=1e-6)


def test_the_weights_rebuild_the_states() -> None:
    for layer in range(LAYERS):
        np.testing.assert_allclose(RANDOM.rebuilt(layer), RANDOM.states[layer], atol=1e-6)


def test_a_row_and_what_is_left_of_the_start_sum_to_one() -> None:
    for unit in (None, 0, 3):
        total = RANDOM.pattern(1, unit).sum(axis=1) + RANDOM.remainder(1, unit)
        np.testing.assert_allclose(total, 1, atol=1e-6)


def test_the_pattern_of_a_layer_is_the_mean_of_its_units() -> None:
    units = [RANDOM.pattern(0, unit) for unit in range(UNITS)]
    np.testing.assert_allclose(RANDOM.pattern(0), np.mean(units, axis=0), atol=1e-6)
    assert RANDOM.pattern(0).dtype == RANDOM.remainder(0).dtype == np.float32


def test_gates_that_are_open_closed_or_half() -> None:
    closed, half, open_ = (memory(np.full((1, 4, 1), gate)) for gate in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(closed.pattern(0), np.eye(4))
    np.testing.assert_array_equal(open_.pattern(0), np.zeros((4, 4)))
    np.testing.assert_array_equal(open_.remainder(0), np.ones(4))
    assert half.pattern(0)[3].tolist() == [0.0625, 0.125, 0.25, 0.5]
    assert [float(one.half_lives()[0, 0]) for one in (closed, half, open_)] == [0, 1, np.inf]
    assert float(memory(np.full((1, 4, 1), 0.5**0.25)).half_lives()[0, 0]) == pytest.approx(4)


def test_what_it_says_of_itself() -> None:
    assert (RANDOM.layers, RANDOM.units) == (LAYERS, UNITS)
    assert RANDOM.nbytes == 3 * LAYERS * STEPS * UNITS * 4
    assert repr(RANDOM) == "<Recurrent 2 layers × 5 units × 7 tokens>"
    with pytest.raises(ValueError, match="read-only"):
        RANDOM.gates[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("layer", "unit", "said"), [(2, None, "no layer 2"), (-1, 0, "no layer -1"), (0, 5, "no unit 5")]
)
def test_what_is_not_there(layer: int, unit: int | None, said: str) -> None:
    for call in (RANDOM.pattern, RANDOM.remainder):
        with pytest.raises(TraceError, match=said):
            call(layer, unit)
    with pytest.raises(TraceError, match="no layer 9"):
        RANDOM.rebuilt(9)
