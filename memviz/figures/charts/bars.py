"""Which words are looked at most, and which spread their look widest? One bar a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from memviz import measures
from memviz.errors import TraceError
from memviz.figures.charts.bar_chart import LARGEST, Kind, bar_chart, first_words
from memviz.figures.data.captions import named_keys, which_head
from memviz.figures.style import phrases
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.memory import Memory, positions
from memviz.tokens import Word

_RECEIVED = Kind(phrases.RECEIVED, phrases.RECEIVED_UNIT, phrases.RECEIVED_HOVER, share=True)
_LOOK = Kind(phrases.LOOK, phrases.LOOK_UNIT, phrases.LOOK_HOVER, share=True)
_SLOTS = Kind(phrases.SLOTS, phrases.SLOTS_UNIT, phrases.SLOTS_HOVER, share=False)
SINKS = 4  # of them named below a picture


def received_bars(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
    sinks: Sequence[int] = (),
    fitted: bool = False,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Which words are looked at most by the words that can see them?

    One bar a word (``words`` are those of the keys): the mean weight, 0..1, that it gets from each
    token that can see it; a split word adds up its tokens. The mean over layers or heads where
    ``layer`` or ``head`` is ``None``. ``without`` are keys (token positions) that get no bar; the
    others keep their share. A word with a token in ``sinks`` (positions of keys) is grey and not ranked. More than 256
    words share bars, and the largest of them counts; then sinks have no bar, and their share is told below. The
    scale is the whole trace's, the same for every head, and the same for every layer's mean; ``fitted``, it is that of
    the ranked bars, and a higher bar of a sink is cut off. ``caption`` stands after the notes on what is shown; ""
    leaves both out of the picture.

    Raises `TraceError` for a head or position that is not there, and for words of another text.
    """
    memory.require_head(layer or 0, head or 0)
    removed = positions(without, len(memory.keys))
    values = measures.received(memory).copy()
    values[:, :, removed] = np.nan
    notes = [which_head(memory, layer, head, translate), translate(phrases.RECEIVED_NOTE)]
    if len(removed):
        notes.append(say(translate, phrases.TAKEN_OUT_BARS, keys=named_keys(memory, removed.tolist(), translate)))
    bars, top = select_heads(by_word(values, words, total=True), layer, head)
    texts = [word.text for word in words]
    muted = _have_token(words, np.setdiff1d(positions(sinks, len(memory.keys)), removed))
    ranked = np.where(muted, np.nan, bars)
    if muted.any():
        pooled = len(words) > LARGEST
        line = phrases.SINKS_LEFT_OUT if pooled else phrases.SINKS_GREY
        notes.append(say(translate, line, sinks=_shares(texts, bars, muted)))
        bars = ranked if pooled else bars
    if fitted and np.isfinite(ranked).any():
        top = float(np.nanmax(ranked)) or 1.0
    most = first_words(_RECEIVED, ranked, texts, translate)
    return bar_chart(
        _RECEIVED,
        bars,
        texts,
        top=top * 1.05,
        muted=muted.tolist(),
        notes=notes,
        alt=say(translate, phrases.RECEIVED_ALT, count=len(words), head=notes[0], most=most),
        fields=head_fields(memory, layer, head) | {"view": "attention received", "between": "words"},
        title=title,
        caption=caption,
        translate=translate,
    )


def look_bars(
    memory: Memory,
    words: Sequence[Word],
    word: int,
    *,
    layer: int,
    head: int,
    sinks: Sequence[int] = (),
    top: float | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """What does one word look at, in one head?

    One bar a word: the share of the attention of the ``word`` (a place among the ``words`` of the text) that goes to
    it through this ``layer`` and ``head``, 0..1; see `measures.word_row`. A word with a token in ``sinks`` (positions
    of keys) is grey. ``top`` is the end of the scale (``None``: the largest bar), so that pictures can share one;
    a bar that is higher is cut off. ``caption`` stands after the notes on what is shown; "" leaves both out of the
    picture. More than 256 words share bars, and the largest of them counts.

    Raises what `measures.word_row` raises, and `TraceError` for a position that is not there.
    """
    values = measures.word_row(memory, words, word, layer=layer, head=head)
    muted = _have_token(words, positions(sinks, len(memory.keys)))
    texts, name = [other.text for other in words], which_head(memory, layer, head, translate)
    notes = [name]
    ranked = np.where(muted, np.nan, values)
    if muted.any():
        pooled = len(words) > LARGEST  # a sink would hide in a bar that it shares
        line = phrases.SINKS_LEFT_OUT if pooled else phrases.SINKS_OF_LOOK
        notes.append(say(translate, line, sinks=_shares(texts, values, muted)))
        values = ranked if pooled else values
    most = first_words(_LOOK, ranked, texts, translate)
    return bar_chart(
        _LOOK,
        values,
        texts,
        top=(float(np.nanmax(values)) if top is None else top) * 1.05,
        muted=muted.tolist(),
        notes=notes,
        alt=say(translate, phrases.LOOK_ALT, word=texts[word], count=len(words), head=name, most=most),
        fields=head_fields(memory, layer, head) | {"view": "what one word looks at", "between": "words"},
        title=title,
        caption=caption,
        translate=translate,
    )


def _have_token(words: Sequence[Word], places: np.ndarray) -> np.ndarray:
    """Which words have a token in one of these ``places``? bool [word]."""
    wanted = set(places.tolist())
    return np.array([bool(wanted.intersection(word.tokens)) for word in words])


def _shares(texts: Sequence[str], values: np.ndarray, which: np.ndarray) -> str:
    """The first of these words, each with its value: “[CLS]” 40 %, “[SEP]” 12 %."""
    return ", ".join(f"“{texts[place]}” {percent(float(values[place]))}" for place in np.flatnonzero(which)[:SINKS])


def slots_bars(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Over about how many tokens does each word spread its look?

    One bar a word (``words`` are those of the queries): the effective number of slots, e^entropy,
    from 1; the mean over the tokens of a split word, and over layers or heads where ``layer`` or
    ``head`` is ``None``. ``caption``, scale, pooling and errors as in `received_bars`.
    """
    memory.require_head(layer or 0, head or 0)
    bars, top = select_heads(by_word(measures.slots(memory), words, total=False), layer, head)
    texts, name = [word.text for word in words], which_head(memory, layer, head, translate)
    most = first_words(_SLOTS, bars, texts, translate)
    return bar_chart(
        _SLOTS,
        bars,
        texts,
        top=top * 1.05,
        notes=[name],
        alt=say(translate, phrases.SLOTS_ALT, count=len(words), head=name, most=most),
        fields=head_fields(memory, layer, head) | {"view": "effective number of tokens", "between": "words"},
        title=title,
        caption=caption,
        translate=translate,
    )


def by_word(values: np.ndarray, words: Sequence[Word], *, total: bool) -> np.ndarray:
    """Sum or mean over the tokens of each word: [layer, head, word], NaN where nothing is known."""
    if sorted(place for word in words for place in word.tokens) != list(range(values.shape[-1])):
        raise TraceError(
            "These {words} words are not made of the {tokens} tokens on this side of the memory.",
            todo="Take both sides from `trace.sides(kind)`.",
            words=len(words),
            tokens=values.shape[-1],
        )
    finite = np.isfinite(values)
    parts = [measures.known_mean(values[:, :, list(word.tokens)], axis=-1) for word in words]
    counts = [finite[:, :, list(word.tokens)].sum(axis=-1) for word in words]
    return np.stack(parts, axis=-1) * (np.stack(counts, axis=-1) if total else 1)


def select_heads(values: np.ndarray, layer: int | None, head: int | None) -> tuple[np.ndarray, float]:
    """(the chosen bars, the largest of all that could be chosen in their place)."""
    axes = tuple(axis for axis, index in enumerate((layer, head)) if index is None)
    comparable = measures.known_mean(values, axis=axes) if axes else values
    place = tuple(index for index in (layer, head) if index is not None)
    return comparable[place], float(np.nanmax(comparable)) if np.isfinite(comparable).any() else 1.0


def head_fields(memory: Memory, layer: int | None, head: int | None) -> dict[str, str]:
    """Which head, or which mean, for a record."""
    return {
        "layer": f"mean over {memory.layers} layers" if layer is None else str(layer),
        "head": f"mean over {memory.heads} heads" if head is None else str(head),
    }
