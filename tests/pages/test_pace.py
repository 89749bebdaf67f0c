"""How long work will take is told by how long it took."""

import pytest

from memviz.serving.pace import USUAL, Pace


def test_pace_begins_with_what_is_usual_and_follows_what_is_measured():
    pace = Pace()
    assert pace.seconds("read minilm", 500) == pytest.approx(500 * USUAL)
    pace.observe("read minilm", 100, 1.0)
    assert pace.seconds("read minilm", 500) == pytest.approx(5.0)
    assert pace.seconds("read smollm2", 500) == pytest.approx(500 * USUAL)
    for _ in range(30):
        pace.observe("read minilm", 200, 0.4)
    assert pace.seconds("read minilm", 500) == pytest.approx(1.0, rel=1e-3)


def test_an_empty_text_leaves_a_pace_that_is_a_number():
    pace = Pace()
    pace.observe("read minilm", 0, 0.02)
    assert pace.seconds("read minilm", 10) == pytest.approx(0.2)
