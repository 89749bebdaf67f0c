"""In which class is a model opened, so that its head is used when the file has it and never invented?"""

from __future__ import annotations

from typing import Any, Literal

from memviz.errors import UnsupportedModelError

_ENCODERS = {"dpr": ("DPRQuestionEncoder", "DPRContextEncoder")}
"""Types of several encoders, of which an auto class opens the first alone."""

_TABLES = {
    "AutoModelForSeq2SeqLM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForCausalLM": "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForMaskedLM": "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "AutoModelForSequenceClassification": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    "AutoModelForQuestionAnswering": "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES",
    "AutoModelForTokenClassification": "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
}


_PICTURES = ("MODEL_FOR_IMAGE_MAPPING_NAMES", "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES")
_SOUNDS = (
    "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
    "MODEL_FOR_CTC_MAPPING_NAMES",
    "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES",
)


def require_text_model(kind: str, *, name: str) -> None:
    """Raises ``UnsupportedModelError`` for a ``kind`` of model that reads sounds or pictures, with where it is read."""
    from transformers.models.auto import modeling_auto

    def is_in(*tables: str) -> bool:
        return any(kind in getattr(modeling_auto, table) for table in tables)

    if kind == "whisper":  # it has a place among those that write text, without its sounds
        raise UnsupportedModelError(
            "{name} reads sounds, not texts.",
            todo="Read it in Python, with its own processor: "
            "memviz.Reader(model, processor).transcribe(samples, rate).",
            name=name,
        )
    if is_in(*_TABLES.values(), "MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES"):
        return
    if is_in("MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES"):
        raise UnsupportedModelError(
            "{name} holds two models, one for texts and one for pictures.",
            todo="Read them in Python: memviz.Reader(model.text_model, tokenizer).read(text), "
            "memviz.Reader(model.vision_model, image_processor).look(image).",
            name=name,
        )
    if is_in(*_PICTURES) or kind.endswith("_vision_model"):
        raise UnsupportedModelError(
            "{name} reads pictures, not texts.",
            todo="Read it in Python, with its image processor: memviz.Reader(model, image_processor).look(image).",
            name=name,
        )
    if is_in(*_SOUNDS):
        raise UnsupportedModelError(
            "{name} reads sounds, not texts.",
            todo="Of models for sounds, Whisper can be read, in Python: "
            "memviz.Reader(model, processor).transcribe(samples, rate).",
            name=name,
        )


def source_of(kind: str) -> Literal["text", "sound", "picture"]:
    """What does a model of this ``kind`` read, of those that are opened by name?"""
    return "sound" if kind == "whisper" else "picture" if kind == "dinov2" else "text"


def candidates(config: Any, *, gguf: bool = False) -> list[str]:
    """Which auto classes of transformers fit this configuration? The best first, ``AutoModel`` last.

    Looked up in transformers' own tables by the class that the file was saved from; nothing is
    tried. A file without a class name is a plain model, or, as GGUF, a model that writes text.

    Raises ``UnsupportedModelError`` if transformers has no model of text for it.
    """
    from transformers.models.auto import modeling_auto

    kind = config.model_type
    if (source := source_of(kind)) != "text":
        return ["AutoModelForSpeechSeq2Seq"] if source == "sound" else ["AutoModel"]
    saved_from = [str(name) for name in config.architectures or ()]
    if kind in _ENCODERS and (names := [name for name in saved_from if name in _ENCODERS[kind]]):
        return names[:1]
    if "DPRReader" in saved_from:
        raise UnsupportedModelError(
            "A DPRReader is not opened: MemViz runs the model below its head, which is no model by itself there.",
            todo="Choose one of DPR's encoders, such as facebook/dpr-ctx_encoder-single-nq-base.",
        )
    tables = {name: getattr(modeling_auto, table) for name, table in _TABLES.items()}
    if not any(kind in table for table in (*tables.values(), modeling_auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES)):
        raise UnsupportedModelError(
            "Models of the type {kind} do not read text with attention that can be shown.",
            todo="Choose a text model, such as minilm.",
            kind=kind,
        )
    encoders, wholes = (
        _classes(getattr(modeling_auto, table).get(kind))
        for table in ("MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES", "MODEL_MAPPING_NAMES")
    )
    if set(saved_from) & set(encoders) - set(wholes):
        return ["AutoModelForTextEncoding"]  # of an encoder-decoder, the encoder alone
    names = [name for name, table in tables.items() if any(saved in _classes(table.get(kind)) for saved in saved_from)]
    return [*(names or _implied(config, saved_from=saved_from, gguf=gguf))[:1], "AutoModel"]


def is_harmless(key: str, *, model: Any) -> bool:
    """May this weight be absent from the file? Only a pooler that no head of this model uses.

    Many files leave the pooler out, and neither attention nor the words' states depend on it.
    """
    inner = key.removeprefix(f"{model.base_model_prefix}.")
    return inner.startswith("pooler.") and "Classification" not in type(model).__name__


def _implied(config: Any, *, saved_from: list[str], gguf: bool) -> list[str]:
    """The head that a file has although the class it was saved from does not say so."""
    if gguf and not saved_from:
        return ["AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"]
    if any(name.endswith("ForPreTraining") for name in saved_from):
        return ["AutoModelForMaskedLM"]
    if config.is_encoder_decoder and getattr(config, "tie_word_embeddings", False):
        return ["AutoModelForSeq2SeqLM"]  # its head is the embedding, which every file has
    return []


def _classes(entry: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else tuple(entry or ())
