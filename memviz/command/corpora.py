"""``corpus``: reads many texts, says how far it is, and lists the heads whose role is clearest."""

from __future__ import annotations

import argparse
import sys
import time

import memviz
from memviz.command.columns import columns
from memviz.corpus import Pace, Results

TOP = 10  # heads that are listed
OFTEN = 0.5  # seconds between two lines of progress


class _Line:
    """One line on the terminal that says how far a run is; a line each ten seconds where it goes into a file."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._drawn = -60.0
        self._width = 0

    def __call__(self, pace: Pace) -> None:
        """Draws the line anew, where enough time has passed."""
        if time.monotonic() - self._drawn < (OFTEN if self._terminal else 10):
            return
        self._drawn = time.monotonic()
        line = f"{pace.fraction:4.0%} · {pace.line()}"
        sys.stderr.write(f"\r{line.ljust(self._width)}" if self._terminal else f"{line}\n")
        sys.stderr.flush()
        self._width = len(line)

    def end(self) -> None:
        """Leaves the line."""
        if self._terminal and self._width:
            sys.stderr.write("\n")


def corpus(options: argparse.Namespace) -> None:
    """Read every text of a file, and show the heads that keep their role."""
    line = _Line()
    try:
        results = memviz.corpus.run(
            options.file,
            model=options.model,
            out=options.out,
            engine=options.engine,
            column=options.column,
            limit=options.limit,
            resume=options.resume,
            keep_texts=not options.without_texts,
            progress=line,
        )
    finally:
        line.end()
    _show(results)


def _show(results: Results) -> None:
    counts = results.counts
    sys.stdout.write(f"{counts.texts:,} texts read, {counts.cut:,} of them cut to what the model reads at once.\n")
    if counts.errors:
        sys.stdout.write(f"Rows that could not be read: {counts.errors:,}. {results.path / 'errors.csv'} says why.\n")
    if counts.texts:
        rows: list[tuple[str, ...]] = [("HEAD", "ROLE", "ON TEXTS")]
        for row in _clearest(results):
            rows.append((f"L{row.layer}.H{row.head}", row.role, f"{row.role_share:.0%}"))
        sys.stdout.write("\n" + columns(rows))
    sys.stdout.write(f"\nwritten to {results.path}; the page Corpus opens it\n")


def _clearest(results: Results) -> list:
    table = results.table("previous_token", draws=2)
    table = table[table["role"] != ""].sort_values("role_share", ascending=False, kind="stable")
    return [*table.head(TOP).itertuples()]
