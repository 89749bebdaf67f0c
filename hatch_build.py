"""What does the wheel ask for? The lines of requirements.txt: those that end in ``# [name]`` belong to that extra."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


def requirements(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """(what every installation needs, what each extra brings besides) of the text of a requirements.txt."""
    base: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in text.splitlines():
        requirement, _, comment = line.partition("#")
        extra = re.match(r"\s*\[(\w+)\]", comment)
        if requirement.strip():
            (extras.setdefault(extra[1], []) if extra else base).append(requirement.strip())
    return base, extras


class Requirements(MetadataHookInterface):
    """Fills in ``dependencies`` and ``optional-dependencies``; extras that no page needs stand in pyproject.toml."""

    def update(self, metadata: dict) -> None:
        """What hatchling calls with the ``metadata`` of the project."""
        base, extras = requirements(Path(self.root, "requirements.txt").read_text("utf-8"))
        metadata["dependencies"] = base
        metadata["optional-dependencies"] = extras | self.config["extras"]
