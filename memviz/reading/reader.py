"""A model that is ready to read: text in, `Trace` out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memviz.errors import EmptyTextError, ReadingError
from memviz.memory import Forget, Kind, Memory, require_forget
from memviz.progress import Progress
from memviz.reading.attention import dense
from memviz.reading.attention.eager import handled_by
from memviz.reading.attention.recording import Recording
from memviz.reading.attention.summary import Axes
from memviz.reading.decompose import Decomposition, decompose
from memviz.reading.engine import budget, notes, refusals
from memviz.reading.engine.borrowing import restoring_modules, temporarily_configured
from memviz.reading.engine.inputs import require_known, tensors, token_ids, vocabulary
from memviz.reading.engine.model_info import describe
from memviz.reading.engine.predictions import token_logprobs, top_candidates
from memviz.reading.engine.probe import PROBE, make_plan
from memviz.reading.engine.projections import grams
from memviz.reading.windows import fit_window, require_room
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.translate import Translating
from memviz.tokens import Token, align, clean, require_text, tokenise
from memviz.trace import Candidate, ModelInfo, Trace


class Reader(Translating):
    """Reads texts with one transformers model, and remembers what it saw.

    ``Reader(model, tokenizer)`` takes any model you already hold; its configuration is put back
    after every reading. `memviz.load` opens one by name. A reader may be shared by threads.

    model, tokenizer   as given
    info               which model this is, and how it is read
    owned              the model is nobody else's: it stays as readings need it, and several can run at once
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        info: ModelInfo | None = None,
        owned: bool = False,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._owned = owned
        with nullcontext() if owned else temporarily_configured(model, ""), restoring_modules(model):
            self.plan = make_plan(model, self._probe_ids())
        self.info = describe(model, tokenizer, plan=self.plan, known=info)
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
        to write, and without one writes its own (in the language of the text, when it knows many and was told none).
        ``forget`` are edges it may not use.
        ``progress(fraction, label)`` is called after every layer, and may raise to stop.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError` and other `ReadingError`.
        """
        if self.model.config.is_encoder_decoder:
            languages = self._without_choice()
            return self.translate(text, target=pair, forget=forget, languages=languages, progress=progress)
        require_forget(forget)
        require_text(text)
        text, pair = clean(text), None if pair is None else clean(pair)
        tokens, inputs = tokenise(self.tokenizer, text, pair)
        return self._trace(tokens, inputs, forget=forget, progress=progress, text=text, pair=pair)

    def read_ids(self, ids: Sequence[int], forget: Forget | None = None, *, progress: Progress | None = None) -> Trace:
        """What does the model look at when it reads exactly these tokens?

        For ids that were not made from a text, such as random ones; nothing is added to them. The
        trace's text is what they decode to. Raises as `read` does, and `ReadingError` for an
        encoder-decoder.
        """
        ids = token_ids(ids)
        require_forget(forget)
        if self.model.config.is_encoder_decoder:
            raise ReadingError(
                "{model} reads one text and writes another; token ids alone do not say which is which.",
                todo="Use `translate` with two texts.",
                model=self.info.name,
            )
        if not ids:
            raise EmptyTextError("There are no tokens to read.", todo="Give at least one token id.")
        require_known(self.model, ids)
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        tokens = align(self.tokenizer, ids, text)
        return self._trace(tokens, {"input_ids": ids}, forget=forget, progress=progress, text=text)

    def decompose(self, text: str, layer: int) -> Decomposition:
        """What does one layer write into each token, piece by piece? See `memviz.reading.decompose`."""
        return decompose(self, text, layer=layer)

    def _trace(
        self,
        tokens: tuple[Token, ...],
        inputs: Mapping[str, list[int]],
        *,
        forget: Forget | None,
        progress: Progress | None,
        text: str,
        pair: str | None = None,
    ) -> Trace:
        """One reading of one text by a model that is no encoder-decoder."""
        began = time.perf_counter()
        tensors = self.tensors(inputs)
        ids = tensors["input_ids"][0].tolist()
        budget.check(self.model, self.plan, len(ids), context=self.info.context)
        sides: dict[Kind, Axes] = {"self": Axes(tokens, tokens, tuple(ids))}
        memories, outputs, seconds = self.record(tensors, sides, forget=forget, progress=progress)
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
            notes=tuple(notes.unknown(tokens, notes.stand_in(self.tokenizer))),
        )

    def count(self, text: str, pair: str | None = None) -> int:
        """How many tokens does this text have?"""
        return len(tokenise(self.tokenizer, clean(text), pair)[0])

    def window(self, text: str, start: int = 0, tokens: int | None = None, pair: str | None = None) -> str:
        """The part of the text from token ``start`` on that this model can read at once, with ``pair`` if there is one.

        See `fit_window`.
        """
        begin, end = self.stretch(text, start, tokens, pair)
        return clean(text)[begin:end]

    def stretch(
        self,
        text: str,
        start: int = 0,
        tokens: int | None = None,
        pair: str | None = None,
        *,
        task: str | None = None,
    ) -> tuple[int, int]:
        """From which character to which can this model read the text at once, from token ``start`` on?

        Positions count the text's own tokens, special ones left out. Without ``tokens``, as many as fit beside
        ``pair``, the second sentence, and ``task``, the words that are put in front. Empty behind the end of the text.

        Raises `TextTooLongError` when those leave no room.
        """
        text, before = clean(text), TranslationRequest(task=task)
        own = [token for token in tokenise(self.tokenizer, text)[0] if not token.special]

        def count(part: str) -> int:
            return self.count(before.asked(part), pair)

        beside = count("a") - sum(not token.special for token in tokenise(self.tokenizer, "a")[0])
        limit = budget.context_limit(self.info.context) or len(own) + beside
        require_room(limit - beside, beside=beside, limit=limit)
        most = min(limit - beside, tokens or limit)
        return fit_window(text, own, start=max(start, 0), most=most, count=count, limit=min(limit, most + beside))

    def estimate(self, tokens: int) -> float:
        """About how many bytes a reading of so many tokens would take."""
        return budget.estimate(self.model, self.plan, tokens)

    # -- inside ---------------------------------------------------------------------------------

    def record(
        self,
        tensors: dict[str, Tensor],
        sides: dict[Kind, Axes],
        *,
        forget: Forget | None,
        progress: Progress | None,
    ) -> tuple[dict[Kind, Memory], Any, float]:
        """One forward pass: (memories by kind, the model's output, seconds)."""
        kind: Kind = "cross" if "cross" in sides else "self"
        if forget is not None:
            forget.check(layers=self.plan.layers[kind], heads=self.plan.heads[kind])
        length = max(ids.shape[1] for ids in tensors.values())
        with self.prepared(), refusals.as_reading_error(progress, model=self.info.name, tokens=length) as told:
            began = time.perf_counter()
            if self.plan.dense:
                memories, outputs = dense.read(
                    self.model, tensors, sides, looking_back=self.plan.looking_back, forget=forget, progress=told
                )
            else:
                recording = Recording(
                    kinds=self.plan.kinds,
                    sides=sides,
                    layers=self.plan.layers,
                    looking_back=self.plan.looking_back,
                    grams=self._output_grams(),
                    forget=forget,
                    forget_in=kind,
                    progress=told,
                )
                with handled_by(recording):
                    outputs = self.forward(tensors)
                memories = {kind: recording.memory(kind) for kind in sides if recording.scores[kind]}
            return memories, outputs, time.perf_counter() - began

    def forward(self, tensors: dict[str, Tensor]) -> Any:
        """The forward pass; of a decoder-only model without its head, when logits can be taken in pieces."""
        model = self.model.base_model if self.plan.headed or self.model.can_generate() is False else self.model
        extra = {"use_cache": False} if getattr(self.model.config, "use_cache", None) is not None else {}
        return model(**tensors, **extra, return_dict=True)

    def _expected(self, outputs: Any, ids: list[int]) -> tuple[np.ndarray, tuple[Candidate, ...]]:
        """Log-probabilities and next tokens; none for a model that does not predict the next token."""
        logits = getattr(outputs, "logits", None)
        with torch.inference_mode():
            if self.plan.headed:
                head, hidden = self.model.get_output_embeddings(), outputs.last_hidden_state[0]
                logprobs, last = token_logprobs(lambda rows: head(hidden[rows]), ids)
            elif logits is not None and self.plan.causal:
                logprobs, last = token_logprobs(lambda rows: logits[0, rows], ids)
            else:
                return np.full(len(ids), np.nan, dtype=np.float32), ()
            return logprobs, top_candidates(last, self.tokenizer.decode)

    def tensors(self, inputs: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""
        return tensors(self.model, inputs)

    def _probe_ids(self) -> list[int]:
        ids = tokenise(self.tokenizer, PROBE)[1]["input_ids"]
        return [token for token in ids if token < vocabulary(self.model)]

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """The model as readings need it. One that belongs to the caller is put back afterwards, under a lock.

        Raises `UnsupportedModelError` for a model that is another one afterwards.
        """
        with (
            nullcontext() if self._owned else temporarily_configured(self.model, self.plan.implementation),
            restoring_modules(self.model),
        ):
            yield

    def _output_grams(self) -> dict[Kind, list[Tensor | None]]:
        """W_O · W_Oᵀ of every head, [head, dim, dim] a layer: turns values into the norm of what they write."""
        if self._grams is None:
            self._grams = grams(self.plan)
        return self._grams
