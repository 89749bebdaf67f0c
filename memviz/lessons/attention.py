"""Lessons on where a model looks: heads, attention sinks, and what comes next."""

from __future__ import annotations

import numpy as np

from memviz import measures
from memviz.experiments import blank, cover
from memviz.experiments.words import find_words
from memviz.figures.style.numbers import percent
from memviz.lessons.registry import Finding, Row, lesson, place_of
from memviz.note import Note
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.tokens import distinct_texts


@lesson(
    "A head is one way of looking back",
    task="Choose the last word on the page Home: for each word that it attends to, its card names the head in which "
    "that is most special.",
    text="When Mary and John went to the store, John gave a drink to",
    model="smollm2",
    question="Attention sinks aside, one word gets most of the last word's attention, averaged over all heads. Is it "
    "the word that the answer needs?",
    options=("Yes, it is the same word", "No, the answer needs another word"),
    caveat="A mean over heads mixes those that matter with those that rest; a text with a hidden word is an odd one, "
    "too.",
    page="home",
)
def heads(reader: Reader, text: str, progress: Progress) -> Finding:
    """Every layer has several heads, and each has its own way of looking back. A picture that averages over all of them
    shows where most of the weight lies. Whether the answer hangs on that word is another question: it is asked by
    hiding one word after the other from all others.
    """
    found = blank(reader, text, progress=progress_within(progress, 0, 0.9))
    trace = reader.read(text)
    words, memory = trace.words, trace.memory("self")
    last = np.zeros(len(memory.keys))
    for layer in range(memory.layers):
        for head in range(memory.heads):
            last += memory.pattern(layer, head, rows=[len(memory.keys) - 1])[0]
    count = memory.layers * memory.heads
    weights = [float(last[list(words[number].tokens)].sum()) / count for number in found.numbers]
    names = distinct_texts(words)
    most, needed = int(np.argmax(weights)), int(np.argmax(found.attention))
    looked, dear = names[found.numbers[most]], names[found.numbers[needed]]
    return Finding(
        rows=(
            Row(Note("mean attention to “{word}”", {"word": looked}), weights[most]),
            Row(Note("mean attention to “{word}”", {"word": dear}), weights[needed]),
        ),
        unit=Note("share of the last word's attention, mean over all heads"),
        answer=int(most != needed),
        statement=Note(
            "Attention sinks aside, the last word looks most at “{looked}” over all {heads} heads ({weight}). Hiding "
            "“{dear}” from all other words costs the answer “{answer}” most: it becomes {factor:.3g} times less "
            "likely.",
            {
                "heads": count,
                "looked": looked,
                "weight": percent(weights[most], digits=1),
                "dear": dear,
                "answer": (found.question.answer or "").strip(),
                "factor": float(np.exp(found.attention[needed])),
            },
        ),
    )


@lesson(
    "Looked at is not the same as remembered",
    task="On the page Heads, compare the first column in raw weights and in value norms.",
    text="When the old librarian closed the heavy door behind her, the lamps along the river were already burning, and "
    "the last tram of the evening, almost empty, carried her slowly home through streets that smelled of rain.",
    model="minilm",
    question="Part of the attention goes to attention sinks such as [CLS] and [SEP]. How much of what is written into "
    "the words comes from them?",
    options=("About as large a part", "At most half as large a part", "A larger part"),
    caveat="Norms ignore direction: a short vector can matter, and long ones can cancel.",
    page="heads",
    settings={"values": "value norm"},
)
def sinks(reader: Reader, text: str, progress: Progress) -> Finding:
    """Attention weights say where a head looks. What it takes from there is the weight times the value vector, and the
    value vectors of attention sinks can be very short. So a dark column is not yet a memory.
    """
    memory = reader.read(text, progress=progress).memory()
    looked = float(np.nanmean(measures.sink_share(memory)))
    written = float(np.nanmean(measures.sink_value_share(memory)))
    ratio = written / looked if looked > 0 else float("nan")
    return Finding(
        rows=(Row(Note("of the attention"), looked), Row(Note("of what is written"), written)),
        unit=Note("share of the attention sinks, mean over all heads"),
        answer=2 if ratio > 1.2 else int(ratio <= 0.5),
        statement=Note(
            "The attention sinks get {looked} of the attention, and {written} of what is written comes from them.",
            {"looked": percent(looked), "written": percent(written)},
        ),
    )


@lesson(
    "To recall is to find what came next",
    task="On the page Heads, see what the last token attends to in the head that opens: what stood behind the same "
    "piece before?",
    text="Mr Dursley sold drills. Mrs Potter was thin. Mr Durs",
    model="smollm2",
    question="The name came once before, and is made of pieces that mean nothing. How sure is the model of its next "
    "piece?",
    options=("Less than 10 %", "Between 10 % and 50 %", "50 % or more"),
    caveat="A high probability says that the text was used, not by which head; the page Forget can unplug heads.",
    page="heads",
    settings={"layer": "18", "head": "6"},
)
def induction(reader: Reader, text: str, progress: Progress) -> Finding:
    """A model that never saw a name can still go on with it, when the name came before: it looks for the place where
    the same piece stood, and takes what came after. Heads that do so are called induction heads.
    """
    found = cover(reader, text, [_before(reader, text)], progress=progress)
    answer = (found.answer or "").strip()
    return Finding(
        rows=(
            Row(Note("with the whole text"), found.before),
            Row(Note("with the first time covered"), found.after),
            Row(Note("with another word covered (median)"), found.control),
        ),
        unit=found.question.unit,
        answer=place_of(found.before, (0.1, 0.5)),
        statement=Note(
            "The model goes on with “{answer}” at {before}. When it cannot look at the place where that stood before, "
            "{after} are left; with another word covered, {control}.",
            {
                "answer": answer,
                "before": percent(found.before),
                "after": percent(found.after),
                "control": percent(found.control),
            },
        ),
    )


def _before(reader: Reader, text: str) -> int:
    """The word that holds the answer, where it stood before. Raises `TraceError` where it did not."""
    question = reader.ask(text)
    wanted = (question.answer or "").strip()
    words = reader.read(text).words
    holders = [number for number, word in enumerate(words) if wanted and wanted in word.text]
    return holders[0] if holders else find_words(words, wanted)[0]
