"""What a page says in one place agrees with what it says in another, and with the weights."""

import re

import numpy as np
import pytest

import memviz
from memviz import figures, measures
from memviz.memory import Memory
from memviz.ui.parts.heads.grid import range_note
from memviz.ui.parts.words import sink_note
from tests.memories import memory_with, tokens

pytestmark = pytest.mark.models

CAT = "The cat sat on the mat because it was tired."
LINK = re.compile(
    r"In L(\d+)\.H(\d+) “(.+)” puts \*\*(.+)\*\* of (.+?) on “(.+)”: \*\*(.+)\*\* what other words' tokens"
)


def left_of(memory: Memory, layer: int, head: int) -> np.ndarray:
    """The rows of one head without the attention sinks, renormalised: float64 [query, key]."""
    rows = memory.pattern(layer, head).astype(np.float64)
    rows[:, list(measures.sink_positions(memory))] = 0
    total = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, total, out=np.zeros_like(rows), where=total > 1e-4)


def slots_of(rows: np.ndarray) -> np.ndarray:
    """e to the entropy of each row; NaN for an empty one."""
    slots = np.exp(-(rows * np.log(np.where(rows > 0, rows, 1))).sum(axis=1))
    return np.where(rows.any(axis=1), slots, np.nan)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_a_sentence_says_of_what_its_weight_is_and_its_lift_is_of_the_same(visit, model: str, hidden: bool) -> None:
    here = visit("home", text=CAT, model=model, sinkless=str(hidden).lower())
    trace = memviz.read(CAT, model=model)
    memory, names = trace.memory(), [word.text for word in trace.words]
    assert len(names) == len(trace.tokens), "each word is a token here"
    places = np.arange(len(names))
    links = [link.groups() for link in map(LINK.match, here.sentences) if link]
    assert len(links) == 5
    for layer, head, word, weight, whole, source, lift in links:
        rows = left_of(memory, int(layer), int(head)) if hidden else memory.pattern(int(layer), int(head))
        first, stop = memory.visible(int(layer)).T
        possible = []
        for query, key in ((q, k) for q in places for k in places if (names[q], names[k]) == (word, source)):
            others = (first <= key) & (key < stop) & (places != query)
            ratio = rows[query, key] / rows[others, key].mean()
            possible.append((figures.percent(rows[query, key]), figures.times(ratio)))
        assert whole == ("what is left of its attention" if hidden else "its attention")
        assert (weight, lift) in possible


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_the_slots_beside_a_picture_are_those_of_the_picture(visit, model: str, hidden: bool) -> None:
    here = visit("heads", text=CAT, model=model, layer="3", head="1", sinkless=str(hidden).lower())
    memory = memviz.read(CAT, model=model).memory()
    rows = left_of(memory, 3, 1) if hidden else memory.pattern(3, 1)
    (line,) = (line for line in here.sentences if line.startswith("**L3.H1**"))
    slots = f"effective number of tokens **{np.nanmean(slots_of(rows)):.1f}**"
    assert slots + ", of what is left" * hidden + " · on" in line
    role = measures.roles(memory)[3, 1]
    assert line.startswith(f"**L3.H1** · {role or 'no clear role'}" + ", sinks included" * hidden + " · eff")
    sinks, pattern = list(measures.sink_positions(memory)), memory.pattern(3, 1)
    written = pattern * memory.summary.value_norm[3, 1]
    shares = [figures.percent(each[:, sinks].sum() / each.sum()) for each in (pattern, written)]
    assert line.endswith("on attention sinks **{}** · of the value norm **{}**".format(*shares))


@pytest.mark.parametrize("hidden", [False, True])
def test_the_slots_of_a_word_are_those_of_its_links(visit, hidden: bool) -> None:
    here = visit("recall", text=CAT, model="minilm", sinkless=str(hidden).lower(), word="8")
    memory = memviz.read(CAT, model="minilm").memory()
    heads = list(np.ndindex(memory.layers, memory.heads))
    rows = [left_of(memory, *head)[8] if hidden else memory.pattern(*head)[8] for head in heads]
    metrics = {metric.label: metric for metric in here.app.metric}
    assert metrics["Effective number of tokens"].value == f"{np.nanmean(slots_of(np.stack(rows))):.1f}"
    first = np.mean([memory.pattern(*head)[8, 0] for head in heads])
    assert metrics["On the first token"].value == figures.percent(first)
    assert (metrics["On the first token"].help == "of all its attention, attention sinks included") == hidden
    assert ("what is left" in metrics["Effective number of tokens"].help) == hidden
    columns = list(here.app.dataframe[0].value.columns)
    assert ("of what is left" in columns, "weight" in columns) == (hidden, not hidden)


def test_a_note_of_one_head_is_of_that_head(minilm) -> None:
    memory = minilm.read(CAT).memory()
    given = [memory.pattern(*head)[:, [0, -1]].sum(axis=1).mean() for head in np.ndindex(memory.layers, memory.heads)]
    of_one, of_all = given[3 * memory.heads + 1], np.mean(given)
    assert figures.percent(of_one) != figures.percent(of_all)
    note = sink_note(memory, without=(), layer=3, head=1)
    assert note == f"{figures.percent(of_one)} of the attention of this head goes to [CLS], [SEP]."
    note = sink_note(memory, without=(0, 12), layer=None, head=None)
    assert note.startswith(f"{figures.percent(of_all)} of all attention in this text goes to [CLS], [SEP]. It is taken")


def test_a_word_that_attention_rests_on_stands_in_quotation_marks() -> None:
    made = tokens(["The", "cat", "sat", "down", "here", "now"])
    memory = memory_with(np.tile([0.9, *[0.02] * 5], (6, 1)), made, made)
    assert measures.sink_positions(memory) == (0,)
    note = sink_note(memory, without=(), layer=None, head=None)
    assert note == f"{figures.percent(0.9)} of all attention in this text goes to “The”."


def test_where_no_token_is_a_sink_the_first_may_still_get_much_from_one_head() -> None:
    """As in Firefox's encoder, where one head looks at the first word and the others at the word before."""
    one, other = np.eye(8), np.eye(8)
    one[:] = np.eye(8)[0]
    memory = memory_with(np.array([[one, *[other] * 7]]))
    assert measures.sink_positions(memory) == ()
    for layer, head in ((None, None), (0, 0)):
        note = sink_note(memory, without=(), layer=layer, head=head)
        assert note.endswith("no special token, and over all heads the first token does not stand out.")


def test_a_median_between_two_heads_is_said_as_it_is(visit, monkeypatch) -> None:
    def span(memory: Memory, share: float) -> np.ndarray:
        return np.resize(np.array([4, 5] if share == 0.5 else [7, 7], dtype=np.float32), (memory.layers, memory.heads))

    monkeypatch.setattr(measures, "span", span)
    (line,) = (
        line for line in visit("recall", text=CAT, model="minilm").sentences if line.startswith("Half of the attention")
    )
    assert "within **4.5** tokens, nine tenths within **7** (median" in line


@pytest.mark.parametrize(("queries", "keys", "cell"), [(40, 20, "2 × 1"), (20, 40, "1 × 2"), (1241, 33, "39 × 2")])
def test_the_grid_says_how_many_tokens_share_a_cell_along_each_side(queries: int, keys: int, cell: str) -> None:
    memory = memory_with(np.full((queries, keys), 1 / keys))
    note = f"One cell is the largest weight among {cell} tokens."
    assert note in range_note(memory)
    assert cell in figures.grid_svg(memory, provenance={})


def test_the_first_word_of_a_text_was_not_predicted(visit) -> None:
    """Of its second piece on there is a probability: that is not the word's."""
    text = "Antidisestablishmentarianism was a movement."
    trace = memviz.read(text, model="smollm2")
    first, second = trace.words[:2]
    assert len(first.tokens) > 2
    assert np.isfinite(trace.logprobs[list(first.tokens)[1:]]).all()
    for word, wanted in (
        (0, "–"),
        (1, figures.percent(float(np.exp(trace.logprobs[list(second.tokens)].sum())), digits=1)),
    ):
        here = visit("recall", text=text, model="smollm2", word=str(word))
        (metric,) = (metric for metric in here.app.metric if metric.label == "Probability beforehand")
        assert metric.value == wanted
        assert "first word of a text was not predicted" in metric.help
    here = visit("recall", text=text, model="minilm", word="1")
    assert "Probability beforehand" not in [metric.label for metric in here.app.metric]


def test_a_chinese_sentence_counts_in_bei(visit) -> None:
    chinese = [text for text in visit("home", text=CAT, lang="zh", model="minilm").sentences if "把 **" in text]
    english = [LINK.match(text) for text in visit("home", text=CAT, lang="en").sentences]
    lifts = [link[7].replace("×", "倍") for link in english if link]
    assert len(lifts) == 5
    assert [re.search(r"平均值的 \*\*(.+)\*\*。", text)[1] for text in chinese] == lifts
