"""A figure that ends a cell of a notebook shows itself, with what ``pip install`` brought."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MIME = "application/vnd.plotly.v1+json"
CELL = """
import json, sys
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

shown = []

class Publisher(DisplayPublisher):  # what a kernel sends to the page
    def publish(self, data, metadata=None, **more):
        shown.append(data)

class Shell(InteractiveShell):
    pass

shell = Shell.instance(display_pub_class=Publisher)  # before plotly is imported, as in a kernel
result = shell.run_cell('''
import memviz
from tests.memories import LONG, memory_of
memory, _ = memory_of(LONG, layers=2, heads=2)
figure = memviz.figures.pattern(memory, layer=1, head=0)
''' + sys.argv[1])
result.raise_error()
from tests.memories import LONG, memory_of
weights = memory_of(LONG, layers=2, heads=2)[0].pattern(1, 0).tolist()
sys.__stdout__.write("\\n")
json.dump({"shown": [{kind: data[kind] for kind in data if kind != "text/html"} for data in shown],
           "html": ["text/html" in data and "Plotly.newPlot" in data["text/html"] for data in shown],
           "weights": weights}, sys.__stdout__, default=lambda value: value.tolist())
"""


@pytest.mark.parametrize("last", ["figure", "figure.show()"])
def test_a_figure_shows_itself(last: str) -> None:
    """As Jupyter does it: IPython runs the cell, and displays what it ends in."""
    process = subprocess.run([sys.executable, "-c", CELL, last], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]
    out = json.loads(process.stdout.splitlines()[-1])  # above it is what IPython prints
    (bundle,) = (data for data in out["shown"] if MIME in data)  # before it is the script of Plotly
    assert out["html"][-1], "for a page that does not know the type of Plotly"
    (heatmap,) = (trace for trace in bundle[MIME]["data"] if trace["type"] == "heatmap")
    assert np.allclose(decoded(heatmap["z"]), out["weights"], atol=1e-6)


def decoded(values: object) -> np.ndarray:
    """An array of a figure, as its page reads it."""
    if isinstance(values, dict):
        import base64

        shape = [int(size) for size in values["shape"].split(",")]
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).reshape(shape)
    return np.array(values, dtype=float)


def test_what_shows_it_is_installed_with_memviz() -> None:
    pinned = (ROOT / "requirements.txt").read_text("utf-8")
    assert "\nnbformat==" in pinned
