"""The app in a browser: one server and one Chromium for all tests, a fresh context for each visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser.app_page import AppPage
from tests.browser.serving import serving
from tests.conftest import CAT


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of the app."""
    with serving() as result:
        yield result


@pytest.fixture
def visit(address: str, browser: Any) -> Iterator[Callable[..., AppPage]]:
    """Opens a page of the app: ``visit("heads", layer=3)``; fails the test on any trouble in the browser."""
    pages: list[AppPage] = []

    def opened(
        page: str = "", *, width: int = 1440, scheme: str = "light", phone: bool = False, **query: object
    ) -> AppPage:
        pages.append(AppPage(browser, address, width=width, scheme=scheme, phone=phone))
        return pages[-1].open(page, **query)

    yield opened
    trouble = [page.close() for page in pages]
    assert trouble == [[] for _ in pages]


@pytest.fixture(scope="session")
def eager() -> Callable[[str], np.ndarray]:
    """MiniLM's own weights, computed by transformers' eager attention: float32 [layer, head, query, key]."""
    import torch

    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")

    def weights(text: str) -> np.ndarray:
        with torch.inference_mode():
            inputs = tokenizer(text, return_tensors="pt")
            result = model(**inputs, output_attentions=True).attentions
        return torch.cat(result).numpy()

    return weights


@pytest.fixture(scope="session")
def cat_eager(eager: Callable[[str], np.ndarray]) -> np.ndarray:
    """The eager weights of the cat sentence."""
    return eager(CAT)
