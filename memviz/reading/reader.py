"""A model that is ready to read: text in, `Trace` out. A face; what each method does is one call down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
from transformers import PreTrainedModel

from memviz.errors import ReadingError
from memviz.memory import Ablate, Eviction, Forget, Kind, OnLayers, interventions
from memviz.progress import Progress
from memviz.reading import pictures, prompts, questions, sounds, texts, windows
from memviz.reading.decompose import Decomposition, decompose
from memviz.reading.engine.engine import Engine, TransformersEngine
from memviz.reading.engine.held import require_model
from memviz.reading.engine.probe import Plan
from memviz.reading.formula import Formula, formula
from memviz.reading.hidden_states import HiddenStates, hidden_states
from memviz.reading.lens import Lens, look_through
from memviz.reading.prompts import OnToken
from memviz.reading.questions import Change, Predictions, Question, Relevance
from memviz.reading.sounds import Spectrogram
from memviz.reading.texts import read_texts
from memviz.reading.writing import both_sides, translate
from memviz.reading.writing.generation_request import GenerationRequest
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.transformers_writer import TransformersWriter
from memviz.reading.writing.writer import Writer
from memviz.tokens import clean, require_text
from memviz.trace import ModelInfo, Trace


@final
class Reader:
    """Reads texts with one model, and remembers what it saw.

    ``Reader(model, tokenizer)`` takes any transformers model you already hold; its configuration is put back
    after every reading. `memviz.load` opens one by name. A reader may be shared by threads.

    model, tokenizer   as given; in the tokenizer's place, for pictures an image processor, for sounds a processor that
                       has a feature extractor and a tokenizer
    info               which model this is, and how it is read
    owned              the model is nobody else's: it stays as readings need it, and several can run at once
    engine, writer     what runs the model, and what writes with it; see `memviz.reading.engine` and `.writing`
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any = None,
        *,
        info: ModelInfo | None = None,
        owned: bool = False,
    ) -> None:
        require_model(model, tokenizer)
        engine = TransformersEngine(model, tokenizer, info=info, owned=owned)
        self.engine: Engine = engine
        self.writer: Writer = TransformersWriter(engine)

    @classmethod
    def of(cls, engine: Engine, writer: Writer) -> Reader:
        """A reader of whatever ``engine`` and ``writer`` there are, such as those of a Firefox model."""
        reader = cls.__new__(cls)
        reader.engine, reader.writer = engine, writer
        return reader

    def __repr__(self) -> str:
        return f"<Reader {self.info.label} · {self.info.layers} layers × {self.info.heads} heads · {self.info.device}>"

    @property
    def parameters(self) -> int:
        """How many numbers the weights of the model are; those that two of its parts share count once."""
        return sum(part.numel() for part in self.model.parameters())

    @property
    def weight_bytes(self) -> int:
        """How many bytes the weights take while the model is open: more than its files, where those are quantised."""
        return sum(part.numel() * part.element_size() for part in self.model.parameters())

    def read(
        self,
        text: str,
        pair: str | None = None,
        forget: Forget | None = None,
        *,
        eviction: Eviction | None = None,
        ablate: Ablate | Sequence[Ablate] | None = None,
        progress: Progress | None = None,
        on_layers: OnLayers | None = None,
    ) -> Trace:
        """What does the model look at when it reads this text?

        ``pair`` is the second text of a sentence pair; an encoder-decoder takes it as the target to write, and without
        one writes its own (in the language of the text, when it knows many and was told none), reading the text as one.
        One that rates a text or finds an answer in it is given the text, or the pair, on both sides.
        ``forget`` are edges it may not use, ``eviction`` the rule by which a cache lets keys go, ``ablate`` heads that
        write nothing. ``progress(fraction, label)`` is called after every layer, and may raise to stop. ``on_layers``
        is called with the pictures of the heads (`LayersRead`) as the layers of a model that only reads are done.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError` and other `ReadingError`.
        """
        if self.info.kind == "encoder-decoder":
            changes = interventions(forget, eviction, ablate, usual="cross")
            if both_sides.reads_both_sides(self.model):
                return both_sides.read_both_sides(self.engine, self.writer, text, pair, changes, progress=progress)
            target = None if pair is None else require_text(pair)
            request = TranslationRequest(target, changes, languages=self._languages_of_text())
            return translate.translate(self.engine, self.writer, text, request, split=False, progress=progress)
        changes = interventions(forget, eviction, ablate, usual="self")
        return texts.read_text(self.engine, text, pair, changes, progress=progress, on_layers=on_layers)

    def read_batch(self, texts: Sequence[str]) -> list[Trace]:
        """What does the model look at in each of several ``texts``? The traces that `read` gives, from one pass.

        For many short texts: the fixed costs of a pass are paid once. All have as many tokens (see `count`), so that
        nothing is padded. Raises as `read` does, `ReadingError` for texts of several lengths and for an
        encoder-decoder.
        """
        if not isinstance(self.engine, TransformersEngine) or self.info.kind == "encoder-decoder":
            raise ReadingError(
                "{model} reads one text and writes another, one at a time.",
                todo="Read them one by one.",
                model=self.info.name,
            )
        return read_texts(self.engine, texts)

    def read_ids(
        self,
        ids: Sequence[int],
        forget: Forget | None = None,
        *,
        eviction: Eviction | None = None,
        ablate: Ablate | Sequence[Ablate] | None = None,
        progress: Progress | None = None,
    ) -> Trace:
        """What does the model look at when it reads exactly these tokens?

        For ``ids`` that were not made from a text, such as random ones; nothing is added to them. The trace's text is
        what they decode to. ``forget``, ``eviction``, ``ablate`` and ``progress`` as in `read`. Raises as `read` does,
        and `ReadingError` for an encoder-decoder.
        """
        changes = interventions(forget, eviction, ablate, usual="self")
        return texts.read_ids(self.engine, ids, changes, progress=progress)

    def translate(
        self,
        text: str,
        target: str | None = None,
        forget: Forget | None = None,
        *,
        beam: int = 1,
        max_new_tokens: int | None = None,
        languages: tuple[str, str] | None = None,
        task: str | None = None,
        eviction: Eviction | None = None,
        ablate: Ablate | Sequence[Ablate] | None = None,
        split: bool = True,
        progress: Progress | None = None,
    ) -> Trace:
        """What does an encoder-decoder write for this text, and what does it read to write every token?

        Without a ``target`` the model writes its own output: the likeliest token at every step (a transformers model by
        its own `generate` and settings), or with a ``beam`` of several hypotheses. With one, it is made to write that
        (teacher forcing). One pass with the whole output follows, so that every row shows what was looked at to write
        that token. At most ``max_new_tokens`` are written, usually 2.5 for each token read (128 at least, where the
        model was not trained on single sentences), and not more than were read once the model only repeats the last
        few; when either cuts the output, ``trace.notes`` says so.

        A model that was trained on single sentences (Firefox) reads a text of several one by one, each into a trace of
        its own in ``trace.parts``; ``split=False`` reads the text as one, as every other model does.

        ``languages`` are codes of `languages_known`, from which into which, otherwise `languages`; they are tokens of
        the trace, the target's too, in the place where the model reads or writes it. ``task`` is put in front of the
        text, with a space between (see `tasks`): ``trace.text`` begins with it, and its words are words of the source
        like any others, because that is what the model reads.

        ``forget`` applies to cross-attention, while the model writes as well as in the reading. Positions that are
        counted from the end of the output need a ``target``; a named position that is never written is ignored.
        ``eviction`` applies to the decoder's attention to its own words, ``ablate`` to cross-attention unless it names
        another memory. ``progress`` as in `read`.

        The trace holds the memories "encoder", "cross" (rows: the tokens written; columns: the source) and "decoder"
        (columns: the decoder's inputs, shifted right) or ``recurrent``, log-probabilities and the likeliest tokens of
        every step, as the model rates them before its settings rule any out.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError`, `TraceError` for positions that are not
        there, and `ReadingError` for a language that the model does not know, one it has to be told, and edges to
        forget in a text of several sentences.
        """
        changes = interventions(forget, eviction, ablate, usual="cross")
        target = None if target is None else require_text(target)
        request = TranslationRequest(target, changes, beam, max_new_tokens, languages, task)
        return translate.translate(self.engine, self.writer, text, request, split=split, progress=progress)

    def sentences(self, text: str) -> tuple[str, ...]:
        """Which parts of a text does `translate` read one by one? The text alone where it reads it as one.

        Raises `EmptyTextError`.
        """
        return translate.sentences(self.engine, self.writer, text)

    def generate(
        self,
        prompt: str | None = None,
        max_new_tokens: int = 64,
        *,
        chat: Sequence[Mapping[str, str]] | None = None,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        stop: str | Sequence[str] = (),
        prefix: Sequence[int] = (),
        forget: Forget | None = None,
        eviction: Eviction | None = None,
        ablate: Ablate | Sequence[Ablate] | None = None,
        on_token: OnToken | None = None,
        progress: Progress | None = None,
    ) -> Trace:
        """How does a language model continue this text, and what does it read to write every token?

        transformers' own `generate` writes after the ``prompt``, at most ``max_new_tokens``: the likeliest token at
        every step, or with a ``temperature`` above 0 one drawn from the softmax of the logits divided by it (``top_k``,
        ``top_p`` and ``seed`` as in `memviz.generation.Generation`). One recorded reading of prompt and output together
        follows.
        ``chat`` is a list of ``{"role": …, "content": …}`` in the prompt's place, put into words by the model's own
        template. ``stop``: texts that end it. ``prefix``: tokens (ids) that the output begins with, whatever the model
        thinks of them; it goes on from there, and rates them like those it writes. ``on_token(text)`` is called with
        what each token adds, once its characters are whole; it stops the writing by giving back ``False``. ``forget``,
        ``eviction`` and ``ablate`` as in `read`, while it writes as well as in the reading: a cache that lets keys go
        really shrinks. ``progress`` as in `read`.

        In the trace, ``text`` and ``tokens`` hold prompt and output, ``output`` what was written, ``written`` where
        that is among the tokens, ``steps`` what else could have been written, ``generation`` ranks, entropies, why it
        stopped, and ``cache`` what the cache took.

        Raises `EmptyTextError`, `TextTooLongError` when no room is left to write, `MemoryBudgetError`, and
        `ReadingError` for a model that does not continue texts, one without a chat template, and settings that no
        model has.
        """
        changes = interventions(forget, eviction, ablate, usual="self")
        request = GenerationRequest.of(
            max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop
        )
        return prompts.generate(
            self.engine, prompt, request, changes, chat=chat, prefix=prefix, on_token=on_token, progress=progress
        )

    def ask(
        self,
        text: str,
        answer: str | None = None,
        *,
        pair: str | None = None,
        languages: tuple[str, str] | None = None,
    ) -> Question:
        """What can this model be asked about a text: how likely is an answer, or which vector does it make?

        ``answer``: for a language model what follows the text (with a space between, where both sides are words), for a
        masked one a word of the text, or what stands for its mask, for an encoder-decoder the translation. Without one
        it is the model's own: the likeliest. Any other encoder makes a vector, and has no answer; so does one that is
        given a ``pair``, the second text of a sentence pair. ``languages`` of a translation as in `translate`.

        Raises `EmptyTextError`, `TextTooLongError`, and `ReadingError` for an answer that the model cannot give.
        """
        return questions.ask(self.engine, self.writer, text, answer, pair=pair, languages=languages)

    def predict(
        self, question: Question, changes: Sequence[Change], *, progress: Progress | None = None
    ) -> Predictions:
        """How does the model answer this ``question`` under each of these ``changes``? Nothing is recorded.

        `Predictions.effects` are against the first of the ``changes``. What no change reaches is computed once, and
        several are tried in one forward pass. ``progress`` as in `read`.

        Raises `TraceError` for layers, heads and positions that are not there, and `ReadingError` for what cannot be
        changed about this model.
        """
        return questions.predict(self.engine, self.writer, question, changes, progress=progress)

    def relevance(self, question: Question) -> Relevance:
        """Which tokens does the answer to this ``question`` depend on, by gradients?

        Raises `ReadingError` where the answer has no probability, for a model whose attention cannot be reached, and
        for a text of more than 512 tokens.
        """
        return questions.relevance(self.engine, question)

    def look_through(self, question: Question) -> Lens:
        """What would each layer answer to this ``question``, if it were the last?

        Raises `ReadingError` for a model that predicts no words.
        """
        return look_through(self.engine, question)

    def look(
        self,
        image: Any,
        forget: Forget | None = None,
        *,
        ablate: Ablate | Sequence[Ablate] | None = None,
        progress: Progress | None = None,
    ) -> Trace:
        """What does the model look at in this picture?

        ``image`` is a path, the bytes of a file, a PIL image, or an array [height, width, 3] of whole numbers from 0 to
        255; the reader was made with an image processor. Files are opened upright, in RGB, on white. The trace has the
        memory "self", whose units are patches (`trace.source`). ``forget``
        names them by position; ``ablate`` and ``progress`` as in `read`, which says what is raised.
        """
        return pictures.look(self.engine, image, interventions(forget, None, ablate, usual="self"), progress=progress)

    def picture_vectors(self, image: Any, changes: Sequence[Change], *, progress: Progress | None = None) -> np.ndarray:
        """Which vector does the model make of this picture under each of these ``changes``? Float64 [change, width].

        The last hidden state of [CLS]; of a model without such a token, the mean of its patches'. ``image`` as in
        `look`, which says what is raised; ``progress`` as in `read`.
        """
        return pictures.picture_vectors(self.engine, image, changes, progress=progress)

    def transcribe(
        self,
        audio: Any,
        rate: int | None = None,
        target: str | None = None,
        forget: Forget | None = None,
        *,
        start: float | None = None,
        language: str | None = None,
        prefix: Sequence[int] = (),
        by_character: bool = False,
        kind: Literal["cross", "decoder"] = "cross",
        beam: int = 1,
        max_new_tokens: int | None = None,
        ablate: Ablate | Sequence[Ablate] | None = None,
        progress: Progress | None = None,
    ) -> Trace:
        """What does the model write for this sound, and which moments does it read to write every token?

        ``audio`` is the path or the bytes of a WAV, FLAC, OGG or MP3 file, or numbers [sample] or [sample, channel]
        from −1 to 1, ``rate`` of them a second (without it, as many as the model takes). The reader was made with a
        processor that has a feature extractor and a tokenizer. Of a recording longer than the model's window, the
        window from second ``start`` on is heard. ``language`` is the code of what is spoken, such as "zh", for a model
        that knows many; without it the model decides. ``prefix``: the ids of what is written already, behind which the
        model goes on. ``by_character``: the ``target`` is forced letter by letter, without punctuation. ``kind``: in
        which memory ``forget`` names positions: of frames ("cross"), or of what is written and was given as ``prefix``
        ("decoder", where 0 is the token that the decoder starts with).

        The trace has the memories "encoder" (frames), "decoder" and "cross" (tokens written × frames); the frames are
        in `trace.source`, those of added silence special. A model that was opened by name hears no longer than the
        sound is. ``target``, ``forget``, ``beam``, ``max_new_tokens``, ``ablate`` and ``progress`` as in `translate`,
        which says what is raised.
        """
        changes = interventions(forget, None, ablate, usual=kind)
        request = TranslationRequest(target, changes, beam, max_new_tokens)
        part = sounds.SoundPart(rate, start, language, tuple(prefix), by_character)
        return sounds.transcribe(self.engine, audio, part, request, progress=progress)

    def spectrogram(self, audio: Any, rate: int | None = None, *, start: float | None = None) -> Spectrogram:
        """What does the model take of this sound? Its samples and their log-mel spectrogram, the very input it hears.

        ``audio``, ``rate`` and ``start`` as in `transcribe`, which says what is raised.
        """
        return sounds.spectrogram(self.engine, audio, sounds.SoundPart(rate, start))

    def write(self, text: str, *, beam: int = 1, max_new_tokens: int | None = None) -> str:
        """What does the model write for this text as one? Nothing is recorded.

        ``beam`` and ``max_new_tokens`` as in `translate`, which says what is raised.
        """
        request = TranslationRequest(beam=beam, max_new_tokens=max_new_tokens, languages=self._languages_of_text())
        return translate.write(self.engine, self.writer, text, request)

    def decompose(self, text: str, layer: int) -> Decomposition:
        """What does one ``layer`` write into each token of a ``text``, piece by piece? See `Decomposition`."""
        return decompose(self.engine, text, layer=layer)

    def formula(
        self,
        text: str,
        layer: int,
        head: int,
        query: int = -1,
        *,
        kind: Kind | None = None,
        target: str | None = None,
    ) -> Formula:
        """How does one look-up work, in numbers? One token (``query``, the last if none is named) in one head.

        ``kind``: the memory, usually "self", in an encoder-decoder "cross", which then writes its own output, or the
        ``target``. Raises `TraceError` for what is not there, `MeasureError` for a model whose attention is not
        recorded, and as `read` does.
        """
        return formula(
            self.engine,
            self.writer,
            text,
            layer=layer,
            head=head,
            query=query,
            kind=kind,
            target=target,
            languages=self._languages_of_text(),
        )

    def hidden_states(self, text: str) -> HiddenStates:
        """What is every token of a ``text`` before the first layer, and after each? Raises as `read` does."""
        return hidden_states(self.engine, text)

    def count(self, text: str, pair: str | None = None) -> int:
        """With how many tokens is this ``text`` read, with its ``pair`` if there is one?"""
        return texts.count_tokens(self.engine, text, pair)

    def window(self, text: str, start: int = 0, tokens: int | None = None, pair: str | None = None) -> str:
        """The part of the ``text`` from token ``start`` on that fits; ``tokens`` and ``pair`` as in `stretch`."""
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
        return windows.window_of_text(self.engine, text, start, tokens, pair, TranslationRequest(task=task).prompt)

    def estimate(self, tokens: int) -> float:
        """About how many bytes would a reading of so many ``tokens`` take?"""
        return self.engine.estimate(tokens)

    @property
    def model(self) -> Any:
        """The network."""
        return self.engine.model

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the texts that it reads."""
        return self.engine.tokenizer

    @property
    def info(self) -> ModelInfo:
        """Which model this is, and how it is read."""
        return self.engine.info

    @property
    def plan(self) -> Plan:
        """How its attention is read."""
        return self.engine.plan

    @property
    def languages(self) -> tuple[str, str | None] | None:
        """From which language into which, when none are asked for? ``None`` for a model that says nothing of languages.

        The target alone is ``None`` where one has to be chosen.
        """
        return self.writer.languages

    @property
    def languages_known(self) -> Mapping[str, int]:
        """Which languages can be chosen? Codes and their tokens; none where there is nothing to choose."""
        return self.writer.language_codes

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """Which languages can the model be told to hear? Their codes; none where there is nothing to choose."""
        return sounds.spoken_languages(self.engine)

    @property
    def tasks(self) -> Mapping[str, str]:
        """What may be put in front of a text to say what to do with it? Texts by name; none where nothing is known."""
        return self.writer.tasks

    def _languages_of_text(self) -> tuple[str, str] | None:
        """The languages for a text that is only read: where the one to write has to be chosen, that of the text."""
        default = self.languages
        return (default[0], default[1] or default[0]) if default and self.languages_known else None
