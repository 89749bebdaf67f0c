"""How does a Whisper of CTranslate2 become a folder of transformers? The same numbers under other names, in float16.

The file (version 6) begins with the name of its kind; then follow its variables, each with name, shape, type and
numbers. Query, key and value of self-attention are stacked, key and value of cross-attention too. The settings beside
it say which heads are aligned with the sound, and which tokens Whisper never writes.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np

from memviz.errors import ModelFileError
from memviz.progress import Progress, no_progress

_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_ENCODER, _DECODER = "model.encoder.", "model.decoder."
_MEL = {"feature_extractor_type": "WhisperFeatureExtractor", "hop_length": 160, "n_fft": 400, "chunk_length": 30}

Weights = dict[str, np.ndarray]


def convert(folder: Path, *, into: Path, progress: Progress = no_progress) -> None:
    """Write the model in ``model.bin``, or in its parts, as a transformers folder. Raises `ModelFileError`."""
    from safetensors.numpy import save_file

    progress(0.1, "Converting, once")
    file = _joined(folder)
    variables = read_variables(file)
    weights = _renamed(variables)
    progress(0.6, "Saving")
    into.mkdir(parents=True, exist_ok=True)
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(folder / "tokenizer.json", into / "tokenizer.json")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    ids = {token["content"]: token["id"] for token in tokens}
    for name, content in _settings(variables, weights, settings, ids).items():
        (into / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_variables(file: Path) -> Weights:
    """Every variable of a CTranslate2 file by its name. Raises `ModelFileError` for a file that is not one."""
    content, place = np.memmap(file, np.uint8, "r"), 0

    def number(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{form}", content.data, place)
        place += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = number("H")
        place += length
        return bytes(content[place - length : place - 1]).decode()

    variables: Weights = {}
    try:
        number("I")
        if text() != "WhisperSpec":
            raise ValueError("not a Whisper")
        number("I")
        for _ in range(number("I")):
            name = text()
            shape = [number("I") for _ in range(number("B"))]
            kind, size = np.dtype(_TYPES[number("B")]), number("I")
            variables[name] = np.frombuffer(content, kind, size // kind.itemsize, place).reshape(shape)
            place += size
        for _ in range(number("I")):
            alias, name = text(), text()
            variables[alias] = variables[name]
    except (struct.error, ValueError, KeyError) as error:
        raise _unreadable(file) from error
    if place != len(content):
        raise _unreadable(file)
    return variables


def _unreadable(file: Path) -> ModelFileError:
    return ModelFileError(
        "{file} is not a Whisper of CTranslate2 that can be read.",
        todo="Fetch or copy the model again.",
        file=file.name,
    )


def _joined(folder: Path) -> Path:
    """The file of the weights; one that travels in parts is put together first."""
    file = folder / "model.bin"
    if not file.exists():
        with file.open("wb") as whole:
            for part in sorted(folder.glob("model.bin.part*")):
                with part.open("rb") as stream:
                    shutil.copyfileobj(stream, whole)
    return file


def _renamed(variables: Weights) -> Weights:
    """The weights by the names that transformers knows them by."""
    weights: Weights = {}

    def linear(name: str, source: str) -> None:
        for part in ("weight", "bias"):
            if f"{source}/{part}" in variables:
                weights[f"{name}.{part}"] = variables[f"{source}/{part}"]

    def norm(name: str, source: str) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = variables[f"{source}/gamma"], variables[f"{source}/beta"]

    def stacked(name: str, source: str, parts: str) -> None:
        for part in ("weight", "bias"):
            pieces = np.split(variables[f"{source}/{part}"], len(parts))
            for letter, piece in zip(parts, pieces, strict=True):
                if (letter, part) != ("k", "bias"):  # Whisper's keys have none; the file has zeros there
                    weights[f"{name}.{letter}_proj.{part}"] = piece

    for number in (1, 2):
        linear(f"{_ENCODER}conv{number}", f"encoder/conv{number}")
    for side, prefix in (("encoder", _ENCODER), ("decoder", _DECODER)):
        weights[f"{prefix}embed_positions.weight"] = variables[f"{side}/position_encodings/encodings"]
        norm(f"{prefix}layer_norm", f"{side}/layer_norm")
        for layer in range(_layers(variables, side)):
            source, name = f"{side}/layer_{layer}", f"{prefix}layers.{layer}"
            norm(f"{name}.self_attn_layer_norm", f"{source}/self_attention/layer_norm")
            stacked(f"{name}.self_attn", f"{source}/self_attention/linear_0", "qkv")
            linear(f"{name}.self_attn.out_proj", f"{source}/self_attention/linear_1")
            if side == "decoder":
                norm(f"{name}.encoder_attn_layer_norm", f"{source}/attention/layer_norm")
                linear(f"{name}.encoder_attn.q_proj", f"{source}/attention/linear_0")
                stacked(f"{name}.encoder_attn", f"{source}/attention/linear_1", "kv")
                linear(f"{name}.encoder_attn.out_proj", f"{source}/attention/linear_2")
            norm(f"{name}.final_layer_norm", f"{source}/ffn/layer_norm")
            linear(f"{name}.fc1", f"{source}/ffn/linear_0")
            linear(f"{name}.fc2", f"{source}/ffn/linear_1")
    weights[f"{_DECODER}embed_tokens.weight"] = variables["decoder/embeddings/weight"]
    return {name: np.ascontiguousarray(values) for name, values in weights.items()}


def _settings(variables: Weights, weights: Weights, settings: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    """The settings of transformers, file by file."""
    vocabulary, width = weights[f"{_DECODER}embed_tokens.weight"].shape
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    special = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    heads = int(variables["encoder/num_heads"].ravel()[0])
    mels = weights[f"{_ENCODER}conv1.weight"].shape[1]
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "vocab_size": vocabulary,
        "d_model": width,
        "num_mel_bins": mels,
        "max_source_positions": len(weights[f"{_ENCODER}embed_positions.weight"]),
        "max_target_positions": len(weights[f"{_DECODER}embed_positions.weight"]),
        "activation_function": "gelu",
        "tie_word_embeddings": True,
        **special,
    }
    for side, prefix in (("encoder", _ENCODER), ("decoder", _DECODER)):
        config[f"{side}_layers"] = _layers(variables, side)
        config[f"{side}_attention_heads"] = heads
        config[f"{side}_ffn_dim"] = len(weights[f"{prefix}layers.0.fc1.weight"])
    languages = {name: number for name, number in ids.items() if number in settings.get("lang_ids", ())}
    many = vocabulary > 51_864  # the models that know English alone have one token less
    generation = {
        "alignment_heads": settings["alignment_heads"],
        "suppress_tokens": settings["suppress_ids"],
        "begin_suppress_tokens": settings["suppress_ids_begin"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids.get("<|startofprev|>"),
        "is_multilingual": many,
        "return_timestamps": False,
        **special,
    }
    if many:
        generation["lang_to_id"] = languages
        generation["task_to_id"] = {name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")}
    tokens = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    return {
        "config.json": config,
        "generation_config.json": generation,
        "tokenizer_config.json": {
            "tokenizer_class": "WhisperTokenizer",
            **tokens,
            "additional_special_tokens": [name for name in ids if re.fullmatch(r"<\|[a-z]+\|>", name)],
        },
        "preprocessor_config.json": {**_MEL, "feature_size": mels, "sampling_rate": 16_000, "padding_value": 0.0},
    }


def _layers(variables: Weights, side: str) -> int:
    return 1 + max(int(match[1]) for name in variables if (match := re.match(rf"{side}/layer_(\d+)/", name)))
