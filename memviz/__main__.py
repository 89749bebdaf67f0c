"""MemViz on the command line: ``python -m memviz fetch|models|read|translate``."""

from __future__ import annotations

import sys

from memviz.command.main import main

if __name__ == "__main__":
    sys.exit(main())
