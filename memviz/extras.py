"""Parts that not every installation has: what an extra of the package brings, and how it is brought."""

from __future__ import annotations

import importlib.util

from memviz.errors import MissingPackageError

DISTRIBUTION = "memviz-attention"
"""The name under which pip knows MemViz; it is imported as memviz."""


def command(extra: str) -> str:
    """What is typed to install the ``extra``."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def is_installed(package: str) -> bool:
    """Can the ``package`` be imported? It is not."""
    return importlib.util.find_spec(package) is not None


def require(package: str, *, extra: str) -> None:
    """Raises `MissingPackageError`, which names the command, where the ``package`` of an ``extra`` is not installed."""
    if not is_installed(package):
        raise MissingPackageError(
            "This needs {package}, which is not installed: {command}",
            package=package,
            command=command(extra),
        )
