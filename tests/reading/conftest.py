"""Tiny models of every family, opened once; each test reads with them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # families and cases, whichever way pytest imports this folder


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """Tiny saved models that translate, see `translators`."""
    from translators import Saved

    return Saved(tmp_path_factory.mktemp("translators"))
