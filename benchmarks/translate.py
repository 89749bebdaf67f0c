"""How much does it cost to watch a translation? `python -m benchmarks.translate [--rounds N]`

The Firefox model from the cache: seconds to open it; milliseconds for a sentence, written only (`reader.write`) and
with everything recorded (`reader.translate`). A Marian-sized model of transformers with random weights, built here:
tokens per second of `model.generate`, and of `reader.translate`, which generates and then reads it all once more.

Both ways are taken in turn in one process; a ratio is the median over the rounds, by the clock and by the processor's
own time. The spread of the plain way says how noisy the machine was.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reading import in_turn, middle, ratios, threads
from benchmarks.text import prose

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "marian-en-pt.json"
TOKENS = 12
OUTPUT_TOKENS = 32
TARGET_LOAD_S = 1
TARGET_MS = 150
TARGET_RATIO = 1.3
MARIAN: dict[str, Any] = {
    "vocab_size": 58_101, "d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
    "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "max_position_embeddings": 512,
    "activation_function": "swish", "scale_embedding": True, "pad_token_id": 0, "eos_token_id": 1,
    "bos_token_id": None, "decoder_start_token_id": 0, "forced_eos_token_id": None,
}  # fmt: skip
"""The sizes of opus-mt: 6 + 6 layers × 8 heads, width 512."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    importlib.import_module("memviz.reading")  # torch and transformers take seconds, whatever is opened then
    print(f"{threads()} threads, load of the machine {os.getloadavg()[0]:.1f}\n")
    firefox(rounds)
    transformers(rounds)
    print(f"\nload of the machine {os.getloadavg()[0]:.1f}")


def firefox(rounds: int) -> None:
    """The model of the cache, and its own sentences."""
    import memviz

    began = time.perf_counter()
    reader: Any = memviz.load("firefox-en-pt")  # the one that writes without recording, too
    print(f"firefox-en-pt, load from cache: {time.perf_counter() - began:.2f} s (target ≤ {TARGET_LOAD_S} s)")
    sentences = [pair["source"] for pair in json.loads(GOLDEN.read_text(encoding="utf-8"))]
    short = next(text for text in sentences if reader.count(text) == TOKENS)
    print("\n                            written only    recorded   target     ratio  processor  target   spread")
    for name, texts in ((f"one sentence, {TOKENS} tokens", [short]), (f"{len(sentences)} sentences, mean", sentences)):
        times = in_turn({"plain": each(reader.write, texts), "recorded": each(reader.translate, texts)}, rounds)
        plain, recorded = (1000 * middle(times[way]) / len(texts) for way in ("plain", "recorded"))
        clock, processor = ratios(times, "recorded")
        print(
            f"  {name:<24} {plain:10.0f} ms {recorded:8.0f} ms  ≤ {TARGET_MS} ms  {clock:6.2f} ×  {processor:7.2f} ×"
            f"  ≤ {TARGET_RATIO} ×   {spread(times['plain']):4.0%}",
            flush=True,
        )


def transformers(rounds: int) -> None:
    """A random model that writes as many tokens as it is told."""
    import torch

    reader = built()
    text = reader.window(prose(), 0, 24)
    inputs = torch.tensor([reader.tokenizer(text)["input_ids"]])

    def plain() -> Any:
        reader.model.set_attn_implementation("sdpa")
        try:
            return reader.model.generate(inputs, max_new_tokens=OUTPUT_TOKENS, num_beams=1, do_sample=False)
        finally:
            reader.model.set_attn_implementation("memviz")

    assert plain().shape[1] == OUTPUT_TOKENS + 1
    times = in_turn({"plain": plain, "recorded": lambda: reader.translate(text, max_new_tokens=OUTPUT_TOKENS)}, rounds)
    speeds = [OUTPUT_TOKENS / middle(times[way]) for way in ("plain", "recorded")]
    clock, processor = ratios(times, "recorded")
    print(f"\nMarian of transformers, 6 + 6 layers × 8 heads × 512, {inputs.shape[1]} tokens read, {OUTPUT_TOKENS} out")
    print(
        f"  generate {speeds[0]:.0f} tokens/s   translate {speeds[1]:.0f} tokens/s   ratio {clock:.2f} ×, processor "
        f"{processor:.2f} × (target ≤ {TARGET_RATIO} ×)   spread {spread(times['plain']):.0%}"
    )


def built():
    """The reader of a random model of that size, with a tokenizer trained on this project's own words."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

    from memviz.reading import Reader

    raw = ByteLevelBPETokenizer()
    raw.train_from_iterator([prose()], vocab_size=2000, special_tokens=["<pad>", "</s>"], show_progress=False)
    raw._tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw._tokenizer, pad_token="<pad>", eos_token="</s>")
    torch.manual_seed(0)
    model = MarianMTModel(MarianConfig(**MARIAN)).eval()
    model.final_logits_bias[0, MARIAN["eos_token_id"]] = -1e9  # it never ends by itself
    return Reader(model, tokenizer, owned=True)


def each(way: Callable[[str], object], texts: list[str]) -> Callable[[], None]:
    """The way, taken with one text after the other."""

    def run() -> None:
        for text in texts:
            way(text)

    return run


def spread(times: list[tuple[float, float]]) -> float:
    """How far apart do the rounds lie by the clock: between the quarters, over the median."""
    low, middle_one, high = statistics.quantiles([clock for clock, _ in times], n=4)
    return (high - low) / middle_one


if __name__ == "__main__":
    main()
