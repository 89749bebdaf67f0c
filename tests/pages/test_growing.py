"""The grid that fills while a model reads: what is drawn is what is read, and it takes next to no time."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

from memviz.figures import thumbnails_png
from memviz.memory import LayersRead
from memviz.ui.shell import growing
from memviz.ui.shell.growing import GrowingGrid

LAYERS = np.random.default_rng(3).integers(1, 256, size=(5, 3, 32, 32), dtype=np.uint8)


class Place:
    """Keeps what is drawn."""

    def __init__(self) -> None:
        self.pictures: list[bytes] = []

    def image(self, picture: str, caption: str) -> None:
        kind, content = picture.split(",")
        assert kind == "data:image/png;base64", "no file, which could be gone before a browser asks for it"
        self.pictures.append(b64decode(content))


def read(place: Place, count: int, *, kind: str = "self") -> GrowingGrid:
    """So many of the layers are read, one by one."""
    grid = GrowingGrid(place)
    for layer in range(count):
        grid.take(LayersRead(kind, layer, len(LAYERS), LAYERS[layer : layer + 1]))
    return grid


def alphas(picture: bytes) -> np.ndarray:
    """How strong is the colour at each pixel, 0 to 255?"""
    return np.asarray(Image.open(BytesIO(picture)).convert("RGBA"))[..., 3]


def test_every_pixel_is_the_weight_of_its_cell_and_what_is_not_read_is_empty() -> None:
    place = Place()
    read(place, 1)
    drawn = alphas(place.pictures[0])
    assert drawn.shape == (5 * 35, 3 * 35)
    for head in range(3):
        np.testing.assert_array_equal(drawn[:32, head * 35 : head * 35 + 32], LAYERS[0, head])
    assert not drawn[32:].any()


def test_a_short_text_has_larger_cells() -> None:
    drawn = alphas(thumbnails_png(LAYERS[:1, :1, :4, :4]))
    np.testing.assert_array_equal(drawn[:20, :20], LAYERS[0, 0, :4, :4].repeat(5, axis=0).repeat(5, axis=1))


def test_drawing_takes_a_small_share_of_the_time(monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(growing.time, "monotonic", lambda: clock[0])
    place, spent = Place(), [0.0]

    def image(picture: str, caption: str) -> None:
        clock[0] += 0.01
        spent[0] += 0.01

    monkeypatch.setattr(place, "image", image)
    grid = GrowingGrid(place)
    for layer in range(200):
        clock[0] += 0.1
        grid.take(LayersRead("self", layer, 300, LAYERS[:1]))
    assert 0.01 <= spent[0] <= growing.SHARE * clock[0] + 0.01
    assert spent[0] > 0.1, "and it does fill"


def test_the_last_layer_is_left_to_the_page_and_other_memories_are_not_drawn() -> None:
    place = Place()
    grid = GrowingGrid(place)
    grid.take(LayersRead("self", 0, len(LAYERS), LAYERS))
    assert place.pictures == []
    grid.take(LayersRead("cross", 0, 9, LAYERS[:1, :, ::2] // 2))
    np.testing.assert_array_equal(grid.thumbnails, LAYERS)
