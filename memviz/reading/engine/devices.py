"""Where does a model run, and how precisely? Chosen by itself, and settable."""

from __future__ import annotations

from contextlib import suppress
from math import prod

import torch

from memviz.errors import ModelError
from memviz.models import ModelFiles

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose(device: str | None = None, precision: str | None = None, *, weights: int = 0) -> tuple[str, torch.dtype]:
    """The device and the precision for a model of so many bytes in float32.

    CUDA first, then MPS, then the CPU. float32, because readings are exact then; bfloat16 (or
    float16) on an accelerator only where float32 weights would fill more than half of it.
    Raises `ModelError` for a device or a precision that this machine does not have.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    known = [name for name, there in has.items() if there]
    device = known[0] if device is None else str(device)
    if not _is_here(device, known):
        raise ModelError(
            "This machine has no device “{device}”.",
            todo="Choose one of: {devices}.",
            device=device,
            devices=", ".join(known),
        )
    if precision is None:
        return device, _automatic(device, weights)
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ModelError(
            "There is no precision “{precision}”.",
            todo="Choose one of: {precisions}.",
            precision=str(precision)[:80],
            precisions=", ".join(PRECISIONS),
        )
    return device, PRECISIONS[precision]


def _is_here(device: str, known: list[str]) -> bool:
    """Does this machine have the device: one of the kinds it has, and one of that number where a number is given?"""
    kind, colon, number = device.partition(":")
    if kind not in known or not colon:
        return kind in known
    count = torch.cuda.device_count() if kind == "cuda" else 1
    return number.isascii() and number.isdigit() and int(number) < count


def _automatic(device: str, weights: int) -> torch.dtype:
    if not device.startswith("cuda"):
        return torch.float32
    whole = torch.cuda.get_device_properties(device).total_memory
    if weights <= whole / 2:
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def weight_bytes(located: ModelFiles) -> int:
    """About how many bytes the weights of a located model are in float32, as far as its files tell."""
    from safetensors import SafetensorError, safe_open

    if located.path.is_file():
        return 8 * located.path.stat().st_size  # GGUF, mostly 4 bits a number
    total = 0
    for file in located.path.glob("*.safetensors"):
        with suppress(SafetensorError), safe_open(file, framework="numpy") as opened:  # opening it says what is wrong
            total += sum(4 * prod(opened.get_slice(name).get_shape()) for name in opened.keys())
    return total
