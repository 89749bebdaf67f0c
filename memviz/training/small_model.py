"""A Transformer of attention alone, small enough to be trained while one watches: GPT-2 without its MLPs.

Its weights are those of transformers' GPT-2, by the same names, so that what was trained here opens everywhere as a
GPT-2; its forward pass is written out, because transformers' own takes several times as long for so few numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789αβγδεζηθικλμ"
"""The 48 symbols of the sequences: token 0 is A."""
UNKNOWN = "[UNK]"
CONTEXT = 48
WIDTH = 64
HEADS = 4

_TABLE_STD = 0.5  # of the embeddings of symbols and positions, when nothing is learnt
_WEIGHT_STD = 0.1  # of all other weights

Weights = Mapping[str, Tensor]


class Output(NamedTuple):
    """Logits [batch, query, symbol]; where they were asked for, the weights of each layer [batch, head, query, key]."""

    logits: Tensor
    patterns: tuple[Tensor, ...] = ()


def draw_weights(layers: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Weights that know nothing yet, by their names in transformers' GPT-2; those of the MLPs are left out."""

    def normal(*shape: int, std: float = _WEIGHT_STD) -> Tensor:
        return torch.randn(*shape, generator=generator) * std

    tokens = len(SYMBOLS) + 1
    weights = {
        "transformer.wte.weight": normal(tokens, WIDTH, std=_TABLE_STD),
        "transformer.wpe.weight": normal(CONTEXT, WIDTH, std=_TABLE_STD),
    }
    for layer in range(layers):
        part = f"transformer.h.{layer}"
        weights |= {
            f"{part}.ln_1.weight": torch.ones(WIDTH),
            f"{part}.ln_1.bias": torch.zeros(WIDTH),
            f"{part}.attn.c_attn.weight": normal(WIDTH, 3 * WIDTH),
            f"{part}.attn.c_attn.bias": torch.zeros(3 * WIDTH),
            f"{part}.attn.c_proj.weight": normal(WIDTH, WIDTH),
            f"{part}.attn.c_proj.bias": torch.zeros(WIDTH),
        }
    weights |= {
        "transformer.ln_f.weight": torch.ones(WIDTH),
        "transformer.ln_f.bias": torch.zeros(WIDTH),
        "lm_head.weight": normal(tokens, WIDTH),
    }
    return weights


def layer_count(weights: Weights) -> int:
    """How many layers these weights are of."""
    return sum(name.endswith(".ln_1.weight") for name in weights)


def forward(
    weights: Weights, ids: Tensor, *, patterns: bool = False, unplugged: Collection[tuple[int, int]] = ()
) -> Output:
    """What the model predicts after each symbol of ``ids`` [batch, query].

    ``patterns``: the attention weights are given, too. ``unplugged``: heads (layer, head) that write nothing.
    """
    batch, length = ids.shape
    states = F.embedding(ids, weights["transformer.wte.weight"]) + weights["transformer.wpe.weight"][:length]
    looks = []
    for layer in range(layer_count(weights)):
        part = f"transformer.h.{layer}"
        inner = F.layer_norm(states, (WIDTH,), weights[f"{part}.ln_1.weight"], weights[f"{part}.ln_1.bias"])
        bias, projection = weights[f"{part}.attn.c_attn.bias"], weights[f"{part}.attn.c_attn.weight"]
        projected = torch.addmm(bias, inner.view(-1, WIDTH), projection)
        query, key, value = projected.view(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        if patterns:
            scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
            looks.append(scores.masked_fill(hidden, -torch.inf).softmax(-1))
            output = looks[-1] @ value
        else:
            output = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        if heads := [head for place, head in unplugged if place == layer]:
            output = output.index_fill(1, torch.tensor(heads), 0.0)
        output = output.transpose(1, 2).reshape(-1, WIDTH)
        bias, projection = weights[f"{part}.attn.c_proj.bias"], weights[f"{part}.attn.c_proj.weight"]
        states = states + torch.addmm(bias, output, projection).view(batch, length, WIDTH)
    states = F.layer_norm(states, (WIDTH,), weights["transformer.ln_f.weight"], weights["transformer.ln_f.bias"])
    return Output(F.linear(states, weights["lm_head.weight"]), tuple(looks))


def make_model(weights: Weights) -> GPT2LMHeadModel:
    """transformers' GPT-2 with these weights, and with MLPs that write nothing."""
    config = GPT2Config(
        vocab_size=len(SYMBOLS) + 1,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=layer_count(weights),
        n_head=HEADS,
        n_inner=1,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config)
    values = {name: torch.zeros_like(value) for name, value in model.state_dict().items() if ".mlp." in name}
    norms = {name: value for name, value in model.state_dict().items() if ".ln_2." in name}
    model.load_state_dict({**values, **norms, **weights})
    return model.eval()


def make_tokenizer() -> Any:
    """Each symbol is a token; spaces between them are for people, who get them back: each is a word of a text."""
    vocabulary = {symbol: number for number, symbol in enumerate((*SYMBOLS, UNKNOWN))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token=UNKNOWN, model_max_length=CONTEXT)
