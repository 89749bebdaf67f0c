"""``read``, ``translate`` and ``generate``: open a model, read a text with it, and show what it looked at."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import memviz
from memviz.command import files
from memviz.command.advice import CommandError
from memviz.command.columns import columns
from memviz.command.views import GenerationView, TextView, TranslationView, View
from memviz.reading import Reader
from memviz.tokens import clean


def read(options: argparse.Namespace) -> None:
    """Read a text, and show its strongest links or one head."""
    check(options)
    reader, text = _open(options)
    text, part = _part(reader, text, options.window, options.pair)
    trace = reader.read(text, options.pair)
    show(TextView(trace, options.layer, options.head, options.top, part), options)


def translate(options: argparse.Namespace) -> None:
    """Translate a text, and show what each written word was read from."""
    check(options)
    reader, text = _open(options)
    task = None if options.task is None else reader.tasks.get(options.task, options.task)
    text, part = _part(reader, text, options.window, None, task)
    languages = None if options.languages is None else tuple(options.languages)
    trace = reader.translate(text, options.target, beam=options.beam, languages=languages, task=task)
    if options.sentence is not None and options.sentence > max(len(trace.parts), 1):
        raise CommandError(f"The text has {max(len(trace.parts), 1)} sentences. Choose one of them with --sentence.")
    taught = getattr(reader.model.config, "alignment_layer", None)
    show(TranslationView(trace, options.layer, options.head, taught, options.sentence, part), options)


def generate(options: argparse.Namespace) -> None:
    """Let a language model continue a text: shown while it is written, then how sure the model was of each token."""
    if options.system is not None and not options.chat:
        raise CommandError("A system message belongs to a chat. Add --chat.")
    if options.out is not None:
        files.require_writable(Path(options.out))
    reader, text = _open(options)
    messages = [{"role": "user", "content": text}]
    if options.system is not None:
        messages.insert(0, {"role": "system", "content": options.system})
    trace = reader.generate(
        None if options.chat else text,
        options.tokens,
        chat=messages if options.chat else None,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        stop=options.stop,
        on_token=None if options.json else _write_piece,
    )
    show(GenerationView(trace), options)


def _write_piece(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()


def check(options: argparse.Namespace, *, more: tuple[str, ...] = ()) -> None:
    """Raises `CommandError` for options that cannot go together, before a model is opened.

    ``more``: endings that a file may have here besides the usual ones.
    """
    if (options.layer is None) != (options.head is None):
        raise CommandError("A head is named by its layer and its number. Give both: --layer 5 --head 3, for example.")
    if options.out is not None:
        files.require_writable(Path(options.out), more=more)


def _open(options: argparse.Namespace) -> tuple[Reader, str]:
    """(the model, the text) that were named; what is not here yet is fetched, with its size and a bar."""
    reader = memviz.load(options.model, device=options.device, precision=options.precision)
    return reader, _standard_input() if options.text == "-" else options.text


def _standard_input() -> str:
    """What is piped in; bytes that are no text become half characters, which the reading refuses by their place."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    return sys.stdin.read()


def _part(
    reader: Reader, text: str, window: tuple[int, int | None] | None, pair: str | None, task: str | None = None
) -> tuple[str, str]:
    """(the part of the text that the window leaves, which one it is); ("", where nothing is left out)."""
    if window is None or not text.strip():
        return text, ""
    start, stop = window
    begin, end = reader.stretch(text, start, None if stop is None else stop - start, pair, task=task)
    if begin == end:
        raise CommandError(
            f"The text has no token {start}: with all that is added, it is read as {reader.count(text)}."
        )
    text = clean(text)
    whole = (begin, end) == (0, len(text))
    return text[begin:end], "" if whole else f"characters {begin} to {end} of {len(text)}"


def show(view: View, options: argparse.Namespace) -> None:
    """The view as lines or as JSON on the standard output, and in a file where one was named."""
    if options.out is not None:
        files.write(view, Path(options.out))
    if options.json:
        sys.stdout.write(f"{files.as_json(view)}\n")
    else:
        sys.stdout.write(view.opening() + columns(view.rows()))
        notes = [str(note) for note in view.trace.notes]
        if part := view.provenance().get("part"):
            notes.insert(0, f"Only a part of the text was read: {part}.")
        sys.stdout.write("".join(["\n", *(f"note: {note}\n" for note in notes)]) if notes else "")
    if options.out is not None:
        sys.stderr.write(f"written to {options.out}\n")
