"""Which texts can reach a page? Found in the source by reading it, and in the registries by importing them.

A *speaker* is a function that translates one of its parameters: `t`, the errors and notes, `progress`, and every
function of the pages that hands a parameter of its own to a speaker (`show.question`). What a speaker is given is
resolved to the literal texts it can be; what cannot be resolved must be named in `sources.KNOWN`, or it is reported.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "memviz" / "ui").rglob("*.py")])
LIBRARY = sorted((ROOT / "memviz").rglob("*.py"))


class Spoken(NamedTuple):
    """A parameter that is translated: its place (``None``: by name only) and its name."""

    place: int | None
    name: str


Speakers = dict[tuple[str, str], list[Spoken]]  # (module or "*" for everywhere, function) → parameters
EVERYWHERE: Speakers = {
    ("*", "t"): [Spoken(0, "text")],
    ("*", "Note"): [Spoken(0, "text")],
    ("*", "progress"): [Spoken(1, "label")],
}
ERROR = [Spoken(0, "happened"), Spoken(None, "todo")]


@dataclass
class Source:
    """One file as a tree that knows its parents, its calls, and the modules that its names come from."""

    path: Path
    tree: ast.Module = field(init=False)
    parent: dict[ast.AST, ast.AST] = field(init=False)
    calls: list[ast.Call] = field(init=False)
    origin: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(self.tree))
        self.parent = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
        self.calls = [node for node in nodes if isinstance(node, ast.Call)]
        self.origin = {
            alias.name: node.module.split(".")[-1]
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    @property
    def name(self) -> str:
        """As it is called in code: ``show`` for memviz/ui/shell/show.py, ``grid`` for …/grid/__init__.py."""
        return self.path.parent.name if self.path.stem == "__init__" else self.path.stem

    def at(self, node: ast.expr, text: str) -> str:
        """A text with its file and line."""
        path = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path.name
        return f"{path}:{node.lineno}: {text}"

    def around(self, node: ast.AST) -> Iterator[ast.FunctionDef | ast.Lambda]:
        """The functions that a node stands in, the nearest first."""
        while node in self.parent:
            node = self.parent[node]
            if isinstance(node, ast.FunctionDef | ast.Lambda):
                yield node

    def constant(self, name: str) -> object:
        """A constant of the module, or of one that it imports."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
        return getattr(module, name, None)


@dataclass
class Found:
    """All texts, and the places where a text could not be told."""

    texts: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def collect(known: Mapping[str, set[str]]) -> Found:
    """Every text that is handed to a speaker; ``known``: what an expression can be that the source does not show."""
    found = Found()
    sources = [Source(path) for path in LIBRARY + [path for path in PAGES if path not in LIBRARY]]
    speakers = EVERYWHERE | {("*", name): ERROR for name in errors(sources)}
    speakers |= _speaking([source for source in sources if source.path in PAGES], speakers)
    for source in sources:
        for place, argument in _arguments(source, speakers):
            name = f"{source.name}: {ast.unparse(argument)}"
            if _passed_on(source, argument, speakers):
                argument = _default(source, argument)
            texts = texts_of(argument, source) if argument is not None else set()
            if name in known:
                found.used.add(name)
                found.texts |= known[name]
            elif texts is None:
                found.unknown.append(f"{source.path.relative_to(ROOT)}:{place.lineno}  {name}")
            else:
                found.texts |= texts
    found.texts.discard("")
    return found


def errors(sources: list[Source]) -> set[str]:
    """The names of all error classes that descend from MemVizError."""
    names, before = {"MemVizError"}, set()
    classes = [node for source in sources for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    while names != before:
        before = set(names)
        names |= {node.name for node in classes if any(isinstance(b, ast.Name) and b.id in names for b in node.bases)}
    return names


def _speaking(sources: list[Source], speakers: Speakers) -> Speakers:
    """The functions of the pages that hand a parameter on to a speaker."""
    found: Speakers = {}
    before = -1
    while len(found) > before:
        before = len(found)
        for source in sources:
            for _, argument in _arguments(source, speakers | found):
                owner = _owner(source, argument)
                if isinstance(owner, ast.FunctionDef):
                    names = [each.arg for each in owner.args.args]
                    place = names.index(argument.id) if argument.id in names else None
                    spoken = found.setdefault((source.name, owner.name), [])
                    if Spoken(place, argument.id) not in spoken:
                        spoken.append(Spoken(place, argument.id))
    return found


def _arguments(source: Source, speakers: Speakers) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Every argument that this file hands to a speaker."""
    for call in source.calls:
        for place, name in _called(source, call, speakers):
            if place is not None and place < len(call.args):
                yield call, call.args[place]
            elif place is not None and call.args and isinstance(call.args[-1], ast.Starred):
                yield call, call.args[-1]
            yield from ((call, keyword.value) for keyword in call.keywords if keyword.arg == name)


def _called(source: Source, call: ast.Call, speakers: Speakers) -> list[Spoken]:
    """Which parameters of the function that is called here are translated?"""
    if isinstance(call.func, ast.Name):
        name = call.func.id
        module = source.origin.get(name, source.name)
    elif isinstance(call.func, ast.Attribute):
        name, module = call.func.attr, ast.unparse(call.func.value)
        if name == "progress" and module != "self":  # a progress bar of streamlit
            return []
    else:
        return []
    return speakers.get((module, name), []) or speakers.get(("*", name), [])


def _owner(source: Source, argument: ast.expr) -> ast.FunctionDef | ast.Lambda | None:
    """The function whose parameter this argument is."""
    if isinstance(argument, ast.Name):
        for function in source.around(argument):
            parts = function.args
            if argument.id in [each.arg for each in parts.args + parts.kwonlyargs]:
                return function
    return None


def _passed_on(source: Source, argument: ast.expr, speakers: Speakers) -> bool:
    """Is it a parameter of a speaker, whose own calls are read anyway?"""
    owner = _owner(source, argument)
    if isinstance(owner, ast.Lambda):  # progress=lambda share, label: progress(share / 2, label)
        return ("*", "progress") in speakers and argument.id == "label"
    names = (("*", owner.name), (source.name, owner.name)) if owner else ()
    return any(argument.id == spoken.name for name in names for spoken in speakers.get(name, ()))


def _default(source: Source, argument: ast.Name) -> ast.expr | None:
    """What the parameter is when nothing is given."""
    args = _owner(source, argument).args
    pairs = list(zip(reversed(args.args), reversed(args.defaults), strict=False))
    pairs += list(zip(args.kwonlyargs, args.kw_defaults, strict=True))
    return next((value for each, value in pairs if each.arg == argument.id), None)


def texts_of(node: ast.expr, source: Source) -> set[str] | None:
    """All literal texts that an expression can be; ``None`` when the source does not tell."""
    match node:
        case ast.Constant(value=str() as text):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return _union([texts_of(one, source), texts_of(other, source)])
        case ast.BoolOp(values=parts):
            return _union([texts_of(part, source) for part in parts])
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            both = texts_of(left, source), texts_of(right, source)
            return None if None in both else {one + other for one, other in product(*both)}
        case ast.Subscript(value=ast.Name(id=name)) if isinstance(found := _module_constant(source, name), Mapping):
            return set(found.values()) if all(isinstance(text, str) for text in found.values()) else None
        case ast.Name(id=name):
            return _assigned(node, name, source)
    return None


def _assigned(node: ast.Name, name: str, source: Source) -> set[str] | None:
    """What a name stands for: a local variable, else a constant of the module."""
    for function in source.around(node):
        inside = [each for each in ast.walk(function) if isinstance(each, ast.Assign)]
        given = [each.value for each in inside if any(isinstance(x, ast.Name) and x.id == name for x in each.targets)]
        if given:
            return _union([texts_of(value, source) for value in given])
    constant = _module_constant(source, name)
    return {constant} if isinstance(constant, str) else None


def _module_constant(source: Source, name: str) -> object:
    return source.constant(name) if name.isupper() and source.path in LIBRARY else None


def _union(parts: list[set[str] | None]) -> set[str] | None:
    return None if None in parts else set().union(*parts)
