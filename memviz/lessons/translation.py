"""Lessons on the encoder, which writes a memory, and the decoder, which looks things up in it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from memviz import measures
from memviz.errors import ReadingError
from memviz.figures.style.numbers import head_name, percent
from memviz.lessons.registry import Finding, Row, lesson, place_of
from memviz.note import Note
from memviz.progress import Progress
from memviz.reading import Reader


@lesson(
    "The encoder writes, the decoder looks up",
    task="On the page Translate, step through the sentence and watch which source word is read for each word.",
    text="The black cat drinks cold milk.",
    model="firefox-en-pt",
    question="For each word it writes, the decoder reads one source word most. In which order does it go through the "
    "source?",
    options=("From left to right, never back", "It goes back at least once"),
    caveat="An alignment head shows where the decoder looked, not why it chose the word; other heads look elsewhere.",
    page="translate",
)
def alignment(reader: Reader, text: str, progress: Progress) -> Finding:
    """The encoder turns the sentence into a memory: one vector a token. For every word it writes, the decoder looks
    something up in it by cross-attention. Where the languages order their words in another way, the links cross.
    """
    trace = reader.translate(text, progress=progress)
    memory, sides = trace.memory("cross"), trace.sides("cross")
    layer, head = measures.best_head(memory, sides)
    sources = measures.alignment(memory, sides, layer=layer, head=head).source
    places = sources[sources >= 0].tolist()
    back = [step for step, (before, now) in enumerate(pairwise(places), 1) if now < before]
    return Finding(
        rows=(
            Row(Note("steps back in the source"), float(len(back))),
            Row(Note("words written"), float(len(places))),
        ),
        unit=Note("count"),
        is_share=False,
        answer=int(bool(back)),
        statement=Note(
            "“{output}”: in head {head}, which aligns most surely here, the decoder goes back {count} times "
            "in {words} words.",
            {"output": trace.output or "", "head": head_name(layer, head), "count": len(back), "words": len(places)},
        ),
    )


@lesson(
    "Two kinds of working memory",
    task="On the page Translate, open the recurrent state below the picture: how fast does it fade?",
    text="The black cat drinks cold milk.",
    model="firefox-en-pt",
    question="Beside cross-attention this decoder has a recurrent state of fixed size. After the last step, how much "
    "of it still comes from the first step?",
    options=("Less than 1 %", "Between 1 % and 10 %", "10 % or more"),
    caveat="What is held says nothing of what is read out: a small share can still decide.",
    page="translate",
)
def recurrence(reader: Reader, text: str, progress: Progress) -> Finding:
    """Attention holds every token apart and grows with the text. A recurrent state is one box of fixed size: what comes
    in is mixed with what was there, and fades from step to step. This decoder has both.
    """
    trace = reader.translate(text, progress=progress)
    recurrent = trace.recurrent
    if recurrent is None:
        raise ReadingError(
            "{model} has no recurrent state.", todo="Choose a model of Firefox Translations.", model=reader.info.name
        )
    shares = np.mean([recurrent.pattern(layer)[-1] for layer in range(recurrent.layers)], axis=0)
    start = float(np.mean([recurrent.remainder(layer)[-1] for layer in range(recurrent.layers)]))
    newest, first = float(shares[-1]), float(shares[0])
    return Finding(
        rows=(
            Row(Note("from the newest step"), newest),
            Row(Note("from the first step"), first),
            Row(Note("from all steps between"), float(shares[1:-1].sum())),
            Row(Note("of the initial state"), start),
        ),
        unit=Note("share of what is held after the last step, mean over layers and units"),
        answer=place_of(first, (0.01, 0.1)),
        statement=Note(
            "After {steps} steps {newest} of the state come from the newest step and {first} from the first; all "
            "shares together are {total}.",
            {
                "steps": len(shares),
                "newest": percent(newest),
                "first": percent(first),
                "total": percent(float(shares.sum()) + start),
            },
        ),
    )
