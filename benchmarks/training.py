"""How soon is an induction head born? `python -m benchmarks.training [--seeds 0 1 2] [--steps 2000]`

Two layers for each seed, and one layer as the control: the loss of the second copy in the end, after how many steps it
was at most .3, and the seconds of work on one thread.
"""

from __future__ import annotations

import argparse

from memviz.training import induction

TARGETS = "two layers: second copy ≤ 0.3 in ≤ 2,000 steps, every seed; one layer: ≥ 1.5"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    print(f"{'layers':>6} {'seed':>4} {'steps':>5} {'first':>6} {'second':>6} {'born':>5} {'induction':>9} {'s':>5}")
    for layers, seed in [*((2, seed) for seed in options.seeds), (1, options.seeds[0])]:
        result = induction.train(layers, seed, options.steps, every=max(25, options.steps // 100))
        layer, head, score = result.best_head()
        print(
            f"{layers:>6} {seed:>4} {options.steps:>5} {result.first_copy_loss[-1]:>6.2f} "
            f"{result.second_copy_loss[-1]:>6.2f} {result.born or '–':>5} {score:>5.2f} L{layer}.H{head} "
            f"{result.seconds:>5.0f}",
            flush=True,
        )
    print(f"targets: {TARGETS}")


if __name__ == "__main__":
    main()
