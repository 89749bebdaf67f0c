"""What is written about MemViz is true: names have docstrings, examples run, and documents name what is there."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import importlib
import inspect
import re
import runpy
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import memviz
from memviz.measures import MEASURES, listing

ROOT = Path(__file__).parents[1]
ROOMS = ("archive", "errors", "figures", "measures", "memory", "models", "note", "reading", "tables", "tokens", "trace")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
WITHOUT_WEIGHTS = {"04_your_own_model.py"}
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def exported(module: ModuleType) -> list[str]:
    """The public names of a module: those it lists, or those it defines itself."""
    listed = getattr(module, "__all__", None)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return sorted(listed if listed is not None else [name for name in own if not name.startswith("_")])


def described() -> Iterator[tuple[str, Any]]:
    """Every public function and class, and the public methods of the classes: (name, the thing)."""
    for room in ROOMS:
        module = importlib.import_module(f"memviz.{room}")
        for name in exported(module):
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            yield f"{room}.{name}", value
            if inspect.isclass(value) and value.__module__.startswith("memviz"):
                for part, member in vars(value).items():
                    member = getattr(member, "__func__", member)
                    spoken = inspect.isfunction(member) or isinstance(member, property | cached_property)
                    if not part.startswith("_") and spoken:
                        yield f"{room}.{name}.{part}", member


DESCRIBED = dict(described())


# -- docstrings ---------------------------------------------------------------------------------------


def test_the_public_names_are_found() -> None:
    """The tests below would hold of an empty list."""
    assert {name.split(".")[0] for name in DESCRIBED} == set(ROOMS)
    assert {"reading.Reader", "reading.Reader.read", "memory.Memory.pattern", "trace.Trace.words"} <= set(DESCRIBED)
    assert len(DESCRIBED) > 150


def test_a_public_name_says_what_it_is() -> None:
    wrong = [trouble for name, thing in DESCRIBED.items() for trouble in in_docstring(name, thing)]
    assert not wrong, "\n".join(wrong)


def in_docstring(name: str, thing: Any) -> Iterator[str]:
    """What is wrong with the docstring of a public name."""
    text = inspect.cleandoc(thing.__doc__ or "")
    for other in re.findall(r"`memviz\.([\w.]+)`,\s+which explains the options", text):
        text += "\n" + inspect.cleandoc(DESCRIBED[other].__doc__ or "")
    opening = text.split("\n\n")[0].rstrip()
    if not text:
        yield f"{name} has no docstring"
    elif inspect.isclass(thing) and dataclasses.is_dataclass(thing) and text.startswith(f"{thing.__name__}("):
        yield f"{name} has only the docstring that Python gave it"
    elif opening[-1] not in ".?:":
        yield f"the first sentence of {name} does not end: {opening!r}"


def test_names_of_the_package_are_documented_too() -> None:
    assert not [name for name in memviz.__all__ if not (getattr(memviz, name).__doc__ or "").strip()]


def test_exported_names_are_there_once_and_not_private() -> None:
    wrong = []
    for room in ("figures", "measures", "memory", "models", "reading", "tokens"):
        module = importlib.import_module(f"memviz.{room}")
        names = module.__all__
        wrong += [f"{room}.{name} is listed twice" for name in set(names) if names.count(name) > 1]
        wrong += [f"{room}.{name} is private" for name in names if name.startswith("_")]
        wrong += [f"{room}.{name} is not there" for name in names if not hasattr(module, name)]
    assert not wrong, "\n".join(wrong)


def test_a_measure_says_its_shape() -> None:
    wrong = [
        f"{name}: float32 [{', '.join(measure.axes)}]"
        for name, measure in MEASURES.items()
        if f"float32 [{', '.join(measure.axes)}]" not in measure.compute.__doc__
    ]
    assert not wrong, "\n".join(wrong)
    assert set(MEASURES) <= set(memviz.measures.__all__)


def test_errors_that_a_docstring_names_exist() -> None:
    named = [
        (name, error) for name, thing in DESCRIBED.items() for error in re.findall(r"`(\w+Error)`", thing.__doc__ or "")
    ]
    wrong = [
        f"{name}: {error}" for name, error in named if not (hasattr(memviz.errors, error) or hasattr(builtins, error))
    ]
    assert len(named) > 10
    assert not wrong, "\n".join(wrong)


# -- parameters ---------------------------------------------------------------------------------------

CONVENTIONS = {
    "layer": "int",  # counted from 0
    "head": "int",
    "memory": "Memory",  # what a measure, a table or a figure is of
    "trace": "Trace",
    "links": "Links",
    "recurrent": "Recurrent",
    "forget": "Forget",
    "policy": "Policy",
    "progress": "Progress",
    "sides": "Sides",
    "text": "str",
    "name": "str|Name",
    "title": "str",
    "licence": "str",
    "theme": "Theme",
    "translate": "Translate|Callable",
}
"""Parameters that name and type explain, the same everywhere: `docs/vocabulary.md` has the words."""

UNDOCUMENTED: dict[str, str] = {}
"""Names that are still to be documented, by room. Nothing new comes in here."""


def parameters(thing: Any) -> Iterator[tuple[str, str]]:
    """(name, annotation) of every parameter of a function, of every field of a dataclass that is passed to it."""
    if dataclasses.is_dataclass(thing):
        yield from ((field.name, str(field.type)) for field in dataclasses.fields(thing) if field.init)
        return
    if inspect.isclass(thing):
        thing = vars(thing).get("__init__")
    if inspect.isfunction(thing):
        for parameter in inspect.signature(thing).parameters.values():
            if parameter.name not in ("self", "cls"):
                yield parameter.name, str(parameter.annotation)


def undocumented(thing: Any) -> list[str]:
    """The parameters of which neither the docstring nor name and type say what they are.

    A docstring says it in ``double backticks``, or in a list of names at the start of a line; a field, in a comment
    beside it.
    """
    text = inspect.cleandoc(thing.__doc__ or "")
    for other in re.findall(r"`memviz\.([\w.]+)`,\s+which explains the options", text):
        text += "\n" + inspect.cleandoc(DESCRIBED[other].__doc__ or "")
    if inspect.isclass(thing):
        init = vars(thing).get("__init__")
        text += (inspect.getdoc(init) or "") if init else ""
        text += "".join(f"``{name}``" for name in re.findall(r"^    (\w+): .+  # ", inspect.getsource(thing), re.M))
    out = []
    for name, annotation in parameters(thing):
        convention = re.match(CONVENTIONS.get(name, "$^"), annotation)
        listed = re.search(rf"^(?:\w+, )*{name}(?:, \w+)*(?:  |: )", text, re.MULTILINE)
        quoted = any(re.search(rf"\b{name}\b", code) for code in re.findall(r"``(.+?)``", text))
        if not (convention or listed or quoted):
            out.append(name)
    return out


def test_every_parameter_says_what_it_is() -> None:
    exempt = {f"{room}.{name}" for room, names in UNDOCUMENTED.items() for name in names.split()}
    missing = {name: undocumented(thing) for name, thing in DESCRIBED.items()}
    wrong = [f"{name}: {', '.join(names)}" for name, names in missing.items() if names and name not in exempt]
    assert not wrong, "\n".join(["write ``name`` and what it means into the docstring of", *wrong])
    assert not {name for name in exempt if not missing.get(name)}, "these are documented: take them out"


def test_an_undocumented_parameter_is_seen() -> None:
    def look(layer: int, count: int, width: float, memory: str) -> None:
        """Looks at ``count`` of them."""

    assert undocumented(look) == ["memory", "width"] or undocumented(look) == ["width", "memory"]


# -- code in documents --------------------------------------------------------------------------------


def blocks() -> Iterator[tuple[str, str]]:
    """Every block of Python in a document: (document and line, code)."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in PYTHON.finditer(text):
            line = text[: block.start()].count("\n") + 1
            yield f"{document.relative_to(ROOT)}:{line}", block.group(1)


WHOLE = {where: code for where, code in blocks() if code.startswith("import memviz")}


def test_code_in_a_document_is_python() -> None:
    wrong = []
    for where, code in blocks():
        try:
            ast.parse(code)
        except SyntaxError as error:
            wrong.append(f"{where}: {error}")
    assert WHOLE, "else nothing is run below"
    assert not wrong, "\n".join(wrong)


@pytest.mark.models
@pytest.mark.parametrize("code", WHOLE.values(), ids=WHOLE)
def test_code_in_a_document_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "<document>", "exec"), {"__name__": "document"})
    assert not list(tmp_path.iterdir()), "a reader who pastes this finds files they did not ask for"


def test_the_measure_in_contributing_is_the_one_in_the_library() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = [block for block in PYTHON.findall(text) if "@measure" in block]
    measure = MEASURES["entropy"]
    for part in (measure.label, measure.unit, measure.formula, measure.question, measure.group, *measure.axes):
        assert part in code


# -- examples -----------------------------------------------------------------------------------------


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
    assert {file.name for file in EXAMPLES} >= WITHOUT_WEIGHTS


def test_an_example_is_short_and_says_what_it_shows() -> None:
    wrong = []
    for file in EXAMPLES:
        code = file.read_text(encoding="utf-8")
        if len(code.splitlines()) > 25:
            wrong.append(f"{file.name} has {len(code.splitlines())} lines, more than 25")
        if not (ast.get_docstring(ast.parse(code)) or "").endswith(("?", ".")):
            wrong.append(f"{file.name} does not say what it shows in a sentence")
        if "import memviz\n" not in code:
            wrong.append(f"{file.name} does not import memviz")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=file.name, marks=[] if file.name in WITHOUT_WEIGHTS else [pytest.mark.models])
        for file in EXAMPLES
    ],
)
def test_an_example_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(file), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert not list(tmp_path.iterdir())


# -- what documents name ------------------------------------------------------------------------------


def test_links_in_a_document_lead_somewhere() -> None:
    links = [
        (document, target)
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
        if not re.match(r"\w+://|#|mailto:", target)
    ]
    wrong = [
        f"{document.relative_to(ROOT)}: {target} is not there"
        for document, target in links
        if not (document.parent / target.split("#")[0]).exists()
    ]
    assert len(links) > 5
    assert not wrong, "\n".join(wrong)


def test_a_document_names_commands_and_settings_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "memviz").rglob("*.py"))
    wrong, count = [], 0
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        goals = ["".join(goal) for goal in re.findall(r"`make (\w+)`|^ {4}make (\w+)", text, re.MULTILINE)]
        settings = re.findall(r"MEMVIZ_[A-Z_]+", text)
        commands = re.findall(r"python -m ([\w.]+)(?: (fetch|models|read)\b)?", text)
        count += len(goals) + len(settings) + len(commands)
        missing = [f"make {goal}" for goal in goals if not re.search(rf"^{goal}:", makefile, re.MULTILINE)]
        missing += [
            f"{setting} sets nothing"
            for setting in settings
            if setting not in code and f'"{setting.removeprefix("MEMVIZ_")}"' not in code
        ]
        for module, command in commands:
            ours = module.split(".")[0] in ("memviz", "benchmarks", "tests")
            if ours and importlib.util.find_spec(module) is None:
                missing.append(f"python -m {module}")
            if command and f'add_parser("{command}"' not in code:
                missing.append(f"python -m {module} {command}")
        wrong += [f"{document.relative_to(ROOT)}: {name}" for name in missing]
    assert count > 20
    assert not wrong, "\n".join(wrong)


def test_the_list_of_measures_is_the_one_of_the_code() -> None:
    written = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    assert written == listing.markdown(), "python -m memviz.measures.listing > docs/measures.md"
    assert all(f"## {measure.label}" in written for measure in MEASURES.values())
