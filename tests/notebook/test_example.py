"""The notebook among the examples runs, and what is stored in it is what the model says."""

from __future__ import annotations

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
WIDGETS = "application/vnd.jupyter.widget-state+json"
PICTURES = {"text/html", "image/png", "application/vnd.jupyter.widget-view+json"}


def outputs(notebook: NotebookNode) -> list[tuple[str, dict]]:
    """(kind, what is shown but pictures and names of widgets) of every cell."""
    return [
        (each.output_type, {k: v for k, v in each.get("data", {"": each.get("text")}).items() if k not in PICTURES})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for each in cell.outputs
    ]


def plain(values: object) -> str:
    """Without the numbers' last digits, and the names that every run makes anew."""
    text = re.sub(r"0x[0-9a-f]+|model_id='[0-9a-f]+'", "", json.dumps(values, sort_keys=True, ensure_ascii=False))
    return re.sub(r'"bdata": "[^"]*"', "", text)


@pytest.mark.models
def test_the_notebook_runs_and_holds_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    stored, fresh = (nbformat.read(FILE, as_version=4) for _ in range(2))
    for cell in fresh.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(fresh, timeout=120, kernel_name="python3").execute()
    assert [plain(each) for each in outputs(fresh)] == [plain(each) for each in outputs(stored)]
    for notebook in (stored, fresh):
        states = [each["state"] for each in notebook.metadata.widgets[WIDGETS]["state"].values()]
        assert sorted("targets" in each["drawing"] for each in states if "drawing" in each) == [False, False, True]
    (line,) = re.findall(r"“it” attends to “(\w+)” with (\d+)%, in L(\d+)\.H(\d+)", plain(outputs(stored)))
    word, share, layer, head = line[0], *map(int, line[1:])
    trace = memviz.read("The cat sat on the mat because it was tired.", model="minilm")
    names = [each.text for each in trace.words]
    weight = trace.memory().pattern(layer, head)[names.index("it"), names.index(word)]
    assert np.round(100 * weight) == share
