"""What the pages are made of: the only place besides app.py and pages/ that imports streamlit."""

from pathlib import Path

ICON = Path(__file__).parent / "icon.png"
"""The mark of MemViz."""
