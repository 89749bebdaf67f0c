"""What MemViz says in other languages: English is the source text, each other language a file beside this one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
CODES = ("en", *sorted(path.stem for path in FOLDER.glob("*.json")))


@cache
def dictionary(code: str) -> dict[str, str]:
    """All texts of a language by their English source; empty for English."""
    if code == "en":
        return {}
    texts: dict[str, str] = json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    return texts
