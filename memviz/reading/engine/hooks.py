"""Hooks that see, or change, only what their own thread runs: a model may be shared by several."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

Hook = Callable[[nn.Module, tuple[Any, ...], Any], Any]
"""Called with a module, its inputs and its output; what it gives back, if anything, takes the output's place."""


@contextmanager
def on_output(modules: Iterable[nn.Module], hook: Hook) -> Iterator[None]:
    """Whenever one of these ``modules`` has run, in this thread, the ``hook`` is called."""
    thread = threading.get_ident()

    def call(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        return hook(module, args, output) if threading.get_ident() == thread else None

    handles = [module.register_forward_hook(call) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
