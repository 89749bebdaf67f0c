"""What does one layer write into each token, piece by piece, and do the pieces add up?

The attention of a layer writes ``o_i = Σ_h Σ_j a_ij f_j + b_O`` with ``f_j = v_j W_O``; the block then adds the token
itself (the residual ``x_i``) and, in models like BERT, normalises the sum. All of it is linear in the pieces once the
standard deviation of the sum is known, so every token's share can be told exactly. Kobayashi et al. 2020, Attention is
Not Only a Weight; Kobayashi et al. 2021, Incorporating Residual and Normalization Layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import MeasureError, TextTooLongError, TraceError
from memviz.memory import Kind, Place, is_integer, read_only
from memviz.note import Note
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.capture import BlockCapture, capturing
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.engine import Engine
from memviz.reading.engine.projections import by_head
from memviz.tokens import Token, clean, require_text, tokenise

LIMIT = 1024  # tokens: the pieces of a layer are heads × tokens × tokens numbers, in double precision on the way


@dataclass(frozen=True, eq=False)
class Decomposition:
    """One layer, taken apart: who wrote how much into whom.

    kind     the memory: "self", or "encoder" of an encoder-decoder
    shape    "post-norm": the block normalises the sum of attention and residual (BERT); "pre-norm": it only adds
    heads    float32 [head, query, key]   ‖a_ij f_j‖, what one head writes from each key
    joint    float32 [query, key]         ‖Σ_h a_ij f_j‖, what all heads write together; parts of them can cancel
    block    float32 [query, key]         with the residual on the diagonal, and normalised in a post-norm block
    output   float32 [query, width]       the sum of all pieces and biases; in a pre-norm block without the residual
    error    largest difference between that sum and what the model computed there. Relative: divided by the largest
             of the model's values where that is above 1, because the model rounds to float32; absolute where it is not
    mixing_by_weight   float32 [query], 0..1   1 − a_ii, mean over heads: how much comes from other tokens, by weight
    mixing_by_vector   float32 [query], 0..1   ‖Σ_j≠i‖ ÷ (‖Σ_j≠i‖ + ‖i = j‖) of the vectors the heads write together
    mixing_in_block    float32 [query], 0..1   the same of the block's pieces: with residual and normalisation
    """

    tokens: tuple[Token, ...]
    kind: Kind
    layer: int
    shape: Literal["post-norm", "pre-norm"]
    heads: np.ndarray
    joint: np.ndarray
    block: np.ndarray
    output: np.ndarray
    error: float
    mixing_by_weight: np.ndarray
    mixing_by_vector: np.ndarray
    mixing_in_block: np.ndarray


def decompose(engine: Engine, text: str, *, layer: int) -> Decomposition:
    """What does one layer write into each token of this text, piece by piece?

    Raises `TraceError` for a layer that is not there, `TextTooLongError` above `LIMIT` tokens (and as
    any reading does), and `MeasureError` for a model whose blocks are neither post-norm nor pre-norm
    (parallel attention, a norm between attention and residual), or whose attention is not recorded.
    """
    require_text(text)
    tokens, inputs = tokenise(engine.tokenizer, clean(text))
    if len(tokens) > LIMIT:
        raise TextTooLongError(
            "This text has {tokens:,} tokens; at most {limit:,} can be taken apart at once.",
            todo="Choose a shorter part of the text.",
            tokens=len(tokens),
            limit=LIMIT,
        )
    kind: Kind = "encoder" if engine.info.kind == "encoder-decoder" else "self"
    capture = _capture(engine, inputs, kind=kind, layer=layer)
    with torch.inference_mode():
        return _decomposition(capture, tokens, kind=kind, layer=layer)


def _capture(engine: Engine, inputs: dict[str, list[int]], *, kind: Kind, layer: int) -> BlockCapture:
    """Everything that one layer saw and computed for this text."""
    plan = engine.plan
    projections = plan.projections.get(kind, [])
    if not is_integer(layer) or not 0 <= layer < plan.layers[kind]:
        raise TraceError(
            "There is no layer {layer}: this model has {layers} of them.",
            todo="Layers are counted from 0.",
            layer=layer,
            layers=plan.layers[kind],
        )
    projection = None if plan.dense else projections[layer]
    if projection is None:
        raise _unknown(engine, Note("its output projection could not be found"))
    limits.check(engine, len(inputs["input_ids"]))
    capture = BlockCapture(Place(kind, layer), places=plan.places, projection=projection)
    tensors = engine.tensors(inputs)
    explained = refusals.as_reading_error(None, model=engine.info.name, tokens=len(inputs["input_ids"]))
    with engine.prepared(), explained, capturing(engine.model, capture), handled_by(capture):
        if kind == "encoder":
            engine.encode(tensors)
        else:
            engine.forward(tensors)
    if capture.shape == "unknown":
        raise _unknown(engine, Note("its blocks are neither post-norm nor pre-norm"))
    return capture


def _unknown(engine: Engine, why: Note) -> MeasureError:
    return MeasureError(
        "The layers of {model} cannot be taken apart: {why}.",
        todo="Choose another model, such as minilm or smollm2.",
        model=engine.info.name,
        why=why,
    )


def _decomposition(capture: BlockCapture, tokens: tuple[Token, ...], *, kind: Kind, layer: int) -> Decomposition:
    weights, residual, computed = _exact(capture.weights), _exact(capture.residual), _exact(capture.computed)
    written = torch.bmm(_exact(capture.value), _exact(by_head(capture.projection, len(weights))))  # [head, key, width]
    bias = torch.zeros_like(residual[0]) if capture.projection.bias is None else _exact(capture.projection.bias)
    attended = torch.bmm(weights, written).sum(0)  # [query, width]
    diagonal = torch.einsum("hi,hiw->iw", weights.diagonal(dim1=1, dim2=2), written)  # what a token writes into itself
    if capture.shape == "post-norm":
        norm = _Norm(capture.norm, attended + residual + bias)
        output = norm(attended + residual) + norm(bias) + norm.bias
        joint, block = _lengths(weights, written), _lengths(weights, norm.centred(written)) / norm.deviation
        block_diagonal, block_all = norm(diagonal + residual), norm(attended + residual)
    else:
        output = attended + bias
        joint = block = _lengths(weights, written)
        block_diagonal, block_all = diagonal + residual, attended + residual
    block = block.clone()
    block.diagonal().copy_(block_diagonal.norm(dim=-1))
    return Decomposition(
        tokens=tokens,
        kind=kind,
        layer=layer,
        shape=capture.shape,  # type: ignore[arg-type]
        heads=_array(weights * written.norm(dim=-1)[:, None, :]),
        joint=_array(joint),
        block=_array(block),
        output=_array(output),
        error=float((output - computed).abs().max() / computed.abs().max().clamp(min=1.0)),
        mixing_by_weight=_array(1 - weights.diagonal(dim1=1, dim2=2).mean(0)),
        mixing_by_vector=_mixing(diagonal, attended),
        mixing_in_block=_mixing(block_diagonal, block_all),
    )


class _Norm:
    """A layer norm as the linear map that it is once the standard deviation of each sum is known."""

    def __init__(self, norm: nn.LayerNorm, summed: Tensor) -> None:
        self.deviation = (summed.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()  # [query, 1]
        self.gain = _exact(norm.weight)
        self.bias = torch.zeros_like(self.gain) if norm.bias is None else _exact(norm.bias)

    def centred(self, vectors: Tensor) -> Tensor:
        return self.gain * (vectors - vectors.mean(dim=-1, keepdim=True))

    def __call__(self, vectors: Tensor) -> Tensor:
        return self.centred(vectors) / self.deviation


def _lengths(weights: Tensor, written: Tensor) -> Tensor:
    """‖Σ_h a_ij f_j‖ [query, key], from the inner products of what the heads would write from one key."""
    products = torch.einsum("hkw,gkw->khg", written, written)
    shares = weights.permute(2, 1, 0)  # [key, query, head]
    return (torch.bmm(shares, products) * shares).sum(-1).clamp_min_(0.0).sqrt_().T


def _mixing(own: Tensor, whole: Tensor) -> np.ndarray:
    """How much of what a token becomes is from other tokens? [query]"""
    others = (whole - own).norm(dim=-1)
    return _array(others / (others + own.norm(dim=-1)))


def _exact(tensor: Tensor) -> Tensor:
    """In double precision, on the CPU: not every device has it."""
    return tensor.detach().cpu().double()


def _array(tensor: Tensor) -> np.ndarray:
    return read_only(tensor.float().contiguous().numpy())
