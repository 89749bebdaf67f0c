"""Is this folder, or this file, a model that may be opened? Judged before anything in it is run or loaded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from memviz.errors import ModelFileError, UnsafeModelError, UnsupportedModelError
from memviz.models import bounds, gguf_header, marian_file
from memviz.models.auto_class import require_text_model
from memviz.models.entry import Format, ModelFiles
from memviz.models.fingerprint import BESIDE, VOCABULARIES, fingerprint
from memviz.note import Note

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".h5")
"""Weights that are, or may hide, a pickle: opening one can run any code that its author liked."""

_BYTE_TOKENIZERS = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
WITH_TOKENS = ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING")
"""Adapters that put vectors of their own in front of a text, and change no weight."""


def locate(path: Path, *, name: str) -> ModelFiles:
    """What model is in this local folder, or in this ``.gguf`` file?

    Raises ``UnsafeModelError`` (weights only as a pickle; a model that would need its own code),
    ``ModelFileError`` (no model there; parts missing or broken), ``UnsupportedModelError``.
    """
    if os.path.isdir(path):
        kind = check(path, name=name)
        if kind == "gguf":
            path = only_gguf(path, name=name)
    elif os.path.isfile(path) and path.suffix.lower() == ".gguf":
        kind = "gguf"
    elif os.path.isfile(path):
        raise _not_a_model(path, name=name)
    else:
        raise ModelFileError("There is no model at {name}.", todo="Check the path.", name=name)
    header = gguf_header.fields(path) if kind == "gguf" else {}
    bounds.check_settings(header, name=name, file=path.name)
    return ModelFiles(
        name=name,
        title=str(header.get("general.name", path.stem if kind == "gguf" else path.name)),
        path=path,
        format=kind,
        revision=fingerprint(path),
        licence=str(header.get("general.license", "")),
        quantisation=gguf_header.quantisation(header) if kind == "gguf" else "",
        adapter=adapter_beside(path, name=name) if kind == "transformers" else "",
    )


def check(path: Path, *, name: str) -> Format:
    """Is everything in this folder that a model needs, and nothing that must be run? Its format.

    Reads the small files and the headers of the weights, never the weights.
    """
    has_adapter, has_weights = (path / ADAPTER).is_file(), any((path / file).is_file() for file in (WEIGHTS, INDEX))
    if has_adapter and not has_weights and not any(path.glob("*.gguf")):
        raise _adapter_alone(path, name=name)
    if not (path / "config.json").is_file():
        return _without_config(path, name=name)
    config = _json(path / "config.json", name=name)
    check_code(config, name=name)
    bounds.check_settings(config, name=name, file="config.json")
    for file in (path / beside for beside in BESIDE):
        if file.is_file():
            bounds.check_size(file, name=name)
    _refuse_pruned(config, name=name)
    for file in _weights(path, name=name):
        _check_safetensors(file, name=name)
    tokenizer = path / "tokenizer_config.json"
    settings = _json(tokenizer, name=name) if tokenizer.is_file() else {}
    if settings.get("tokenizer_class") not in _BYTE_TOKENIZERS and not any((path / v).is_file() for v in VOCABULARIES):
        raise ModelFileError(
            "The tokenizer of {name} is missing: its folder has no vocabulary.",
            todo="Save the tokenizer into the same folder (tokenizer.save_pretrained).",
            name=name,
        )
    return "transformers"


def check_code(config: dict[str, Any], *, name: str) -> None:
    """Could this model be opened, as one that reads texts, without running code of its own?

    A configuration with ``auto_map`` asks for code from its own folder. That code is never run: a
    type that transformers knows is opened with transformers' own code, any other is refused.
    """
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    if isinstance(kind, str) and kind in CONFIG_MAPPING:
        require_text_model(kind, name=name)
        return
    if config.get("auto_map"):
        raise UnsafeModelError(
            "{name} asks for remote code: it brings its own program, which MemViz never runs.",
            todo="Choose a model of a type that transformers knows by itself.",
            name=name,
        )
    if not isinstance(kind, str):
        raise ModelFileError(
            "The file config.json of {name} does not say what type of model it is.",
            todo="Copy the model again, with its own config.json (it has a model_type).",
            name=name,
        )
    raise UnsupportedModelError(
        "{name} is a model of the type {kind}, which the installed transformers does not know.",
        todo="Update transformers, or choose another model.",
        name=name,
        kind=kind,
    )


def only_gguf(path: Path, *, name: str) -> Path:
    """The one GGUF file of a folder. Raises ``ModelFileError`` if there are several."""
    files = sorted(path.glob("*.gguf"))
    if len(files) != 1:
        raise ModelFileError(
            "The folder {name} holds {count} GGUF files: {files}.",
            todo="Open one of them by its own path.",
            name=name,
            count=len(files),
            files=", ".join(file.name for file in files[:5]),
        )
    return files[0]


def _without_config(path: Path, *, name: str) -> Format:
    """A folder that is not transformers': GGUF, Firefox, or a reason why not."""
    if any(path.glob("*.gguf")):
        return "gguf"
    weights = list(path.glob("model*.bin"))
    firefox = any(path.glob("*.spm")) and not any(_is_pickle(file) for file in path.glob("*.bin"))
    if firefox or any(marian_file.begins_well(file) for file in weights):
        marian_file.check(path, name=name)
        return "marian"
    _refuse_pickles(path, name=name)
    raise ModelFileError(
        "{name} is not a model: its folder has no config.json.",
        todo="Give the folder that holds config.json, the weights (.safetensors) and the tokenizer.",
        name=name,
    )


def weight_names(path: Path, *, name: str) -> set[str]:
    """The names of all weights in a transformers folder, from the headers of its files."""
    from safetensors import safe_open

    names: set[str] = set()
    for file in _weights(path, name=name):
        with safe_open(file, framework="numpy") as opened:
            names.update(opened.keys())
    return names


def adapter_beside(path: Path, *, name: str) -> str:
    """The kind of the adapter that lies in the folder of a whole model, such as ``LORA``; empty where there is none."""
    if not (path / ADAPTER).is_file():
        return ""
    return str(_json(path / ADAPTER, name=name).get("peft_type") or ADAPTER)[:60]


def _adapter_alone(path: Path, *, name: str) -> UnsupportedModelError:
    """The error for an adapter without its model: which model it belongs to, and the way on, where there is one."""
    settings = _json(path / ADAPTER, name=name)
    kind, base = (str(settings.get(key) or "")[:120] for key in ("peft_type", "base_model_name_or_path"))
    if kind in WITH_TOKENS:
        return UnsupportedModelError(
            "{name} is an adapter of the kind {kind}, not a whole model: it puts vectors that are no words in front of "
            "a text of {base}.",
            todo="It cannot be merged, so it is not read here; open {base} itself.",
            name=name,
            kind=kind,
            base=base or Note("its base model"),
        )
    return UnsupportedModelError(
        "{name} is an adapter, not a whole model: it changes {base}.",
        todo="Merge it into {base} first (merge_and_unload in peft), save that with its tokenizer, and open the "
        "result.",
        name=name,
        base=base or Note("its base model"),
    )


def _refuse_pruned(config: dict[str, Any], *, name: str) -> None:
    """Raises `UnsupportedModelError` for a model some of whose heads were taken out: its layers have different ones."""
    pruned = config.get("pruned_heads")
    layers = pruned.items() if isinstance(pruned, dict) else ()
    names = [f"L{layer}.H{head}" for layer, heads in layers if isinstance(heads, list) for head in heads]
    if names:
        raise UnsupportedModelError(
            "{count} heads of {name} were pruned, among them {heads}: the installed transformers no longer opens such "
            "models.",
            todo="Choose the model from before the pruning, and unplug these heads instead.",
            count=len(names),
            name=name,
            heads=", ".join(names[:3]),
        )


def _weights(path: Path, *, name: str) -> list[Path]:
    """The safetensors files that make up the weights; all of them must be there."""
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / INDEX).is_file():
        parts = _json(path / INDEX, name=name).get("weight_map")
        names = sorted({str(part) for part in parts.values()}) if isinstance(parts, dict) else []
        missing = [part for part in names if "/" in part or "\\" in part or not (path / part).is_file()]
        if not names or missing:
            raise ModelFileError(
                "The weights of {name} are incomplete: {missing} is missing.",
                todo="Fetch or copy the model again.",
                name=name,
                missing=", ".join(missing[:3]) or INDEX,
            )
        return [path / part for part in names]
    _refuse_pickles(path, name=name)
    raise ModelFileError(
        "{name} has no weights that can be opened: there is no model.safetensors in its folder.",
        todo="Save the model as safetensors (model.save_pretrained), into the folder of its config.json.",
        name=name,
    )


def _check_safetensors(path: Path, *, name: str) -> None:
    """Does the header fit the file? Finds cut and overwritten files without reading the weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            "The weights of {name} are broken: {file} cannot be read ({said}).",
            todo="Fetch or copy the model again.",
            name=name,
            file=path.name,
            said=str(error)[:120],
        ) from error


def _refuse_pickles(path: Path, *, name: str) -> None:
    """If all that could be weights here is a pickle, say so by its name."""
    pickles = sorted(file.name for file in path.iterdir() if file.suffix.lower() in PICKLES)
    if pickles:
        raise UnsafeModelError(
            "The weights of {name} come as {file}, a format that can run programs when it is opened.",
            todo="Convert the model to safetensors or GGUF, or choose one that has model.safetensors.",
            name=name,
            file=pickles[0],
        )


def _not_a_model(path: Path, *, name: str) -> UnsafeModelError | ModelFileError:
    if path.suffix.lower() == ".bin" and marian_file.begins_well(path):
        return ModelFileError(
            "{name} holds the weights of a Firefox model, but not its vocabulary.",
            todo="Give the folder that holds both.",
            name=name,
        )
    if path.suffix.lower() in PICKLES:
        return UnsafeModelError(
            "{file} is in a format that can run programs when it is opened.",
            todo="MemViz opens safetensors, GGUF and the files of Firefox Translations.",
            file=name,
        )
    return ModelFileError(
        "{name} is a file, but not a .gguf file.",
        todo="Give the folder of a model, or a .gguf file.",
        name=name,
    )


def _is_pickle(path: Path) -> bool:
    """Does this file begin like a pickle, or like the archive that torch puts one into?"""
    with path.open("rb") as stream:
        head = stream.read(2)
    return head == b"PK" or head[:1] == b"\x80"


def _json(path: Path, *, name: str) -> dict[str, Any]:
    """A small file of settings. Raises ``ModelFileError`` if it cannot be read."""
    bounds.check_size(path, name=name)
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("not a list of settings")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(
            "The file {file} of {name} cannot be read.",
            todo="Fetch or copy the model again.",
            file=path.name,
            name=name,
        ) from error
    return read
