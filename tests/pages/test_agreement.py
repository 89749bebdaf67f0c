"""What a page says in one place agrees with what it says in another, and with the weights."""

import re

import numpy as np
import pytest

import memviz
from memviz import figures, measures
from memviz.memory import Memory

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


@pytest.mark.parametrize("hidden", [False, True])
def test_the_slots_of_a_word_are_those_of_its_links(visit, hidden: bool) -> None:
    here = visit("recall", text=CAT, model="minilm", sinkless=str(hidden).lower(), word="8")
    memory = memviz.read(CAT, model="minilm").memory()
    heads = list(np.ndindex(memory.layers, memory.heads))
    rows = [left_of(memory, *head)[8] if hidden else memory.pattern(*head)[8] for head in heads]
    metrics = {metric.label: metric for metric in here.app.metric}
    assert metrics["Effective number of tokens"].value == f"{np.nanmean(slots_of(np.stack(rows))):.1f}"
    assert ("what is left" in metrics["Effective number of tokens"].help) == hidden
    columns = list(here.app.dataframe[0].value.columns)
    assert ("of what is left" in columns, "weight" in columns) == (hidden, not hidden)


def test_a_chinese_sentence_counts_in_bei(visit) -> None:
    chinese = [text for text in visit("home", text=CAT, lang="zh").sentences if "把 **" in text]
    english = [LINK.match(text) for text in visit("home", text=CAT, lang="en").sentences]
    lifts = [link[7].replace("×", "倍") for link in english if link]
    assert len(lifts) == 5
    assert [re.search(r"平均值的 \*\*(.+)\*\*。", text)[1] for text in chinese] == lifts
