"""How is a trace of format 3, written before MemViz 0.2, understood today?

Format 3 was packed by hand: arrays under short names, memories as a list, models read in a ``path`` instead of a
``method``, and notes without a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_CODES = {  # by their sentences, word by word as old files have them
    "The translation was stopped after {tokens} tokens, the most that are written here: it may be unfinished.": (
        "output-cut"
    ),
    "{unknown:,} of the {tokens:,} tokens stand for words or characters that this model has never seen.": (
        "unknown-tokens"
    ),
    "A sentence of more than {limit} tokens was translated in parts.": "sentence-in-parts",
    "{unknown:,} of the {tokens:,} tokens of the given translation stand for words or characters that this model has "
    "never seen.": "unknown-target-tokens",
    "With a translation given, the {sentences} sentences of the text are read as one.": "read-as-one",
    "Text all in capitals is rare in what models learn from: they often copy such words instead.": "all-capitals",
    "Sentence {number}: {note}": "of-sentence",
    "Part {number}: {note}": "of-part",
    "This model is told what to do by words in front of the text, such as “{task}”; here there are none.": "no-task",
}
_UNCHANGED = ("text", "pair", "output", "tokens", "targets", "next_tokens", "seconds", "steps")


def upgrade(old: dict[str, Any], names: Sequence[str], *, prefix: str = "") -> dict[str, Any]:
    """The json of a trace of format 3 as `memviz.archive` would have packed it.

    ``old`` is the json of the file, ``names`` are those of its arrays; the arrays of a part have names that begin
    with its ``prefix``. Raises `KeyError` or `TypeError` where it is not such json.
    """
    recurrent = None
    if old["entered"] is not None:
        arrays = _references(names, f"{prefix}recurrent.")
        recurrent = {"Recurrent": {"queries": old["targets"], "keys": old["entered"], **arrays}}
    return {name: old[name] for name in _UNCHANGED} | {
        "model": _model(old["model"]),
        "forget": _forget(old["forget"]),
        "logprobs": {"array": f"{prefix}logprobs"},
        "memories": {memory["kind"]: _memory(memory, names, prefix) for memory in old["memories"]},
        "recurrent": recurrent,
        "notes": [_note(note) for note in old["notes"]],
        "parts": [upgrade(part, names, prefix=f"{prefix}part{number}.") for number, part in enumerate(old["parts"])],
    }


def _memory(old: dict[str, Any], names: Sequence[str], prefix: str) -> dict[str, Any]:
    prefix = f"{prefix}{old['kind']}."
    scores = [plain | _references(names, f"{prefix}{number}.") for number, plain in enumerate(old["scores"])]
    summary = {"repeats": old["repeats"], **_references(names, f"{prefix}summary.")}
    weights = {"weights": {"array": f"{prefix}weights"}} if f"{prefix}weights" in names else {}
    unchanged = {name: value for name, value in old.items() if name not in ("repeats", "scores", "forget")}
    return unchanged | {"scores": scores, "summary": summary, "forget": _forget(old["forget"]), **weights}


def _references(names: Sequence[str], start: str) -> dict[str, Any]:
    """The arrays whose names are this and a field, by field."""
    return {name.removeprefix(start): {"array": name} for name in names if name.startswith(start)}


def _model(old: dict[str, Any]) -> dict[str, Any]:
    method = old["method"] if "method" in old else old["path"]
    note = None if old["note"] is None else {"Note": _note(old["note"])}
    return {name: value for name, value in old.items() if name != "path"} | {"method": method, "note": note}


def _forget(old: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if old is None else {"Forget": old}


def _note(old: dict[str, Any]) -> dict[str, Any]:
    """A value that is none of text and number was a note too."""
    values = {
        name: {"Note": _note(value)} if isinstance(value, dict) else value for name, value in old["values"].items()
    }
    return {"text": old["text"], "values": values, "code": _CODES.get(old["text"], "")}
