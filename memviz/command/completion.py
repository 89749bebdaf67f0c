"""``completion``: what a shell is given, so that it completes commands and options by itself."""

from __future__ import annotations

import argparse
import sys

import shtab

from memviz.models import CATALOGUE

FILES = {"out", "file"}  # arguments that name a file


MODELS = {
    "bash": "_memviz_models",
    "zsh": f"({' '.join(CATALOGUE)})",
    "fish": " ".join(CATALOGUE),
    "preamble": {"bash": f'_memviz_models() {{ compgen -W "{" ".join(CATALOGUE)}" -- "$1"; }}\n'},
}
"""Names that are offered for a model: only an offer, any id of the hub may follow."""


def completion(parser: argparse.ArgumentParser, shell: str) -> None:
    """Write the script for this ``shell`` to the standard output: options, names of models, files."""
    parser.prog = "memviz"
    for command in _commands(parser):
        for action in command._actions:
            if action.dest in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.dest in ("model", "names"):
                action.complete = MODELS  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, shell=shell))


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of all commands."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return list(commands.choices.values())
