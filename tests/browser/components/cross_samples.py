"""Translations with their weights, the same in the demo page and in the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Crossing:
    """What `cross_view` is given."""

    sources: list[dict]
    targets: list[dict]
    weights: np.ndarray
    right_to_left: tuple[bool, bool] = (False, False)


CAT = np.array(
    [
        [0.99620867, 0.00173535, 0.00158435, 0.00028253, 0.00000877, 0.00002742, 0.00000197, 0.00015087],
        [0.0044071, 0.05674759, 0.91089797, 0.0059151, 0.00102165, 0.02027786, 0.00000545, 0.00072732],
        [0.00104438, 0.96180737, 0.01692869, 0.01454467, 0.00513835, 0.0003524, 0.00000588, 0.00017814],
        [0.00014536, 0.00287189, 0.00195203, 0.98980033, 0.00244987, 0.00189583, 0.00079484, 0.00008991],
        [0.001028, 0.00070476, 0.00069853, 0.03260069, 0.13800164, 0.81470329, 0.00958929, 0.00267387],
        [0.00000342, 0.00114705, 0.00001856, 0.00182863, 0.94936627, 0.03504038, 0.01197367, 0.00062202],
        [0.00010557, 0.00003812, 0.00000967, 0.00602845, 0.01040256, 0.00424138, 0.97778326, 0.001391],
        [0.08753034, 0.06437971, 0.06798887, 0.13556468, 0.12903249, 0.12439296, 0.22454703, 0.16656397],
    ],
    dtype=np.float32,
)
"""Layer 1, head 0 of firefox-en-pt, by word: the head that was taught to align."""

_CAT = {
    "O": [("O", 0.981, [("A", 0.0108), ("Os", 0.0046)])],
    "gato": [("gato", 0.9832, [("preto", 0.0048), ("peixe", 0.0031), ("cat", 0.0009)])],
    "preto": [("preto", 0.9652, [("negro", 0.0117), ("-", 0.0054), ("branco", 0.0016)])],
    "bebe": [("be", 0.9476, [("re", 0.0177), ("é", 0.0023)]), ("be", 0.9641, [("ba", 0.0317), ("bes", 0.0017)])],
    "leite": [("leite", 0.9451, [("o", 0.0495), ("lá", 0.0007)])],
    "frio": [("frio", 0.788, [("gel", 0.1473), ("fresco", 0.0249), ("quente", 0.0078)])],
    ".": [(".", 0.9956, [("</s>", 0.0025)])],
    "</s>": [("</s>", None, [])],
}


def _words(texts: str) -> list[dict]:
    return [{"text": text, "special": text == "</s>"} for text in texts.split(" ")]


def _random(targets: int, sources: int, *, seed: int = 1) -> np.ndarray:
    """Weights that look like attention: one source word has most, many have a little."""
    random = np.random.default_rng(seed)
    weights = random.dirichlet([0.1] * sources, size=targets) if sources else np.zeros((targets, 0))
    return weights.astype(np.float32)


def crossing(name: str) -> Crossing:
    """The sample of this name; "SOURCESxTARGETS" is made up."""
    if name in ("cat", "nan"):
        targets = _words("O gato preto bebe leite frio . </s>")
        for word in targets:
            word["steps"] = [{"text": t, "probability": p, "others": others} for t, p, others in _CAT[word["text"]]]
        weights = CAT.copy()
        if name == "nan":
            weights[-1] = np.nan
        return Crossing(_words("The black cat drinks cold milk . </s>"), targets, weights)
    if name == "arabic":
        targets = _words("القط الأسود يشرب الحليب البارد . </s>")
        return Crossing(_words("The black cat drinks cold milk . </s>"), targets, CAT[1:], (False, True))
    if name == "compound":
        targets = _words("Donaudampfschifffahrtsgesellschaftskapitänswitwenrente .")
        return Crossing(_words("Pension of the steamboat captain's widow ."), targets, _random(2, 7))
    if name == "wall":
        return Crossing(_words(f"{'1' * 5_000} cats ."), _words(f"{'1' * 5_000} gatos ."), _random(3, 3))
    if name == "markup":
        source, target = (
            "<script>alert(1)</script> {word} **bold** \x00 \u202e",
            "<img/src=x/onerror=alert(1)> [x](y) $$",
        )
        sources, targets = _words(source), _words(target)
        targets[0]["steps"] = [{"text": "<b>x</b>", "probability": 0.5, "others": [("<i>y</i>", 0.25)]}]
        return Crossing(sources, targets, _random(len(targets), len(sources)))
    sources, targets = (int(part) for part in name.split("x"))
    plain = "the old sailor looked at sea and remembered a storm that took his ship".split()
    words = [[{"text": plain[(i * 5) % len(plain)]} for i in range(count)] for count in (sources, targets)]
    return Crossing(words[0], words[1], _random(targets, sources))
