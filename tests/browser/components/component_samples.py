"""Made-up heads and texts, the same in the demo page and in the tests."""

from __future__ import annotations

import numpy as np

from memviz.figures.live.word_drawing import Writing
from memviz.measures import Links

ROLES = ("previous token", "first token", "current token", "diffuse", "")
TEXTS = {
    "english": "[CLS] the cat sat on the mat because it was tired . [SEP]",
    "chinese": "[CLS] 猫 坐 在 垫子 上 ， 因为 它 累 了 。 [SEP]",
    "arabic": "[CLS] جلست القطة على السجادة لأنها كانت متعبة . [SEP]",
    "emoji": "[CLS] I 👩‍👩‍👧 love नमस्ते 🇧🇷 and é́ 😀 ! [SEP]",
    "markup": "[CLS] <img src=x onerror=alert(1)> <script>alert(1)</script> **bold** :red[x] $$ "
    "](javascript:alert(1)) {word} [SEP]",
    "odd": "[CLS] \x00 \ufeff \x07bell \ud800 \u202e \xa0 end [SEP]",
    "one": "cat",
    "wall": f"[CLS] {'1' * 5_000} and a cat . [SEP]",
    "empty": "",
    "poem": "[CLS] Tyger Tyger , burning bright ,\nIn the forests of the night ;\n\nWhat immortal hand or eye ,\n"
    "Could frame thy fearful symmetry ? [SEP]",
}


CODE = [
    {"text": "if", "special": False, "space": False, "newline": 0},
    {"text": "tired:", "special": False, "space": True, "newline": 0},
    {"text": "sleep", "special": False, "space": True, "newline": 1, "indent": 4},
    {"text": "on", "special": False, "space": True, "newline": 0},
]


def words(name: str) -> list[dict]:
    """The words of a sample; ``medium`` and ``long`` are 260 and 8,192 words."""
    if name in ("medium", "long"):
        return _repeated(260 if name == "medium" else 8_192)
    if name == "code":
        return CODE
    result, lines = [], 0
    for line in TEXTS[name].split("\n"):
        for i, text in enumerate(line.split(" ") if line else []):
            special = text in ("[CLS]", "[SEP]")
            newline = lines if i == 0 else 0
            space = not special and not newline and not (name == "chinese") and text not in (",", ".", ";", "?", "!")
            result.append({"text": text, "special": special, "space": space, "newline": newline})
        lines = 1 if line else lines + 1
    return result


def _repeated(count: int) -> list[dict]:
    plain = "The old sailor looked at the sea and remembered the storm that had taken his ship .".split()
    return [
        {"text": plain[i % len(plain)], "special": False, "space": i > 0 and plain[i % len(plain)] != ".", "newline": 0}
        for i in range(count)
    ]


def none(count: int) -> Links:
    """No links at all, for so many words."""
    return Links(*(np.zeros((count, 0)),) * 6)


def links(count: int, *, seed: int, width: int = 8) -> Links:
    """Random links of a text: heavy tails, some missing, some without lift; none to itself."""
    random = np.random.default_rng(seed)
    width = min(width, max(count - 1, 0))
    if not width:
        return none(count)
    step = np.argsort(random.random((count, min(count - 1, 40))), axis=1)[:, :width] + 1
    weight = -np.sort(-random.dirichlet([0.45] * (width + 1), size=count)[:, :width], axis=1).astype(np.float32)
    weight[:, -1] = 0
    lift = random.gamma(2, 1.2, size=weight.shape).astype(np.float32)
    lift[:, 1::3] = np.nan
    layer, head = random.integers(0, 6, weight.shape), random.integers(0, 12, weight.shape)
    return Links((np.arange(count)[:, None] + step) % count, weight, lift, weight, layer, head)


def writing(count: int, *, written: int) -> Writing:
    """So many of the last words were written, each a little less expected than the one before."""
    surprise = np.full(count, np.nan)
    surprise[count - written :] = np.linspace(0.1, 5, written)
    return Writing(surprise, [[] for _ in range(count)])


def heads(layers: int, count: int, *, cells: int = 32) -> dict[str, np.ndarray]:
    """Thumbnails, roles and scores of heads that look like heads."""
    random = np.random.default_rng(7)
    kind = random.choice(len(ROLES), size=(layers, count), p=[0.1, 0.3, 0.12, 0.3, 0.18])
    patterns = np.stack([_pattern(ROLES[k], cells, random) for k in kind.flat])
    strength = np.sqrt(patterns / patterns.max())
    scores = {
        "previous token": random.beta(0.6, 3, kind.shape) + 0.55 * (kind == 0),
        "entropy": np.where(kind == 3, 0.9, 0.3) * random.random(kind.shape),
        "induction": np.where(kind == 4, random.random(kind.shape), np.nan),
    }
    return {
        "thumbnails": np.round(255 * strength).astype(np.uint8).reshape(layers, count, cells, cells),
        "roles": np.array(ROLES, dtype=object)[kind],
        "scores": {name: values.astype(np.float32) for name, values in scores.items()},
    }


def _pattern(role: str, cells: int, random: np.random.Generator) -> np.ndarray:
    noise = random.dirichlet([0.5] * cells, size=cells)
    shapes = {
        "previous token": np.eye(cells, k=-1),
        "first token": np.eye(cells)[[0] * cells],
        "current token": np.eye(cells),
        "diffuse": np.full((cells, cells), 1 / cells),
        "": 0.5 * np.eye(cells)[random.integers(0, cells, 3)].sum(0)[None].repeat(cells, 0),
    }
    share = random.uniform(0.4, 0.9)
    return share * shapes[role] + (1 - share) * noise
