"""Where the model looks, how widely, and how much of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.errors import MeasureError
from memviz.measures.registry import measure
from memviz.measures.rest import LEAST_REST
from memviz.memory import Memory, positions
from memviz.sources import pieces_of_words, special_places
from memviz.tokens import Word

LEAST_SINK = 0.2  # of all attention: a first token that gets less is no sink
SINK_ODDS = 3  # times the odds of a uniform look: in a short text, that alone gives the first token much
COLLECTS = 8.0  # times an even share of the attention, from which on a unit is said to collect it
ROUNDING = 1e-5  # of a sum: what is below this share of it, once a part is taken away, is nothing


def times_even(memory: Memory) -> np.ndarray:
    """How many times an even share of the attention does each unit get? Float64 [layer, key].

    The weight that a key receives, on average over all queries and heads of a layer, times the number of keys: 1 for
    each where all look evenly. Darcet et al. 2023, Vision Transformers Need Registers, found patches of the background
    that collect much of it; in other models [CLS] does.
    """
    collected: np.ndarray = received(memory).astype(np.float64).mean(axis=1) * len(memory.keys)
    return collected


def sink_positions(memory: Memory) -> tuple[int, ...]:
    """Which keys are where attention rests when there is nothing to look up?

    Special tokens; and the first key where it collects weight in this reading: over all heads, the queries after it
    give it a fifth of their attention or more, at three times the odds of a uniform look or more (thresholds of
    MemViz's own). In cross-attention special tokens only: a source word is there to be read.
    """
    places = set(special_places(memory.keys))
    if memory.kind != "cross" and 0 not in places and _first_collects(memory):
        places.add(0)
    return tuple(sorted(places))


def _first_collects(memory: Memory) -> bool:
    """Do the queries after the first give its key far more than a uniform look would?"""
    share, uniform = [], []
    for layer in range(memory.layers):
        spans = memory.visible(layer)[1:]
        seeing = spans[:, 0] == 0
        share.append(memory.summary.first[layer][:, 1:][:, seeing].mean(axis=0, dtype=np.float64))
        uniform.append(1 / (spans[seeing, 1] - spans[seeing, 0]))
    if not sum(map(len, share)):
        return False
    weight, chance = float(np.concatenate(share).mean()), float(np.concatenate(uniform).mean())
    return weight >= LEAST_SINK and weight * (1 - chance) >= SINK_ODDS * chance * (1 - weight)


@measure(
    "Attention received",
    group="read",
    unit="mean weight",
    axes=("layer", "head", "key"),
    high=1.0,
    formula=r"r_j = \frac{1}{|\{i : j \text{ visible to } i\}|} \sum_i a_{ij}",
    source="Attention observed by later tokens, as in Zhang et al. 2023 (H2O); normalised by who could see the key",
    caveat="A key that every query attends to is often an attention sink, not a memory: see the sink share.",
)
def received(memory: Memory) -> np.ndarray:
    """How strongly was this token looked at, on average, by the tokens that could see it?

    float32 [layer, head, key], 0..1. The division by who could see a key is needed, else early
    tokens win by age. A key that nobody can see gets NaN, as does one that everybody forgot.
    """
    viewers = np.stack([memory.queries_seeing(layer) for layer in range(memory.layers)]).astype(np.float32)
    out = np.full_like(memory.summary.mass, np.nan)
    np.divide(memory.summary.mass, viewers, out=out, where=viewers > 0)
    return out


@measure(
    "Attention entropy",
    group="read",
    unit="nats",
    axes=("layer", "head", "query"),
    formula=r"E_i = -\sum_j p_{ij} \ln p_{ij}, \quad p_{ij} = a_{ij} \Big/ \sum_k a_{ik}",
    source="Clark et al. 2019, What Does BERT Look At?, section 3.3",
    caveat="The more keys a query sees, the further it can spread: in a causal model later ones see more. Compare with "
    "the logarithm of how many it sees.",
)
def entropy(memory: Memory) -> np.ndarray:
    """How widely does each token spread its attention?

    float32 [layer, head, query], 0 (one key) to ln of the number of visible keys (uniform). Where the model has sink
    logits, of the part of each row that goes to tokens, as if that were all; NaN where nothing does.
    """
    return _entropy_of_rest(memory, np.zeros(0, dtype=np.int64))


@measure(
    "Effective number of tokens",
    group="read",
    unit="keys",
    axes=("layer", "head", "query"),
    low=1.0,
    formula=r"N_i = \exp(E_i)",
    source="Perplexity of the attention row; Clark et al. 2019 for the entropy",
    caveat="A count of keys attended to, not of keys that matter. Of a head or a word: the mean of the counts of "
    "its rows.",
)
def slots(memory: Memory, without: Sequence[int] = ()) -> np.ndarray:
    """Over about how many tokens does each token spread its attention?

    float32 [layer, head, query]; 1 for one key, n for a uniform row over n keys. ``without`` are keys (token
    positions) that are taken out of every row, and the rest renormalised: NaN where nothing is left.
    Raises `TraceError` for a position that is not there.
    """
    return np.exp(_entropy_of_rest(memory, positions(without, len(memory.keys))))


def _entropy_of_rest(memory: Memory, removed: np.ndarray) -> np.ndarray:
    """The entropy of every row without some keys and without a learned sink, renormalised: [layer, head, query].

    With a share r of the row left, −Σ (a / r) ln (a / r) = (−Σ a ln a) / r + ln r. Linear in the text.
    """
    if not (len(removed) or memory.has_sink_logits):
        return memory.summary.entropy
    rest, total = _on_tokens(memory), memory.summary.entropy.astype(np.float64)
    for key in np.unique(removed):
        weight = memory.column(int(key)).astype(np.float64)
        rest = rest - weight
        total = total + weight * np.log(np.where(weight > 0, weight, 1.0))
    left = np.where(rest > LEAST_REST, rest, np.nan)
    return np.maximum(total / left + np.log(left), 0.0).astype(np.float32)


def _on_tokens(memory: Memory) -> np.ndarray:
    """Which share of each row goes to tokens, and not to a learned sink? float64 [layer, head, query], 0..1."""
    if memory.weights is not None:
        return memory.weights.sum(axis=-1, dtype=np.float64)
    share = np.ones((memory.layers, memory.heads, len(memory.queries)))
    for layer, scores in enumerate(memory.scores):
        if scores.sink is not None:
            share[layer] -= np.exp(scores.sink[:, None].astype(np.float64) - memory.summary.normaliser[layer])
    return share


@measure(
    "Sink share",
    group="read",
    unit="share of all weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"s = \frac{1}{n} \sum_i \sum_{j \in \text{sinks}} a_{ij}",
    source="Xiao et al. 2024, Efficient Streaming Language Models with Attention Sinks; Gu et al. 2025",
    caveat="Weight on a sink says that little was looked up, not that the sink holds something. Sinks are special "
    "tokens, and the first token where it gets far more than uniform attention.",
)
def sink_share(memory: Memory) -> np.ndarray:
    """How much of the attention goes to attention sinks?

    float32 [layer, head], 0..1, the mean over all queries: what goes to the keys of `sink_positions`.
    """
    columns = list(sink_positions(memory))
    return memory.summary.mass[:, :, columns].sum(-1) / np.float32(len(memory.queries))


@measure(
    "Sink share of the value norm",
    group="read",
    unit="share of all value norm",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\frac{\sum_i \sum_{j \in \text{sinks}} \lVert a_{ij}\, f_j \rVert}"
    r"{\sum_{ij} \lVert a_{ij}\, f_j \rVert}, \quad f_j = v_j W_O",
    source="Kobayashi et al. 2020, Attention is Not Only a Weight; Gu et al. 2025, When Attention Sink Emerges",
    caveat="Compare it with the sink share: far less means high weight, little effect. Norms ignore direction.",
)
def sink_value_share(memory: Memory) -> np.ndarray:
    """How much of what each head writes comes from attention sinks?

    float32 [layer, head], 0..1, over all queries. NaN for a head that writes nothing. Raises `MeasureError` where the
    output projection is not known.
    """
    norms = memory.summary.mass.astype(np.float64) * value_norms(memory)
    total = norms.sum(axis=-1)
    part = norms[:, :, list(sink_positions(memory))].sum(axis=-1)
    return np.divide(part, total, out=np.full_like(total, np.nan), where=total > 0).astype(np.float32)


@measure(
    "Lift",
    group="read",
    unit="× the average weight on this token",
    axes=("query", "key"),
    formula=r"\text{lift}_{ij} = a_{ij} \Big/ \operatorname{mean}_{i' \neq i,\; j \text{ visible to } i'} a_{i'j}",
    source="MemViz; the pointwise ratio behind pointwise mutual information (Church & Hanks 1990)",
    caveat="A high lift on a small weight is still a small weight; read the two together.",
)
def lift(memory: Memory, layer: int, head: int) -> np.ndarray:
    """Is this weight specific to this token, or does every token look there?

    float32 [query, key]: the weight over the mean weight that the same key gets from the other
    queries that can see it. 1 means no more than the others; NaN where no other query sees the
    key, or where none of them looks at it.
    """
    weights = memory.pattern(layer, head)
    mass = weights.sum(axis=0, dtype=np.float64)
    others = mass - weights  # in double precision: of a key that one query alone looks at, little is left
    others[others < ROUNDING * mass] = 0.0
    count = (memory.queries_seeing(layer)[head] - 1).astype(np.float64)
    mean = np.divide(others, count, out=np.full_like(others, np.nan), where=count > 0)
    visible, column = memory.visible(layer), np.arange(len(memory.keys))
    edges = (column >= visible[:, :1]) & (column < visible[:, 1:])
    if (mask := memory.edge_mask(layer, head)) is not None:
        edges &= ~mask.among(np.arange(len(memory.queries)), column)
    return np.divide(weights, mean, out=np.full_like(weights, np.nan), where=edges & (mean > 0))


@measure(
    "Value-norm attention",
    group="read",
    unit="length of the vector written",
    axes=("query", "key"),
    formula=r"\lVert a_{ij}\, f_j \rVert, \quad f_j = v_j W_O",
    source="Kobayashi et al. 2020, Attention is Not Only a Weight",
    caveat="Norms ignore direction: what two tokens write can cancel.",
)
def value_norm(memory: Memory, layer: int, head: int) -> np.ndarray:
    """Not how hard a token was looked at, but how much of it was written into memory?

    float32 [query, key], from 0. Raises `MeasureError` where the output projection is not known.
    """
    return memory.pattern(layer, head) * value_norms(memory)[layer, head]


@dataclass(frozen=True, eq=False)
class WordPieces:
    """The words along the keys of a memory, and which pairs of their pieces the reading compared.

    tokens         int [token]: the positions of the pieces, word after word
    starts, sizes  int [word]: where each word begins in ``tokens``, and of how many pieces it is made
    first, second  int [pair]: the two pieces of each pair, in the order of their words
    word, place    int [pair]: which word each pair belongs to, and where it stands in ``Summary.value_dots``
    """

    tokens: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    first: np.ndarray
    second: np.ndarray
    word: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, memory: Memory, words: Sequence[Sequence[int]]) -> WordPieces:
        """The pieces of these ``words``, the positions of each among the keys."""
        sizes = np.array([len(places) for places in words])
        tokens = np.concatenate([list(places) for places in words])
        word_of = np.zeros(len(memory.keys), dtype=np.int64)
        word_of[tokens] = np.repeat(np.arange(len(words)), sizes)
        pairs = pieces_of_words(memory.keys) if memory.summary.value_dots.size else np.zeros((0, 2), dtype=np.int64)
        first, second = word_of[pairs].T
        together = np.flatnonzero(first == second)
        place = together[np.argsort(first[together], kind="stable")]
        pieces, others = pairs[place].T
        return cls(tokens, np.cumsum(sizes) - sizes, sizes, pieces, others, first[place], place)

    @property
    def has_norm(self) -> np.ndarray:
        """Of which words were all pieces compared, so that `word_value_norm` knows their norm? bool [word]."""
        whole: np.ndarray = self.sizes * (self.sizes - 1) // 2
        return np.bincount(self.word, minlength=len(whole)) == whole


def word_value_norm(memory: Memory, layer: int, head: int, words: WordPieces, *, weights: np.ndarray) -> np.ndarray:
    """How much does each token write of whole words: how long is the sum of what their pieces write, ‖Σ_j a_ij f_j‖?

    float32 [query, word], from 0: never more than the sum of the norms, as pieces may write in different directions.
    ``weights`` are some rows of the head's pattern [query, key]. NaN for a word whose pieces were not compared by the
    reading: longer than 32, or from an old file. Raises `MeasureError` where the output projection is not known.
    """
    rows = weights.astype(np.float64)
    square = (rows * value_norms(memory)[layer, head])[:, words.tokens] ** 2
    square = np.add.reduceat(square, words.starts, axis=1)
    if len(words.place):
        dots = memory.summary.value_dots[layer, head][words.place]
        split, begins = np.unique(words.word, return_index=True)
        square[:, split] += np.add.reduceat(2 * rows[:, words.first] * rows[:, words.second] * dots, begins, axis=1)
    square[:, ~words.has_norm] = np.nan
    return np.sqrt(np.maximum(square, 0)).astype(np.float32)


def value_norms(memory: Memory) -> np.ndarray:
    """How much would a full weight on each token write? ‖f_j‖, float32 [layer, head, key].

    Raises `MeasureError` where the output projection is not known.
    """
    norms = memory.summary.value_norm
    if norms.shape[-1] == 0:
        raise MeasureError(
            "The value norms of this model are not known: its output projection could not be found.",
            todo="Choose the raw weights.",
        )
    return norms


@measure(
    "Attention rollout",
    group="read",
    unit="share of the input token",
    axes=("query", "key"),
    high=1.0,
    formula=r"R = \hat A_L \cdots \hat A_1, \quad \hat A_l = \tfrac12 \bar A_l + \tfrac12 I",
    source="Abnar & Zuidema 2020, Quantifying Attention Flow in Transformers",
    caveat="It assumes that layers only average. Misleading on causal models, so it is shown for encoders only.",
)
def rollout(memory: Memory) -> np.ndarray:
    """If attention only averaged, how much of each input token would be left in each position at the end?

    float32 [query, key], rows sum to one. Raises `MeasureError` for a causal memory or cross-attention.
    """
    memory.require_one_sequence("Attention rollout")
    if memory.causal:
        raise MeasureError(
            "Attention rollout is biased towards early tokens in a causal model, so it is not shown here.",
            todo="Choose an encoder such as minilm.",
        )
    out = np.eye(len(memory.queries), dtype=np.float32)
    for layer in range(memory.layers):
        out = 0.5 * (memory.mean(layer) @ out) + 0.5 * out
    return out


def word_row(memory: Memory, words: Sequence[Word], word: int, *, layer: int, head: int) -> np.ndarray:
    """How much of its attention does one word give to every word, in one head?

    float32 [word], 0..1: the sum over the pieces of the word looked at, the mean over those of the word that looks.
    ``words`` are those of the text that looks at itself, ``word`` is a place among them, ``layer`` and ``head`` say
    through which head it looks. Only the rows of that word are computed.

    Raises `TraceError` for a head or a place that is not there.
    """
    row = memory.pattern(layer, head, rows=list(words[word].tokens)).mean(axis=0)
    return np.array([row[list(other.tokens)].sum() for other in words], dtype=np.float32)
