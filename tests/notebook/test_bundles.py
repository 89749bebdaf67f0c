"""What a cell shows of a trace or a memory: the model's own numbers, with a widget and without."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from families import FAMILIES, WORDS, tokenizer
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import memviz
from memviz import extras, notebook
from memviz.errors import MemVizError, MissingPackageError, TraceError
from memviz.figures.live.assets import COMPONENTS, read_sources
from memviz.notebook import bundles
from memviz.notebook.widgets import script
from memviz.reading import Reader
from memviz.trace import Trace
from memviz.ui.parts import words as words_part
from tests.reading.senses import IMAGE, RATE, SAMPLES, hearing, seeing

IMAGE_FILE = Image.fromarray(IMAGE)
TEXT = " ".join(WORDS[:12])
WIDGET = "application/vnd.jupyter.widget-view+json"


def reader() -> Reader:
    return Reader(FAMILIES["bert"].build(), tokenizer("pair"))


@pytest.fixture(scope="module")
def trace() -> Trace:
    return reader().read(TEXT)


@pytest.fixture(scope="module")
def translation() -> Trace:
    return Reader(FAMILIES["marian"].build(), tokenizer("end")).translate(TEXT, "a dog sat")


@pytest.fixture
def _without_anywidget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "anywidget")


@pytest.fixture
def _chinese() -> Iterator[None]:
    notebook.use_language("zh")
    yield
    notebook.use_language("en")


def shown(thing: object) -> dict:
    """What IPython sends to the page where a cell ends in it."""
    data, _ = DisplayFormatter().format(thing)
    return data


def drawing(html: str) -> ElementTree.Element:
    """The picture in the HTML."""
    (coded,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return ElementTree.fromstring(base64.b64decode(coded))


def test_a_reading_shows_its_words_as_widget_and_picture(trace: Trace) -> None:
    data = shown(trace)
    assert set(data) == {"text/plain", "text/html", WIDGET}
    assert data["text/plain"] == repr(trace)
    written = "".join(drawing(data["text/html"]).itertext())
    assert all(word.text in written for word in trace.words)
    assert trace.model.revision[:8] in written or trace.model.name in written
    assert "pip install" not in data["text/html"]


def test_the_widget_draws_the_weights_of_the_model(trace: Trace) -> None:
    memory = trace.memory()
    widget = notebook.words(trace, layer=1, head=0)
    links, count = widget.drawing["links"], len(trace.words)
    index = np.frombuffer(widget.arrays["remembers_index"], "<u2").reshape(count, links)
    weight = np.frombuffer(widget.arrays["remembers_weight"], "<f4").reshape(count, links)
    pattern = memory.pattern(1, 0)
    assert [word.tokens for word in trace.words] == [(place,) for place in range(count)], "so that words are tokens"
    for query in range(count):
        expected = np.sort(np.delete(pattern[query], query))[::-1][:links]
        assert weight[query] == pytest.approx(expected, abs=1e-5)
        assert weight[query] == pytest.approx(pattern[query, index[query]], abs=1e-5)
    assert widget.drawing["words"] == [word.text for word in trace.words]
    with pytest.raises(TraceError):
        notebook.words(trace, layer=9, head=0)


def test_a_translation_shows_what_each_word_was_read_from(translation: Trace) -> None:
    memory, (targets, sources) = translation.memory("cross"), translation.sides("cross")
    widget = notebook.cross(translation, layer=1, head=1)
    index = np.frombuffer(widget.arrays["index"], "<u4").reshape(len(targets), -1)
    weight = np.frombuffer(widget.arrays["weight"], "<f4").reshape(len(targets), -1)
    expected = memviz.measures.word_weights(memory, (targets, sources), layer=1, head=1)
    assert weight == pytest.approx(np.take_along_axis(expected, index.astype(int), axis=1), abs=1e-6)
    assert weight.sum() > 1
    chances = np.frombuffer(widget.arrays["probability"], "<f4")
    assert chances == pytest.approx(np.exp(translation.logprobs), abs=1e-5)
    data = shown(translation)
    assert WIDGET in data
    assert {word.text for word in (*targets, *sources)} <= set(drawing(data["text/html"]).itertext())
    assert re.search(r"L\d\.H\d", "".join(drawing(data["text/html"]).itertext()))


def test_of_several_sentences_the_first_is_shown(translation: Trace) -> None:
    both = replace(translation, parts=(translation, translation), memories={})
    html = shown(both)["text/html"]
    assert "The first of 2 sentences" in html
    assert drawing(html) is not None


@pytest.mark.usefixtures("_without_anywidget")
def test_without_anywidget_a_picture_and_one_sentence(trace: Trace) -> None:
    data = shown(trace)
    assert set(data) == {"text/plain", "text/html"}
    assert "To make it answer the pointer: pip install &quot;memviz-attention[notebook]&quot;" in data["text/html"]
    assert drawing(data["text/html"]) is not None
    for view in (notebook.words, notebook.cross):
        with pytest.raises(MissingPackageError, match=r"needs anywidget.*memviz-attention\[notebook\]"):
            view(trace)


@pytest.mark.usefixtures("_chinese")
def test_a_notebook_speaks_chinese(trace: Trace) -> None:
    labels = notebook.words(trace).drawing["labels"]
    assert [name for name, label in labels.items() if not re.search("[\u4e00-\u9fff]|^#", label)] == []
    with pytest.raises(MemVizError, match=r"does not speak “fr”.*en, zh"):
        notebook.use_language("fr")


def test_a_memory_shows_all_its_heads(trace: Trace) -> None:
    data = shown(trace.memory())
    assert data["text/plain"] == repr(trace.memory())
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.format == "PNG"
    assert min(image.size) > 100


def test_a_long_text_says_how_it_is_shown(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MOST", 3)
    data = shown(trace)
    assert "memviz.notebook.words(trace)" in data["text/html"]
    assert "<img" not in data["text/html"]


def test_a_text_is_no_markup() -> None:
    html = shown(reader().read("<script>alert(1)</script> cat"))["text/html"]
    assert "<script" not in html


def test_a_sound_shows_when_its_words_were_heard() -> None:
    trace = hearing().transcribe(SAMPLES, RATE, target="the cat")
    assert repr(trace).startswith("<Trace “the cat” · 0.7 s of sound · ")
    html = shown(trace)["text/html"]
    written = "".join(drawing(html).itertext())
    times = memviz.measures.word_times(trace)
    assert [word.text for word in times] == ["the", "cat"]
    assert all(word.text in written for word in times)
    cells = re.findall("<td>(.*?)</td>", html)
    assert cells == [cell for word in times for cell in (word.text, f"{word.start:.2f}", f"{word.end:.2f}")]
    high = float(drawing(html).attrib["height"])
    assert high < 60 + 2 * 22 + 140, "no room is left for a waveform that is not there"


def test_a_picture_shows_where_every_head_looks() -> None:
    trace = seeing().look(IMAGE)
    assert repr(trace).startswith("<Trace of a picture · 6 × 6 patches · ")
    memory = trace.memory()
    html = shown(trace)["text/html"]
    tiles = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(node.attrib["href"].partition(",")[2]))).convert("RGB"))
        for node in drawing(html).iter("{http://www.w3.org/2000/svg}image")
    ]
    assert len(tiles) == 9
    for tile, (layer, head) in zip(tiles, np.ndindex(3, 3), strict=True):
        row = memory.pattern(layer, head)[0, 1:]
        assert tile.shape[:2] == (6, 6)
        darkness = -tile.astype(int).sum(-1).ravel()
        assert darkness.argmax() == row.argmax()
        assert np.corrcoef(darkness, np.sqrt(row))[0, 1] > 0.99
    maps = np.array([[memory.pattern(layer, head)[0, 1:] for head in range(3)] for layer in range(3)])
    layer, head, patch = np.unravel_index(maps.argmax(), maps.shape)
    assert f"L{layer}.H{head} on row {patch // 6 + 1}, column {patch % 6 + 1}, {100 * maps.max():.0f}" in html


def test_a_head_lies_over_the_picture_that_is_given_again(tmp_path: Path) -> None:
    trace = seeing().look(IMAGE)
    memory = trace.memory()
    file = tmp_path / "mine.png"
    Image.new("RGB", (60, 60), "white").save(file)
    over = notebook.overlay(trace, str(file), layer=1, head=2, query=5)
    np.testing.assert_allclose(over.weights.ravel(), memory.pattern(1, 2)[5, 1:], atol=1e-6)
    data = shown(over)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")).astype(int)
    darkness = -pixels[5::10, 5::10].sum(-1)
    assert np.corrcoef(darkness.ravel(), np.sqrt(over.weights.ravel()))[0, 1] > 0.99
    row, column = divmod(int(over.weights.argmax()), 6)
    assert f"L1.H2: what {memory.queries[5].text} looks at. Most: row {row + 1}, column {column + 1}" in over.caption
    assert over.caption in data["text/html"]
    mean = np.mean([memory.pattern(1, head)[0, 1:] for head in range(3)], axis=0)
    np.testing.assert_allclose(notebook.overlay(trace, IMAGE_FILE, layer=1).weights.ravel(), mean, atol=1e-6)
    with pytest.raises(TraceError, match=r"no head L1\.H7"):
        notebook.overlay(trace, IMAGE_FILE, layer=1, head=7)
    with pytest.raises(TraceError, match="no position 99"):
        notebook.overlay(trace, IMAGE_FILE, query=99)
    with pytest.raises(TraceError, match=r"Use `memviz\.look`"):
        notebook.overlay(reader().read("cat"), IMAGE_FILE)


def test_a_notebook_chooses_the_word_that_home_chooses(trace: Trace) -> None:
    (first,) = words_part.top_links(trace, without=(), count=1)
    assert notebook.words(trace).drawing["first"] == first.position


@pytest.mark.parametrize("component", ["words", "cross"])
def test_the_script_is_the_apps_own(component: str) -> None:
    _, _, source = read_sources(COMPONENTS / component)
    own = script(component)
    before, after = source.split("export default function", 1)
    assert own.startswith(f"{before}const mount = function{after}")
    assert own.count("export default") == 1
    assert not re.search(r"\bimport\b\s*[({'\"]|https?://(?!www\.w3\.org)", own), "it needs no network"


def test_front_ends_with_metadata_get_it(monkeypatch: pytest.MonkeyPatch, trace: Trace) -> None:
    """In Colab a widget says in the metadata where its manager is."""
    widget = SimpleNamespace(_repr_mimebundle_=lambda: ({"text/plain": "x", WIDGET: {"model_id": "1"}}, {"colab": 1}))
    monkeypatch.setattr(bundles, "words", lambda trace: widget)
    data, metadata = trace._repr_mimebundle_()
    assert (data[WIDGET], metadata, data["text/plain"]) == ({"model_id": "1"}, {"colab": 1}, repr(trace))
