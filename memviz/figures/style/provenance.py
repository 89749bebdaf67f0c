"""Where do these numbers come from? Written into every file that leaves MemViz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memviz.figures.style.numbers import head_name, percent
from memviz.memory import Forget, Memory
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.version import __version__

_SHOWS = {
    "weight": "raw weights",
    "value norm": "value norm ‖a·f‖",
    "log": "raw weights, logarithmic scale",
}


def provenance(
    trace: Trace, memory: Memory | None = None, *, include_text: bool = False, **choices: Any
) -> dict[str, str]:
    """Where do these numbers come from, and what was done to them?

    Names to values, all text on one line each: the model, revision, quantisation, licence, device,
    precision, how attention was read, the number of tokens, the MemViz version; and what was
    chosen, as ``choices``: ``layer``, ``head`` (``None`` = a mean over all), ``view``, ``without``, ``by_word``,
    ``cumulative``, ``shift``, ``window``, and anything else under its own name. The text itself is in it only
    with ``include_text``.
    """
    memory = trace.memory() if memory is None else memory
    model = trace.model
    fields = {
        "MemViz": __version__,
        "model": model.name,
        "revision": model.revision,
        "quantisation": model.quantisation or "none",
        "licence": model.licence,
        "device": model.device,
        "precision": model.precision,
        "attention": model.method + (f" ({model.note})" if model.note else ""),
        "memory": memory.kind,
        "tokens": _token_count(memory),
        **_choice_fields(choices, memory),
        "forgotten": _forget_text(memory),
        "let go": _eviction_text(memory),
        "unplugged": ", ".join(f"{head_name(each.layer, each.head)} by {each.by}" for each in trace.ablations),
    }
    if include_text:
        fields |= {"text": trace.text, "second text": trace.pair or "", "output": trace.output or ""}
    return {printable(name): printable(value) for name, value in fields.items() if value}


def caption(provenance: Mapping[str, str]) -> str:
    """Where a picture comes from and what it shows, in one line, from its ``provenance``."""
    fields = dict(provenance)
    layer, head = fields.get("layer", ""), fields.get("head", "")
    if layer.isdigit() and head.isdigit():
        where = [head_name(int(layer), int(head))]
    else:
        where = [f"{name} {value}" if value.isdigit() else value for name, value in (("layer", layer), ("head", head))]
    rest = [
        fields.get(name, "") for name in ("unit", "shows", "between", "taken out", "kept", "shift", "window", "pooled")
    ]
    return " · ".join(part for part in (*where, *rest, *origin(provenance)) if part)


def origin(provenance: Mapping[str, str]) -> list[str]:
    """Only where it comes from: the model and its revision, the tokens, the machine, the version."""
    fields = dict(provenance)
    name = fields.get("model", "")
    if fields.get("quantisation", "none") != "none":
        name += f" ({fields['quantisation']})"
    revision = fields.get("revision", "").rpartition(":")[2][:12]
    tokens = fields.get("tokens", "")
    parts = (
        name,
        revision and f"revision {revision}",
        tokens and f"{tokens} tokens",
        ", ".join(fields[key] for key in ("device", "precision") if key in fields),
        fields.get("forgotten", ""),
        fields.get("let go", "") and f"cache of {fields['let go']}",
        fields.get("unplugged", "") and f"unplugged {fields['unplugged']}",
        f"MemViz {fields['MemViz']}" if "MemViz" in fields else "",
    )
    return [part for part in parts if part]


def _token_count(memory: Memory) -> str:
    queries, keys = len(memory.queries), len(memory.keys)
    return f"{keys}" if queries == keys else f"{queries} × {keys}"


def _choice_fields(choices: Mapping[str, Any], memory: Memory) -> dict[str, str]:
    """What is shown, in words; text is taken as it is."""
    fields = {}
    mean = choices.get("view", "weight") in _SHOWS
    for name, value in choices.items():
        if isinstance(value, str):
            fields["shows" if name == "view" else name] = _SHOWS.get(value, value)
        elif name in ("layer", "head"):
            fields[name] = str(value) if value is not None else _every(name, memory, mean=mean)
        elif name == "without":
            fields["taken out"] = removal_text(value)
        elif name == "by_word":
            fields["between"] = "words" if value else "tokens"
        elif name == "cumulative":
            fields["kept"] = threshold_text(value)
        elif name == "shift":
            fields[name] = shift_text(value)
        elif name == "window":
            fields[name] = "" if value is None else ", ".join(f"{part.start}:{part.stop}" for part in value)
        elif value is not None:
            fields[name] = str(value)
    return fields


def _every(axis: str, memory: Memory, *, mean: bool) -> str:
    """Nothing was chosen along an axis: a picture of weights is a mean then, a list of links is not."""
    count = memory.layers if axis == "layer" else memory.heads
    return f"{'mean over' if mean else 'all'} {count} {axis}s"


def removal_text(keys: Sequence[int]) -> str:
    """The positions of the keys that were taken out; never their text."""
    if not len(keys):
        return ""
    places = ", ".join(str(int(key)) for key in list(keys)[:8]) + (", …" if len(keys) > 8 else "")
    return f"{len(keys)} of the keys (positions {places})"


def threshold_text(cumulative: float) -> str:
    """Which share of each row is left by a cumulative threshold; "" for all of it."""
    return "" if cumulative >= 1 else f"strongest weights up to {percent(cumulative)} of each row"


def shift_text(steps: int) -> str:
    """How much later than its own step is the weights' step? "" for the same."""
    return f"weights of {steps} step{'s' if steps > 1 else ''} later" if steps else ""


def _forget_text(memory: Memory) -> str:
    if memory.forget is None:
        return ""
    return "forgot " + "; and ".join(map(_edges_text, memory.forget.members))


def _eviction_text(memory: Memory) -> str:
    """What a cache that lets keys go holds: how many first, latest and heaviest keys; "" where all stay."""
    rule = memory.eviction
    if rule is None or rule.recent is None:
        return ""
    counts = {"first": rule.first, "latest": rule.recent, "most attended": rule.budget or 0}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) + " keys"


def _edges_text(forget: Forget) -> str:
    """Which edges one part of a union cut: its keys, and whatever it is limited to."""
    limits = {name: getattr(forget, name) for name in ("keys", "queries", "layers", "heads")}
    return ", ".join(f"{name} {list(value)}" for name, value in limits.items() if value is not None)
