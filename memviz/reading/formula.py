"""How does one look-up work, in numbers? Every step of attention for one token in one head, and does it add up?

    q · k_j → · scale (+ bias) → mask → softmax → a_j → Σ_j a_j v_j → · W_O → + other heads + bias → + residual

Queries, keys and values are taken from the model's own call; everything behind them is computed here once more, in
double precision, and compared with what the model's output projection and its block gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from memviz.errors import MeasureError, TextTooLongError, TraceError
from memviz.memory import Kind, Place, is_integer, read_only
from memviz.note import Note
from memviz.reading.attention.attention_function import AttentionCall, handled_by
from memviz.reading.attention.capture import BlockCapture, ModuleCall, capturing
from memviz.reading.decompose import LIMIT
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.engine import Engine, require_kind
from memviz.reading.engine.projections import by_head
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.writer import Writer
from memviz.tokens import Token, clean, require_text, tokenise

Shape = Literal["post-norm", "pre-norm", "normed output", "unknown"]
"""How the block goes on: norm(x + attention), x + attention, x + norm(attention), or another way."""


@dataclass(frozen=True, eq=False)
class Formula:
    """One look-up: one token, one head of one layer. Vectors are float64.

    kind        the memory: "self", "encoder", "cross" or "decoder"
    layer, head, query   which; ``query`` is a position in ``queries``
    queries, keys        the tokens that look, and those that are looked at
    target      what was written, in an encoder-decoder; "" elsewhere
    key_head    which head of keys and values this head reads, and ``sharing``: how many heads read the same
                (grouped-query attention; 1 where each has its own)
    q [dim], k [key, dim], v [key, dim]   as the model's attention got them, positions already turned in
    products [key]   q · k_j
    scale       what they are multiplied by, usually 1/√dim
    softcap     c of c · tanh(score / c), where the model has one
    bias [key]  what is added to the scaled products; zeros where nothing is
    visible     bool [key]: may the token look there
    sink        a logit that stands in the softmax beside the keys, where the model has one
    scores [key]     before the softmax; −∞ where nothing may be seen
    weights [key]    0..1
    read [dim]       Σ_j a_j v_j
    written [width]  read · W_O: what this head writes
    rest [width]     what the other heads write, and the bias of the projection
    attended [width] written + rest
    computed [width] what the model's projection gave
    residual [width], total [width], computed_total [width]   the stream that it is added to, the sum (behind its norm
                in a post-norm block), and the same as the model computed it; ``None`` in a block of another shape
    shape       how the block goes on
    states [key, width]   the vectors that keys and values were made from
    """

    kind: Kind
    layer: int
    head: int
    query: int
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    target: str
    key_head: int
    sharing: int
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    products: np.ndarray
    scale: float
    softcap: float | None
    bias: np.ndarray
    visible: np.ndarray
    sink: float | None
    scores: np.ndarray
    weights: np.ndarray
    read: np.ndarray
    written: np.ndarray
    rest: np.ndarray
    attended: np.ndarray
    computed: np.ndarray
    residual: np.ndarray | None
    total: np.ndarray | None
    computed_total: np.ndarray | None
    shape: Shape
    states: np.ndarray

    @property
    def error(self) -> float:
        """The largest difference between the sum of all heads and what the model's projection gave."""
        return float(np.abs(self.attended - self.computed).max())

    @property
    def total_error(self) -> float:
        """The same behind the residual; NaN in a block of another shape."""
        if self.total is None or self.computed_total is None:
            return float("nan")
        return float(np.abs(self.total - self.computed_total).max())

    @property
    def mean_state(self) -> np.ndarray:
        """Σ_j a_j · hidden_state_j [width]: the look-up as it is often written, without W_V and W_O."""
        return np.asarray(self.weights @ self.states)

    @property
    def likeness(self) -> float:
        """The cosine of that sum and of what the head really writes, −1..1."""
        simple, exact = self.mean_state, self.written
        return float(simple @ exact / max(np.linalg.norm(simple) * np.linalg.norm(exact), 1e-30))

    def table(self) -> pd.DataFrame:
        """Every number of the look-up, one a row: step, key, token, dimension, value.

        ``step`` is the name of a field; key (a position) and token are "" where a step is of no key, dimension where
        it is no vector. Columns of text and one of float64.
        """
        vectors = ("q", "read", "written", "rest", "attended", "computed", "residual", "total", "computed_total")
        frames = [_rows(name, getattr(self, name)) for name in vectors if getattr(self, name) is not None]
        for name in ("k", "v"):
            frames += [_rows(name, row, place, self.keys[place].text) for place, row in enumerate(getattr(self, name))]
        texts = [token.text for token in self.keys]
        for name in ("products", "bias", "scores", "weights"):
            places = [str(place) for place in range(len(texts))]
            values = getattr(self, name)
            frames.append(pd.DataFrame({"step": name, "key": places, "token": texts, "dimension": "", "value": values}))
        return pd.concat(frames, ignore_index=True)


def _rows(step: str, vector: np.ndarray, key: int | None = None, token: str = "") -> pd.DataFrame:
    """A vector as rows of the table."""
    dimensions = [str(number) for number in range(len(vector))]
    at = "" if key is None else str(key)
    return pd.DataFrame({"step": step, "key": at, "token": token, "dimension": dimensions, "value": vector})


def formula(
    engine: Engine,
    writer: Writer,
    text: str,
    *,
    layer: int,
    head: int,
    query: int = -1,
    kind: Kind | None = None,
    target: str | None = None,
    languages: tuple[str, str] | None = None,
) -> Formula:
    """One look-up in numbers, see `Formula`; ``languages`` as in `TranslationRequest`.

    Raises `TraceError` for a layer, head, position or memory that is not there, `MeasureError` for a model whose
    attention is not recorded or whose projection is not known, `TextTooLongError`, and as any reading does.
    """
    require_kind(engine, "text")
    request = TranslationRequest(target=target, languages=languages)
    run = _TextPass(engine, writer, clean(require_text(text)), kind, request)
    heads = engine.plan.heads[run.kind]
    if not is_integer(layer) or not 0 <= layer < run.layers:
        raise TraceError(
            "There is no layer {layer}: this model has {layers} of them.",
            todo="Layers are counted from 0.",
            layer=layer,
            layers=run.layers,
        )
    if not is_integer(head) or not 0 <= head < heads:
        raise TraceError(
            "There is no head {head}: a layer has {heads} of them.",
            todo="They are counted from 0.",
            head=head,
            heads=heads,
        )
    projections = engine.plan.projections.get(run.kind, [])
    projection = None if engine.plan.dense else projections[layer]
    if projection is None:
        raise MeasureError(
            "The look-ups of {model} cannot be shown in numbers: {why}.",
            todo="Choose another model, such as minilm or smollm2.",
            model=engine.info.name,
            why=Note("its output projection could not be found"),
        )
    place = query if is_integer(query) else len(run.queries)
    if not -len(run.queries) <= place < len(run.queries):
        raise TraceError(
            "There is no token {number}: {count} of them look here.",
            todo="They are counted from 0.",
            number=query,
            count=len(run.queries),
        )
    capture = _CallCapture(Place(run.kind, layer), places=engine.plan.places, projection=projection)
    with torch.inference_mode():
        run(capture)
        return _formula(run, capture, layer=layer, head=head, query=place % len(run.queries))


class _TextPass:
    """One pass of a model over a text, and over what it writes for it: its tokens, and how to run it again."""

    def __init__(
        self, engine: Engine, writer: Writer, text: str, kind: Kind | None, request: TranslationRequest
    ) -> None:
        self.engine = engine
        self.is_pair = engine.info.kind == "encoder-decoder"
        self.kind: Kind = kind or ("cross" if self.is_pair else "self")
        self.target = ""
        self.layers = engine.plan.layers.get(self.kind, 0)
        if not self.layers:
            raise TraceError(
                "{model} has no memory “{kind}”.",
                todo="It has: {kinds}.",
                model=engine.info.name,
                kind=self.kind,
                kinds=", ".join(engine.plan.layers),
            )
        self.inputs: Mapping[str, Any]
        if not self.is_pair or self.kind == "encoder":
            self.keys, lists = tokenise(engine.tokenizer, text)
            limits.check(engine, len(self.keys))
            self.inputs, self.queries = engine.tensors(lists), self.keys
        else:
            self._write(writer, text, request)
        if max(len(self.keys), len(self.queries)) > LIMIT:
            raise TextTooLongError(
                "This text has {tokens:,} tokens; at most {limit:,} can be taken apart at once.",
                todo="Choose a shorter part of the text.",
                tokens=max(len(self.keys), len(self.queries)),
                limit=LIMIT,
            )

    def _write(self, writer: Writer, text: str, request: TranslationRequest) -> None:
        """The output, and what the decoder reads to write it."""
        source, target = writer.source(text, request), request.target
        output = writer.force(source, target) if target else writer.write(source, request, progress=_nobody)
        self.target, self.queries = output.text, output.targets
        self.keys = tuple(token for token in source.tokens if isinstance(token, Token))
        ids = output.ids if output.start is None else (output.start, *output.ids[:-1])
        entered = torch.tensor([ids], device=self.engine.model.device)
        self.inputs = {**source.inputs, "decoder_input_ids": entered}
        if self.kind == "decoder":
            self.keys = self.queries

    def __call__(self, capture: BlockCapture) -> None:
        engine = self.engine
        explained = refusals.as_reading_error(None, model=engine.info.name, tokens=len(self.keys))
        with engine.prepared(), explained, capturing(engine.model, capture), handled_by(capture):
            if self.kind == "encoder":
                engine.encode(self.inputs)
            else:
                engine.forward(self.inputs)

    def source_states(self) -> Tensor:
        """What the encoder made of the source: [token, width]."""
        inputs = {name: tensor for name, tensor in self.inputs.items() if name != "decoder_input_ids"}
        with self.engine.prepared(), handled_by(None):
            encoded = self.engine.encode(inputs)
        return (encoded if isinstance(encoded, Tensor) else encoded.last_hidden_state)[0]


def _nobody(fraction: float, label: str) -> None:
    """Nobody waits."""


class _CallCapture(BlockCapture):
    """A block's capture that keeps the attention call itself."""

    call: AttentionCall

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, as without anybody watching."""
        output = super().attend(module, call)
        if self._now:
            self.call = call
        return output

    def ending(self) -> tuple[Shape, Tensor | None, Tensor | None]:
        """(how the block goes on, the residual, what the model arrives at), [token, width]."""
        shape = self.shape
        if shape == "post-norm":
            return shape, self.residual, self.computed
        place = next((n for n, step in enumerate(self._after) if step.module is self.projection), None)
        if place is None or self._input is None:
            return "unknown", None, None
        norms = [step for step in self._after[place + 1 :] if step.is_norm]
        if shape == "pre-norm" and self.residual is self._input and isinstance(norms[0].module, nn.LayerNorm):
            self.norm = norms[0].module  # nothing was normed before attention, so the sum is: the decoder of Marian
            return "post-norm", self.residual, norms[0].output
        if shape == "pre-norm":
            return shape, self.residual, norms[0].input
        return self._normed_output(self._after[place].output, norms)

    def _normed_output(self, written: Tensor, norms: list[ModuleCall]) -> tuple[Shape, Tensor | None, Tensor | None]:
        """Of a block that normalises what attention wrote, before it adds it (Gemma 2)."""
        if len(norms) < 2 or self._input is None or norms[0].input.shape != written.shape:
            return "unknown", None, None
        sources = [step.input for step in self._before if _close(step.output, self._input)]
        for residual in [*sources, self._input]:
            if _close(norms[0].input, written) and _close(norms[1].input, residual + norms[0].output):
                self.output_norm = norms[0].module
                return "normed output", residual, norms[1].input
        return "unknown", None, None

    output_norm: nn.Module

    @property
    def entered(self) -> Tensor:
        """The attention module's input, [token, width]."""
        assert self._input is not None
        return self._input

    @property
    def projected(self) -> Tensor:
        """What the projection gave, [token, width]."""
        return next(step.output for step in self._after if step.module is self.projection)


def _close(tensor: Tensor, other: Tensor) -> bool:
    """The same up to rounding?"""
    return tensor.shape == other.shape and bool((tensor - other).abs().max() <= 1e-3 * other.abs().max())


def _formula(run: _TextPass, capture: _CallCapture, *, layer: int, head: int, query: int) -> Formula:
    call = capture.call
    heads = call.query.shape[0]
    groups = heads // call.key.shape[0]
    queries = _exact(call.query[:, query])  # [head, dim]
    keys, values = (_exact(side.repeat_interleave(groups, dim=0)) for side in (call.key, call.value))
    products = np.einsum("hd,hkd->hk", queries, keys)
    scores = products * call.scale
    if call.softcap is not None:
        scores = call.softcap * np.tanh(scores / call.softcap)
    bias = np.zeros_like(scores)
    if call.bias is not None:
        bias = np.broadcast_to(_exact(call.bias[:, query]), scores.shape)
    column = np.arange(keys.shape[1])
    first, stop = call.visible[query].tolist()
    visible = (column >= first) & (column < stop) & np.isfinite(bias).all(axis=0)
    scores = np.where(visible, scores + bias, -np.inf)
    sinks = None if call.sink is None else _exact(call.sink)
    weights = _softmax(scores, sinks)
    read = np.einsum("hk,hkd->hd", weights, values)
    written = np.einsum("hd,hdw->hw", read, _exact(by_head(capture.projection, heads)))
    width = written.shape[1]
    constant = capture.projection.bias
    rest = written.sum(axis=0) - written[head] + (np.zeros(width) if constant is None else _exact(constant))
    attended = written[head] + rest
    shape, residual, arrived = capture.ending()
    total = None
    if residual is not None and shape == "post-norm":
        total = _normed(capture.norm, _exact(residual[query]) + attended)
    elif residual is not None and shape == "normed output":
        total = _exact(residual[query]) + _normed(capture.output_norm, attended)
    elif residual is not None:
        total = _exact(residual[query]) + attended
    states = run.source_states() if run.kind == "cross" else capture.entered
    return Formula(
        kind=run.kind,
        layer=layer,
        head=head,
        query=query,
        queries=run.queries,
        keys=run.keys,
        target=run.target,
        key_head=head // groups,
        sharing=groups,
        q=read_only(queries[head]),
        k=read_only(keys[head]),
        v=read_only(values[head]),
        products=read_only(products[head]),
        scale=call.scale,
        softcap=call.softcap,
        bias=read_only(np.where(visible, bias[head], 0.0)),
        visible=read_only(visible),
        sink=None if sinks is None else float(sinks[head]),
        scores=read_only(scores[head]),
        weights=read_only(weights[head]),
        read=read_only(read[head]),
        written=read_only(written[head]),
        rest=read_only(rest),
        attended=read_only(attended),
        computed=read_only(_exact(capture.projected[query])),
        residual=None if residual is None else read_only(_exact(residual[query])),
        total=None if total is None else read_only(total),
        computed_total=None if arrived is None else read_only(_exact(arrived[query])),
        shape=shape,
        states=read_only(_exact(states)),
    )


def _softmax(scores: np.ndarray, sinks: np.ndarray | None) -> np.ndarray:
    """exp(s_j) / Σ exp(s), the sink's in the sum too: [head, key]."""
    peak = scores.max(axis=1, keepdims=True)
    peak = peak if sinks is None else np.maximum(peak, sinks[:, None])
    powers = np.exp(scores - peak)
    total = powers.sum(axis=1, keepdims=True)
    return np.asarray(powers / (total if sinks is None else total + np.exp(sinks[:, None] - peak)))


def _normed(norm: nn.Module, vector: np.ndarray) -> np.ndarray:
    """A vector through the model's own norm."""
    parameter = next(iter(norm.parameters()), torch.zeros(1))
    value = torch.from_numpy(vector).to(parameter.dtype).to(parameter.device)
    return _exact(norm(value[None])[0])


def _exact(tensor: Tensor) -> np.ndarray:
    """In double precision, on the CPU."""
    return tensor.detach().cpu().double().numpy()
