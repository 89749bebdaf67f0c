"""How much does a reading cost over a plain forward pass? `python -m benchmarks.reading [--long | --times | --growing]`

Times are taken in turn in one process (plain, reading, eager, plain, …) and printed as ratios,
as machines are noisy: the median over the rounds, by the clock and by the processor's own time,
which neighbours on the machine disturb less, and the fastest round of each by the clock. Short texts
take more rounds. Memory is the peak of a process of its own, above what it holds once the model is loaded.
``--growing``: how much longer does a reading take while the page Heads draws the layers that are read, and when are
the first of them there?
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
LENGTHS = (64, 128, 512, 1024, 2048)
EAGER_UP_TO = 2048
TARGET_RATIO = {64: 1.15, 128: 1.15, 512: 1.2, 1024: 1.2, 2048: 1.2}
TARGET_MEMORY = {1024: 0.25, 8192: 3.0}
TARGET_HEAD_MS = 60
TARGET_LOAD_S = 3
TARGET_GROWING = 1.03
TARGET_FIRST_LAYERS_S = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="also 8,192 tokens (minutes)")
    parser.add_argument("--times", action="store_true", help="only the times, at every length; no memory")
    parser.add_argument("--growing", action="store_true", help="only the grid that fills while 1,024 tokens are read")
    parser.add_argument("--rounds", type=int, default=7, help="at 1,024 tokens and more; shorter texts take more")
    parser.add_argument("--single", nargs=2, metavar=("WAY", "TOKENS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.single:
        print(json.dumps(peak(arguments.single[0], int(arguments.single[1]))))
        return
    importlib.import_module("memviz.reading")  # torch and transformers take seconds, whatever is opened then
    began = time.perf_counter()
    reader = loaded()
    seconds = time.perf_counter() - began
    print(f"SmolLM2-135M on {reader.info.device}, {reader.info.precision}, {threads()} threads\n")
    print(f"load from cache: {seconds:.1f} s (target ≤ {TARGET_LOAD_S} s)")
    if arguments.growing:
        growing(reader, arguments.rounds)
        return
    lengths = LENGTHS + ((8192,) if arguments.long else ())
    if not arguments.times:
        head(reader)
    heading = "\n  tokens  rounds    plain  reading  ratio  processor  fastest  target"
    heading += "   eager ratio  processor  fastest"
    print(heading if arguments.times else heading + "   memory +plain  +reading   +eager   target")
    for tokens in lengths:
        rounds = 1 if tokens >= 8192 else arguments.rounds * max(1, 1024 // tokens)
        line = times_of(reader, tokens, rounds)
        print(line if arguments.times else line + memory_of(tokens), flush=True)


def times_of(reader, tokens: int, rounds: int) -> str:
    """The times of one length, as a line of the table."""
    ids, text = cut(reader, tokens)
    ways = {"plain": plain(reader, ids), "reading": lambda: reader.read(text)}
    if tokens <= EAGER_UP_TO:
        ways["eager"] = eager(reader, ids)
    times = in_turn(ways, rounds)
    clock, processor = ratios(times, "reading")
    target = at_most(TARGET_RATIO.get(tokens))
    line = (
        f"{tokens:8,}  {rounds:6}  {middle(times['plain']):5.2f} s  {middle(times['reading']):5.2f} s  "
        f"{clock:5.2f}  {processor:9.2f}  {fastest_ratio(times, 'reading'):7.2f}  {target:>6}"
    )
    if "eager" not in times:
        return f"{line}   {'–':>11}  {'–':>9}  {'–':>7}"
    clock, processor = ratios(times, "eager")
    return f"{line}   {clock:11.2f}  {processor:9.2f}  {fastest_ratio(times, 'eager'):7.2f}"


def memory_of(tokens: int) -> str:
    """The memory that each way takes at one length, as the rest of that line."""
    peaks = {way: measured(way, tokens) for way in ("plain", "reading", *(["eager"] if tokens <= EAGER_UP_TO else []))}
    eager_peak = f"{peaks['eager']:.2f} GB" if "eager" in peaks else "–"
    target = at_most(TARGET_MEMORY.get(tokens), " GB")
    return f"   {peaks['plain']:10.2f} GB  {peaks['reading']:5.2f} GB  {eager_peak:>8}   {target}"


def at_most(target: float | None, unit: str = "") -> str:
    """A target as the table shows it."""
    return "" if target is None else f"≤ {target}{unit}"


def ratios(times: dict[str, list[tuple[float, float]]], way: str) -> tuple[float, float]:
    """How long does a way take over the plain one: by the clock, and in processor time?"""
    pairs = list(zip(times["plain"], times[way], strict=True))
    clock, processor = (statistics.median(b[n] / a[n] for a, b in pairs) for n in (0, 1))
    return clock, processor


def fastest_ratio(times: dict[str, list[tuple[float, float]]], way: str) -> float:
    """How long does the fastest round of a way take over the fastest plain one, by the clock?"""
    return min(times[way])[0] / min(times["plain"])[0]


def middle(times: list[tuple[float, float]]) -> float:
    """The median by the clock, in seconds."""
    return statistics.median(clock for clock, _ in times)


def head(reader) -> None:
    """How long does it take to rebuild one head of 1,024 tokens?"""
    memory = reader.read(cut(reader, 1024)[1]).memory()
    times = in_turn({"head": lambda: memory.pattern(15, 4)}, 9)["head"]
    print(f"one head rebuilt, 1,024 tokens: {1000 * middle(times):.0f} ms (target ≤ {TARGET_HEAD_MS} ms)")


def growing(reader, rounds: int) -> None:
    """What does the grid that fills cost a reading of 1,024 tokens, and when is its first picture made?"""
    from memviz.ui.shell.growing import GrowingGrid

    text, seen = cut(reader, 1024)[1], []

    class Place:
        """Takes a picture as a page does, and notes when."""

        def image(self, picture: str, caption: str) -> None:
            seen[-1].append(time.perf_counter())

    def drawn() -> None:
        seen.append([time.perf_counter()])
        reader.read(text, on_layers=GrowingGrid(Place()).take)

    times = in_turn({"plain": lambda: reader.read(text), "drawn": drawn}, rounds)
    clock, processor = ratios(times, "drawn")
    first = statistics.median(made[1] - made[0] for made in seen[1:])
    pictures = statistics.median(len(made) - 1 for made in seen[1:])
    plain_s, drawn_s = middle(times["plain"]), middle(times["drawn"])
    print(f"1,024 tokens, {rounds} rounds: {plain_s:.2f} s without the grid, {drawn_s:.2f} s with it")
    print(f"ratio {clock:.3f} by the clock, {processor:.3f} by the processor's time (target ≤ {TARGET_GROWING})")
    print(f"{pictures:.0f} pictures, the first after {first:.2f} s (target ≤ {TARGET_FIRST_LAYERS_S} s)")


def in_turn(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each way (by the clock, in processor time), in turn, after one round that is not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter(), time.process_time()
            way()
            if number:
                times[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return times


def plain(reader, ids) -> Callable[[], object]:
    """The model's own forward pass with SDPA: logits of every token, nothing recorded."""
    import torch

    def run() -> object:
        reader.model.set_attn_implementation("sdpa")
        try:
            with torch.inference_mode():
                return reader.model(input_ids=ids, use_cache=False)
        finally:
            reader.model.set_attn_implementation("memviz")

    return run


def eager(reader, ids) -> Callable[[], object]:
    """What other tools do: eager attention, and every weight of every head kept."""
    import torch

    def run() -> object:
        reader.model.set_attn_implementation("eager")
        try:
            with torch.inference_mode():
                return reader.model(input_ids=ids, use_cache=False, output_attentions=True)
        finally:
            reader.model.set_attn_implementation("memviz")

    return run


def measured(way: str, tokens: int) -> float:
    """Peak memory of one run in a fresh process, above the loaded model, in GB."""
    command = [sys.executable, "-m", "benchmarks.reading", "--single", way, str(tokens)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])["gb"]


def peak(way: str, tokens: int) -> dict[str, float]:
    """Runs one way once, after a short warm-up, and reports what it took above the model."""
    reader = loaded()
    ids, text = cut(reader, tokens)
    reader.read("A short text to warm up.")
    way_to_run = {"plain": plain, "eager": eager}.get(way)
    before = memory_now()
    result = way_to_run(reader, ids)() if way_to_run else reader.read(text)
    after = peak_memory()
    del result
    return {"gb": (after - before) / 1e9}


def memory_now() -> float:
    """Bytes that this process holds now; the highest mark is set back to it (Linux; elsewhere it cannot be)."""
    if not STATUS.exists():
        return peak_memory()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak_memory() -> float:
    """The most bytes that this process held since."""
    return _status("VmHWM") if STATUS.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> float:
    """A figure of Linux about this process, in bytes."""
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")]
    return float(line.split()[1]) * 1024


def loaded():
    """The reader of smollm2."""
    import memviz

    return memviz.load("smollm2")


def cut(reader, tokens: int):
    """(ids [1, tokens], a text that has exactly these tokens)."""
    import torch

    from benchmarks.text import prose

    text = reader.window(prose(), 0, tokens)
    ids = reader.tokenizer(text)["input_ids"][:tokens]
    return torch.tensor([ids]), text


def threads() -> int:
    import torch

    return torch.get_num_threads()


if __name__ == "__main__":
    main()
