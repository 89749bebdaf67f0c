"""How do files become a model that is ready to be read? With transformers, safely, and never with random weights."""

from __future__ import annotations

import contextlib
import copy
import functools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memviz.errors import MemoryBudgetError, MemVizError, ModelFileError, UnsupportedModelError
from memviz.models import gguf_header, gguf_rope
from memviz.models.auto_class import candidates, is_harmless, source_of
from memviz.models.entry import ModelFiles
from memviz.models.folders import weight_names
from memviz.models.leftovers import harmful_leftovers, wrapper_prefixes
from memviz.note import Note
from memviz.progress import Progress, no_progress

_SAFE = {"local_files_only": True, "trust_remote_code": False}
_FOREIGN = ("does not recognize this architecture", "Unrecognized", "not supported", "custom code", "Unknown")

_GGUF_ATTENTION = re.compile(r"blk\.\d+\.attn_(q|k|v|qkv|output|sinks|q_norm|k_norm)\.(weight|bias)$")

_ONE_AT_A_TIME = threading.RLock()
"""transformers sets types and devices for the whole process while it loads, and ``quietly`` its logging."""


@dataclass(frozen=True)
class _Place:
    """Where transformers finds a model, and the name that messages call it by."""

    name: str
    folder: Path
    gguf: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        return _SAFE | ({"gguf_file": self.gguf} if self.gguf else {})


def open_model(
    files: ModelFiles, *, attn_implementation: str, device: str = "cpu", dtype: Any = None
) -> tuple[Any, Any]:
    """The model and the tokenizer in these ``files``, ready to read, on this ``device``.

    In the tokenizer's place stands what prepares the sources of a model for pictures or sounds: an image processor, or
    a feature extractor and a tokenizer.

    The class follows the ``architectures`` of the file; if the weights of its head are not in the
    file, the model is opened without a head (``AutoModel``) rather than with a random one. A model
    that does not know ``attn_implementation`` is opened with ``"eager"`` (then
    ``model.config._attn_implementation`` says so). ``dtype`` is a torch type, ``None`` means
    float32. Only safetensors and GGUF are read, no code of the model's folder runs, nothing is
    downloaded.

    Raises ``ModelFileError`` (broken or incomplete files), ``UnsupportedModelError``, and ``MemoryBudgetError`` where
    the device is too small.
    """
    if files.format == "marian":
        raise UnsupportedModelError(
            "{name} is a Firefox translation model, which transformers does not open.",
            todo="Use memviz.translate with it.",
            name=files.name,
        )
    import torch

    with _ONE_AT_A_TIME, torch.inference_mode(False):  # whatever its caller does: no gradient passes tensors made there
        if files.format == "gguf":
            wished = {"attn_implementation": attn_implementation, "dtype": dtype}
            model, tokenizer = load_gguf(files.path, name=files.name, **wished)
        else:
            place = _Place(files.name, files.path)
            config = _config(place)
            tokenizer = _processor(place, source_of(config.model_type))
            model = _model(place, config=config, attn_implementation=attn_implementation, dtype=dtype)
    model.eval().requires_grad_(False)
    return _moved(model, device, name=files.name), tokenizer


def _moved(model: Any, device: str, *, name: str) -> Any:
    """The model where it will run."""
    import torch

    try:
        return model.to(device)
    except torch.OutOfMemoryError as error:
        raise MemoryBudgetError(
            "Opening {name} took more memory than the accelerator has.",
            todo="Choose a smaller model, or open it on the CPU.",
            name=name,
        ) from error


def load_gguf(
    path: Path, *, name: str = "", attn_implementation: str, dtype: Any = None, progress: Progress = no_progress
) -> tuple[Any, Any]:
    """The model and the tokenizer inside a ``.gguf`` file, dequantised.

    Slow: half a minute for a small file, because transformers parses it three times.
    """
    header = gguf_header.fields(path)
    place = _Place(name or path.name, path.parent, gguf=path.name)
    config = _config(place)
    if unread := gguf_rope.apply_frequencies(config, path):
        raise UnsupportedModelError(
            "{name} scales its rotary positions in a way that is not read from a GGUF file ({unread}); without it, it "
            "would be another model.",
            todo="Open the same model from its safetensors.",
            name=place.name,
            unread=", ".join(unread),
        )
    progress(0.3, "Reading the tokenizer")
    tokenizer = _tokenizer(place)
    if gguf_header.splits_digits(header):
        _split_digits(tokenizer)
    progress(0.4, "Unpacking the weights")
    return _model(place, config=config, attn_implementation=attn_implementation, dtype=dtype), tokenizer


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers' bars and advice off the terminal; what matters is raised as an error here."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _as_model_error(name: str) -> Iterator[None]:
    """Turn what transformers raises inside this block into one of our errors, and keep it quiet."""
    try:
        with quietly():
            yield
    except (MemVizError, MemoryError):
        raise
    except (ImportError, NotImplementedError) as error:
        raise _unsupported(name, _first_line(error)) from error
    except Exception as error:  # of any type: files can be wrong in more ways than transformers has errors for
        foreign = isinstance(error, KeyError | ValueError) and any(sign in str(error) for sign in _FOREIGN)
        raise (_unsupported if foreign else _broken)(name, _first_line(error)) from error


@contextlib.contextmanager
def _without_adapters() -> Iterator[None]:
    """Weights are loaded as they are: with peft installed, transformers would add the adapter in a model's folder."""
    from transformers.integrations import peft
    from transformers.models.auto import auto_factory

    modules: tuple[Any, ...] = peft, auto_factory
    before = [module.is_peft_available for module in modules]
    try:
        for module in modules:
            module.is_peft_available = lambda: False
        yield
    finally:
        for module, function in zip(modules, before, strict=True):
            module.is_peft_available = function


def _config(place: _Place) -> Any:
    from transformers import AutoConfig

    with _as_model_error(place.name):
        return AutoConfig.from_pretrained(place.folder, **place.options)


@dataclass(frozen=True)
class SoundProcessor:
    """What a model that hears is prepared with: a ``feature_extractor``, and the ``tokenizer`` of what it writes."""

    feature_extractor: Any
    tokenizer: Any


def _processor(place: _Place, source: str) -> Any:
    """What turns sources into what the model takes: a tokenizer, or, for a picture or a sound, more than that."""
    if source == "text":
        return _tokenizer(place)
    from transformers import AutoFeatureExtractor, AutoImageProcessor

    with _as_model_error(place.name):
        if source == "picture":
            return AutoImageProcessor.from_pretrained(place.folder, backend="pil", **place.options)
        extractor = AutoFeatureExtractor.from_pretrained(place.folder, **place.options)
    return SoundProcessor(extractor, _tokenizer(place))


def _tokenizer(place: _Place) -> Any:
    """The tokenizer, with the padding and the truncation that its file may carry taken off.

    Some tokenizer files were saved with "pad to 128, cut at 128". transformers lifts that at the
    first call, by changing the shared object; here it is gone before anyone can see it.
    """
    from transformers import AutoTokenizer

    with _as_model_error(place.name):
        tokenizer = AutoTokenizer.from_pretrained(place.folder, **place.options)
        if len(tokenizer) == 0:
            raise _broken(place.name, Note("its tokenizer knows no token"))
        tokenizer("a")  # some settings of a wrong type are only noticed now
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def _model(place: _Place, *, config: Any, attn_implementation: str, dtype: Any) -> Any:
    """The model in the first of the candidate classes that the weights in the file fit: none missing, none left over.

    Where they all stand under a name of somebody's class (``encoder.``, ``module.``), it is taken off.
    """
    refusal: ModelFileError | None = None
    with _as_model_error(place.name):
        classes = candidates(config, gguf=bool(place.gguf))
    for class_name in classes:
        with _as_model_error(place.name):
            load = functools.partial(
                _load, class_name, place=place, config=config, attention=attn_implementation, dtype=dtype
            )
            model, info = load()
            extra = info["unexpected_keys"]
            unread = _unread_tensors(model, place)
            names = set() if place.gguf else weight_names(place.folder, name=place.name)
            if prefix := _wrapper(model, info, names, name=place.name):
                model, info = load(prefix=prefix)
                extra = [key for key in info["unexpected_keys"] if f"{prefix}{key}" in names]  # inside the wrapper
        missing = [key for key in sorted(info["missing_keys"]) if not is_harmless(key, model=model)]
        leftovers = [*harmful_leftovers(extra, model=model), *unread]
        if not missing and not leftovers:
            return model
        if missing:
            refusal = _incomplete(place.name, missing)
        elif refusal is None or class_name == classes[-1]:
            refusal = _without_place(place.name, leftovers, kind=type(model).__name__)
    assert refusal is not None
    raise refusal


def _wrapper(model: Any, info: dict[str, Any], names: set[str], *, name: str) -> str:
    """The name under which all weights of the model stand in the file, where it has none of them under their own."""
    inside = "" if model.base_model is model else f"{model.base_model_prefix}."
    parameters = (f"{inside}{part}" for part, _ in model.base_model.named_parameters())
    weights = {key for key in parameters if not is_harmless(key, model=model)}
    if not weights <= set(info["missing_keys"]):
        return ""
    prefixes = wrapper_prefixes(names, weights)
    if len(prefixes) > 1:
        raise ModelFileError(
            "The weights of {name} hold {count} models side by side: {prefixes}.",
            todo="Save the one that you want to read into a folder of its own (model.save_pretrained).",
            name=name,
            count=len(prefixes),
            prefixes=", ".join(f"{prefix}*" for prefix in prefixes),
        )
    return "".join(prefixes)


def _unread_tensors(model: Any, place: _Place) -> list[str]:
    """The parts of attention in a GGUF file that transformers has no weight for, and leaves out without a word."""
    if not place.gguf:
        return []
    from transformers.modeling_gguf_pytorch_utils import TensorProcessor, get_gguf_hf_weights_map

    names = get_gguf_hf_weights_map(model, TensorProcessor())
    tensors = gguf_header.tensor_names(place.folder / place.gguf)
    return [name for name in tensors if _GGUF_ATTENTION.match(name) and name not in names]


def _load(
    class_name: str, *, place: _Place, config: Any, attention: str, dtype: Any, prefix: str = ""
) -> tuple[Any, dict[str, Any]]:
    """Load with the wished attention, or with the model's own where it knows no other.

    ``prefix`` is taken off the names of the weights.
    """
    import torch
    import transformers

    renamed = {"key_mapping": {f"^{re.escape(prefix)}": ""}} if prefix else {}

    def load(attn_implementation: str) -> tuple[Any, dict[str, Any]]:
        loaded: tuple[Any, dict[str, Any]] = getattr(transformers, class_name).from_pretrained(
            place.folder,
            config=copy.deepcopy(config),  # loading writes into it, and a second try must start clean
            attn_implementation=attn_implementation,
            dtype=torch.float32 if dtype is None else dtype,
            use_safetensors=True,
            output_loading_info=True,
            **renamed,
            **place.options,
        )
        return loaded

    with _without_adapters():
        try:
            return load(attention)
        except (ValueError, ImportError) as error:
            if attention == "eager" or "attention" not in str(error).lower():
                raise
        return load("eager")


def _incomplete(name: str, missing: list[str]) -> ModelFileError:
    return ModelFileError(
        "The weights of {name} are incomplete: {count} parts are missing, among them {missing}.",
        todo="Fetch or copy the model again.",
        name=name,
        count=len(missing),
        missing=", ".join(missing[:3]),
    )


def _without_place(name: str, leftovers: list[str], *, kind: str) -> ModelFileError:
    return ModelFileError(
        "The file of {name} has {count} weights that {kind} has no place for, among them {leftovers}; "
        "without them it would be another model.",
        todo="Copy the config.json that belongs to these weights, or choose a model of a type that transformers knows.",
        name=name,
        count=len(leftovers),
        kind=kind,
        leftovers=", ".join(leftovers[:3]),
    )


def _broken(name: str, problem: Note | str) -> ModelFileError:
    return ModelFileError(
        "The model {name} cannot be opened: {said}",
        todo="Its files are broken or incomplete. Fetch or copy the model again.",
        name=name,
        said=problem,
    )


def _unsupported(name: str, problem: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        "The model {name} is of a kind that cannot be opened here: {said}",
        todo="Choose another model, or install what the message asks for.",
        name=name,
        said=problem,
    )


def _first_line(error: Exception) -> str:
    """The first line of a message, with the next one where it ends in a colon; not too long, never empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])[:300]


def _split_digits(tokenizer: Any) -> None:
    """Cut numbers into single digits before anything else.

    GGUF stores only the *name* of this rule and transformers forgets it, so that spaces in front
    of numbers would be grouped otherwise than the model was trained with.
    """
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    digits = pre_tokenizers.Digits(individual_digits=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, backend.pre_tokenizer])
