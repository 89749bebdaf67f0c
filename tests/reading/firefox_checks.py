"""What tests of Firefox readers share: encoders of transformers with the same weights, and weights step by step."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from transformers import MarianConfig
from transformers.models.marian.modeling_marian import MarianEncoder

from memviz.reading import Reader
from memviz.reading.attention.attention_function import AttentionCall, Block, attend, handled_by


def marian_encoder(reader: Reader) -> MarianEncoder:
    """transformers' encoder with the reader's weights, its positions and the ε of its norms set right.

    In double precision: in single precision its own rounding comes to 1.3e-5.
    """
    sizes, ours = reader.model.config, reader.model.encoder
    config = MarianConfig(
        vocab_size=sizes.vocab_size,
        d_model=sizes.hidden_size,
        encoder_layers=sizes.encoder_layers,
        encoder_ffn_dim=sizes.intermediate_size,
        encoder_attention_heads=sizes.num_attention_heads,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=64,
        pad_token_id=0,
        attn_implementation="eager",
    )
    theirs = MarianEncoder(config).eval()
    theirs.embed_tokens = nn.Embedding.from_pretrained(ours.embedding.table.t().contiguous())
    theirs.embed_positions.weight = nn.Parameter(ours.embedding.positions(64), requires_grad=False)
    names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"}
    for one, other in zip(theirs.layers, ours.layers, strict=True):
        for our_name, their_name in names.items():
            getattr(one.self_attn, their_name).load_state_dict(getattr(other.attention, our_name).state_dict())
        one.fc1.load_state_dict(other.feedforward[0].state_dict())
        one.fc2.load_state_dict(other.feedforward[2].state_dict())
        for norm, our_norm in (
            (one.self_attn_layer_norm, other.attention_norm),
            (one.final_layer_norm, other.feedforward_norm),
        ):
            norm.load_state_dict(our_norm.state_dict())
            norm.eps = 1e-6
    return theirs.double()


class Steps:
    """A run that keeps the cross-attention of every call: by layer, one row [head, key] a step."""

    def __init__(self, reader: Reader) -> None:
        modules = [layer.cross for layer in reader.model.decoder.layers]
        self.layers = {id(module): number for number, module in enumerate(modules)}
        self.rows: list[list[np.ndarray]] = [[] for _ in modules]

    def attend(self, module: nn.Module, lookup: AttentionCall) -> torch.Tensor:
        def keep(block: Block) -> None:
            self.rows[self.layers[id(module)]].append(block.weights[:, 0].numpy().copy())

        return attend(lookup, watch=keep)

    @property
    def weights(self) -> np.ndarray:
        """float32 [layer, head, query, key]"""
        return np.stack([np.stack(rows, axis=1) for rows in self.rows])


def stepwise(reader: Reader, source: list[int], target: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(cross-attention [layer, head, query, key], states [layer, token, unit]) of writing these tokens one by one."""
    decoder, steps = reader.model.decoder, Steps(reader)
    with torch.inference_mode():
        remembered = decoder.remember(reader.model.encoder(torch.tensor([source])))
        states, words, kept = decoder.start(), torch.zeros(1, 1, reader.model.config.hidden_size), []
        for step, token in enumerate(target):
            with handled_by(steps):
                _, units = decoder(words + decoder.embedding.positions(1, start=step), remembered, states)
            states = [unit.state[:, -1] for unit in units]
            kept.append(np.stack([state[0].numpy() for state in states]))
            words = decoder.embedding(torch.tensor([[token]]))
    return steps.weights, np.stack(kept, axis=1)


def patterns(memory) -> np.ndarray:
    """Every weight of a memory: float32 [layer, head, query, key]."""
    return np.stack([[memory.pattern(layer, head) for head in range(memory.heads)] for layer in range(memory.layers)])
