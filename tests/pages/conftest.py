"""The app without a browser: each page in Streamlit's own test harness."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager

from tests.pages.visiting import Visit

if TYPE_CHECKING:
    from memviz import Reader


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of this machine counts, nothing was trained on it, and there is no model hub."""
    trained = tmp_path_factory.mktemp("trained")
    monkeypatch.setattr("memviz.models.trained._folder", lambda: trained)
    for name in ("MEMVIZ_MODELS", "MEMVIZ_LOCAL_MODELS", "MEMVIZ_MAX_DOWNLOAD_GB"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no hub in the tests")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    monkeypatch.setattr("memviz.models.offer.is_hub_reachable", lambda: True)


@pytest.fixture(autouse=True)
def _opened_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server where someone has opened the app: Streamlit knows that it has a frame.

    The harness forgets that before every run; the page would start over, and lose what was pressed.
    """
    start = PagesManager.__init__

    def known(self: PagesManager, *inputs: object, **more: object) -> None:
        start(self, *inputs, **more)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", known)


@pytest.fixture(autouse=True, scope="session")
def _components_are_looked_for_once() -> Iterator[None]:
    """The harness looks through all that is installed before every run, a third of a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="module", params=["llama", "bert", "marian"])
def reader(request: pytest.FixtureRequest) -> Reader:
    """A tiny model with random weights, of each of the three families."""
    from memviz import Reader
    from tests.reading.families import FAMILIES, tokenizer

    family = FAMILIES[request.param]
    return Reader(family.build(), tokenizer(family.tokenizer), owned=True)


@pytest.fixture
def every_model_is_tiny(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever model is chosen, it is the ``reader``; nothing is kept from one test to the next."""
    from memviz.serving import cache

    monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    cache.forget_everything()
    yield
    cache.forget_everything()


@pytest.fixture
def visit() -> Iterator[Callable[..., Visit]]:
    """Opens the app: ``visit("heads", text="…", model="smollm2", layer="3")``.

    The text is typed, all others stand in the address; ``link={"text": "…"}`` are more of them, as text or bytes.
    """
    visits: list[Visit] = []

    def opened(
        page: str = "home",
        *,
        text: str | None = None,
        pair: str = "",
        link: Mapping[str, str | bytes] | None = None,
        **address: str,
    ) -> Visit:
        visits.append(Visit(page, text=text, pair=pair, query={**address, **(link or {})}))
        return visits[-1]

    yield opened
    for item in visits:
        item.nothing_broke()
