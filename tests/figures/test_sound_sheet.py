"""The drawing of a sound: every word stands beside its row, and its moment where it was heard."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np

from memviz.figures import sound_png, sound_svg
from memviz.measures import WordTime

WORDS = [WordTime("one", 10.5, 11.0, 10.6, (0,)), WordTime("<two>", 11.0, 12.0, 11.5, (1,))]
PARTS = {
    "samples": np.sin(np.arange(2_000) / 9).astype(np.float32),
    "mel": np.random.default_rng(0).normal(size=(8, 100)).astype(np.float32),
    "span": (10.0, 12.0),
    "name": "L1.H2",
    "provenance": {"model": "tiny", "sound_sha256": "abc"},
}


def test_the_frame_of_a_word_lies_over_its_seconds() -> None:
    drawing = ElementTree.fromstring(sound_svg(WORDS, np.random.default_rng(1).random((2, 50)), **PARTS))
    assert json.loads(drawing.find("{*}metadata").text)["sound_sha256"] == "abc"
    images = drawing.findall("{*}image")
    left, width = (float(images[0].get(name)) for name in ("x", "width"))
    frames = [box for box in drawing.findall("{*}rect") if box.get("fill") == "none"]
    assert len(frames) == 2
    for word, box in zip(WORDS, frames, strict=True):
        start = left + width * (word.start - 10) / 2
        assert abs(float(box.get("x")) - start) <= 1.01, "the line lies inside"
        assert abs(float(box.get("width")) - width * (word.end - word.start) / 2) <= 2.01
    texts = [text.text for text in drawing.findall("{*}text")]
    assert texts[:2] == ["one", "<two>"]
    assert {"10 s", "11 s", "12 s"} <= set(texts)
    assert "L1.H2" in " ".join(texts)
    assert "one 10.50–11.00 s" in drawing.find("{*}desc").text


def test_a_sound_without_words_is_drawn() -> None:
    assert sound_png([], np.zeros((0, 50)), **PARTS).startswith(b"\x89PNG")
