"""``fetch`` and ``models``: bring models to this machine, and list them."""

from __future__ import annotations

import argparse
import sys

from memviz.command.advice import CommandError, advice
from memviz.command.columns import columns
from memviz.errors import MemVizError
from memviz.models import DEFAULT, DownloadBar, locate, table
from memviz.models.cache import folder
from memviz.models.download_bar import megabytes
from memviz.models.hub_download import hub_cache


def fetch(options: argparse.Namespace) -> None:
    """Bring the models of these names here, or those that the app opens with; one that cannot be had stops no other."""
    names = options.names or DEFAULT
    missing = []
    for name in names:
        try:
            with DownloadBar(name) as bar:
                files = locate(name, progress=bar.progress, announce=bar.announce)
        except MemVizError as error:
            if len(names) == 1:
                raise
            sys.stderr.write(f"memviz: {advice(error)}\n")
            missing.append(name)
            continue
        sys.stdout.write(f"{name}: ready in {files.path} ({files.revision}, {files.licence or 'licence not stated'})\n")
    if missing:
        raise CommandError(f"not here: {', '.join(missing)}. Everything else is.")


def models(options: argparse.Namespace) -> None:
    """List the models that have a short name."""
    rows = [("NAME", "FAMILY", "DOWNLOAD", "LICENCE", "HERE", "WHAT IT IS")]
    for row in table().itertuples():
        size = megabytes(row.size_mb * 10**6)
        rows.append((row.name, row.family, size, row.licence, "yes" if row.here else "no", row.title))
    sys.stdout.write(columns(rows))
    sys.stdout.write(f"\nKept in {folder()}; what comes from the Hugging Face hub, in {hub_cache()}.\n")
    sys.stdout.write("Any id of the hub, folder or .gguf file opens too.\n")
