"""Names of points part where there is room: the same names at the same places, always."""

from __future__ import annotations

import numpy as np

from memviz.figures.charts import places
from memviz.figures.charts.places import HEIGHT, LETTER, PLOT, POINT, SPOTS, spots

ALWAYS = ["top center"]


def overlaps(names: list[str], x: np.ndarray, y: np.ndarray, chosen: list[str]) -> int:
    """How many pairs of names lie on each other, by the pixels of the drawing."""
    scale = min(PLOT[0] / np.ptp(x), PLOT[1] / np.ptp(y))
    boxes = []
    for name, left, up, spot in zip(names, x * scale, -y * scale, chosen, strict=True):
        right, below = SPOTS[spot]
        width = LETTER * len(name)
        boxes.append((left + right * (width + POINT), up + below * (HEIGHT + POINT) / 2, width))
    return sum(
        abs(boxes[i][0] - boxes[j][0]) < (boxes[i][2] + boxes[j][2]) / 2 and abs(boxes[i][1] - boxes[j][1]) < HEIGHT
        for i in range(len(boxes))
        for j in range(i)
    )


def test_names_of_neighbours_part() -> None:
    names = ["monday", "tuesday", "sunday", "paris", "london", "france"]
    x = np.array([0.0, 0.02, 0.04, 1.0, 1.03, 0.98])
    y = np.array([0.0, 0.01, -0.01, 0.5, 0.5, 0.52])
    assert overlaps(names, x, y, ALWAYS * 6) >= 4, "all above would lie on each other"
    assert overlaps(names, x, y, spots(names, x, y)) == 0
    assert spots(names, x, y) == spots(names, x, y)
    assert list(places.places(names, x, y, axes=("a", "b"), alt="c").data[0].textposition) == spots(names, x, y)


def test_one_word_and_words_at_one_place_are_drawn() -> None:
    assert spots(["alone"], np.array([1.0]), np.array([2.0])) == ALWAYS
    assert len(set(spots(["a", "b", "c"], np.zeros(3), np.zeros(3)))) == 3
