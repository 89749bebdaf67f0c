"""Where do these numbers come from? Written into every file that leaves MemViz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memviz.figures.style.palette import head_name, percent
from memviz.memory import Memory
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.version import __version__

_SHOWS = {
    "weight": "raw weights",
    "value norm": "value norm ‖a·f‖",
    "log": "raw weights, logarithmic scale",
}


def provenance(
    trace: Trace, memory: Memory | None = None, *, include_text: bool = False, **shown: Any
) -> dict[str, str]:
    """Where do these numbers come from, and what was done to them?

    Names to values, all text on one line each: the model, revision, quantisation, licence, device,
    precision, how attention was read, the number of tokens, the MemViz version; and what is
    ``shown``: ``layer``, ``head`` (``None`` = a mean over all), ``view``, ``without``, ``by_word``,
    ``cumulative``, ``shift``, ``window``, and anything else under its own name. The text itself is in it only
    with ``include_text``.
    """
    memory = trace.memory() if memory is None else memory
    model = trace.model
    found = {
        "MemViz": __version__,
        "model": model.name,
        "revision": model.revision,
        "quantisation": model.quantisation or "none",
        "licence": model.licence,
        "device": model.device,
        "precision": model.precision,
        "attention": model.method + (f" ({model.note})" if model.note else ""),
        "memory": memory.kind,
        "tokens": _counted(memory),
        **_described(shown, memory),
        "forgotten": _forgotten(memory),
    }
    if include_text:
        found |= {"text": trace.text, "second text": trace.pair or "", "output": trace.output or ""}
    return {printable(name): printable(value) for name, value in found.items() if value}


def caption(provenance: Mapping[str, str]) -> str:
    """Where a picture comes from and what it shows, in one line."""
    found = dict(provenance)
    layer, head = found.get("layer", ""), found.get("head", "")
    if layer.isdigit() and head.isdigit():
        where = [head_name(int(layer), int(head))]
    else:
        where = [f"{name} {value}" if value.isdigit() else value for name, value in (("layer", layer), ("head", head))]
    rest = [
        found.get(name, "") for name in ("unit", "shows", "between", "taken out", "kept", "shift", "window", "pooled")
    ]
    return " · ".join(part for part in (*where, *rest, *origin(provenance)) if part)


def origin(provenance: Mapping[str, str]) -> list[str]:
    """Only where it comes from: the model and its revision, the tokens, the machine, the version."""
    found = dict(provenance)
    name = found.get("model", "")
    if found.get("quantisation", "none") != "none":
        name += f" ({found['quantisation']})"
    revision = found.get("revision", "").rpartition(":")[2][:12]
    tokens = found.get("tokens", "")
    parts = (
        name,
        revision and f"revision {revision}",
        tokens and f"{tokens} tokens",
        ", ".join(found[key] for key in ("device", "precision") if key in found),
        found.get("forgotten", ""),
        f"MemViz {found['MemViz']}" if "MemViz" in found else "",
    )
    return [part for part in parts if part]


def _counted(memory: Memory) -> str:
    queries, keys = len(memory.queries), len(memory.keys)
    return f"{keys}" if queries == keys else f"{queries} × {keys}"


def _described(shown: Mapping[str, Any], memory: Memory) -> dict[str, str]:
    """What is shown, in words; text is taken as it is."""
    found = {}
    mean = shown.get("view", "weight") in _SHOWS
    for name, value in shown.items():
        if isinstance(value, str):
            found["shows" if name == "view" else name] = _SHOWS.get(value, value)
        elif name in ("layer", "head"):
            found[name] = str(value) if value is not None else _every(name, memory, mean=mean)
        elif name == "without":
            found["taken out"] = taken_out(value)
        elif name == "by_word":
            found["between"] = "words" if value else "tokens"
        elif name == "cumulative":
            found["kept"] = kept(value)
        elif name == "shift":
            found[name] = shifted(value)
        elif name == "window":
            found[name] = "" if value is None else ", ".join(f"{part.start}:{part.stop}" for part in value)
        elif value is not None:
            found[name] = str(value)
    return found


def _every(axis: str, memory: Memory, *, mean: bool) -> str:
    """Nothing was chosen along an axis: a picture of weights is a mean then, a list of links is not."""
    count = memory.layers if axis == "layer" else memory.heads
    return f"{'mean over' if mean else 'all'} {count} {axis}s"


def taken_out(keys: Sequence[int]) -> str:
    """The positions of the keys that were taken out; never their text."""
    if not len(keys):
        return ""
    named = ", ".join(str(int(key)) for key in list(keys)[:8]) + (", …" if len(keys) > 8 else "")
    return f"{len(keys)} of the keys (positions {named})"


def kept(cumulative: float) -> str:
    """Which share of each row is left by a cumulative threshold; "" for all of it."""
    return "" if cumulative >= 1 else f"strongest weights up to {percent(cumulative)} of each row"


def shifted(steps: int) -> str:
    """How much later than its own step is the weights' step? "" for the same."""
    return f"weights of {steps} step{'s' if steps > 1 else ''} later" if steps else ""


def _forgotten(memory: Memory) -> str:
    if memory.forget is None:
        return ""
    asked = {name: value for name, value in vars(memory.forget).items() if value is not None}
    return "forgot " + ", ".join(f"{name} {list(value)}" for name, value in asked.items())
