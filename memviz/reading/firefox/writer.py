"""How does a Firefox model write? One token after the other, each the likeliest, or by beam search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memviz.errors import ReadingError
from memviz.memory import Interventions, Kind, Recurrent, recurrent_memory
from memviz.progress import Progress, progress_within
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.interventions import StepwiseHandler
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits
from memviz.reading.engine.predictions import Step, top_tokens, writing_steps
from memviz.reading.firefox.engine import FirefoxEngine
from memviz.reading.firefox.network import FirefoxModel, Remembered, UnitStates, stack
from memviz.reading.firefox.tokenizer import FirefoxTokenizer
from memviz.reading.writing.languages import require_default
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.writer import Output, Reading, Source
from memviz.tokens import Token, align, tokenise

TOGETHER = 32  # sentences that are written at once, at most: their logits should stay small
START = Token("⟨start⟩", -1, 0, 0, 0, True, 0, 0)  # what the decoder reads before anything is written: nothing


class FirefoxWriter:
    """See `memviz.reading.writing.writer.Writer`.

    engine             runs the model that writes
    target_tokenizer   of the target language; often that of the source
    languages          from which language into which, such as ("en", "pt"); ``None`` where the files do not say
    """

    by_sentence = True
    encoding = 0.3

    def __init__(
        self,
        engine: FirefoxEngine,
        *,
        target_tokenizer: FirefoxTokenizer | None = None,
        languages: tuple[str, str] | None = None,
    ) -> None:
        self.engine = engine
        self.target_tokenizer = target_tokenizer or engine.tokenizer
        self.languages = languages

    @property
    def unknown(self) -> tuple[int, int]:
        """The ids that stand for what its two vocabularies do not know, of the source and of the target."""
        return self.engine.tokenizer.unk_token_id, self.target_tokenizer.unk_token_id

    @property
    def language_codes(self) -> dict[str, int]:
        """The languages to choose from: none, it translates from one into one."""
        return {}

    @property
    def tasks(self) -> dict[str, str]:
        """What may be put in front of a text: nothing, it does nothing but translate."""
        return {}

    def source(self, text: str, request: TranslationRequest, *, progress: Progress | None = None) -> Source:
        """A sentence, read by the encoder; recorded where somebody waits for it (``progress``)."""
        engine = self.engine
        require_default(request.languages, self.languages, model=engine.info.name)
        if request.task:
            raise ReadingError(
                "{model} does nothing but translate, so it cannot be told a task.",
                todo="Leave `task` out, or choose a model such as t5-small.",
                model=engine.info.name,
            )
        tokens, inputs = tokenise(engine.tokenizer, text)
        limits.check(engine, len(tokens), request.interventions)
        request.check(engine.plan, len(tokens))
        tensors = engine.tensors(inputs)
        if progress is None:
            with engine.prepared(), handled_by(_handler(engine, request.interventions)):
                return Source(text, tokens, tensors, encoded=engine.forward(tensors).source)
        axes = Axes.of_sequence(tokens, tokens, tuple(inputs["input_ids"]))
        recorded = engine.record(tensors, {"encoder": axes}, interventions=request.interventions, progress=progress)
        return Source(text, tokens, tensors, encoded=recorded.outputs.source, memories=recorded.memories)

    def write(self, source: Source, request: TranslationRequest, *, progress: Progress) -> Output:
        """What the model writes for it, at most 2.5 tokens for each of the source, or as many as were asked for.

        Less where it only repeats itself, see `TranslationRequest.stops`.
        """
        engine = self.engine
        with engine.prepared():
            best = search(
                engine.model,
                source.encoded,
                end=self.target_tokenizer.eos_token_id,
                limit=_limit(source, request),
                beam=request.beam,
                handler=_handler(engine, request.interventions),
                callback=lambda step: progress(min(step / len(source.tokens), 1.0), "Writing"),
                stops=lambda ids: request.stops(ids, len(source.ids)),
            )
        return self._output(source, best, request)

    def write_all(self, sources: Sequence[Source], request: TranslationRequest, *, progress: Progress) -> list[Output]:
        """The same for each of several sources; many at once, where the likeliest token is all that is asked for."""
        together = TOGETHER if request.beam == 1 and not request.interventions else 1
        outputs: list[Output] = []
        for start in range(0, len(sources), together):
            part = sources[start : start + together]
            told = progress_within(progress, start / len(sources), (start + len(part)) / len(sources))
            if len(part) == 1:
                outputs.append(self.write(part[0], request, progress=told))
            else:
                outputs += self._write_together(part, request, progress=told)
        return outputs

    def _write_together(
        self, sources: Sequence[Source], request: TranslationRequest, *, progress: Progress
    ) -> list[Output]:
        usual = max(len(source.tokens) for source in sources)
        with self.engine.prepared():
            written = write_greedily(
                self.engine.model,
                [source.encoded for source in sources],
                end=self.target_tokenizer.eos_token_id,
                longest=[_limit(source, request) for source in sources],
                callback=lambda step: progress(min(step / usual, 1.0), "Writing"),
                stops=lambda number, ids: request.stops(ids, len(sources[number].ids)),
            )
        return [self._output(source, best, request) for source, best in zip(sources, written, strict=True)]

    def _output(self, source: Source, best: Hypothesis, request: TranslationRequest) -> Output:
        """What was written, as a text."""
        text = self.target_tokenizer.decode(best.ids)
        targets = align(self.target_tokenizer, best.ids, text)
        repeating = best.unfinished and request.stops(best.ids, len(source.ids))
        return Output(best.ids, text, targets, unfinished=best.unfinished, repeating=repeating, steps=best.steps)

    def force(self, source: Source, target: str) -> Output:
        """The same for a text that the model is made to write."""
        targets, inputs = tokenise(self.target_tokenizer, target)
        return Output(tuple(inputs["input_ids"]), target, targets)

    def read(self, source: Source, output: Output, interventions: Interventions, *, progress: Progress) -> Reading:
        """One pass of the decoder with the whole output, recorded."""
        engine = self.engine
        ids = torch.tensor([output.ids], device=engine.model.device)
        inputs = {"source": source.encoded, "decoder_input_ids": ids}
        axes: dict[Kind, Axes] = {"cross": Axes(output.targets, source.tokens)}
        recorded = engine.record(inputs, axes, interventions=interventions, progress=progress)
        words, units = recorded.outputs.words[0], recorded.outputs.units
        with engine.prepared():
            steps = forced_steps(engine.model, words, output.ids) if output.steps is None else output.steps
        return Reading(recorded.memories, steps, fading_memory(output.targets, units))

    def was_cut(self, output: Output, reading: Reading) -> bool:
        """Did the limit stop it before the model came to an end?"""
        return output.unfinished

    def prepared(self) -> AbstractContextManager[None]:
        """The model as every pass needs it, for all passes of a text: each would begin and end it by itself."""
        return self.engine.prepared()

    def token_text(self, token: int) -> str:
        """What one token of the output looks like: its characters, a space in front where it begins a word."""
        return self.target_tokenizer.token_text(token)


@dataclass(frozen=True)
class Hypothesis:
    """What a model wrote, step by step, the end token last; ``unfinished`` when the limit came before the end."""

    steps: tuple[Step, ...] = ()
    score: float = 0.0  # sum of log-probabilities
    unfinished: bool = True

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens."""
        return tuple(step.id for step in self.steps)

    @property
    def mean(self) -> float:
        """The mean log-probability of a token: what hypotheses of different lengths are compared by."""
        return self.score / max(len(self.steps), 1)


def search(
    model: FirefoxModel,
    source: list[Remembered],
    *,
    end: int,
    limit: int,
    beam: int = 1,
    handler: StepwiseHandler | None = None,
    callback: Callable[[int], None] = lambda step: None,
    stops: Callable[[Sequence[int]], bool] = lambda ids: False,
) -> Hypothesis:
    """What does the model write, having read a source? At most ``limit`` tokens, ``end`` the last.

    With a ``beam`` of one, the likeliest token at every step (greedy). With more, the likeliest hypotheses are kept
    side by side; one that ends leaves the beam a place smaller; in the end the one with the highest mean
    log-probability wins (as in Marian, with ``normalize: 1.0``). ``callback(step)`` is called before every step, and
    may raise to stop.
    """
    decoder = model.decoder
    hypotheses: list[Hypothesis] = [Hypothesis()]
    finished: list[Hypothesis] = []
    states, words = decoder.start(), torch.zeros_like(decoder.embedding.positions(1))[None]
    with handled_by(handler) if handler is not None else nullcontext(), torch.inference_mode():
        for step in range(limit):
            callback(step)
            if handler is not None:
                handler.step = step
            hidden, units = decoder(words + decoder.embedding.positions(1, start=step), source, states)
            longer = _continuations(hypotheses, model.logits(hidden[:, 0]), count=beam - len(finished), end=end)
            finished += [hypothesis for hypothesis, _ in longer if not hypothesis.unfinished]
            longer = [(hypothesis, parent) for hypothesis, parent in longer if hypothesis.unfinished]
            hypotheses = [hypothesis for hypothesis, _ in longer]
            if not hypotheses or stops(hypotheses[0].ids):
                break
            states = [unit.state[[parent for _, parent in longer], -1] for unit in units]
            latest = [[hypothesis.steps[-1].id] for hypothesis in hypotheses]
            words = decoder.embedding(torch.tensor(latest, device=model.device))
    return max([*finished, *hypotheses], key=lambda hypothesis: hypothesis.mean)


def write_greedily(
    model: FirefoxModel,
    sources: Sequence[list[Remembered]],
    *,
    end: int,
    longest: Sequence[int],
    callback: Callable[[int], None] = lambda step: None,
    stops: Callable[[int, Sequence[int]], bool] = lambda number, ids: False,
) -> list[Hypothesis]:
    """What does the model write for each of several sources? As `search` with a beam of one, all of them step by step.

    ``longest``: the most tokens of each source; ``stops(number, ids)`` of a source. A sentence that has come to its end
    leaves the batch.
    """
    decoder = model.decoder
    hypotheses = [Hypothesis() for _ in sources]
    writing = list(range(len(sources)))
    with torch.inference_mode():
        batch = [stack(texts) for texts in zip(*sources, strict=True)]
        states = decoder.start()
        words = torch.zeros_like(decoder.embedding.positions(1)).expand(len(sources), 1, -1)
        for step in range(max(longest)):
            callback(step)
            hidden, units = decoder(words + decoder.embedding.positions(1, start=step), batch, states)
            ids, logprobs, _ = top_tokens(model.logits(hidden[:, 0]).float())
            for number, top, shares in zip(writing, ids, logprobs, strict=True):
                before = hypotheses[number]
                steps = (*before.steps, Step(top[0], shares[0], top, shares))
                hypotheses[number] = Hypothesis(steps, before.score + shares[0], top[0] != end)
            rows = [
                row
                for row, number in enumerate(writing)
                if hypotheses[number].unfinished
                and step + 1 < longest[number]
                and not stops(number, hypotheses[number].ids)
            ]
            if not rows:
                break
            if len(rows) < len(writing):
                batch = [layer.rows(rows) for layer in batch]
            writing = [writing[row] for row in rows]
            states = [unit.state[rows, -1] for unit in units]
            latest = [[hypotheses[number].steps[-1].id] for number in writing]
            words = decoder.embedding(torch.tensor(latest, device=model.device))
    return hypotheses


def forced_steps(model: FirefoxModel, words: Tensor, ids: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of writing exactly these tokens; ``words`` [token, width] is what the decoder had at each."""
    return writing_steps(lambda rows: model.logits(words[rows]), ids)


def fading_memory(targets: tuple[Token, ...], units: list[UnitStates]) -> Recurrent:
    """What the recurrent units kept, by layer; each step reads the token written before."""
    keys = START, *(replace(token, word=token.word + 1, group=token.group + 1) for token in targets[:-1])
    arrays = {
        f"{name}s": torch.stack([getattr(unit, name)[0] for unit in units]).float().cpu().numpy()
        for name in ("gate", "candidate", "state")
    }
    return recurrent_memory(targets, keys, **arrays)


def _limit(source: Source, request: TranslationRequest) -> int:
    """How many tokens may be written for it? The decoder counts no positions; a server may."""
    limit = request.limit(len(source.ids))
    return min(limit, limits.context_limit(None) or limit)


def _handler(engine: FirefoxEngine, interventions: Interventions) -> StepwiseHandler | None:
    """What changes attention while the model runs without being recorded; ``None`` where nothing is changed."""
    return StepwiseHandler(interventions, engine.plan.places) if interventions else None


def _continuations(
    hypotheses: list[Hypothesis], logits: Tensor, *, count: int, end: int
) -> list[tuple[Hypothesis, int]]:
    """The ``count`` likeliest continuations, each with the number of the hypothesis that it continues."""
    logits = logits.float()
    ids, logprobs, total = top_tokens(logits)
    wider = logits.topk(min(count, logits.shape[1])) if count > len(ids[0]) else None
    candidates = []
    for number, hypothesis in enumerate(hypotheses):
        pairs: tuple[Sequence[int], Sequence[float]] = ids[number], logprobs[number]
        if wider is not None:
            pairs = wider.indices[number].tolist(), (wider.values[number] - total[number]).tolist()
        for token, logprob in list(zip(*pairs, strict=True))[:count]:
            step = Step(token, logprob, ids[number], logprobs[number])
            candidates.append((hypothesis.score + logprob, number, step))
    candidates.sort(key=lambda candidate: -candidate[0])
    return [
        (Hypothesis((*hypotheses[number].steps, step), score, step.id != end), number)
        for score, number, step in candidates[:count]
    ]
