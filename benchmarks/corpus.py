"""How fast is a corpus read, and does its memory stay flat? `python -m benchmarks.corpus [--long] [--ray]`

Texts a second of a whole run, files and statistics included, beside a plain loop of forward passes over the same texts,
in turn in one process; printed as the median of the rounds' ratios, as machines are noisy. Memory is the peak of a
process of its own, for 100 texts, 1,000 and, with ``--long``, 10,000. ``--ray`` also runs the same with Ray.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 0.7
WORDS = (
    "the cat sat on a mat because it was tired and then dog runs quickly over old bridge near river while children "
    "play music began nobody came teacher waited house rain stopped they had no time"
).split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="memory for 10,000 texts, too (minutes)")
    parser.add_argument("--ray", action="store_true", help="texts a second with Ray, too")
    parser.add_argument("--single", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.single:
        print(json.dumps(peak(options.model, options.single)))
        return
    speed(options.model, options.texts, options.rounds, with_ray=options.ray)
    print("\n  texts   peak memory")
    for count in (100, 1_000, *((10_000,) if options.long else ())):
        command = [sys.executable, "-m", "benchmarks.corpus", "--model", options.model, "--single", str(count)]
        line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        print(f"{count:7,}   {json.loads(line) / 1e6:.0f} MB", flush=True)


def sentences(count: int) -> list[str]:
    """Sentences of 5 to 40 words."""
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS, k=draw.randint(5, 40))) for _ in range(count)]


def speed(model: str, count: int, rounds: int, *, with_ray: bool) -> None:
    """Texts a second: a plain loop, a run, and their ratio."""
    import torch

    import memviz

    reader, texts = memviz.load(model), sentences(count)

    def plain() -> None:
        with torch.inference_mode():
            for text in texts:
                reader.model(**reader.tokenizer(text, return_tensors="pt"))

    def run(engine: str = "local") -> None:
        with tempfile.TemporaryDirectory() as out:
            memviz.corpus.run(texts, model=model if engine == "ray" else reader, out=out, engine=engine)

    def seconds(work: object, *what: str) -> float:
        began = time.perf_counter()
        work(*what)  # type: ignore[operator]
        return time.perf_counter() - began

    print(f"{model}, {count} texts of 5 to 40 words, {torch.get_num_threads()} threads\n")
    pairs = [(seconds(plain), seconds(run)) for _ in range(rounds)]
    ratio = statistics.median(one / other for one, other in pairs)
    for name, place in (("a plain loop of forward passes", 0), ("a corpus run", 1)):
        print(f"{name}: {count / statistics.median(pair[place] for pair in pairs):.1f} texts a second")
    print(f"ratio: {ratio:.2f} (target ≥ {TARGET})")
    if with_ray:
        print(f"with Ray, its start included: {count / seconds(run, 'ray'):.1f} texts a second", flush=True)


def peak(model: str, count: int) -> float:
    """The peak memory of a run over a file of so many texts, in bytes."""
    import memviz

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        with path.open("w") as file:
            file.writelines(
                json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(sentences(count))
            )
        memviz.corpus.run(path, model=model, out=Path(folder) / "out")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
