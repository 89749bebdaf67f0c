"""Which item of a Marian file is which weight of the network?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from memviz.errors import ModelFileError, UnsupportedModelError
from memviz.models.marian_file import MarianFile
from memviz.reading.firefox.network import FirefoxConfig, FirefoxModel

_ALLOWED = {
    "type": ("transformer",),
    "transformer-decoder-autoreg": ("rnn",),
    "dec-cell": ("ssru",),
    "transformer-rnn-projection": ("false",),
    "transformer-preprocess": ("",),
    "transformer-postprocess": ("dan",),
    "transformer-postprocess-top": ("",),
    "transformer-postprocess-emb": ("d", ""),
    "transformer-ffn-activation": ("relu",),
    "transformer-ffn-depth": ("2",),
    "transformer-decoder-ffn-depth": ("0", "2"),  # 0: as in the encoder
    "transformer-tied-layers": ("",),
    "transformer-train-position-embeddings": ("false",),
    "transformer-no-projection": ("false",),
    "right-left": ("false",),
}
"""What the configuration may say; where it says nothing, Marian takes the first, and else what is in `_UNSAID`."""

_UNSAID = {
    "transformer-decoder-autoreg": "self-attention",
    "dec-cell": "gru",
    "transformer-ffn-activation": "swish",
}

_OUTPUT, _BIAS = "decoder_ff_logit_out_W", "decoder_ff_logit_out_b"
_DIGITS = 9  # of a number in the file, at most
_RANGE = "_QuantMultA"  # how activations are rounded before an 8-bit matrix: here they are not


def build(file: MarianFile) -> FirefoxModel:
    """The network in a Marian file, ready to run.

    Raises ``UnsupportedModelError`` for another kind of Marian model, ``ModelFileError`` where a part is missing or
    has another size than the others.
    """
    config = sizes(file)
    with torch.device("meta"):
        model = FirefoxModel(config, shared="Wemb" in file.items and _OUTPUT not in file.items)
    weights = {**_tables(file, config), **dict(_layers(file, config))}
    _check_all_used(file)
    for name, wanted in model.state_dict().items():
        if weights[name].shape != wanted.shape:
            raise ModelFileError(
                "The Firefox model {name} does not fit together: {part} has the shape {found} instead of {wanted}.",
                todo="Its file is broken or incomplete. Fetch or copy the model again.",
                name=file.name,
                part=name,
                found=str(tuple(weights[name].shape)),
                wanted=str(tuple(wanted.shape)),
            )
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def sizes(file: MarianFile) -> FirefoxConfig:
    """The sizes that a file's configuration and items say. Raises as `build` does."""
    for setting, allowed in _ALLOWED.items():
        value = file.config.get(setting, _UNSAID.get(setting, allowed[0]))
        if value not in allowed:
            raise UnsupportedModelError(
                "{name} is another kind of Marian model ({setting}: {found}); only those of Firefox Translations open.",
                todo="Choose a Firefox Translations model such as firefox-en-pt, or one for transformers.",
                name=file.name,
                setting=setting,
                found=value[:80] or "–",
            )
    source, target = (file.shape(_embedding(file, side)) for side in ("encoder", "decoder"))
    heads = file.config.get("transformer-heads", "8")
    count = int(heads) if _is_number(heads) else 0
    if len(source) != 2 or len(target) != 2 or count == 0 or source[1] % count:
        raise ModelFileError(
            "The sizes of the Firefox model {name} do not go together: embeddings {shape}, {heads} heads.",
            todo="Its file is broken or incomplete. Fetch or copy the model again.",
            name=file.name,
            shape=str(source),
            heads=heads[:20],
        )
    return FirefoxConfig(
        hidden_size=source[1],
        intermediate_size=file.shape("encoder_l1_ffn_W1")[-1],
        decoder_ffn_dim=file.shape("decoder_l1_ffn_W1")[-1],
        num_attention_heads=count,
        encoder_layers=_depth(file, "encoder"),
        decoder_layers=_depth(file, "decoder"),
        vocab_size=source[0],
        target_vocab_size=target[0],
        name_or_path=file.name,
        alignment_layer=_alignment_layer(file, _depth(file, "decoder")),
    )


def _check_all_used(file: MarianFile) -> None:
    """Raises ``UnsupportedModelError`` for a part of the file that has no place in the network."""
    unknown = [name for name in file.items if name not in file.names_read and not name.endswith(_RANGE)]
    if unknown:
        raise UnsupportedModelError(
            "{name} is another kind of Marian model (it has {item}); only those of Firefox Translations open.",
            todo="Choose a Firefox Translations model such as firefox-en-pt, or one for transformers.",
            name=file.name,
            item=unknown[0],
        )


def _alignment_layer(file: MarianFile, depth: int) -> int | None:
    """The decoder layer whose first head is trained to align, counted from 0; ``None`` where the file names none."""
    setting = file.config.get("transformer-guided-alignment-layer", "")
    if setting == "last":
        return depth - 1
    return int(setting) - 1 if _is_number(setting) and 0 < int(setting) <= depth else None


def _tables(file: MarianFile, config: FirefoxConfig) -> dict[str, Tensor]:
    """The embeddings and the output layer; one tensor where the file has one table for all."""
    source, target = (_embedding(file, side) for side in ("encoder", "decoder"))
    tables = {name: _tensor(file.table(name).T) for name in {source, target}}
    output = _tensor(file.linear(_OUTPUT).T) if _OUTPUT in file.items else tables[target]
    bias = _tensor(file.vector(_BIAS)) if _BIAS in file.items else torch.zeros(config.target_vocab_size)
    return {
        "encoder.embedding.table": tables[source],
        "decoder.embedding.table": tables[target],
        "output.table": output,
        "output_bias": bias,
    }


def _layers(file: MarianFile, config: FirefoxConfig) -> Iterator[tuple[str, Tensor]]:
    """Every weight of every layer, by its name in the network."""
    for number in range(config.encoder_layers):
        theirs, ours = f"encoder_l{number + 1}", f"encoder.layers.{number}"
        yield from _attention(file, f"{theirs}_self", f"{ours}.attention")
        yield from _feedforward(file, theirs, ours)
    for number in range(config.decoder_layers):
        theirs, ours = f"decoder_l{number + 1}", f"decoder.layers.{number}"
        yield f"{ours}.recurrent.candidate.weight", _tensor(file.linear(f"{theirs}_rnn_W"))
        yield f"{ours}.recurrent.gate.weight", _tensor(file.linear(f"{theirs}_rnn_Wf"))
        yield f"{ours}.recurrent.gate.bias", _tensor(file.vector(f"{theirs}_rnn_bf"))
        yield from _norm(file, f"{theirs}_rnn_ffn", f"{ours}.recurrent")
        yield from _attention(file, f"{theirs}_context", f"{ours}.cross")
        yield from _feedforward(file, theirs, ours)


def _attention(file: MarianFile, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    for letter, part in (("q", "query"), ("k", "key"), ("v", "value"), ("o", "output")):
        yield f"{ours}.{part}.weight", _tensor(file.linear(f"{theirs}_W{letter}"))
        yield f"{ours}.{part}.bias", _tensor(file.vector(f"{theirs}_b{letter}"))
    yield from _norm(file, f"{theirs}_Wo", ours)


def _feedforward(file: MarianFile, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    for half, place in (("1", "0"), ("2", "2")):
        yield f"{ours}.feedforward.{place}.weight", _tensor(file.linear(f"{theirs}_ffn_W{half}"))
        yield f"{ours}.feedforward.{place}.bias", _tensor(file.vector(f"{theirs}_ffn_b{half}"))
    yield from _norm(file, f"{theirs}_ffn_ffn", f"{ours}.feedforward")


def _norm(file: MarianFile, theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    yield f"{ours}_norm.weight", _tensor(file.vector(f"{theirs}_ln_scale"))
    yield f"{ours}_norm.bias", _tensor(file.vector(f"{theirs}_ln_bias"))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def _embedding(file: MarianFile, side: str) -> str:
    """The name of the embeddings of one side: one table for both, or each its own."""
    return "Wemb" if "Wemb" in file.items else f"{side}_Wemb"


def _depth(file: MarianFile, side: str) -> int:
    """How many layers of one side are in the file? Raises ``ModelFileError`` where its settings say another number."""
    matches = (re.match(rf"{side}_l(\d+)_", name) for name in file.items)
    depth = max((int(match.group(1)[:_DIGITS]) for match in matches if match), default=0)
    if depth > len(file.items):  # each layer has some of its own
        raise ModelFileError(
            "The Firefox model {name} does not fit together: it names layer {depth}, and has {count} parts in all.",
            todo="Its file is broken or incomplete. Fetch or copy the model again.",
            name=file.name,
            depth=depth,
            count=len(file.items),
        )
    setting = f"{side[:3]}-depth"
    if (number := file.config.get(setting, str(depth))) != str(depth):
        raise ModelFileError(
            "The Firefox model {name} does not fit together: it has {depth} layers, but its settings say {setting}: "
            "{number}.",
            todo="Its file is broken or incomplete. Fetch or copy the model again.",
            name=file.name,
            depth=depth,
            setting=setting,
            number=number,
        )
    return depth


def _is_number(setting: str) -> bool:
    """Is this a whole number that a size can be?"""
    return setting.isascii() and setting.isdecimal() and len(setting) <= _DIGITS
