"""The texts that are not literal where they are spoken: registries, and what an expression can be."""

from __future__ import annotations

from memviz.corpus import COLUMNS
from memviz.experiments import EXPERIMENTS
from memviz.figures import PHRASES
from memviz.lessons import LESSONS
from memviz.measures import MEASURES, ROLES
from memviz.models import CATALOGUE
from memviz.ui.components import cross, grid, picture, sound, words
from memviz.ui.parts import difference
from memviz.ui.parts import words as words_panel
from memviz.ui.parts.corpus import contrast as corpus_contrast
from memviz.ui.parts.corpus import source as corpus_source
from memviz.ui.parts.experiment import agreement as agreement_part
from memviz.ui.parts.experiment import cover as cover_part
from memviz.ui.parts.experiment import eviction as eviction_part
from memviz.ui.parts.experiment import needle as needle_part
from memviz.ui.parts.experiment import subject as subject_part
from memviz.ui.parts.experiment import unplug as unplug_part
from memviz.ui.parts.experiment import view as view_part
from memviz.ui.parts.facts import choices as facts_choices
from memviz.ui.parts.facts import conflict as facts_conflict
from memviz.ui.parts.facts import entities as facts_entities
from memviz.ui.parts.facts import lens as facts_lens
from memviz.ui.parts.facts import networks as facts_networks
from memviz.ui.parts.facts import recital as facts_recital
from memviz.ui.parts.formula.choices import NAMES as FORMULA_NAMES
from memviz.ui.parts.generation.text import READ_LABELS
from memviz.ui.parts.glossary import GROUPS, TERMS
from memviz.ui.parts.heads.choices import PICTURES
from memviz.ui.parts.heads.lines import SELF_LABELS
from memviz.ui.parts.listen import again as listen_again
from memviz.ui.parts.listen import subject as listen_subject
from memviz.ui.parts.listen import times as listen_times
from memviz.ui.parts.listen import view as listen_view
from memviz.ui.parts.look import heads as look_heads
from memviz.ui.parts.look import subject as look_subject
from memviz.ui.parts.training.lines import LANGUAGES as LINE_LANGUAGES
from memviz.ui.parts.training.lines import SOURCES
from memviz.ui.parts.training.view import EXPERIMENTS as TRAININGS
from memviz.ui.parts.translation.languages import NAMES
from memviz.ui.shell.navigation import PAGES, SECTIONS
from memviz.ui.shell.samples import facts, long_texts, prompts, samples, to_compare, to_cover, translations
from memviz.ui.shell.show import MEANING

KINDS = {"self", "encoder", "decoder", "cross"}
SAMPLES = [
    sample
    for model in (*CATALOGUE, "another", "trained:another")
    for sample in (*samples(model), *to_cover(model), *long_texts(model))
]
SAMPLES += [
    sample
    for model in ("firefox-en-pt", "firefox-pt-en", "opus-mt-zh-en", "t5-small")
    for sample in translations(model)
]

SAMPLES += [*prompts("smollm2"), *prompts("another")]
SAMPLES += [*to_compare("minilm", "heads"), *to_compare("minilm", "models")]
SAMPLES += [sample for view in facts_choices.VIEWS for sample in facts("smollm2", view)]


def _of_experiments(name: str) -> set[str]:
    return {getattr(experiment, name) for experiment in EXPERIMENTS.values()}


def _of_measures(name: str) -> set[str]:
    return {getattr(measure, name) for measure in MEASURES.values()}


def _of_columns(name: str) -> set[str]:
    return {getattr(column, name) for column in COLUMNS.values()}


KNOWN: dict[str, set[str]] = {
    "difference: name": {name for pair in difference.NAMES.values() for name in pair},
    "difference: NAMES[way][number]": {name for pair in difference.NAMES.values() for name in pair},
    "texts: error.happened": set(),  # of an error that was raised elsewhere
    "atlas: measure.question": _of_columns("question"),
    "atlas: view.measure.label": _of_columns("label"),
    "atlas: view.measure.unit": _of_columns("unit"),
    "atlas: COLUMNS[key].label": _of_columns("label"),
    "atlas: role": set(ROLES),
    "contrast: view.measure.unit": _of_columns("unit"),
    "contrast: CORRECTIONS[name]": set(corpus_contrast.CORRECTIONS.values()),
    "one_head: view.measure.label": _of_columns("label"),
    "one_head: view.measure.unit": _of_columns("unit"),
    "source: pace.line().render(t)": set(),  # a sentence already
    "source: WAYS[name]": set(corpus_source.WAYS.values()),
    "corpus: view.measure.question": _of_columns("question"),
    "folder: str(value['template'])": set(),  # why a row is bad: literal where it is found
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
    "lines: SOURCES[name]": set(SOURCES.values()),
    "lines: LANGUAGES[code]": set(LINE_LANGUAGES.values()),
    "view: EXPERIMENTS[name]": set(TRAININGS.values()),
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
    "choices: NAMES[name]": set(FORMULA_NAMES.values()),
    "choices: PICTURES[name]": set(PICTURES.values()),
    "lines: label": {*cross.LABELS.values(), *SELF_LABELS.values()},
    "picture: measure.caveat": _of_measures("caveat"),
    "grid: text": {*grid.LABELS.values(), *ROLES},
    "grid: role": set(ROLES),
    "picture: role": set(ROLES),
    "languages: NAMES[match[1]]": set(NAMES.values()),
    "lessons: lesson.title": {lesson.title for lesson in LESSONS.values()},
    "lessons: lesson.idea": {lesson.idea for lesson in LESSONS.values()},
    "lessons: lesson.task": {lesson.task for lesson in LESSONS.values()},
    "lessons: lesson.question": {lesson.question for lesson in LESSONS.values()},
    "lessons: lesson.options[place]": {option for lesson in LESSONS.values() for option in lesson.options},
    "lesson: lesson.title": {lesson.title for lesson in LESSONS.values()},
    "lesson: lesson.idea": {lesson.idea for lesson in LESSONS.values()},
    "lesson: lesson.task": {lesson.task for lesson in LESSONS.values()},
    "lesson: lesson.question": {lesson.question for lesson in LESSONS.values()},
    "lesson: lesson.caveat": {lesson.caveat for lesson in LESSONS.values()},
    "lesson: option": {option for lesson in LESSONS.values() for option in lesson.options},
    "lesson: lesson.options[finding.answer]": {option for lesson in LESSONS.values() for option in lesson.options},
    "lessons: lesson.options[finding.answer]": {option for lesson in LESSONS.values() for option in lesson.options},
    "lessons: lesson.caveat": {lesson.caveat for lesson in LESSONS.values()},
    "lessons: page.title": {page.title for page in PAGES.values()},
    "show: text": {MEANING, *(lesson.caveat for lesson in LESSONS.values())},
    "findings: asks.question": {
        *(each.question for each in EXPERIMENTS.values()),
        *(p.question for p in PAGES.values()),
    },
    "navigation: page.question": {page.question for page in PAGES.values()},
    "navigation: title": set(SECTIONS),
    "navigation: page.title": {page.title for page in PAGES.values()},
    "show: PAGES[page].question": {page.question for page in PAGES.values()},
    "show: model.quantisation": {entry.quantisation for entry in CATALOGUE.values()},
    "store: what": _of_measures("label"),
    "frames: measure.label": _of_measures("label"),
    "cover: COLUMNS[name]": set(cover_part.COLUMNS.values()),
    "cover: ROLES[role]": set(cover_part.ROLES.values()),
    "causal_check: experiment.RELAYS": {cover_part.RELAYS},
    "causal_check: experiment.STAND_IN": {unplug_part.STAND_IN},
    "agreement: phrases.AGREEMENT_UNIT": set(),  # a phrase of the pictures
    "needle: phrases.NEEDLE_UNIT": set(),  # the same
    **{
        f"{module}: caveat_of('{name}')": {EXPERIMENTS[name].caveat}
        for module, name in (
            ("agreement", "agree"),
            ("eviction", "perplexity_by_cache"),
            ("needle", "needle"),
            ("lens", "logit_lens"),
            ("conflict", "fact_against_context"),
            ("recital", "memorisation"),
            ("networks", "unplug_feedforwards"),
            ("entities", "entities"),
            ("unplug", "retrieval_heads"),
        )
    },
    "agreement: RANKINGS[name]": set(agreement_part.RANKINGS.values()),
    "agreement: RANKINGS[ranking.name]": set(agreement_part.RANKINGS.values()),
    "agreement: COLUMNS[name]": set(agreement_part.COLUMNS.values()),
    "eviction: RULES[name]": set(eviction_part.RULES.values()),
    "eviction: RULES[rule]": set(eviction_part.RULES.values()),
    "eviction: RULES[policy]": set(eviction_part.RULES.values()),
    "eviction: RULES[self.rule]": set(eviction_part.RULES.values()),
    "eviction: COLUMNS[name]": set(eviction_part.COLUMNS.values()),
    "needle: BOXES[name]": set(needle_part.BOXES.values()),
    "needle: COLUMNS[name]": set(needle_part.COLUMNS.values()),
    "unplug: ROLES[role]": set(unplug_part.ROLES.values()),
    "unplug: WAYS[name]": set(unplug_part.WAYS.values()),
    "unplug: COLUMNS[name]": set(unplug_part.COLUMNS.values()),
    "unplug: role": set(ROLES),
    "unplug: text": set(grid.LABELS.values()),
    "view: views[name]": {*view_part.VIEWS.values(), *facts_choices.VIEWS.values()},
    "view: hints[name]": {*view_part.HINTS.values(), *facts_choices.HINTS.values()},
    "lens: VALUES[name]": set(facts_lens.VALUES.values()),
    "lens: COLUMNS[name]": set(facts_lens.COLUMNS.values()),
    "conflict: ROLES[role]": set(facts_conflict.ROLES.values()),
    "recital: TEXTS[name]": set(facts_recital.TEXTS.values()),
    "recital: COLUMNS[name]": set(facts_recital.COLUMNS.values()),
    "networks: label": set(facts_networks.COLUMNS.values()),
    "entities: ROLES[kind]": set(facts_entities.ROLES.values()),
    "entities: ROLES[role]": set(facts_entities.ROLES.values()),
    "glossary: experiment.label": _of_experiments("label"),
    "glossary: experiment.question": _of_experiments("question"),
    "glossary: experiment.cost": _of_experiments("cost"),
    "glossary: experiment.source": _of_experiments("source"),
    "glossary: experiment.caveat": _of_experiments("caveat"),
    "subject: BOXES[question.kind]": set(subject_part.BOXES.values()),
    "subject: QUERIES[name]": set(subject_part.QUERIES.values()),
    "subject: label": {*words.LABELS.values(), *words.COVER_LABELS.values()},
    "text: label": {*words.LABELS.values(), *READ_LABELS.values(), *words.WRITING_LABELS.values()},
    "subject: place": {*look_subject.PLACES.values(), *listen_subject.PLACES.values()},
    "subject: sample": {*look_subject.SAMPLES.values(), *listen_subject.SAMPLES.values()},
    "view: SHOWN[name]": set(listen_view.SHOWN.values()),
    "view: text": {*grid.LABELS.values(), *sound.LABELS.values()},
    "view: measures.MEASURES['entropy'].label": _of_measures("label"),
    "times: COLUMNS[name]": set(listen_times.COLUMNS.values()),
    "again: WAYS[name]": set(listen_again.WAYS.values()),
    "heads: DIRECTIONS[name]": set(look_heads.DIRECTIONS.values()),
    "atlas: text": set(grid.LABELS.values()),
    "corpus: view.measure.label": _of_columns("label"),
    "corpus: view.measure.unit": _of_columns("unit"),
    "heads: VALUES[name]": set(look_heads.VALUES.values()),
    "heads: TELLING[view.values, view.direction]": set(look_heads.TELLING.values()),
    "patches: text": set(picture.LABELS.values()),
    "heads: text": {*grid.LABELS.values(), *picture.LABELS.values()},
    "heads: measures.MEASURES[name].label": _of_measures("label"),
    "views: label": {*words.LABELS.values(), *cross.LABELS.values()},
    "words: label": {*words.LABELS.values(), *words_panel.RENORMALISED.values()},
}
"""What an expression can be, as "module: expression"."""

IN_PICTURES = set(PHRASES)
