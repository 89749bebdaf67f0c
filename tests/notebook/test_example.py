"""The notebook among the examples runs, and what is stored in it is what the model says."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

import memviz

ROOT = Path(__file__).parents[2]
FILE = ROOT / "examples" / "06_in_a_notebook.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"
WIDGETS = "application/vnd.jupyter.widget-state+json"
PICTURES = {PLOTLY, "text/html", "image/png", "application/vnd.jupyter.widget-view+json"}


def outputs(notebook: NotebookNode) -> list[tuple[str, dict]]:
    """(kind, what is shown but pictures and names of widgets) of every cell."""
    return [
        (each.output_type, {k: v for k, v in each.get("data", {"": each.get("text")}).items() if k not in PICTURES})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for each in cell.outputs
    ]


def plain(values: object) -> str:
    """Without the names that every run makes anew."""
    return re.sub(r"0x[0-9a-f]+", "", json.dumps(values, sort_keys=True, ensure_ascii=False))


def drawings(notebook: NotebookNode) -> list[dict]:
    """What its widgets draw: as many as are stored with it."""
    states = [each["state"] for each in notebook.metadata.widgets[WIDGETS]["state"].values()]
    return [each["drawing"] for each in states if "drawing" in each]


def heatmap(notebook: NotebookNode) -> np.ndarray:
    """The numbers of its figure."""
    shown = [each.get("data", {}) for cell in notebook.cells for each in cell.get("outputs", [])]
    (figure,) = (each[PLOTLY] for each in shown if PLOTLY in each)
    (values,) = (each["z"] for each in figure["data"] if each["type"] == "heatmap")
    shape = [int(size) for size in values["shape"].split(",")]
    return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).reshape(shape)


@pytest.mark.models
def test_what_is_stored_in_the_notebook_is_what_the_model_says() -> None:
    stored = nbformat.read(FILE, as_version=4)
    (line,) = re.findall(r"“it” attends to “(\w+)” with (\d+)%, in L(\d+)\.H(\d+)", plain(outputs(stored)))
    word, share, layer, head = line[0], *map(int, line[1:])
    trace = memviz.read("The cat sat on the mat because it was tired.", model="minilm")
    pattern, names = trace.memory().pattern(layer, head), [each.text for each in trace.words]
    assert np.round(100 * pattern[names.index("it"), names.index(word)]) == share
    assert heatmap(stored) == pytest.approx(pattern, abs=1e-5)
    assert [each["words"] for each in drawings(stored) if "words" in each] == [names, names]


@pytest.mark.models
def test_the_notebook_runs_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    stored, fresh = (nbformat.read(FILE, as_version=4) for _ in range(2))
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    del fresh.metadata["widgets"]
    NotebookClient(fresh, timeout=300, kernel_name="python3").execute()
    assert [plain(each) for each in outputs(fresh)] == [plain(each) for each in outputs(stored)]
    assert heatmap(fresh) == pytest.approx(heatmap(stored), abs=1e-5)
    for notebook in (stored, fresh):
        assert sorted("targets" in each for each in drawings(notebook)) == [False, False, True]
