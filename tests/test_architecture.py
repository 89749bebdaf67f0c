"""The rooms and the arrows between them: rules that are not only written down."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "memviz").rglob("*.py")])

EVERYWHERE = {"note", "progress", "version"}  # how MemViz says a sentence, how far work is, which MemViz this is
DATA = {"errors", "tokens", "sources", "memory", "generation", "trace"}
MAY_IMPORT = {  # the rooms of memviz, and which rooms each may import besides those that all may
    "version": set(),
    "display": set(),
    "extras": {"errors"},
    "note": set(),
    "progress": set(),
    "errors": set(),
    "settings": {"errors"},
    "ray_cluster": set(),
    "tokens": {"errors"},
    "sources": {"errors", "extras", "tokens"},
    "memory": {"errors", "display", "tokens", "sources"},
    "generation": {"errors", "memory"},
    "archive": set(),
    "free_memory": set(),
    "trace_format_3": set(),
    "trace": {
        "errors",
        "display",
        "tokens",
        "sources",
        "memory",
        "generation",
        "archive",
        "free_memory",
        "trace_format_3",
    },
    "measures": DATA,
    "costs": DATA,
    "tables": DATA | {"measures"},
    "figures": DATA | {"measures", "tables"},
    "locales": set(),
    "notebook": DATA | {"extras", "locales", "measures", "figures"},
    "models": {"errors", "settings"},
    "reading": DATA | {"settings", "models", "free_memory"},
    "experiments": DATA | {"models", "reading", "measures"},
    "corpus": DATA | {"extras", "ray_cluster", "models", "reading", "measures", "tables"},
    "embeddings": DATA | {"reading", "experiments"},
    "training": DATA | {"models", "reading"},
    "lessons": DATA | {"models", "reading", "measures", "figures", "experiments", "embeddings", "training"},
    "serving": DATA | {"settings", "ray_cluster", "models", "reading"},
    "command": DATA | {"settings", "models", "reading", "measures", "tables", "figures", "corpus"},
    "ui": DATA
    | {"settings", "locales", "costs", "models", "reading", "measures", "tables", "figures", "experiments"}
    | {"embeddings", "corpus", "training", "lessons", "serving"},
}
WINGS = {  # inside a room: a wing imports only the wings before it
    "reading": [
        *"attention engine writing firefox feedforward texts prompts questions pictures sounds windows".split(),
        *"decompose formula embedding_table hidden_states lens".split(),
        *("reader", "__init__"),
    ],
    "figures": ["style", "data", "charts", "sheets", "live", "page", "handout", "__init__"],
    "ui": ["components", "shell", "parts", "share", "__init__"],
}
APART = {("figures", "sheets", "charts")}  # wings that stand side by side
OUTSIDE = {
    "streamlit": {"app", "pages", "ui"},
    "torch": {"reading", "models", "training"},
    "transformers": {"reading", "models", "training"},
    "plotly": {"figures"},
    "anywidget": {"notebook"},
}


def place(file: Path) -> tuple[str, str]:
    """The room and the wing a file stands in: folders or files of memviz; ("pages", …) or ("app", "")."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    inside = parts[1:] if parts[0] == "memviz" else parts
    return inside[0], inside[1] if len(inside) > 1 else ""


def imports(file: Path) -> set[str]:
    """Every module or name that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


ARROWS = sorted(
    (file, name.split(".")) for file in FILES for name in imports(file) if name.split(".")[0] in {"memviz", "pages"}
)


def test_a_room_imports_only_the_rooms_below_it() -> None:
    wrong = []
    for file, (top, *inside) in ARROWS:
        here, _ = place(file)
        above = here in ("__init__", "__main__", "app", "pages")
        allowed = {*MAY_IMPORT} if above else MAY_IMPORT[here] | EVERYWHERE | {here}
        if top == "pages" or (inside and inside[0] in MAY_IMPORT and inside[0] not in allowed):
            wrong.append(f"{file.relative_to(ROOT)} imports {'.'.join([top, *inside])}")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_in_the_list() -> None:
    rooms = {place(file)[0] for file in FILES if file.is_relative_to(ROOT / "memviz")}
    assert rooms - {"__init__", "__main__"} <= set(MAY_IMPORT)


@pytest.mark.parametrize("room", WINGS)
def test_a_wing_imports_only_the_wings_below_it(room: str) -> None:
    order, wrong = WINGS[room], []
    for file, (_, *inside) in ARROWS:
        here, wing = place(file)
        if here != room or inside[:1] != [room] or len(inside) < 2:
            continue
        assert wing in order, f"{file.relative_to(ROOT)} stands in no wing of {room}"
        there = inside[1] if inside[1] in order else "__init__"
        up = order.index(there) > order.index(wing) or (room, wing, there) in APART
        if up:
            wrong.append(f"{file.relative_to(ROOT)} imports {'.'.join(inside)}")
    assert not wrong, "\n".join(wrong)


def test_no_two_files_import_each_other() -> None:
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in FILES}
    names = {file: name for name, file in modules.items()}
    arrows: dict[str, set[str]] = {name: set() for name in modules}
    for file, parts in ARROWS:
        module = next((m for n in (len(parts), len(parts) - 1) if (m := ".".join(parts[:n])) in modules), None)
        if module is not None and module != names[file]:
            arrows[names[file]].add(module)
    done: set[str] = set()

    def follow(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for target in sorted(arrows[module]):
                follow(target, (*trail, module))
            done.add(module)

    for module in modules:
        follow(module, ())


def test_heavy_packages_stay_in_their_rooms() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in FILES
        for name in sorted(imports(file))
        if place(file)[0] not in OUTSIDE.get(name.split(".")[0], {place(file)[0]})
    ]
    assert not wrong, "\n".join(wrong)


def test_only_one_arrow_is_drawn_by_name() -> None:
    """What is imported by its name escapes the rules above: what shows a trace."""
    calls = {
        f"{file.relative_to(ROOT)}: {ast.unparse(node.args[0])}"
        for file in FILES
        if file.stem != "__init__"  # which names what is in its own room
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert calls == {"memviz/display.py: ROOM", "memviz/serving/cluster.py: module"}  # that one, of its own room


def test_pages_stay_thin() -> None:
    for file in [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 60, file
        tree = ast.parse("\n".join(lines))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)], (
            f"{file}: a page only calls"
        )
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert "<" not in "".join(texts), file


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


def test_a_notebook_draws_without_streamlit_and_torch() -> None:
    code = "import sys, memviz.notebook.widgets; print([m for m in ('torch', 'streamlit') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[]"


def test_a_page_is_drawn_before_torch_comes_in() -> None:
    """Its import takes seconds, on a busy machine many: what every page imports must not bring it."""
    parts = sorted(file.stem for file in (ROOT / "memviz" / "ui" / "parts").iterdir() if file.stem[0] != "_")
    pages = "import memviz.ui.share, " + ", ".join(f"memviz.ui.parts.{part}" for part in parts)
    code = (
        f"import sys; {pages}; print([name for name in ('torch', 'transformers', 'soundfile') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[]"


def test_the_public_names_are_complete_and_sorted() -> None:
    import memviz

    assert memviz.__all__ == sorted(memviz.__all__)
    assert {"load", "read", "models", "Reader", "Trace", "Memory", "Token", "Forget"} <= set(memviz.__all__)
    assert {"measures", "figures", "tables", "errors"} <= set(memviz.__all__)
    for name in memviz.__all__:
        assert getattr(memviz, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        memviz.nothing  # noqa: B018


def test_the_tree_in_contributing_is_the_one_on_disk() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text.split("```")[1]
    written = set(re.findall(r"^ {2,4}([a-z_0-9]+(?:/|\.py))", tree, re.MULTILINE)) | set(
        re.findall(r"([a-z_0-9]+\.py)", tree)
    )
    there = {f"{path.name}/" for path in (ROOT / "memviz").glob("*") if path.is_dir() and path.name != "__pycache__"}
    there |= {path.name for path in (ROOT / "memviz").glob("[a-z]*.py")}
    for room in WINGS:
        inside = (ROOT / "memviz" / room).glob("[a-z]*")
        there |= {f"{path.name}/" if path.is_dir() else path.name for path in inside if path.suffix in ("", ".py")}
    assert there == written - {"app.py", "server.py", "hatch_build.py"}


SHARED = {
    "view": "what the page Forget shows, which others open it with",
    "facts": "what the page Facts shows, which others open it with",
    "words": "the text as words, on all pages that show it",
}
"""Names of the session that several files use, and mean the same by."""


def test_a_name_in_the_session_means_one_thing() -> None:
    """Where two files put things of two kinds under one name, a page fails after a visit to the other."""
    users: dict[str, dict[str, set[str]]] = {}
    for path in sorted((ROOT / "memviz" / "ui").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, how in _session_names(tree):
            users.setdefault(name, {}).setdefault(path.stem, set()).add(how)
    assert {"train_lines", "text_window", "lines", "seed"} <= set(users)
    several = {name: files for name, files in users.items() if len(files) > 1}
    bound = {name for name, files in several.items() if set.union(*files.values()) - {"read"} == {"bound"}}
    assert set(several) - bound == set(SHARED)


def _session_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(a name in the session, how it is used): the key of a widget, one that is bound to the address, or read."""
    assigned = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    constants = {ast.unparse(target): value.value for target, value in assigned if isinstance(value, ast.Constant)}

    def text(node: ast.expr) -> str:
        value = node.value if isinstance(node, ast.Constant) else constants.get(ast.unparse(node))
        return value if isinstance(value, str) else ""

    for node in ast.walk(tree):
        found: list[tuple[str, str]] = []
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "st.session_state":
            found = [(text(node.slice), "read")]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("url_bound") and node.args:
            found = [(text(node.args[0]), "bound")]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("st.session_state."):
            found = [(text(node.args[0]), "read")] if node.args else []
        elif isinstance(node, ast.Call):
            found = [(text(word.value), "key") for word in node.keywords if word.arg == "key"]
        yield from ((name, how) for name, how in found if name)
