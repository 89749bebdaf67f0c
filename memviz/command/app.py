"""``app``: the pages, opened in the browser by Streamlit's own command."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def app_folder() -> Path:
    """The folder of app.py, pages/ and their settings: in the installed package, or beside it in the source tree."""
    installed = PACKAGE / "app"
    return installed if (installed / "app.py").is_file() else PACKAGE.parent


def app(options: argparse.Namespace) -> None:
    """Serve the pages until Ctrl-C; a browser is opened unless that is not wanted or there is none."""
    script = app_folder() / ("server.py" if options.with_headers else "app.py")
    sys.argv = ["streamlit", "run", str(script), *_flags(options)]
    runpy.run_module("streamlit", run_name="__main__")  # this very process: what stops it stops the server


def _flags(options: argparse.Namespace) -> list[str]:
    """The options as Streamlit names them."""
    flags = [] if options.port is None else [f"--server.port={options.port}"]
    return [*flags, "--server.headless=true"] if options.no_browser else flags
