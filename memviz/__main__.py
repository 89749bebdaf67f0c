"""``python -m memviz``: the same as the command ``memviz``."""

from __future__ import annotations

import sys

from memviz.command.main import main

if __name__ == "__main__":
    sys.exit(main())
