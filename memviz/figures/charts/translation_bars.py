"""Was every source word read, and how sure was the model of what it wrote? One bar a word, or a token."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from memviz import measures
from memviz.errors import TraceError
from memviz.figures.charts.bar_chart import Kind, bar_chart, bar_texts, first_words
from memviz.figures.charts.bars import by_word, head_fields, select_heads
from memviz.figures.data.captions import which_head
from memviz.figures.style import phrases
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.measures.cross import Sides
from memviz.memory import Memory
from memviz.trace import Trace

LOWEST_TOP = 1.5  # of the axis: the line at 1 is always seen, and never at the edge
OTHERS = 4  # alternatives on hovering
NAMED = 40  # source words in the text alternative

_COVERAGE = Kind(phrases.COVERAGE, phrases.COVERAGE_UNIT, phrases.COVERAGE_HOVER, share=False)
_PROBABILITY = Kind(
    phrases.PROBABILITY,
    phrases.PROBABILITY_UNIT,
    phrases.PROBABILITY_HOVER,
    share=True,
    pooled=phrases.LEAST_SHARED,
    least=True,
)


def coverage_bars(
    memory: Memory,
    sides: Sides,
    *,
    layer: int | None = None,
    head: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How many target tokens was each source word read for?

    One bar a source word, from 0, as `measures.word_coverage`; the mean over layers or heads where ``layer`` or
    ``head`` is ``None``. ``sides`` are those of ``trace.sides("cross")``. Added tokens are grey. The line at 1 is what
    a word translated by one token would have; the axis ends above the highest bar of this picture, since most heads
    rest on one token, and next to those a head that aligns could not be read. More than 256 words share bars, and the
    largest of them counts. ``caption`` stands after the notes on what is shown; "" leaves both out of the picture.

    Raises `MeasureError` for anything but cross-attention, `TraceError` for a head that is not there and for words of
    another text.
    """
    memory.require_head(layer or 0, head or 0)
    words = sides[1]
    bars, _ = select_heads(by_word(measures.coverage(memory), words, total=True), layer, head)
    texts, name = [word.text for word in words], which_head(memory, layer, head, translate)
    total = say(translate, phrases.COVERAGE_TOTAL, words=len(words), tokens=len(memory.queries))
    grey = [translate(phrases.ADDED_BARS)] if any(word.special for word in words) else []
    values = bar_texts(_COVERAGE, bars, texts, range(len(words))[:NAMED]) + (", …" if len(words) > NAMED else "")
    return bar_chart(
        _COVERAGE,
        bars,
        texts,
        top=max(LOWEST_TOP, float(bars.max()) * 1.05),
        notes=[name, total, *grey, translate(measures.MEASURES["coverage"].caveat)],
        alt=say(translate, phrases.COVERAGE_ALT, count=len(words), head=name, values=values),
        fields=head_fields(memory, layer, head) | {"view": "coverage", "between": "words"},
        muted=[word.special for word in words],
        at_one=translate(phrases.COVERAGE_ONE),
        title=title,
        caption=caption,
        translate=translate,
    )


def probability_bars(
    trace: Trace, *, title: str | None = None, caption: str | None = None, translate: Translate = str
) -> go.Figure:
    """How sure was the model of each token it wrote, and what could it have written instead?

    One bar a target token: the probability (0..1) that the model gave it at the step that wrote it; the likeliest
    alternatives on hovering, where the trace has them. Added tokens are grey. More than 256 tokens share bars, and
    the least sure of them counts. ``caption`` stands after the notes on what is shown; "" leaves both out of the
    picture. Raises `TraceError` where nothing was written.
    """
    if not trace.targets:
        raise TraceError("{model} wrote nothing here.", todo="Translate a text.", model=trace.model.name)
    texts, sure = [token.text for token in trace.targets], np.exp(trace.logprobs)
    grey = [translate(phrases.ADDED_BARS)] if any(token.special for token in trace.targets) else []
    least = first_words(_PROBABILITY, sure, texts, translate)
    return bar_chart(
        _PROBABILITY,
        sure,
        texts,
        top=1.05,
        notes=[translate(phrases.PROBABILITY_NOTE), *grey],
        alt=say(translate, phrases.PROBABILITY_ALT, count=len(texts), least=least),
        fields={"view": "probability of each target token", "between": "tokens"},
        muted=[token.special for token in trace.targets],
        more=_alternatives(trace, translate) if trace.steps else None,
        title=title,
        caption=caption,
        translate=translate,
    )


def _alternatives(trace: Trace, translate: Translate) -> list[str]:
    """What else could have been written at each step, likeliest first."""
    texts = []
    for token, step in zip(trace.targets, trace.steps, strict=True):
        others = [option for option in step if option.id != token.id][:OTHERS]
        alternatives = ", ".join(
            f"“{isolated(shorten(option.text))}” {percent(option.probability)}" for option in others
        )
        texts.append(say(translate, phrases.INSTEAD, others=alternatives or translate(phrases.NOTHING)))
    return texts
