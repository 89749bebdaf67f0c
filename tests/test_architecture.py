"""The rooms and the arrows between them: rules that are not only written down."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "memviz").rglob("*.py")])

MAY_IMPORT = {  # and all of them `note`, how MemViz says a sentence
    "note": set(),
    "errors": set(),
    "settings": {"errors"},
    "tokens": {"errors"},
    "memory": {"errors", "tokens"},
    "recurrent": {"errors", "tokens", "memory"},
    "trace": {"errors", "tokens", "memory", "recurrent"},
    "tables": {"errors", "tokens", "memory", "recurrent", "trace", "measures"},
    "measures": {"errors", "tokens", "memory", "recurrent", "trace"},
    "figures": {"errors", "tokens", "memory", "recurrent", "trace", "measures", "tables"},
    "models": {"errors", "settings"},
    "reading": {"errors", "settings", "tokens", "memory", "recurrent", "trace", "models"},
    "experiments": {"errors", "tokens", "memory", "trace", "models", "reading", "measures"},
    "ui": {"errors", "tokens", "memory", "recurrent", "trace", "models", "reading", "measures", "tables", "figures"}
    | {"settings", "experiments"},
}
OUTSIDE = {
    "streamlit": {"app", "pages", "ui"},
    "torch": {"reading", "models"},
    "transformers": {"reading", "models"},
    "plotly": {"figures"},
}


def room(file: Path) -> str:
    """The room a file stands in: a folder or a file of memviz, "pages" or "app"."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "memviz" and len(parts) > 1 else parts[0]


def imports(file: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "memviz":
                found |= {f"memviz.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_below_it(file: Path) -> None:
    here = room(file)
    if here in ("__init__", "__main__", "app", "pages"):
        allowed = {*MAY_IMPORT, "ui"}
    else:
        allowed = MAY_IMPORT[here] | {here, "note"}
    for module in imports(file):
        parts = module.split(".")
        assert parts[0] != "pages", f"{file} imports a page"
        if parts[0] == "memviz" and len(parts) > 1 and parts[1] in MAY_IMPORT:
            assert parts[1] in allowed, f"{here} may not import {parts[1]}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_heavy_packages_stay_in_their_rooms(file: Path) -> None:
    for module in imports(file):
        package = module.split(".")[0]
        if package in OUTSIDE:
            assert room(file) in OUTSIDE[package], f"{package} in {room(file)}"


@pytest.mark.parametrize("file", [ROOT / "app.py", *(ROOT / "pages").glob("*.py")], ids=lambda file: file.name)
def test_pages_stay_thin(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    tree = ast.parse("\n".join(lines))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)], "a page only calls"
    assert "<" not in "".join(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_there_is_no_room_for_odds_and_ends() -> None:
    names = {file.stem for file in FILES}
    assert not names & {"utils", "helpers", "common", "misc"}


def test_importing_memviz_brings_in_neither_torch_nor_streamlit_nor_plotly() -> None:
    code = (
        "import sys, memviz; print([m for m in ('torch', 'transformers', 'streamlit', 'plotly') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[]"


def test_measures_and_tables_work_without_torch() -> None:
    code = "import sys, memviz; memviz.measures.MEASURES, memviz.tables.tidy; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "False"


def test_the_public_names_are_complete_and_sorted() -> None:
    import memviz

    assert memviz.__all__ == sorted(memviz.__all__)
    assert {"load", "read", "models", "Reader", "Trace", "Memory", "Token", "Forget"} <= set(memviz.__all__)
    assert {"measures", "figures", "tables", "errors"} <= set(memviz.__all__)
    for name in memviz.__all__:
        assert getattr(memviz, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        memviz.nothing  # noqa: B018
