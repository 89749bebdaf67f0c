"""A view as a file, of the kind that its name ends with; and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import memviz
from memviz.command.advice import CommandError
from memviz.command.sense_views import SoundView
from memviz.command.views import View

USUAL = (".csv", ".npz", ".png", ".svg", ".html")  # what every view can become
BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know that a file is UTF-8


def require_writable(path: Path, *, more: tuple[str, ...] = ()) -> None:
    """Raises `CommandError` for a file that could not be written, before anything is read.

    ``more``: endings that this command knows besides the usual ones.
    """
    endings = [ending for ending in ENDINGS if ending in (*USUAL, *more)]
    if path.suffix.lower() not in endings:
        raise CommandError(
            f"{path} ends with no kind of file that can be written. Choose one of: {', '.join(endings)}."
        )
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {path.parent} to write {path.name} into. Make it first.")
    if path.is_dir():
        raise CommandError(f"{path} is a folder. Give the name of a file.")


def write(view: View, path: Path) -> None:
    """Write the ``view`` to the file at ``path``; one that is there is replaced once the new one is whole.

    Beside a CSV stands what it is and where it comes from, in ``<file>-metadata.json``.

    Raises `CommandError` where that fails.
    """
    _replace(path, lambda part: ENDINGS[path.suffix.lower()](view, part))
    if path.suffix.lower() == ".csv":
        _replace(path.with_name(f"{path.name}-metadata.json"), lambda part: _metadata(view, path))


def _replace(path: Path, make: Callable[[Path], bytes]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(make(part))
        part.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        part.unlink(missing_ok=True)


def as_json(view: View) -> str:
    """The listing with what belongs to it, as JSON: texts, tokens, rows, likeliest next tokens, notes, provenance."""
    trace = view.trace
    fields: dict[str, Any] = {
        "text": trace.text,
        "pair": trace.pair,
        "output": trace.output,
        "tokens": [token.text for token in trace.tokens],
        "targets": [token.text for token in trace.targets],
        view.name: json.loads(view.listing().to_json(orient="records")),
        "next_tokens": [
            {"text": each.text, "id": each.id, "probability": each.probability} for each in trace.next_tokens
        ],
        "notes": [str(note) for note in trace.notes],
        "provenance": view.provenance(),
    }
    return json.dumps(fields, indent=1)


def _csv(view: View, part: Path) -> bytes:
    return (BYTE_ORDER_MARK + memviz.tables.csv(view.table())).encode()


def _metadata(view: View, path: Path) -> bytes:
    """What stands beside the CSV at ``path``: where it comes from."""
    return memviz.tables.metadata(view.table(), view.provenance(), file=path.name).encode()


def _npz(view: View, part: Path) -> bytes:
    """The whole reading, see `Trace.load`."""
    return view.trace.save(part).read_bytes()


def _html(view: View, part: Path) -> bytes:
    """The charts of the view on one page; its picture where it has none."""
    charts, fields = view.charts(), view.provenance()
    drawings = [] if charts else [view.svg()]
    title = memviz.figures.caption(fields)
    return memviz.figures.html(charts, drawings=drawings, title=title, provenance=fields).encode()


def _srt(view: View, part: Path) -> bytes:
    """Subtitles, of what was heard."""
    assert isinstance(view, SoundView)
    return view.srt().encode()


ENDINGS: dict[str, Callable[[View, Path], bytes]] = {
    ".csv": _csv,
    ".npz": _npz,
    ".png": lambda view, part: view.png(),
    ".svg": lambda view, part: view.svg().encode(),
    ".html": _html,
    ".srt": _srt,
}
"""How a view becomes the bytes of a file with this ending."""
