"""Which model is this, as the trace will say it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from memviz.note import Note
from memviz.reading.engine.inputs import is_encoder_decoder
from memviz.reading.engine.probe import Plan
from memviz.trace import ModelInfo

LIMITS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "max_target_positions")
"""What configurations call the number of tokens that a model reads at once. BLOOM's ``seq_length`` limits nothing."""


def describe(model: PreTrainedModel, tokenizer: Any, *, plan: Plan, known: ModelInfo | None) -> ModelInfo:
    """What is known of the model (its name, revision, licence …), completed by what was found out."""
    config = model.config
    kind = "decoder-only" if plan.causal else "encoder-only"
    return replace(
        known or ModelInfo(name=config.name_or_path or config.model_type),
        family=config.model_type,
        kind="encoder-decoder" if is_encoder_decoder(model) else kind,
        layers=next(iter(plan.layers.values())),
        heads=next(iter(plan.heads.values())),
        kv_heads=plan.kv_heads,
        head_dim=plan.head_dim,
        context=context(model, tokenizer),
        device=str(model.device),
        precision=str(model.dtype).removeprefix("torch."),
        method="dense" if plan.dense else "recorded",
        note=_joined(known.note if known else None, plan.note),
        alignment_heads=alignment_heads(model),
    )


def alignment_heads(model: PreTrainedModel) -> tuple[tuple[int, int], ...]:
    """(layer, head) of cross-attention whose attention follows the sound, as the model's generation settings say."""
    pairs = getattr(getattr(model, "generation_config", None), "alignment_heads", None) or ()
    return tuple((int(layer), int(head)) for layer, head in pairs)


def _joined(first: Note | None, second: Note | None) -> Note | None:
    """Both sentences, or the one there is."""
    return Note("{first} {second}", {"first": first, "second": second}) if first and second else first or second


def context(model: PreTrainedModel, tokenizer: Any) -> int | None:
    """How many tokens can the model read at once? ``None`` when nothing limits it."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith("position_embeddings") and module.padding_idx is not None:
            return module.num_embeddings - module.padding_idx - 1  # RoBERTa and its kin count from padding_idx + 1
    config = model.config.get_text_config()
    for name in LIMITS:
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            return _stretched(config, limit)
    limit = getattr(tokenizer, "model_max_length", None)
    return limit if isinstance(limit, int) and limit < 10**6 else None


def _stretched(config: Any, limit: int) -> int:
    """How many tokens can be read where the rotary positions are stretched beyond those the model was trained on?

    Where the configuration's limit is that of the trained ones: of dynamic positions always, of YaRN's if it says so.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    by_layer = [part for part in rope.values() if isinstance(part, dict)] or [rope]
    reach = [limit]
    for part in by_layer:
        factor, trained = part.get("factor") or 1, part.get("original_max_position_embeddings")
        if part.get("rope_type") == "dynamic":
            reach.append(int(limit * factor))
        elif part.get("rope_type") == "yarn" and trained == limit:
            reach.append(int(trained * factor))
    return max(reach)
