"""How does a download from the hub report its progress, and stop when nobody waits any more?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from memviz.models import cache, child
from memviz.models.hub_errors import as_hub_error
from memviz.progress import Progress

SETTING = "HF_HUB_CACHE"
"""The environment variable that says where the hub's own client keeps what it fetched; MemViz's has no say in it."""


class _StoppedError(Exception):
    """Raised inside the hub's own threads to end a download."""


class _Count:
    """Bytes that have arrived, counted by the hub's threads and read by ours."""

    def __init__(self) -> None:
        self.arrived = 0.0
        self.stop = threading.Event()

    def bar(self) -> type[Any]:
        """A progress bar class for ``snapshot_download`` that draws nothing and counts bytes."""
        from tqdm.auto import tqdm

        count = self

        class Bar(tqdm):  # type: ignore[misc]
            def __init__(self, *args: Any, **options: Any) -> None:
                self.bytes = 0.0 if options.get("unit") == "B" else None
                options.pop("name", None)
                super().__init__(*args, **{**options, "disable": True})

            def update(self, n: float | None = 1) -> bool | None:
                if count.stop.is_set():
                    raise _StoppedError
                if self.bytes is not None:
                    # There is one bar for what came over the network and one for what was written: the larger counts.
                    self.bytes += n or 0
                    count.arrived = max(count.arrived, self.bytes)
                return super().update(n)

        return Bar


def download(id: str, *, revision: str, files: tuple[str, ...], size: int, progress: Progress) -> Path:
    """Download these files of one commit and return their folder.

    ``progress`` is called from the thread that called this function (pages need that). If it raises,
    the download ends; what has arrived stays in the hub's cache and is continued next time. What the
    hub refuses is raised as in :func:`memviz.models.hub_errors.as_hub_error`.
    """
    from huggingface_hub import snapshot_download

    count, done = _Count(), threading.Event()
    outcome: list[str | BaseException] = []

    def work() -> None:
        try:
            outcome.append(snapshot_download(id, revision=revision, allow_patterns=list(files), tqdm_class=count.bar()))
        except BaseException as error:
            outcome.append(error)
        finally:
            done.set()

    worker = threading.Thread(target=work, name=f"memviz-download-{id}", daemon=True)
    worker.start()
    try:
        while not done.wait(timeout=0.2):
            progress(min(count.arrived / max(size, 1), 0.99), "Downloading")
    finally:
        count.stop.set()
    worker.join()
    (result,) = outcome
    with as_hub_error(id), cache.as_fetch_error(hub_cache(), setting=SETTING):
        if isinstance(result, BaseException):
            if child.is_disk_full(str(result)):  # parts of the hub's client that are not Python say it in a text
                raise cache.disk_full(hub_cache(), setting=SETTING) from result
            raise result
    return Path(result)


def hub_cache() -> Path:
    """Which folder holds what programs fetched from the hub? ``HF_HUB_CACHE``, else ``hub`` in ``HF_HOME``."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)
