"""The texts that are not literal where they are spoken: registries, and what an expression can be."""

from __future__ import annotations

from memviz.figures import PHRASES
from memviz.measures import MEASURES, ROLES
from memviz.models import CATALOGUE
from memviz.ui.components import cross, grid, picture, words
from memviz.ui.parts import words as words_panel
from memviz.ui.parts.experiment import cover as cover_part
from memviz.ui.parts.experiment import subject as subject_part
from memviz.ui.parts.generation.text import READ_LABELS
from memviz.ui.parts.glossary import GROUPS, TERMS
from memviz.ui.parts.heads.choices import PICTURES
from memviz.ui.parts.heads.lines import SELF_LABELS
from memviz.ui.parts.look import heads as look_heads
from memviz.ui.parts.look import subject as look_subject
from memviz.ui.parts.translation.languages import NAMES
from memviz.ui.shell.navigation import PAGES, SECTIONS
from memviz.ui.shell.samples import prompts, samples, to_cover, translations

KINDS = {"self", "encoder", "decoder", "cross"}
SAMPLES = [sample for model in (*CATALOGUE, "another") for sample in (*samples(model), *to_cover(model))]
SAMPLES += [
    sample
    for model in ("firefox-en-pt", "firefox-pt-en", "opus-mt-zh-en", "t5-small")
    for sample in translations(model)
]

SAMPLES += [*prompts("smollm2"), *prompts("another")]


def _of_measures(name: str) -> set[str]:
    return {getattr(measure, name) for measure in MEASURES.values()}


KNOWN: dict[str, set[str]] = {
    "conversion: *_latest(work / 'out.log')": set(),  # what `progress` said in the other process
    "cross: what": _of_measures("label"),
    "cache: label": set(),  # what a reader told its progress, passed on
    "dense: kind": KINDS,
    "hub_errors: error.happened": set(),  # of an error that was raised elsewhere
    "advice: part": set(),  # the same, with options in its place
    "errors: part": set(),  # what the errors are made with
    "recording: f'{done}/{total}'": set(),  # shown as "Layer 3/6"
    "frame: sample.name": {sample.name for sample in SAMPLES},
    "actions: sample.name": {sample.name for sample in SAMPLES},
    "frame: sample.hint": {sample.hint for sample in SAMPLES},
    "frame: entry.note": {entry.note for entry in CATALOGUE.values()},
    "glossary: title": set(GROUPS.values()),
    "glossary: measure.label": _of_measures("label"),
    "glossary: measure.question": _of_measures("question"),
    "glossary: measure.source": _of_measures("source"),
    "glossary: measure.unit": _of_measures("unit"),
    "glossary: measure.caveat": _of_measures("caveat"),
    "glossary: axis": {axis for measure in MEASURES.values() for axis in measure.axes},
    "glossary: role": set(ROLES),
    "glossary: meaning": {*ROLES.values(), *TERMS.values()},
    "glossary: term": set(TERMS),
    "graph: label": set(cross.LABELS.values()),
    "grid: measures.MEASURES[name].label": _of_measures("label"),
    "choices: PICTURES[name]": set(PICTURES.values()),
    "lines: label": {*cross.LABELS.values(), *SELF_LABELS.values()},
    "picture: measure.caveat": _of_measures("caveat"),
    "grid: text": {*grid.LABELS.values(), *ROLES},
    "grid: role": set(ROLES),
    "picture: role": set(ROLES),
    "languages: NAMES[match[1]]": set(NAMES.values()),
    "navigation: page.question": {page.question for page in PAGES.values()},
    "navigation: title": set(SECTIONS),
    "navigation: next(iter(SECTIONS))": {next(iter(SECTIONS))},
    "navigation: page.title": {page.title for page in PAGES.values()},
    "show: PAGES[page].question": {page.question for page in PAGES.values()},
    "show: model.quantisation": {entry.quantisation for entry in CATALOGUE.values()},
    "store: what": _of_measures("label"),
    "frames: measure.label": _of_measures("label"),
    "cover: COLUMNS[name]": set(cover_part.COLUMNS.values()),
    "cover: ROLES[role]": set(cover_part.ROLES.values()),
    "subject: BOXES[question.kind]": set(subject_part.BOXES.values()),
    "subject: QUERIES[name]": set(subject_part.QUERIES.values()),
    "subject: label": {*words.LABELS.values(), *words.COVER_LABELS.values()},
    "text: label": {*words.LABELS.values(), *READ_LABELS.values(), *words.WRITING_LABELS.values()},
    "subject: PLACES[name]": set(look_subject.PLACES.values()),
    "subject: SAMPLES[name]": set(look_subject.SAMPLES.values()),
    "heads: DIRECTIONS[name]": set(look_heads.DIRECTIONS.values()),
    "heads: text": {*grid.LABELS.values(), *picture.LABELS.values()},
    "heads: measures.MEASURES[name].label": _of_measures("label"),
    "words: label": {*words.LABELS.values(), *words_panel.RENORMALISED.values()},
}
"""What an expression can be, as "module: expression"."""

IN_PICTURES = set(PHRASES)
