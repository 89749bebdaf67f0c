"""English prose of any length, made from the project's own licence and documents: no download, no model's output."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def prose() -> str:
    """Enough text for 8,192 tokens."""
    files = [ROOT / "LICENSE", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "memviz").rglob("*.py"))]
    whole = "\n\n".join(file.read_text(encoding="utf-8") for file in files)
    return whole[:60_000]
