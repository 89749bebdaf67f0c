"""What does a model answer, and what would it answer if something were changed? Asked many times, nothing recorded.

A question is put once (`ask`): to a language model, how likely an answer is after a text; to a masked language model,
how likely a word is in its place; to any other encoder, which vector it makes of the text; to an encoder-decoder, how
likely its own translation is. `predict` then says how the answer turns out under each of several changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from memviz.errors import EmptyTextError, ReadingError
from memviz.memory import Forget, Interventions, Kind, read_only
from memviz.note import Note
from memviz.progress import Progress, no_progress
from memviz.reading.attention import dense
from memviz.reading.attention.attention_function import HANDLER, MASKED, AttentionCall, attend, handled_by
from memviz.reading.attention.interventions import Places, with_ablations, with_cuts
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import without_cache
from memviz.reading.engine.engine import Engine, require_kind
from memviz.reading.engine.inputs import require_known
from memviz.reading.engine.predictions import require_numbers, top_tokens
from memviz.reading.feedforward import FeedForwards, without_feedforwards
from memviz.reading.writing import translate
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.writer import Writer
from memviz.tokens import Token, clean, require_text, tokenise
from memviz.trace import Candidate

QuestionKind = Literal["continuation", "mask", "vector", "translation"]

UNITS: dict[QuestionKind, Note] = {
    "continuation": Note("probability of the answer after the text"),
    "mask": Note("probability of the word in its masked place"),
    "vector": Note("cosine to the vector of the unchanged text (mean of its last hidden states)"),
    "translation": Note("mean probability of the tokens of the translation"),
}
"""What the number of an answer is, by kind of question."""

ROWS = 1024  # tokens of all texts of a batch together
BATCH = 32  # changes that are tried at once, at most
ENOUGH = 128  # tokens of a batch, from which on more of them are no faster: fewer only wait for the weights
NEAR = 16  # the part of what is left of a text by which the beginnings of a batch with enough tokens may differ


@dataclass(frozen=True)
class Change:
    """One way in which a model is changed before it is asked.

    interventions   edges that are cut, keys that a cache lets go, heads that write nothing
    blanks          positions whose token is replaced by nothing in particular: the mean of all embeddings
    feedforwards    (layer, position) of feed-forward networks that write nothing
    """

    interventions: Interventions = field(default_factory=Interventions)
    blanks: tuple[int, ...] = ()
    feedforwards: FeedForwards = ()

    def __bool__(self) -> bool:
        return bool(self.interventions) or bool(self.blanks) or bool(self.feedforwards)

    @classmethod
    def of(cls, forget: Forget | None = None, **more: Any) -> Change:
        """A change that forgets these edges; ``more`` are other fields of `Interventions`."""
        return cls(Interventions(forget=forget, **more))


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a model about one text.

    kind      which kind of answer there is, see `UNITS`
    text      what is read
    tokens    its tokens
    ids       what the model takes: those of the text, and of the answer where that continues it
    answer    the text of the answer; ``None`` where a vector is the answer
    answers   the tokens of the answer, by id
    queries   the positions at which the answer is made; ``None``: at all of them
    memory    the kind of memory in which a word of the text can be covered
    segments  the segment of each token, where the model tells them apart
    pair      the second text, where two are read as a sentence pair
    languages   from which language into which a text is translated, by code, where that was asked for
    """

    kind: QuestionKind
    text: str
    tokens: tuple[Token, ...]
    ids: tuple[int, ...]
    answer: str | None = None
    answers: tuple[int, ...] = ()
    queries: tuple[int, ...] | None = None
    memory: Kind = "self"
    segments: tuple[int, ...] = ()
    pair: str | None = None
    languages: tuple[str, str] | None = None

    @property
    def unit(self) -> Note:
        """What its numbers are."""
        return UNITS[self.kind]

    @property
    def places(self) -> list[int]:
        """The positions at which the answer is made."""
        return list(range(len(self.ids)) if self.queries is None else self.queries)


@dataclass(frozen=True, eq=False)
class Predictions:
    """How a question is answered under each of several changes.

    values       float64 [change]: in the question's `unit`
    logprobs     float64 [change, token of the answer]: natural logarithms; no column where the answer is a vector
    candidates   of each change, what is likeliest in place of the answer's first token, likeliest first
    exact        bool [change]: every token of the answer was the likeliest, so that the model would write it by itself;
                 empty where the answer is a vector
    """

    values: np.ndarray
    logprobs: np.ndarray
    candidates: tuple[tuple[Candidate, ...], ...]
    exact: np.ndarray

    @property
    def effects(self) -> np.ndarray:
        """How much less likely than under the first change? Float64 [change].

        log p of the first − log p of each, in nats, of all tokens of the answer together; for a vector 1 − cosine.
        """
        if not self.logprobs.shape[1]:
            return 1 - self.values
        totals = self.logprobs.sum(axis=1)
        return np.asarray(totals[0] - totals)


def ask(
    engine: Engine,
    writer: Writer,
    text: str,
    answer: str | None = None,
    *,
    pair: str | None = None,
    languages: tuple[str, str] | None = None,
) -> Question:
    """The question that this model can answer about a text.

    ``answer``: a continuation of the text, where there is a space between if both sides are words; a word of the text,
    which is masked where it stands last; a translation. Without one, the model's own: its likeliest next token, its
    likeliest word in the text's mask, its vector, its translation. ``pair``: the second text of a sentence pair, of
    which there is a vector and no other answer. ``languages``: of a translation, as in `Reader.translate`.

    Raises `EmptyTextError`, `TextTooLongError`, and `ReadingError` for an answer that this model cannot give.
    """
    require_kind(engine, "text")
    text = clean(require_text(text))
    translates = engine.info.kind == "encoder-decoder"
    if pair is not None and (translates or engine.plan.causal):
        raise ReadingError(
            "{model} answers about one text, and two were given.",
            todo="Ask about one of them, or choose an encoder such as minilm.",
            model=engine.info.name,
        )
    if translates:
        return _ask_translation(engine, writer, text, answer, languages)
    if languages is not None:
        raise ReadingError("{model} does not translate.", todo="Leave `languages` out.", model=engine.info.name)
    pair = None if pair is None else clean(require_text(pair))
    tokens, inputs = tokenise(engine.tokenizer, text, pair)
    limits.check_length(len(tokens), context=engine.info.context)
    ids, segments = tuple(inputs["input_ids"]), tuple(inputs.get("token_type_ids") or ())
    require_known(engine.model, ids)
    plain = Question("vector", text, tokens, ids, segments=segments, pair=pair)
    if engine.plan.causal and _predicts(engine):
        return _ask_continuation(engine, plain, answer)
    masks = _predicts(engine) and not engine.plan.causal and pair is None
    place = _mask_place(engine, plain, answer) if masks else None
    if place is not None:
        return _ask_mask(engine, plain, place, answer)
    if answer is not None and pair is not None:
        raise ReadingError("Of two texts there is a vector, and no other answer.", todo="Leave the answer out.")
    if answer is not None:
        raise ReadingError(
            "{model} gives no probabilities of words: it makes a vector of a text.",
            todo="Leave the answer out, or choose a language model such as smollm2.",
            model=engine.info.name,
        )
    return plain


def predict(
    engine: Engine,
    writer: Writer,
    question: Question,
    changes: Sequence[Change],
    *,
    progress: Progress | None = None,
) -> Predictions:
    """The answers under each of the ``changes``; `Predictions.effects` are against the first of them.

    ``progress(fraction, label)`` is told how many are done, and may raise to stop. Raises `TraceError` for layers,
    heads and positions that are not there, `MemoryBudgetError`, and `ReadingError` for what cannot be changed.
    """
    progress = progress or no_progress
    if question.kind == "translation":
        return _predict_translation(engine, writer, question, changes, progress)
    for change in changes:
        if change.interventions.eviction is not None and change.interventions.eviction.adaptive:
            raise ReadingError(
                "What heavy hitters are is decided while a text is read: a question cannot be asked under them.",
                todo="Use `read` with this eviction, or ask under a window or sinks.",
            )
        change.interventions.check(layers=engine.plan.layers, heads=engine.plan.heads, causal=engine.plan.causal_kinds)
    answered: dict[int, Answered] = {}
    vectors: dict[int, Tensor] = {}
    asked = refusals.as_reading_error(progress, model=engine.info.name, tokens=len(question.ids))
    with engine.prepared(), torch.inference_mode(), asked as watched:
        done = 0
        for numbers, output in _outputs(engine, question, changes):
            if question.kind == "vector":
                vectors |= zip(numbers, output.double().mean(1), strict=True)
            else:
                head = engine.model.get_output_embeddings() if engine.plan.headed else nn.Identity()
                rated = (_rated(engine, logits.float(), question.answers) for logits in head(output))
                answered |= zip(numbers, rated, strict=True)
            done += len(numbers)
            watched(done / len(changes), "Asking again")
    if question.kind == "vector":
        every = torch.stack([vectors[number] for number in range(len(changes))])
        plain = _plain_vector(engine, question) if changes and changes[0] else every[0]
        cosines = torch.nn.functional.cosine_similarity(every, plain[None], dim=1).clamp(max=1.0).cpu().numpy()
        nothing = read_only(np.zeros((len(changes), 0)))
        return Predictions(read_only(cosines), nothing, (), read_only(np.zeros(0, dtype=bool)))
    rows = [answered[number] for number in range(len(changes))]
    logprobs = np.array([row.logprobs for row in rows]).reshape(len(changes), len(question.answers))
    return Predictions(
        read_only(np.exp(logprobs.sum(axis=1))),
        read_only(logprobs),
        tuple(row.candidates for row in rows),
        read_only(np.array([row.exact for row in rows])),
    )


def _plain_vector(engine: Engine, question: Question) -> Tensor:
    with engine.prepared(), torch.inference_mode():
        return _unchanged(engine, question).double().mean(0)


class Answered(NamedTuple):
    """How likely each token of an answer is, what is likeliest in place of the first, and are all the likeliest?"""

    logprobs: np.ndarray
    candidates: tuple[Candidate, ...]
    exact: bool


def _rated(engine: Engine, logits: Tensor, answers: Sequence[int]) -> Answered:
    """How an answer is rated by these logits [token, vocabulary], of which the first belong to its tokens."""
    require_numbers(logits)
    ids, top, _ = top_tokens(logits[:1])
    candidates = tuple(
        Candidate(str(engine.tokenizer.decode([token])), token, float(np.exp(logprob)))
        for token, logprob in zip(ids[0], top[0], strict=True)
    )
    wanted = torch.tensor(answers, dtype=torch.int64, device=logits.device)
    rows = logits[: len(answers)].double()
    logprobs = rows.gather(1, wanted[:, None])[:, 0] - rows.logsumexp(-1)
    exact = bool((rows.argmax(-1) == wanted).all())
    return Answered(logprobs.cpu().numpy(), candidates, exact)


# --- one question of each kind ---


def _predicts(engine: Engine) -> bool:
    """Does the model give probabilities of words?"""
    return engine.model.get_output_embeddings() is not None


def _ask_continuation(engine: Engine, plain: Question, answer: str | None) -> Question:
    count = len(plain.ids)
    answers: tuple[int, ...]
    if answer is None:
        best = _likeliest(engine, replace(plain, kind="continuation", queries=(count - 1,)))
        answers, answer = (best.id,), best.text
    else:
        answer = _spaced(plain.text, clean(answer))
        answers = _following(engine, plain, answer)
    limits.check_length(count + len(answers), context=engine.info.context)
    return replace(
        plain,
        kind="continuation",
        ids=(*plain.ids, *answers[:-1]),
        answer=answer,
        answers=answers,
        queries=tuple(range(count - 1, count - 1 + len(answers))),
        segments=(),
    )


def _likeliest(engine: Engine, question: Question) -> Candidate:
    """What the model finds likeliest, whatever is asked for."""
    with engine.prepared(), torch.inference_mode():
        output = _unchanged(engine, question)
        logits = engine.model.get_output_embeddings()(output) if engine.plan.headed else output
        return _rated(engine, logits.float(), ()).candidates[0]


def _spaced(text: str, answer: str) -> str:
    """The answer with a space in front, where text and answer would otherwise be one word."""
    if not answer.strip():
        raise EmptyTextError("There is no answer to look for.", todo="Give one word or more.")
    apart = text[-1:].isspace() or answer[0].isspace() or not answer[0].isalnum() or _is_ideograph(answer[0])
    return answer if apart else " " + answer


def _is_ideograph(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def _following(engine: Engine, plain: Question, answer: str) -> tuple[int, ...]:
    """The tokens of an answer behind the text's own, which stay as they are."""
    together = tuple(tokenise(engine.tokenizer, plain.text + answer)[1]["input_ids"])
    if len(together) > len(plain.ids) and together[: len(plain.ids)] == plain.ids:
        return together[len(plain.ids) :]
    alone = tuple(engine.tokenizer(answer, add_special_tokens=False)["input_ids"])
    if not alone:
        raise EmptyTextError("The tokenizer of this model keeps nothing of this answer.", todo="Give another one.")
    require_known(engine.model, alone)
    return alone


def _mask_place(engine: Engine, plain: Question, answer: str | None) -> tuple[int, ...] | None:
    """Where a masked language model is asked: at the mask of the text, or at the word that is the answer."""
    mask = getattr(engine.tokenizer, "mask_token_id", None)
    if mask is None:
        return None
    if mask in plain.ids:
        return (len(plain.ids) - 1 - plain.ids[::-1].index(mask),)
    if answer is None:
        return None
    start = plain.text.rfind(answer.strip())
    if start < 0:
        raise ReadingError(
            "“{answer}” does not stand in the text, and the text has no {mask}.",
            todo="Name a word of the text, or put {mask} where the answer belongs.",
            answer=answer.strip()[:80],
            mask=engine.tokenizer.mask_token,
        )
    stop = start + len(answer.strip())
    inside = [i for i, token in enumerate(plain.tokens) if not token.special and start <= token.start < stop]
    return tuple(inside) or None


def _ask_mask(engine: Engine, plain: Question, place: tuple[int, ...], answer: str | None) -> Question:
    mask = engine.tokenizer.mask_token_id
    answers: tuple[int, ...] = ()
    masked = tuple(mask if i in place else token for i, token in enumerate(plain.ids))
    if plain.ids[place[0]] == mask:  # the text's own mask
        if answer is not None:
            answers = tuple(engine.tokenizer(answer.strip(), add_special_tokens=False)["input_ids"])
            if len(answers) != 1:
                raise ReadingError(
                    "“{answer}” is {count} tokens, and the mask stands for one.",
                    todo="Give a shorter word.",
                    answer=answer.strip()[:80],
                    count=len(answers),
                )
    else:
        answers = tuple(plain.ids[i] for i in place)
    asked = replace(plain, kind="mask", ids=masked, queries=place, answers=answers, answer=answer)
    if answers:
        return replace(asked, answer=str(engine.tokenizer.decode(list(answers))).strip())
    best = _likeliest(engine, asked)
    return replace(asked, answers=(best.id,), answer=best.text)


def _ask_translation(
    engine: Engine, writer: Writer, text: str, answer: str | None, languages: tuple[str, str] | None
) -> Question:
    """The model's own translation is written once, and then rated under every change."""
    request = TranslationRequest(languages=languages)
    written = answer if answer is not None else translate.write(engine, writer, text, request)
    trace = translate.translate(engine, writer, text, replace(request, target=written), split=False)
    answers = tuple(token.id for token in trace.targets)
    return Question("translation", trace.text, trace.tokens, (), written, answers, memory="cross", languages=languages)


def _predict_translation(
    engine: Engine, writer: Writer, question: Question, changes: Sequence[Change], progress: Progress
) -> Predictions:
    logprobs, candidates, exact = [], [], []
    for number, change in enumerate(changes):
        if change.blanks:
            raise ReadingError(
                "The words of an encoder-decoder cannot be blanked here.", todo="Cover them instead: cut the attention."
            )
        if change.feedforwards:
            raise _no_feedforwards(engine)
        changed = replace(change.interventions, usual="cross")
        request = TranslationRequest(target=question.answer, languages=question.languages, interventions=changed)
        trace = translate.translate(engine, writer, question.text, request, split=False)
        logprobs.append(trace.logprobs.astype(np.float64))
        candidates.append(trace.steps[0] if trace.steps else ())
        likeliest = [step[0].id for step in trace.steps]
        exact.append(likeliest == [token.id for token in trace.targets])
        progress((number + 1) / len(changes), "Asking again")
    array = np.stack(logprobs)
    values = np.exp(array).mean(axis=1)
    return Predictions(read_only(values), read_only(array), tuple(candidates), read_only(np.array(exact)))


# --- many changes in few forward passes ---


class ChangesHandler:
    """Changes attention in a batch of the same text: each row of it in its own way."""

    def __init__(self, changes: Sequence[Change], places: Places) -> None:
        self.changes = changes
        self.places = places
        self._calls: dict[int, int] = {}

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, without what is cut and unplugged in this row."""
        if module not in self.places:
            return attend(call)
        place = self.places.place(module, call, self._calls)
        interventions = self.changes[call.item].interventions
        if not interventions:
            return attend(call)
        call = with_cuts(call, interventions, place, first=call.key.shape[1] - call.query.shape[1])
        return with_ablations(attend(call), interventions, place)


def _unchanged(engine: Engine, question: Question) -> Tensor:
    """What the model makes of the text as it is: [position that answers, size]."""
    ((_, output),) = _outputs(engine, question, [Change()])
    return output[0]


def _outputs(engine: Engine, question: Question, changes: Sequence[Change]) -> Iterator[tuple[Sequence[int], Tensor]]:
    """What the model makes of the text, a batch of changes at a time.

    The numbers of the changes, and [change, position that answers, size]: last hidden states, or logits where they
    cannot be taken apart. What a change does not reach, the beginning of a causal text before the first query that
    loses something, is computed once for all of them: those that begin near each other are asked together.
    """
    if engine.plan.dense:
        yield from _dense_outputs(engine, question, changes)
        return
    length = len(question.ids)
    reached = [_first_changed(change, length) for change in changes]
    past = _past(engine, question, max(reached))
    kept = 0 if past is None else past.get_seq_length()
    starts = {number: min(kept, first) for number, first in enumerate(reached)}
    left = sorted(starts, key=lambda number: starts[number])
    while left:
        start = starts[left[0]]
        most = max(1, min(BATCH, ROWS // max(length - start, length // 8)))
        enough, near = -(-ENOUGH // max(1, length - start)), start + (length - start) // NEAR
        numbers = [n for place, n in enumerate(left[:most]) if place < enough or starts[n] <= near]
        left = left[len(numbers) :]
        part = [changes[number] for number in numbers]
        inputs = _inputs(engine, question, part, start)
        if past is not None and start:
            inputs |= {"past_key_values": _repeated(past, len(part), start), "use_cache": True}
        networks = without_feedforwards(engine, [change.feedforwards for change in part], start=start)
        with handled_by(ChangesHandler(part, engine.plan.places)), networks:
            yield numbers, _hidden(engine, inputs)[:, [place - start for place in question.places]]


def _hidden(engine: Engine, inputs: dict[str, Any]) -> Tensor:
    """Last hidden states; logits, where the head does more than a product."""
    model = engine.model
    if not _predicts(engine) or engine.plan.headed:
        model = model.base_model
    outputs = model(**(inputs if "use_cache" in inputs else without_cache(model, inputs)), return_dict=True)
    logits = getattr(outputs, "logits", None)
    return outputs.last_hidden_state if logits is None else logits


def _inputs(engine: Engine, question: Question, changes: Sequence[Change], start: int) -> dict[str, Any]:
    """The inputs of a batch from position ``start`` on; embeddings in the tokens' place where some are blanked."""
    tensors = engine.tensors({"input_ids": list(question.ids), "token_type_ids": list(question.segments)})
    inputs = {name: tensor[:, start:].expand(len(changes), -1) for name, tensor in tensors.items()}
    if not any(change.blanks for change in changes):
        return inputs
    table = engine.model.get_input_embeddings()
    embeddings = table(inputs.pop("input_ids")).clone()
    nothing = table.weight.float().mean(0).to(embeddings.dtype)
    if (scale := getattr(table, "embed_scale", None)) is not None:
        nothing = nothing * scale
    for row, change in enumerate(changes):
        places = [place - start for place in change.blanks if place >= start]
        if any(not 0 <= place < len(question.ids) for place in change.blanks):
            raise ReadingError("There is no such position to blank.", todo="Give positions of the text's tokens.")
        embeddings[row, places] = nothing
    return {**inputs, "inputs_embeds": embeddings}


def _past(engine: Engine, question: Question, start: int) -> Any:
    """The cache of the beginning before ``start`` and the answer; ``None`` where it is short, or cannot be kept."""
    if not engine.plan.causal or not question.queries:
        return None
    start = min(question.queries[0], start)
    config = getattr(engine.model.config, "get_text_config", lambda **_: None)(decoder=True)
    if start < 2 or config is None or getattr(engine.model.config, "use_cache", None) is None:
        return None
    usual = DynamicCache(config=config).layers
    if len(usual) != engine.plan.layers["self"] or any(type(layer) is not DynamicLayer for layer in usual):
        return None
    cache = DynamicCache()
    inputs = _inputs(engine, replace(question, ids=question.ids[:start], segments=()), [Change()], 0)
    with handled_by(None):
        engine.model.base_model(**inputs, past_key_values=cache, use_cache=True, return_dict=True)
    return cache if cache.get_seq_length() == start else None


def _first_changed(change: Change, length: int) -> int:
    """The first position whose state can be another than without the change, in a text that is read left to right."""
    interventions = change.interventions
    if interventions.ablations or interventions.eviction is not None:
        return 0
    reached = [*change.blanks, *(position for _, position in change.feedforwards)]
    for member in () if interventions.forget is None else interventions.forget.members:
        reached += member.queries if member.queries is not None else member.keys
    return min((place % length for place in reached if -length <= place < length), default=length)


def _repeated(past: Any, count: int, start: int) -> DynamicCache:
    """The beginning of this cache, before ``start``, for so many rows."""
    cache = DynamicCache()
    for number, layer in enumerate(past.layers):
        keys, values = (side[:, :, :start].expand(count, -1, -1, -1) for side in (layer.keys, layer.values))
        cache.update(keys, values, number)
    return cache


def _dense_outputs(
    engine: Engine, question: Question, changes: Sequence[Change]
) -> Iterator[tuple[Sequence[int], Tensor]]:
    """The same of a model whose attention cannot be reached: it can be asked, and not changed."""
    for number, change in enumerate(changes):
        dense.check(engine.model, change.interventions)
        if change.feedforwards:
            raise _no_feedforwards(engine)
        with handled_by(None):
            yield [number], _hidden(engine, _inputs(engine, question, [change], 0))[:, question.places]


def _no_feedforwards(engine: Engine) -> ReadingError:
    return ReadingError(
        "The feed-forward networks of {model} cannot be unplugged here.",
        todo="Choose a language model such as smollm2.",
        model=engine.info.name,
    )


# --- which tokens does the answer depend on, by its gradients? ---


@dataclass(frozen=True, eq=False)
class Relevance:
    """How much does the answer depend on each token of the text, by gradients?

    gradient_input   float64 [token]: |Σ_d e_jd · ∂y/∂e_jd|, of its embedding e and y = log p of the answer
    chefer           float64 [token]: the attention of all layers, each head weighed by its gradient where that is
                     positive, followed from the answer back to the text
    """

    gradient_input: np.ndarray
    chefer: np.ndarray


MOST_RELEVANCE = 512  # tokens whose attention is held with gradients, all of it at once


def relevance(engine: Engine, question: Question) -> Relevance:
    """Which tokens does the answer depend on, by the gradients of its log-probability?

    Gradient × input: |Σ_d e_jd ∂y/∂e_jd| (Denil et al. 2014). Chefer et al. 2021, Transformer Interpretability Beyond
    Attention Visualization and Generic Attention-model Explainability: Ā = E_head[(A ⊙ ∂y/∂A)⁺], R ← R + Ā R from
    R = 1. Raises `ReadingError` for a vector or a translation, a model whose attention cannot be reached or that
    was made inside `torch.inference_mode`, and a text of more than `MOST_RELEVANCE` tokens.
    """
    if question.kind in ("vector", "translation") or engine.plan.dense:
        raise ReadingError(
            "{model} has no gradients of an answer here.",
            todo="Choose a language model such as smollm2.",
            model=engine.info.name,
        )
    if any(tensor.is_inference() for tensor in (*engine.model.parameters(), *engine.model.buffers())):
        raise ReadingError(
            "{model} was made inside torch.inference_mode: no gradient passes through its weights.",
            todo="Build it outside of torch.inference_mode, or open it with memviz.load.",
            model=engine.info.name,
        )
    limits.check_length(len(question.ids), context=MOST_RELEVANCE)
    handler = GradientHandler(engine.plan.places)
    rows = question.places
    with engine.prepared(), torch.inference_mode(False), torch.enable_grad(), recording_gradients(handler):
        inputs = _inputs(engine, question, [Change()], 0)
        table = engine.model.get_input_embeddings()
        embeddings = table(inputs.pop("input_ids")).detach().clone().requires_grad_()
        output = _hidden(engine, {**inputs, "inputs_embeds": embeddings})[0, rows]
        logits = engine.model.get_output_embeddings()(output) if engine.plan.headed else output
        answers = torch.tensor(question.answers, device=logits.device)
        answer = logits.double().log_softmax(-1).gather(1, answers[:, None]).sum()
        gradients = torch.autograd.grad(answer, [embeddings, *handler.weights], allow_unused=True)
    count = len(question.tokens)
    products = (embeddings.detach().double() * gradients[0].double()).sum(-1).abs()[0, :count]
    reached = torch.eye(len(question.ids), dtype=torch.float64, device=products.device)
    for weights, gradient in zip(handler.weights, gradients[1:], strict=True):
        if gradient is not None:
            reached = reached + (weights.detach() * gradient).clamp(min=0).double().mean(0) @ reached
    chefer = reached[rows].sum(0)
    chefer[rows] -= 1  # the answer's own places, which R began with
    return Relevance(read_only(products.cpu().numpy()), read_only(chefer[:count].cpu().numpy()))


@contextmanager
def recording_gradients(handler: GradientHandler) -> Iterator[None]:
    """Attention calls inside go to this handler, with gradients."""
    token = HANDLER.set(handler)
    try:
        yield
    finally:
        HANDLER.reset(token)


class GradientHandler:
    """Computes attention so that gradients can be taken, and keeps the weights of every layer [head, query, key]."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.weights: list[Tensor] = []

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, as softmax attention defines it."""
        groups = call.query.shape[0] // call.key.shape[0]
        key, value = (side.repeat_interleave(groups, dim=0) for side in (call.key, call.value))
        scores = call.query.float() @ key.float().transpose(1, 2) * call.scale
        if call.softcap is not None:
            scores = (scores / call.softcap).tanh() * call.softcap
        if call.bias is not None:
            scores = scores + call.bias
        column = torch.arange(scores.shape[2], device=scores.device)
        hidden = (column < call.visible[:, :1]) | (column >= call.visible[:, 1:])
        scores = scores.masked_fill(hidden, MASKED)
        if call.sink is not None:
            sink = call.sink.float().view(-1, 1, 1).expand(-1, scores.shape[1], 1)
            weights = torch.cat([scores, sink], dim=-1).softmax(-1)[..., :-1]
        else:
            weights = scores.softmax(-1)
        if module in self.places:
            self.weights.append(weights)
        return (weights.to(value.dtype) @ value).transpose(0, 1).contiguous().transpose(0, 1)
