"""How is a heatmap read without a mouse? Arrow keys walk from cell to cell of every heatmap on the page."""

from __future__ import annotations

from pathlib import Path

from memviz.ui.components.assets import register

_mount = register(Path(__file__).parent, name="chart_keys")


def chart_keys(instruction: str) -> None:
    """Lets the heatmaps of the page take the focus; what pointing at a cell shows is shown, and read aloud.

    ``instruction`` says which keys there are.
    """
    _mount(data={"instruction": instruction}, key="chart_keys")
