"""A model that is ready to read: text in, `Trace` out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from memviz.errors import ModelError, ReadingError
from memviz.memory import Forget, Kind, Memory
from memviz.reading import budget, dense
from memviz.reading.predictions import candidates, expectations
from memviz.reading.probe import PROBE, running, survey
from memviz.reading.recording import Progress, Recording, Sides
from memviz.tokens import align, clean, require_text, tokenise
from memviz.trace import Candidate, ModelInfo, Trace


class Reader:
    """Reads texts with one transformers model, and remembers what it saw.

    ``Reader(model, tokenizer)`` takes any model you already hold; its configuration is put back
    after every reading. `memviz.load` opens one by name. A reader may be shared by threads.

    model, tokenizer   as given
    info               which model this is, and how it is read
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        info: ModelInfo | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._owned = info is not None
        self._lock = threading.RLock()
        with self._settled():
            self._plan = survey(model, self._probe_ids())
        self.info = self._described(info)
        self._grams: dict[Kind, list[Tensor | None]] | None = None

    def __repr__(self) -> str:
        return f"<Reader {self.info.label} · {self.info.layers} layers × {self.info.heads} heads · {self.info.device}>"

    def read(
        self,
        text: str,
        pair: str | None = None,
        forget: Forget | None = None,
        *,
        progress: Progress | None = None,
    ) -> Trace:
        """What does the model look at when it reads this text?

        ``pair`` is the second text of a sentence pair; an encoder-decoder takes it as the target
        to write, and without one writes its own. ``forget`` are edges it may not use.
        ``progress(fraction, label)`` is called after every layer, and may raise to stop.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError` and other `ReadingError`.
        """
        if self.model.config.is_encoder_decoder:
            return self.translate(text, target=pair, forget=forget, progress=progress)
        began = time.perf_counter()
        require_text(text)
        text, pair = clean(text), None if pair is None else clean(pair)
        tokens, inputs = tokenise(self.tokenizer, text, pair)
        tensors = self._tensors(inputs)
        ids = tensors["input_ids"][0].tolist()
        budget.check(self.model, self._plan, len(ids), context=self.info.context)
        sides: dict[Kind, Sides] = {"self": Sides(tokens, tokens, tuple(ids))}
        memories, outputs, seconds = self._run(tensors, sides, forget=forget, progress=progress)
        logprobs, next_tokens = self._expected(outputs, ids)
        return Trace(
            text=text,
            pair=pair,
            tokens=tokens,
            model=self.info,
            memories=memories,
            logprobs=logprobs,
            next_tokens=next_tokens,
            forget=forget,
            seconds={"model": seconds, "total": time.perf_counter() - began},
        )

    def translate(
        self,
        text: str,
        target: str | None = None,
        forget: Forget | None = None,
        *,
        max_new_tokens: int = 128,
        progress: Progress | None = None,
    ) -> Trace:
        """What does an encoder-decoder write for this text, and what does it read to write it?

        Without a ``target`` the model writes its own output, greedily; with one, the model is
        made to write it. Either way one reading with the whole target follows, so that every row
        shows what was looked at to write that token. ``forget`` applies to cross-attention.
        """
        self._require_decoder()
        began = time.perf_counter()
        require_text(text)
        text = clean(text)
        tokens, inputs = tokenise(self.tokenizer, text)
        tensors = self._tensors(inputs)
        source = tensors["input_ids"][0].tolist()
        budget.check(self.model, self._plan, len(source), context=self.info.context)
        start, written, output = self._written(tensors, target, max_new_tokens)
        targets = align(self.tokenizer, written, output)
        entered = align(self.tokenizer, [start], "") + tuple(
            replace(token, word=token.word + 1, group=token.group + 1) for token in targets[:-1]
        )
        inputs_written = [start, *written[:-1]]
        tensors["decoder_input_ids"] = torch.tensor([inputs_written], device=self.model.device)
        sides: dict[Kind, Sides] = {
            "encoder": Sides(tokens, tokens, tuple(source)),
            "decoder": Sides(targets, entered, tuple(inputs_written)),
            "cross": Sides(targets, tokens),
        }
        memories, outputs, seconds = self._run(tensors, sides, forget=forget, progress=progress)
        logprobs, _ = expectations(lambda rows: outputs.logits[0, rows], written, shift=0)
        return Trace(
            text=text,
            output=output,
            tokens=tokens,
            targets=targets,
            model=self.info,
            memories=memories,
            logprobs=logprobs,
            forget=forget,
            seconds={"model": seconds, "total": time.perf_counter() - began},
        )

    def count(self, text: str, pair: str | None = None) -> int:
        """How many tokens does this text have?"""
        return len(tokenise(self.tokenizer, clean(text), pair)[0])

    def window(self, text: str, start: int = 0, tokens: int | None = None) -> str:
        """The part of the text from token ``start`` on that this model can read at once.

        Positions count the text's own tokens, special ones left out. Without ``tokens``, as many as fit.
        """
        own = [token for token in tokenise(self.tokenizer, clean(text))[0] if not token.special]
        limit = budget.context_limit(self.info.context) or len(own)
        room = limit - (self.count("a") - len([t for t in tokenise(self.tokenizer, "a")[0] if not t.special]))
        kept = own[start : start + min(room, tokens or room)]
        return text[kept[0].start : kept[-1].end] if kept else ""

    def estimate(self, tokens: int) -> float:
        """About how many bytes a reading of so many tokens would take."""
        return budget.estimate(self.model, self._plan, tokens)

    # -- inside ---------------------------------------------------------------------------------

    def _run(
        self,
        tensors: dict[str, Tensor],
        sides: dict[Kind, Sides],
        *,
        forget: Forget | None,
        progress: Progress | None,
    ) -> tuple[dict[Kind, Memory], Any, float]:
        """One forward pass: (memories by kind, the model's output, seconds)."""
        with self._settled():
            began = time.perf_counter()
            if self._plan.dense:
                memories, outputs = dense.read(self.model, tensors, sides, forget=forget, progress=progress)
            else:
                recording = Recording(
                    kinds=self._plan.kinds,
                    sides=sides,
                    layers=self._plan.layers,
                    grams=self._output_grams(),
                    forget=forget,
                    forget_in="cross" if "cross" in sides else "self",
                    progress=progress,
                )
                with running(recording):
                    outputs = self._forward(tensors)
                memories = {kind: recording.memory(kind) for kind in sides if recording.scores[kind]}
            return memories, outputs, time.perf_counter() - began

    def _forward(self, tensors: dict[str, Tensor]) -> Any:
        """The forward pass; of a decoder-only model without its head, when logits can be taken in pieces."""
        model = self.model.base_model if self._plan.headed or self.model.can_generate() is False else self.model
        extra = {"use_cache": False} if getattr(self.model.config, "use_cache", None) is not None else {}
        return model(**tensors, **extra, return_dict=True)

    def _expected(self, outputs: Any, ids: list[int]) -> tuple[np.ndarray, tuple[Candidate, ...]]:
        """Log-probabilities and next tokens; none for a model that does not predict the next token."""
        logits = getattr(outputs, "logits", None)
        with torch.inference_mode():
            if self._plan.headed:
                head, hidden = self.model.get_output_embeddings(), outputs.last_hidden_state[0]
                logprobs, last = expectations(lambda rows: head(hidden[rows]), ids, shift=1)
            elif logits is not None and self.info.kind == "decoder-only":
                logprobs, last = expectations(lambda rows: logits[0, rows], ids, shift=1)
            else:
                return np.full(len(ids), np.nan, dtype=np.float32), ()
            return logprobs, candidates(last, self.tokenizer.decode)

    def _written(self, tensors: dict[str, Tensor], target: str | None, limit: int) -> tuple[int, list[int], str]:
        """(the decoder's start token, the tokens written, their text)."""
        if target is None:
            with self._settled(), running(None):
                made = self.model.generate(**tensors, max_new_tokens=limit, num_beams=1, do_sample=False)
            ids = made[0].tolist()
            return ids[0], ids[1:], self.tokenizer.decode(ids, skip_special_tokens=True)
        require_text(target)
        _, labels = tokenise(self.tokenizer, clean(target), target=True)
        ids = torch.tensor([labels["input_ids"]])
        shift = getattr(self.model, "prepare_decoder_input_ids_from_labels", None)
        start = shift(labels=ids)[0, 0].item() if shift else self.model.config.decoder_start_token_id
        return int(start), ids[0].tolist(), target

    def _tensors(self, inputs: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""
        vocabulary = self.model.get_input_embeddings().num_embeddings
        highest = max(inputs["input_ids"])
        if highest >= vocabulary:
            raise ModelError(
                "The tokenizer gave token {token}, but {model} knows only {vocabulary} tokens.",
                todo="Use the tokenizer that belongs to this model.",
                token=highest,
                model=type(self.model).__name__,
                vocabulary=vocabulary,
            )
        # one text, nothing padded: an attention mask of ones would only cost time
        wanted = {name: ids for name, ids in inputs.items() if name in ("input_ids", "token_type_ids")}
        return {name: torch.tensor([ids], device=self.model.device) for name, ids in wanted.items()}

    def _require_decoder(self) -> None:
        if not self.model.config.is_encoder_decoder:
            raise ReadingError(
                "{model} has no encoder and decoder, so it cannot translate.",
                todo="Choose an encoder-decoder such as opus-mt-en-zh or t5-small, or use `read`.",
                model=self.info.name,
            )

    def _probe_ids(self) -> list[int]:
        ids = tokenise(self.tokenizer, PROBE)[1]["input_ids"]
        top = self.model.get_input_embeddings().num_embeddings
        return [token for token in ids if token < top]

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """The model as readings need it. One that belongs to the caller is put back afterwards, under a lock."""
        if self._owned:
            yield
            return
        with self._lock:
            training = self.model.training
            own = self.model.config._attn_implementation
            plan = getattr(self, "_plan", None)
            self.model.eval()
            if plan is not None:
                self.model.set_attn_implementation("eager" if plan.dense else "memviz")
            try:
                yield
            finally:
                self.model.train(training)
                self.model.set_attn_implementation(own or "eager")

    def _output_grams(self) -> dict[Kind, list[Tensor | None]]:
        """W_O · W_Oᵀ of every head, [head, dim, dim] a layer: turns values into the norm of what they write."""
        if self._grams is None:
            with torch.inference_mode():
                self._grams = {
                    kind: [_gram(module, self._plan.heads) for module in modules]
                    for kind, modules in self._plan.projections.items()
                }
        return self._grams

    def _described(self, info: ModelInfo | None) -> ModelInfo:
        config, plan = self.model.config, self._plan
        known = info or ModelInfo(name=config.name_or_path or config.model_type)
        kind = "encoder-decoder" if config.is_encoder_decoder else "decoder-only"
        if kind == "decoder-only" and not self.model.can_generate() and not self._is_causal():
            kind = "encoder-only"
        found = {
            "family": config.model_type,
            "kind": kind,
            "layers": next(iter(plan.layers.values())),
            "heads": plan.heads,
            "kv_heads": plan.kv_heads,
            "head_dim": plan.head_dim,
            "context": context(self.model, self.tokenizer),
            "device": str(self.model.device),
            "precision": str(self.model.dtype).removeprefix("torch."),
            "path": "dense" if plan.dense else "recorded",
            "note": plan.note,
        }
        return ModelInfo(**{**vars(known), **found})

    def _is_causal(self) -> bool:
        return bool(getattr(self.model.config, "is_decoder", False)) or any(
            getattr(module, "is_causal", False) for module in self.model.modules()
        )


def _gram(module: nn.Module | None, heads: int) -> Tensor | None:
    if module is None:
        return None
    weight = module.weight if isinstance(module, Conv1D) else module.weight.T  # [head · dim, width]
    by_head = weight.detach().float().unflatten(0, (heads, -1))
    return torch.bmm(by_head, by_head.transpose(1, 2))


def context(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """How many tokens can the model read at once? ``None`` when nothing limits it."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith("position_embeddings") and module.padding_idx is not None:
            return module.num_embeddings - module.padding_idx - 1  # RoBERTa and its kin count from padding_idx + 1
    config = model.config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length"):
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            return limit
    limit = getattr(tokenizer, "model_max_length", None)
    return limit if isinstance(limit, int) and limit < 10**6 else None
