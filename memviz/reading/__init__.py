"""Models that read: the only room that runs torch models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memviz.errors import ModelFileError
from memviz.memory import Ablate, Eviction, Forget
from memviz.models import DownloadBar, ModelFiles, Policy, is_damaged, locate, open_model
from memviz.progress import Progress
from memviz.reading.engine import limits, notes
from memviz.reading.engine.devices import choose, weight_bytes
from memviz.reading.firefox.opening import open_firefox
from memviz.reading.prompts import OnToken
from memviz.reading.reader import Reader
from memviz.trace import ModelInfo, Trace

__all__ = ["Reader", "generate", "load", "look", "read", "transcribe", "translate"]


def load(
    name: str,
    *,
    device: str | None = None,
    precision: str | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
) -> Reader:
    """Open a model by name: a catalogue name, a hub id, a local folder, or a local ``.gguf`` file.

    So is a Firefox Translations model, by name or by folder.
    Weights that are not here yet are fetched first. ``progress(fraction, label)`` is told how far that is; without it,
    the size of the download and a bar are shown on the standard error. ``device`` ("cuda", "mps", "cpu") and
    ``precision`` ("float32", "bfloat16", "float16") are chosen by themselves unless given;
    ``policy`` says which places are allowed. The first thing a model reads is a probe, which
    verifies that its recorded attention equals its own.

    Raises a `ModelError` that says what could not be had and what to do, `MemoryBudgetError` for a model too large for
    the memory that is free.
    """
    located = _located(name, policy, progress)
    try:
        return _open(located, device=device, precision=precision)
    except ModelFileError:
        if not is_damaged(located):
            raise
    return _open(_located(name, policy, progress), device=device, precision=precision)  # after it was fetched again


def _open(located: ModelFiles, *, device: str | None, precision: str | None) -> Reader:
    weights = weight_bytes(located)
    where, dtype = choose(device, precision, weights=weights)
    limits.check_opening(weights * dtype.itemsize / 4, name=located.name, device=where)
    if located.format == "marian":
        return Reader.of(*open_firefox(located, device=where, dtype=dtype))
    model, tokenizer = open_model(located, attn_implementation="eager", device=where, dtype=dtype)
    info = ModelInfo(
        name=located.name,
        revision=located.revision,
        quantisation=located.quantisation,
        licence=located.licence,
        note=notes.adapter(located.adapter),
    )
    return Reader(model, tokenizer, info=info, owned=True)


def read(
    text: str,
    pair: str | None = None,
    forget: Forget | None = None,
    *,
    model: str = "minilm",
    eviction: Eviction | None = None,
    ablate: Ablate | Sequence[Ablate] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """What does a model look at when it reads this text?

    ``model`` is its name, see `load`; for several texts `load` it once and keep the reader. ``pair``, ``forget``,
    ``eviction`` and ``ablate`` as in `Reader.read`.

    ``progress(fraction, label)`` is told how far the fetch is, where there is one, then how far the reading is;
    without it, a fetch is shown as by `load`.
    """
    reader = load(model, progress=progress)
    return reader.read(text, pair, forget, eviction=eviction, ablate=ablate, progress=progress)


def translate(
    text: str,
    target: str | None = None,
    forget: Forget | None = None,
    *,
    model: str,
    beam: int = 1,
    languages: tuple[str, str] | None = None,
    task: str | None = None,
    eviction: Eviction | None = None,
    ablate: Ablate | Sequence[Ablate] | None = None,
    split: bool = True,
    progress: Progress | None = None,
) -> Trace:
    """What does an encoder-decoder write for this text, or how does it write ``target``, and what does it read for it?

    ``model`` is its name, see `load`. ``beam``, ``languages``, ``task``, ``forget``, ``eviction``, ``ablate`` and
    ``split`` as in `Reader.translate`, ``progress`` as in `read`.
    """
    return load(model, progress=progress).translate(
        text,
        target,
        forget,
        beam=beam,
        languages=languages,
        task=task,
        eviction=eviction,
        ablate=ablate,
        split=split,
        progress=progress,
    )


def generate(
    prompt: str | None = None,
    max_new_tokens: int = 64,
    *,
    model: str = "smollm2",
    chat: Sequence[Mapping[str, str]] | None = None,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    prefix: Sequence[int] = (),
    forget: Forget | None = None,
    eviction: Eviction | None = None,
    ablate: Ablate | Sequence[Ablate] | None = None,
    on_token: OnToken | None = None,
    progress: Progress | None = None,
) -> Trace:
    """How does a language model continue this ``prompt``, and what does it read to write every token?

    ``model`` is its name, see `load`. ``max_new_tokens``, ``chat``, ``temperature``, ``top_k``, ``top_p``, ``seed``,
    ``stop``, ``prefix``, ``forget``, ``eviction``, ``ablate`` and ``on_token`` as in `Reader.generate`, ``progress`` as
    in `read`.
    """
    return load(model, progress=progress).generate(
        prompt,
        max_new_tokens,
        chat=chat,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        stop=stop,
        prefix=prefix,
        forget=forget,
        eviction=eviction,
        ablate=ablate,
        on_token=on_token,
        progress=progress,
    )


def look(
    image: Any,
    forget: Forget | None = None,
    *,
    model: str = "dinov2",
    ablate: Ablate | Sequence[Ablate] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """What does a Vision Transformer look at in this picture?

    ``image`` is a path, the bytes of a file, a PIL image or an array; ``model`` is a name, see `load`. ``image``,
    ``forget`` and ``ablate`` as in `Reader.look`, ``progress`` as in `read`.
    """
    return load(model, progress=progress).look(image, forget, ablate=ablate, progress=progress)


def transcribe(
    audio: Any,
    rate: int | None = None,
    target: str | None = None,
    forget: Forget | None = None,
    *,
    model: str = "whisper-tiny-en",
    start: float | None = None,
    language: str | None = None,
    ablate: Ablate | Sequence[Ablate] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """What does a model write for this sound, and which moments does it read to write every token?

    ``model`` is its name, see `load`. ``audio``, ``rate``, ``target``, ``forget``, ``start``, ``language`` and
    ``ablate`` as in `Reader.transcribe`, ``progress`` as in `read`.
    """
    return load(model, progress=progress).transcribe(
        audio, rate, target, forget, start=start, language=language, ablate=ablate, progress=progress
    )


def _located(name: str, policy: Policy | None, progress: Progress | None) -> ModelFiles:
    """The model of that name; a fetch is told to ``progress``, or shown where nobody gave one."""
    if progress is not None:
        return locate(name, policy=policy, progress=progress)
    with DownloadBar(name) as shown:
        return locate(name, policy=policy, progress=shown.progress, announce=shown.announce)
