"""What do writing and experiments cost over the model alone? `python -m benchmarks.generate [--rounds 3] [--needle]`

Ratios in one process, each way in turn, medians over the rounds by the clock (see `benchmarks.reading`), SmolLM2.
``--needle``: also a grid of 5 lengths × 5 depths, in minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from benchmarks.reading import cut, in_turn, loaded, middle, threads
from memviz import experiments
from memviz.memory import Eviction, Forget

PROMPT = "Once upon a time, in a small village by the sea, there lived a"
WRITTEN = 64  # tokens
TEXT_TOKENS = 512
WORDS = 30  # that are left out one by one
TARGETS = {
    "tokens a second, streamed, over transformers' own": "≥ 0.95",
    "an edge that is cut, over a plain reading": "≤ 1.2",
    f"leaving out {WORDS} words, over one reading": "≤ 12",
    "heavy hitters, over a plain reading": "≤ 1.6",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--needle", action="store_true", help="the grid of needles too (minutes)")
    arguments = parser.parse_args()
    reader = loaded()
    print(f"SmolLM2-135M on {reader.info.device}, {reader.info.precision}, {threads()} threads\n")
    writing(reader, arguments.rounds)
    reading(reader, arguments.rounds)
    leaving_out(reader, arguments.rounds)
    if arguments.needle:
        needles(reader)


def row(what: str, value: str) -> None:
    """One line of the table."""
    print(f"{what:55} {value:>14}   {TARGETS.get(what, '')}", flush=True)


def writing(reader, rounds: int) -> None:
    """Streaming against `generate` alone, and the reading that follows."""
    import torch

    ids = torch.tensor([reader.tokenizer(PROMPT)["input_ids"]])
    shares: list[float] = []

    def alone() -> None:
        with torch.inference_mode():
            reader.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=WRITTEN,
                min_new_tokens=WRITTEN,
                do_sample=False,
            )

    def streamed() -> None:
        trace = reader.generate(PROMPT, WRITTEN, on_token=lambda text: None)
        count = trace.written.stop - trace.written.start
        shares.append((trace.seconds["total"] - trace.seconds["writing"]) / count)
        seconds.append(trace.seconds["writing"] / count)

    seconds: list[float] = []
    times = in_turn({"alone": alone, "streamed": streamed}, rounds)
    each = middle(times["alone"]) / WRITTEN
    row("tokens a second, streamed, over transformers' own", f"{each / median(seconds[1:]):.2f}")
    row("tokens a second, streamed", f"{1 / median(seconds[1:]):.1f}")
    row("the recorded reading, seconds a token written", f"{median(shares[1:]):.4f}")


def reading(reader, rounds: int) -> None:
    """An edge that is cut, and heavy hitters, against a plain reading."""
    _, text = cut(reader, TEXT_TOKENS)
    half = TEXT_TOKENS // 8
    times = in_turn(
        {
            "plain": lambda: reader.read(text),
            "edge": lambda: reader.read(text, forget=Forget((7,), queries=(TEXT_TOKENS - 2,))),
            "heavy": lambda: reader.read(text, eviction=Eviction.heavy_hitters(half, half)),
        },
        rounds,
    )
    row("an edge that is cut, over a plain reading", ratio(times, "edge"))
    row("heavy hitters, over a plain reading", ratio(times, "heavy"))


def leaving_out(reader, rounds: int) -> None:
    """Each of 30 words left out, hidden from sight and blanked, against one reading."""
    text = " ".join(cut(reader, TEXT_TOKENS)[1].split()[: WORDS + 2])
    found: list[int] = []

    def blank() -> None:
        found.append(len(experiments.blank(reader, text).numbers))

    ways: dict[str, Callable[[], object]] = {"plain": lambda: reader.read(text), "blank": blank}
    times = in_turn(ways, rounds)
    each = middle(times["blank"]) / middle(times["plain"]) / 2 / found[-1] * WORDS  # two ways for each word
    row(f"leaving out {WORDS} words, over one reading", f"{each:.1f}")


def needles(reader) -> None:
    """The whole grid, once."""
    _, filler = cut(reader, TEXT_TOKENS)
    began = time.perf_counter()
    experiments.needle(
        reader,
        "The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.",
        "The best thing to do in San Francisco is",
        "eat a sandwich and sit in Dolores Park on a sunny day",
        filler,
    )
    row("a needle at 5 × 5 places, minutes", f"{(time.perf_counter() - began) / 60:.1f}")


def ratio(times: dict[str, list[tuple[float, float]]], way: str) -> str:
    """How long a way takes over the plain one, by the clock."""
    return f"{middle(times[way]) / middle(times['plain']):.2f}"


def median(values: list[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
