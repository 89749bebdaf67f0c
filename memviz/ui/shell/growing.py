"""The grid of heads while the model still reads: it fills layer by layer, and takes next to no time from it."""

from __future__ import annotations

import time
from base64 import b64encode

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from memviz.figures import thumbnails_png
from memviz.memory import LayersRead
from memviz.ui.shell.i18n import t

SHARE = 0.02  # of the time since the first layer, at most, is spent on drawing


class GrowingGrid:
    """The layers that are read so far, drawn in ``place``; of a model of several memories, those of the first."""

    def __init__(self, place: DeltaGenerator) -> None:
        self.place = place
        self.thumbnails: np.ndarray | None = None
        self._kind = ""
        self._began = self._spent = 0.0

    def take(self, layers: LayersRead) -> None:
        """Keeps the pictures of these layers; draws them, the last excepted, where the share of the time allows it."""
        if self.thumbnails is None:
            self._kind, self._began = layers.kind, time.monotonic()
            self.thumbnails = np.zeros((layers.count, *layers.thumbnails.shape[1:]), dtype=np.uint8)
        if layers.kind != self._kind:
            return
        self.thumbnails[layers.first : layers.first + len(layers.thumbnails)] = layers.thumbnails
        now = time.monotonic()
        is_last = layers.first + len(layers.thumbnails) >= layers.count  # the page itself is about to be drawn
        if not is_last and self._spent <= SHARE * (now - self._began):
            # in its address, not as a file: the next one may take its place before a browser has asked for it
            picture = f"data:image/png;base64,{b64encode(thumbnails_png(self.thumbnails)).decode()}"
            self.place.image(picture, caption=t("All heads, layer by layer as they are read"))
            self._spent += time.monotonic() - now
