"""What does it cost to record a sound, a picture or a text? `python -m benchmarks.senses [--rounds N] [--no-browser]`

Six seconds of speech, with everything recorded (`reader.transcribe`), over transformers' own `generate` on the same
weights: on the whole window of 30 s, as transformers hears it, and on a window as short as MemViz's. A picture of 224
pixels read with every head (`reader.look`), over the image processor and a plain forward pass. One text of 500 tokens
read by MiniLM and by E5, each over its own plain pass: the larger model of many languages is to cost no more over its
pass than the small English one. Then the bytes that the browser gets of either page, from the address on.

Both ways are taken in turn in one process; a ratio is the median over the rounds, by the clock and by the processor's
own time. The spread of the plain way says how noisy the machine was.
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from typing import Any

from benchmarks.reading import in_turn, middle, ratios, threads
from benchmarks.translate import spread

MEDIA = Path(__file__).parents[1] / "memviz" / "ui" / "media"
TARGET_RATIO = 1.4
TARGET_BYTES = 1.0  # MB
TARGET_E5 = 1.1  # the ratio of E5, over that of MiniLM
RATE = 16_000
PAGES = {"listen": "memviz-sound", "look": "memviz-picture"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    importlib.import_module("memviz.reading")  # torch and transformers take seconds, whatever is opened then
    print(f"{threads()} threads, load of the machine {os.getloadavg()[0]:.1f}\n")
    print("                                        plain    recorded     ratio  processor   target   spread")
    speech(options.rounds)
    picture(options.rounds)
    encoders(options.rounds)
    if not options.no_browser:
        print("\nbytes to the browser, from the address on (the pages' own scripts left out)")
        for page, megabytes in wired().items():
            print(f"  {page:<10} {megabytes:5.2f} MB   ≤ {TARGET_BYTES} MB")
    print(f"\nload of the machine {os.getloadavg()[0]:.1f}")


def speech(rounds: int) -> None:
    """The sample of the page Listen, 6.2 s, by Whisper tiny."""
    import torch
    from transformers import GenerationMixin

    import memviz
    from memviz.sources import open_sound

    reader: Any = memviz.load("whisper-tiny-en")
    samples = open_sound(MEDIA / "door.ogg", RATE).samples
    settings = reader.model.generation_config
    begun = torch.tensor([[settings.decoder_start_token_id, settings.no_timestamps_token_id]])
    extractor = reader.engine.adapter.processor.feature_extractor
    for name, engine in (
        ("speech of 6 s, window of 30 s", reader.engine),
        ("speech of 6 s, the same window", reader.engine.with_window(7.0)),
    ):
        model, window = engine.model, engine.adapter.window

        def plain(model: Any = model, window: float = window) -> Any:
            model.set_attn_implementation("sdpa")
            features = extractor(samples, sampling_rate=RATE, return_tensors="pt")["input_features"]
            try:
                with torch.no_grad():
                    if window == reader.engine.adapter.window:
                        return model.generate(features, num_beams=1, do_sample=False)
                    cut = features[..., : round(100 * window)]  # Whisper's own `generate` takes the whole window only
                    return GenerationMixin.generate(
                        model, cut, decoder_input_ids=begun, max_new_tokens=224, num_beams=1, do_sample=False
                    )
            finally:
                model.set_attn_implementation("memviz")

        report(name, in_turn({"plain": plain, "recorded": lambda: reader.transcribe(samples)}, rounds))


def picture(rounds: int) -> None:
    """The cat, 224 × 224, by DINOv2."""
    import numpy as np
    import torch
    from PIL import Image

    import memviz

    reader: Any = memviz.load("dinov2")
    pixels = np.asarray(Image.open(MEDIA / "cat.jpg").convert("RGB").resize((224, 224)))
    model, adapter = reader.engine.model, reader.engine.adapter

    def plain() -> Any:
        model.set_attn_implementation("sdpa")
        try:
            with torch.no_grad():
                return model(**adapter.inputs(pixels, model.device, model.dtype))
        finally:
            model.set_attn_implementation("memviz")

    report("picture of 224 px", in_turn({"plain": plain, "recorded": lambda: reader.look(pixels)}, rounds))


def encoders(rounds: int) -> None:
    """One English text, of words that both vocabularies hold, through MiniLM and through E5."""
    import torch

    import memviz

    words = "the memory of a model is what it read and what it holds on to when a word comes".split() * 40
    found = {}
    for name in ("minilm", "e5-multilingual"):
        reader: Any = memviz.load(name)
        count = 500
        while len((inputs := reader.tokenizer(" ".join(words[:count]), return_tensors="pt")).input_ids[0]) > 500:
            count -= 1
        text, model = " ".join(words[:count]), reader.model
        assert [token.id for token in reader.read(text).tokens] == inputs.input_ids[0].tolist(), (
            "two texts are compared"
        )

        def plain(model: Any = model, inputs: Any = inputs) -> Any:
            model.set_attn_implementation("sdpa")
            try:
                with torch.inference_mode():
                    return model(**inputs)
            finally:
                model.set_attn_implementation("memviz")

        times = in_turn({"plain": plain, "recorded": lambda read=reader.read, text=text: read(text)}, rounds)
        found[name] = report(f"500 tokens, {name}", times, target="")
    print(f"  E5 as MiniLM {found['e5-multilingual'] / found['minilm']:40.2f} × {'':>13} ≤ {TARGET_E5} ×")


def report(name: str, times: dict[str, list[tuple[float, float]]], *, target: str = f"≤ {TARGET_RATIO} ×") -> float:
    """One line of the table; the ratio by the clock."""
    plain, recorded = (1000 * middle(times[way]) for way in ("plain", "recorded"))
    clock, processor = ratios(times, "recorded")
    print(
        f"  {name:<32} {plain:7.0f} ms {recorded:8.0f} ms  {clock:6.2f} ×  {processor:7.2f} ×  {target:>7}   "
        f"{spread(times['plain']):4.0%}",
        flush=True,
    )
    return clock


def wired() -> dict[str, float]:
    """By page: the megabytes that its server sends until its picture is drawn."""
    from benchmarks.browser import wire
    from tests.browser.serving import chromium, serving, wait_until_idle

    result: dict[str, float] = {}
    with serving(OMP_NUM_THREADS="2") as address, chromium() as browser:
        for page, part in PAGES.items():
            tab = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
            received = wire(tab)
            tab.goto(f"{address}/{page}")
            tab.wait_for_selector(f"[data-testid={part}]", timeout=120_000)
            wait_until_idle(tab, 120_000)
            result[page] = sum(received) / 1e6
            tab.context.close()
    return result


if __name__ == "__main__":
    main()
