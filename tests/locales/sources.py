"""The texts that are not literal where they are spoken: registries, and what an expression can be."""

from __future__ import annotations

import ast
import inspect

from memviz.figures import PHRASES
from memviz.measures import MEASURES, ROLES
from memviz.models import CATALOGUE
from memviz.reading import probe
from memviz.ui.components import grid, words
from memviz.ui.glossary import GROUPS, TERMS
from memviz.ui.samples import samples

KINDS = {"self", "encoder", "decoder", "cross"}
SAMPLES = [sample for family in ("encoder-only", "decoder-only", "encoder-decoder") for sample in samples(family)]


def _of_measures(name: str) -> set[str]:
    return {getattr(measure, name) for measure in MEASURES.values()}


def notes() -> set[str]:
    """The notes on how a model was read that hold no values: "Read through …, because {why}." with each literal why."""
    tree = ast.parse(inspect.getsource(probe))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "_dense"]
    reasons = {ast.literal_eval(call.args[2]) for call in calls if isinstance(call.args[2], ast.Constant)}
    templates = {
        "".join("{why}" if isinstance(part, ast.FormattedValue) else part.value for part in node.value.values)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "note" and isinstance(node.value, ast.JoinedStr)
    }
    return {template.format(why=why) for template in templates for why in reasons}


KNOWN: dict[str, set[str]] = {
    "conversion: *_latest(work / 'out.log')": set(),  # what `progress` said in the other process
    "dense: kind": KINDS,
    "recording: f'{done}/{total}'": set(),  # shown as "Layer 3/6"
    "export: label": set(words.LABELS.values()),
    "frame: sample.name": {sample.name for sample in SAMPLES},
    "frame: sample.see": {sample.see for sample in SAMPLES},
    "frame: entry.note": {entry.note for entry in CATALOGUE.values()},
    "glossary: title": set(GROUPS.values()),
    "glossary: measure.label": _of_measures("label"),
    "glossary: measure.question": _of_measures("question"),
    "glossary: measure.unit": _of_measures("unit"),
    "glossary: measure.caveat": _of_measures("caveat"),
    "glossary: axis": {axis for measure in MEASURES.values() for axis in measure.axes},
    "glossary: role": set(ROLES),
    "glossary: meaning": {*ROLES.values(), *TERMS.values()},
    "glossary: term": set(TERMS),
    "heads: measure.label": _of_measures("label"),
    "heads: text": {*grid.LABELS.values(), *ROLES},
    "heads: role": set(ROLES),
    "show: model.note": notes(),
    "words: label": set(words.LABELS.values()),
}
"""What an expression can be, as "module: expression"."""

IN_PICTURES = set(PHRASES)
