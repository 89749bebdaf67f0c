"""The network of Firefox Translations, in torch: a Transformer encoder, and a decoder that remembers in two ways.

The encoder is an ordinary one (Vaswani et al. 2017). A decoder layer has no attention over its own words: a recurrent
unit, the SSRU (Kim et al. 2019, From Research to Production and Back), keeps a fading memory of them, and
cross-attention looks up the source. All blocks are post-norm. All attention goes through
`memviz.reading.attention.attention_function`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from memviz.memory import Kind, Place
from memviz.reading.attention.attention_function import attention
from memviz.reading.attention.interventions import Places
from memviz.reading.engine.probe import Plan

EPSILON = 1e-6  # of the layer norms


class Remembered(NamedTuple):
    """What texts leave behind in one layer: keys and values [text, head, position, dim].

    ``visible`` [text, 1, 1, position]: where a text is, and not what fills it up to the length of the longest; ``None``
    where nothing is filled up.
    """

    key: Tensor
    value: Tensor
    visible: Tensor | None = None

    def rows(self, which: list[int]) -> Remembered:
        """What some of the texts left, by their numbers."""
        visible = None if self.visible is None else self.visible[which]
        return Remembered(self.key[which], self.value[which], visible)


def stack(texts: Sequence[Remembered]) -> Remembered:
    """What several texts left in one layer, as one batch: filled up with zeros, which nobody sees."""
    lengths = torch.tensor([text.key.shape[2] for text in texts], device=texts[0].key.device)
    key, value = (
        pad_sequence([part[0].transpose(0, 1) for part in parts], batch_first=True).transpose(1, 2)
        for parts in ([text.key for text in texts], [text.value for text in texts])
    )
    visible = torch.arange(key.shape[2], device=key.device) < lengths[:, None]
    return Remembered(key, value, visible[:, None, None])


@dataclass(frozen=True)
class FirefoxConfig:
    """The sizes of one model, under the names that transformers' configurations have."""

    hidden_size: int
    intermediate_size: int
    decoder_ffn_dim: int
    num_attention_heads: int
    encoder_layers: int
    decoder_layers: int
    vocab_size: int
    target_vocab_size: int
    name_or_path: str = ""
    model_type: str = "marian-ssru"
    is_encoder_decoder: bool = True
    alignment_layer: int | None = None  # whose first head Marian trains to align, as far as the file tells

    def get_text_config(self) -> FirefoxConfig:
        """Itself: it reads nothing but text."""
        return self


class Embedding(nn.Module):
    """Tokens as vectors, √width · embedding + position.

    ``table`` is float32 [width, vocabulary], one column a token: the output layer multiplies by it at every step, and
    that is three times as fast in this order.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(width, vocabulary))

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of tokens [text, token], without their positions: [text, token, width]."""
        width = self.table.shape[0]
        return self.table.index_select(1, ids.flatten()).t().reshape(*ids.shape, width) * math.sqrt(width)

    def positions(self, count: int, *, start: int = 0) -> Tensor:
        """The vectors of positions ``start`` …: [position, width]. Sines, then cosines, of the same angles."""
        half = self.table.shape[0] // 2
        place = torch.arange(start, start + count, device=self.table.device, dtype=torch.float32)
        step = -math.log(10_000.0) / (half - 1)  # Marian divides by half − 1 where others divide by half
        angles = place[:, None] * torch.exp(torch.arange(half, device=place.device) * step)
        return torch.cat([angles.sin(), angles.cos()], dim=1).to(self.table.dtype)


class Attention(nn.Module):
    """Multi-head attention of one text on itself, or on another."""

    is_causal = False

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def remember(self, text: Tensor) -> Remembered:
        """The keys and values that a text [text, position, width] leaves behind."""
        return Remembered(self._by_head(self.key(text)), self._by_head(self.value(text)))

    def forward(self, looking: Tensor, remembered: Remembered) -> Tensor:
        """What each position of ``looking`` reads from what is remembered: [text, position, width]."""
        query = self._by_head(self.query(looking))
        key, value = (part.expand(len(query), -1, -1, -1) for part in (remembered.key, remembered.value))
        scaling, mask = query.shape[-1] ** -0.5, remembered.visible
        read, _ = attention(self, query, key, value, mask, scaling=scaling, is_causal=False)
        return self.output(read.flatten(2))

    def _by_head(self, vectors: Tensor) -> Tensor:
        return vectors.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Feedforward(nn.Sequential):
    """Two linear maps with a relu between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))


class EncoderLayer(nn.Module):
    """x = norm(x + attention(x)); x = norm(x + feedforward(x))."""

    def __init__(self, config: FirefoxConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.attention = Attention(width, config.num_attention_heads)
        self.attention_norm = nn.LayerNorm(width, eps=EPSILON)
        self.feedforward = Feedforward(width, config.intermediate_size)
        self.feedforward_norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, text: Tensor) -> Tensor:
        text = self.attention_norm(text + self.attention(text, self.attention.remember(text)))
        return self.feedforward_norm(text + self.feedforward(text))


@dataclass(frozen=True)
class UnitStates:
    """What one recurrent unit did: [text, token, unit] each.

    gate       f, 1 keeps what was there, 0 overwrites it
    candidate  z, what would be written
    state      c_t = f_t · c_(t−1) + (1 − f_t) · z_t, from c = 0
    """

    gate: Tensor
    candidate: Tensor
    state: Tensor


class SSRU(nn.Module):
    """The simpler simple recurrent unit: a box for every unit that fades as fast as its gate says."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.candidate = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width)

    def forward(self, words: Tensor, before: Tensor) -> UnitStates:
        """``words`` [text, token, width]; ``before`` [text, width] is the state they begin with."""
        candidate, gate = self.candidate(words), self.gate(words).sigmoid()
        written = (1 - gate) * candidate
        states = []
        for token in range(words.shape[1]):
            before = gate[:, token] * before + written[:, token]
            states.append(before)
        return UnitStates(gate, candidate, torch.stack(states, dim=1))


class DecoderLayer(nn.Module):
    """x = norm(x + relu(c)); x = norm(x + cross-attention(x)); x = norm(x + feedforward(x))."""

    def __init__(self, config: FirefoxConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.recurrent = SSRU(width)
        self.recurrent_norm = nn.LayerNorm(width, eps=EPSILON)
        self.cross = Attention(width, config.num_attention_heads)
        self.cross_norm = nn.LayerNorm(width, eps=EPSILON)
        self.feedforward = Feedforward(width, config.decoder_ffn_dim)
        self.feedforward_norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, words: Tensor, remembered: Remembered, before: Tensor) -> tuple[Tensor, UnitStates]:
        states = self.recurrent(words, before)
        words = self.recurrent_norm(words + states.state.relu())
        words = self.cross_norm(words + self.cross(words, remembered))
        return self.feedforward_norm(words + self.feedforward(words)), states


class Encoder(nn.Module):
    """The source text, token by token, each seen with all others."""

    def __init__(self, config: FirefoxConfig, embedding: Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers: Sequence[EncoderLayer] = nn.ModuleList(  # type: ignore[assignment]
            EncoderLayer(config) for _ in range(config.encoder_layers)
        )

    def forward(self, input_ids: Tensor) -> Tensor:
        """Tokens [text, token] in, vectors [text, token, width] out."""
        text = self.embedding(input_ids) + self.embedding.positions(input_ids.shape[1])
        for layer in self.layers:
            text = layer(text)
        return text


class Decoder(nn.Module):
    """The target text: what stands at a position after the tokens before it have been entered."""

    def __init__(self, config: FirefoxConfig, embedding: Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers: Sequence[DecoderLayer] = nn.ModuleList(  # type: ignore[assignment]
            DecoderLayer(config) for _ in range(config.decoder_layers)
        )

    def remember(self, source: Tensor) -> list[Remembered]:
        """The keys and values of the source, by layer; they are the same at every step."""
        return [layer.cross.remember(source) for layer in self.layers]

    def start(self) -> list[Tensor]:
        """The recurrent states before anything is written: zeros, by layer [1, width]."""
        return [self.embedding.table.new_zeros(1, self.embedding.table.shape[0]) for _ in self.layers]

    def entered(self, ids: Tensor) -> Tensor:
        """The inputs for writing tokens [text, token] one after the other: nothing first, then all but the last."""
        vectors = self.embedding(ids)
        shifted = torch.cat([torch.zeros_like(vectors[:, :1]), vectors[:, :-1]], dim=1)
        return shifted + self.embedding.positions(ids.shape[1])

    def whole(self, ids: Tensor, remembered: list[Remembered]) -> tuple[Tensor, list[UnitStates]]:
        """As `forward`, for all tokens [text, token] at once, as if they had been written one after the other."""
        return self(self.entered(ids), remembered, self.start())

    def forward(
        self, words: Tensor, remembered: list[Remembered], before: list[Tensor]
    ) -> tuple[Tensor, list[UnitStates]]:
        """(vectors that say what comes at each position [text, token, width], what each layer's unit did)."""
        done = []
        for layer, source, state in zip(self.layers, remembered, before, strict=True):
            words, states = layer(words, source, state)
            done.append(states)
        return words, done


class FirefoxModel(nn.Module):
    """The whole network. ``config`` has its sizes."""

    def __init__(self, config: FirefoxConfig, *, shared: bool = True) -> None:
        super().__init__()
        self.config = config
        source = Embedding(config.vocab_size, config.hidden_size)
        target = source if shared else Embedding(config.target_vocab_size, config.hidden_size)
        self.encoder, self.decoder = Encoder(config, source), Decoder(config, target)
        self.output = target if shared else Embedding(config.target_vocab_size, config.hidden_size)
        self.output_bias = nn.Parameter(torch.empty(config.target_vocab_size))

    @property
    def device(self) -> torch.device:
        return self.output_bias.device

    @property
    def dtype(self) -> torch.dtype:
        return self.output_bias.dtype

    def get_encoder(self) -> Encoder:
        return self.encoder

    def get_input_embeddings(self) -> Embedding:
        return self.encoder.embedding

    def logits(self, words: Tensor) -> Tensor:
        """The score of every token of the vocabulary: [position, width] in, [position, vocabulary] out."""
        return torch.addmm(self.output_bias, words, self.output.table)

    def forward(self, input_ids: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """The scores [text, token, vocabulary] for writing the tokens ``decoder_input_ids``, one after the other."""
        words, _ = self.decoder.whole(decoder_input_ids, self.decoder.remember(self.encoder(input_ids)))
        return self.logits(words.flatten(0, 1)).unflatten(0, decoder_input_ids.shape)


def plan(model: FirefoxModel) -> Plan:
    """How a Firefox model is read: every attention is recorded, by the one function that all models use."""
    attentions: dict[Kind, list[Attention]] = {
        "encoder": [layer.attention for layer in model.encoder.layers],
        "cross": [layer.cross for layer in model.decoder.layers],
    }
    heads = model.config.num_attention_heads
    places = {
        id(module): (Place(kind, layer),)
        for kind, modules in attentions.items()
        for layer, module in enumerate(modules)
    }
    return Plan(
        places=Places(places),
        layers={kind: len(modules) for kind, modules in attentions.items()},
        heads=dict.fromkeys(attentions, heads),
        kv_heads=heads,
        head_dim=model.config.hidden_size // heads,
        causal=False,
        projections={kind: [module.output for module in modules] for kind, modules in attentions.items()},
    )
