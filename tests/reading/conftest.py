"""Tiny models of every family, opened once; each test reads with them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # families, cases and naive, whichever way pytest imports this folder
