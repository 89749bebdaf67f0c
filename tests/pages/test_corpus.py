"""Corpus: every number on the page is one of the results, every text behind it opens, and no other folder does."""

from __future__ import annotations

import base64
import io
import json
import random
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import memviz
from memviz import corpus, figures
from memviz.corpus import Results
from memviz.ui.parts.corpus.atlas import CorpusView
from memviz.ui.share import corpus as share_corpus
from memviz.ui.shell import address
from tests.pages.test_compare import charts

pytestmark = pytest.mark.models

PLAIN = [
    f"The {who} {did} {where} because {why}."
    for who in ("cat", "teacher")
    for did in ("sat", "slept", "waited")
    for where in ("on the mat", "by the river")
    for why in ("it was tired", "the rain had stopped")
]
SHUFFLED = [" ".join(random.Random(text).sample(text.split(), len(text.split()))) for text in PLAIN]


@pytest.fixture(scope="module")
def corpora(minilm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    corpus.run([*PLAIN, ""], model=minilm, out=folder / "plain")
    corpus.run(SHUFFLED, model=minilm, out=folder / "shuffled")
    return folder


@pytest.fixture(autouse=True)
def _in_this_folder(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_CORPORA", str(corpora))


def grid(chart: dict) -> np.ndarray:
    values = chart["data"][0]["z"]
    if isinstance(values, dict):
        import base64

        flat = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
        return flat.reshape([int(side) for side in values["shape"].split(",")])
    return np.asarray(values, dtype=float)


def payloads(here) -> list[dict]:
    return [json.loads(item.proto.mixed.json) for item in here.app.get("bidi_component") if item.proto.mixed.json]


def said(here) -> str:
    return "\n".join(str(item.value) for kind in ("markdown", "caption", "info") for item in here.app.get(kind))


def test_the_grid_is_the_mean_of_the_corpus_and_a_text_opens_in_heads(visit, minilm, corpora: Path) -> None:
    here = visit("corpus", corpus_folder="plain", corpus_measure="entropy", corpus_other="shuffled")
    own = [memviz.measures.entropy(minilm.read(text).memory()).mean(-1) for text in PLAIN]
    mean, roles, _, difference = charts(here)
    assert np.allclose(grid(mean), np.mean(own, axis=0), atol=1e-5)
    other = [memviz.measures.entropy(minilm.read(text).memory()).mean(-1) for text in SHUFFLED]
    assert np.allclose(grid(difference), np.mean(other, axis=0) - np.mean(own, axis=0), atol=1e-5)
    counted = np.stack([memviz.measures.roles(minilm.read(text).memory()) for text in PLAIN])
    layer, head = np.argwhere(grid(roles) == 1)[0]
    assert len({*counted[:, layer, head]}) == 1
    always = sum(len({*each}) == 1 and each[0] != "" for each in counted.reshape(len(PLAIN), -1).T)
    assert f"{always} of 72 heads have the same role on every text" in said(here)
    assert "24 texts" in said(here)
    assert "whoever can open it here can read them" in said(here)
    found = corpus.compare(Results.open(corpora / "plain"), Results.open(corpora / "shuffled"), "entropy")
    assert f"**{(found.adjusted < 0.05).sum()} of 72 heads** differ beyond chance" in said(here)
    assert "correction Holm" in said(here)
    best = np.unravel_index(np.mean(own, axis=0).argmax(), (6, 12))
    highest = PLAIN[int(np.argmax([each[best] for each in own]))]
    here.press("corpus_high_0")
    assert here.input == highest
    assert here.address["head"] == str(best[1])
    assert here.address.get("layer", "0") == str(best[0])
    assert not [name for name in here.address if name.startswith("corpus_")], "they belong to the page Corpus"


def test_a_click_on_a_head_of_the_grid_shows_it_on_every_text(visit, minilm) -> None:
    here = visit("corpus", corpus_folder="plain", corpus_measure="entropy", corpus_head="L2.H3")
    own = [memviz.measures.entropy(minilm.read(text).memory()).mean(-1) for text in PLAIN]
    (grid_data,) = (data for data in payloads(here) if data["id"] == "grid_corpus")
    assert grid_data["selected"] == [2, 3]
    assert grid_data["shape"] == {"layers": 6, "heads": 12, "rows": 1, "columns": 1}
    assert here.app.selectbox(key="corpus_head").value == "L2.H3"
    highest = PLAIN[int(np.argmax([each[2, 3] for each in own]))]
    assert highest in said(here).replace("\\", "")
    here = visit("corpus", corpus_folder="plain", corpus_measure="entropy")
    best = np.unravel_index(np.mean(own, axis=0).argmax(), (6, 12))
    (grid_data,) = (data for data in payloads(here) if data["id"] == "grid_corpus")
    assert tuple(grid_data["selected"]) == best, "to begin with, the head with the largest mean"


def test_what_was_pasted_is_read_again_when_the_page_is_loaded_again(visit, minilm, monkeypatch) -> None:
    lines = "\n".join(PLAIN[:3])
    here = visit("corpus", corpus_way="lines")
    here.app.session_state["corpus_lines"] = here.app.session_state["corpus_reading"] = lines  # as the tab gives back
    here._run()
    own = [memviz.measures.previous_token(minilm.read(text).memory()) for text in PLAIN[:3]]
    assert np.allclose(grid(charts(here)[0]), np.mean(own, axis=0), atol=1e-5)
    assert {"corpus_lines", "corpus_reading"} <= set(address.TEXTS)
    assert "corpus_reading" not in here.address, "no link holds the texts"


def test_a_folder_elsewhere_and_one_of_something_else_are_refused(visit, corpora: Path) -> None:
    for folder in ("../", "/etc"):
        here = visit("corpus", corpus_folder=folder)
        assert "only below the folder" in here.app.error[0].value
    (corpora / "else").mkdir(exist_ok=True)
    assert "holds no results" in visit("corpus", corpus_folder="else").app.error[0].value
    (corpora / "plain" / "manifest.json").rename(corpora / "manifest")
    try:
        here = visit("corpus", corpus_folder="plain")
        assert "not complete" in here.app.warning[0].value
    finally:
        (corpora / "manifest").rename(corpora / "plain" / "manifest.json")


def test_pasted_lines_are_read_when_the_button_is_pressed(visit, minilm) -> None:
    here = visit("corpus", corpus_way="lines")
    here.app.text_area(key="corpus_lines").set_value("\n".join([*PLAIN[:5], "", "  "]))
    here._run()
    assert not charts(here)
    here.press("corpus_read")
    own = [memviz.measures.previous_token(minilm.read(text).memory()) for text in PLAIN[:5]]
    assert np.allclose(grid(charts(here)[0]), np.mean(own, axis=0), atol=1e-5)
    assert "fewer than 20 texts" in said(here)
    folder = here.state("corpus_pasted").results.path
    assert folder.is_dir()
    here.app.text_area(key="corpus_lines").set_value("\n".join(["a line"] * 201))
    here._run()
    assert "at most 200" in here.app.warning[0].value


def test_what_is_taken_along_has_the_numbers_and_no_text(corpora: Path) -> None:
    results = Results.open(corpora / "plain")
    table = results.table("entropy")
    shaped = {name: table[name].to_numpy().reshape(results.shape) for name in ("mean", "low", "high", "texts")}
    view = CorpusView(results, corpus.COLUMNS["entropy"], corpus.Interval(*shaped.values()), table)
    frame, _ = memviz.tables.read_csv(share_corpus._csv(view))
    assert np.allclose(frame["mean"], table["mean"])
    notes = {note["name"]: note["value"] for note in json.loads(share_corpus._metadata(view))["notes"]}
    assert notes["input sha256"] == results.settings["sha256"]
    assert notes["texts"] == "24 read, 0 cut, 1 rows left out"
    drawing = ElementTree.fromstring(share_corpus._svg(view))
    assert json.loads(drawing.find("{*}metadata").text)["input sha256"] == results.settings["sha256"]
    (cells,) = [image for image in drawing.findall("{*}image") if float(image.get("width")) == 12 * 34]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(cells.get("href").partition(",")[2]))).convert("RGB"))
    darkest = np.unravel_index(pixels.astype(int).sum(-1).argmin(), (6, 12))
    assert darkest == np.unravel_index(table["mean"].argmax(), (6, 12))
    assert figures.head_name(*darkest) in drawing.find("{*}desc").text
    assert share_corpus._png(view).startswith(b"\x89PNG")
    page = share_corpus._html(view)
    assert "bootstrap over texts" in page
    assert not any(text in part for text in PLAIN for part in (page, share_corpus._csv(view)))
    namespace: dict = {}
    exec(share_corpus.code(view).replace("table.to_csv", "(lambda *a, **k: None)"), namespace)
    assert np.allclose(namespace["table"]["mean"], table["mean"])
    assert figures.alt(share_corpus.mean_grid(view)).startswith("Attention entropy of every head")
