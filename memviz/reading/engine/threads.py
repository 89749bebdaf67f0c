"""How many threads does a model run on? A small one is quickest on one: several wait for each other at every step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """What torch does inside runs on one thread; afterwards on as many as before, also where something was raised.

    Only for the thread that enters. Threads that are new to torch take the count that was set last, by whichever
    thread, so the usual one is set once more beside it, in a thread that does nothing else.
    """
    usual = torch.get_num_threads()
    if usual == 1:
        yield
        return
    try:
        torch.set_num_threads(1)
        _beside(usual)
        yield
    finally:
        torch.set_num_threads(usual)


def _beside(count: int) -> None:
    """Sets the count for threads to come, and not for this one."""
    setting = threading.Thread(target=torch.set_num_threads, args=(count,))
    setting.start()
    setting.join()
