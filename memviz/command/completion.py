"""``completion``: what a shell is given, so that it completes commands and options by itself."""

from __future__ import annotations

import argparse
import sys

import shtab

from memviz.models import CATALOGUE

FILES = {"out", "file"}  # arguments that name a file


def completion(parser: argparse.ArgumentParser, shell: str) -> None:
    """Write the script for this ``shell`` to the standard output: options, names of models, files."""
    parser.prog = "memviz"
    for command in _commands(parser):
        for action in command._actions:
            if action.dest in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.dest in ("model", "names"):  # only an offer: any id of the hub may follow
                action.complete = _OFFER  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, shell=shell, preamble=_preamble()))


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of all commands."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return list(commands.choices.values())


_OFFER = {"bash": "_memviz_models", "zsh": f"({' '.join(CATALOGUE)})", "fish": " ".join(CATALOGUE)}


def _preamble() -> dict[str, str]:
    """What stands in front of the script of bash: the function that offers the names of the models."""
    return {"bash": f'_memviz_models() {{ compgen -W "{" ".join(CATALOGUE)}" -- "$1"; }}\n'}
