"""Texts that show something on the models they are offered for, and what to look at.

What is said of a text was seen in the model it is said for; other models get the same texts with an open question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from memviz.models import CATALOGUE


@dataclass(frozen=True)
class Sample:
    """A text to begin with: its name on the page, and what there is to see in it."""

    name: str
    text: str
    see: str
    look: str = ""  # the word to look at first; "" for the one with the most special link
    pair: str | None = None
    writes: str = ""  # the translation that `gold` belongs to
    gold: str = ""  # a hand-made alignment with it, in the Pharaoh format


_MINILM = (
    Sample(
        "The cat",
        "The cat sat on the mat because it was tired.",
        "Choose “it”: head L5.H11 looks hardest at “cat”, but so does every word there. "
        "In L3.H1 the look is weaker, and it belongs to “it”.",
        look="it",
    ),
    Sample(
        "River bank",
        "He sat on the bank of the river and watched the water.",
        "Choose “bank”: which words tell what kind of bank it is?",
        look="bank",
    ),
    Sample(
        "Money bank",
        "She put her money in the bank and checked her account.",
        "Choose “bank”, and compare with the river.",
        look="bank",
    ),
    Sample(
        "Looked at, not read",
        "When the old librarian closed the heavy door behind her, the lamps along the river were already burning, "
        "and the last tram of the evening, almost empty, carried her slowly home through streets that smelled of rain.",
        "On the page Heads, switch from raw weights to value norms: the strong first column fades.",
    ),
    Sample(
        "Two sentences",
        "The bank raised its interest rates.",
        "On the page Heads, the lines divide what a sentence looks at in itself and in the other.",
        pair="Borrowing money became more expensive.",
    ),
)
_SMOLLM2 = (
    Sample(
        "Mary and John",
        "When Mary and John went to the store, John gave a drink to",
        "The model goes on with “Mary”. Which heads look back at her?",
        look="to",
    ),
    Sample(
        "Mr Dursley",
        "Mr Dursley sold drills. Mrs Potter was thin. Mr Durs",
        "Induction: the last word looks at what came after it the first time.",
        look="Durs",
    ),
    Sample(
        "The password",
        "The secret password of the castle is dragon. People walked slowly along the river. "
        "The secret password of the castle is",
        "Choose the last word: where does the model look for the password?",
        look="is",
    ),
    Sample(
        "The capital",
        "In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
        "Answer: In this story, the capital of France is",
        "The story says Rome, the weights say Paris. What does the last word look at?",
        look="is",
    ),
    Sample(
        "中文",
        "小猫坐在垫子上，因为它累了。小猫睡着了，因为它",
        "Each character is made of several byte tokens; they are shown as one word.",
    ),
)


_EN_PT = (
    Sample(
        "The black cat",
        "The black cat drinks cold milk.",
        "Adjectives mostly stand behind their nouns in Portuguese: the links of “black cat” and “cold milk” cross.",
        writes="O gato preto bebe leite frio.",
        gold="0-0 2-1 1-2 3-3 5-4 4-5 6-6",
    ),
    Sample(
        "The red book",
        "She gave her brother a red book.",
        "Point at “seu”: a word that English says in another way. And “red book” crosses.",
        writes="Ela deu a seu irmão um livro vermelho.",
        gold="0-0 1-1 2-3 3-4 4-5 6-6 5-7 7-8 1p2 2p2 3p2",
    ),
    Sample(
        "The old house",
        "The old house on the hill was sold yesterday.",
        "“na” is two English words in one: which does it read?",
        writes="A antiga casa na colina foi vendida ontem.",
        gold="0-0 1-1 2-2 3-3 4p3 5-4 6-5 7-6 8-7 9-8",
    ),
    Sample(
        "The white house",
        "My sister lives in a small white house.",
        "“small” stays before its noun, “white” moves behind it.",
        writes="Minha irmã vive em uma pequena casa branca.",
        gold="0-0 1-1 2-2 3-3 4-4 5-5 7-6 6-7 8-8",
    ),
    Sample(
        "Three sentences",
        "The old man bought a blue car and a white house. They live there now. It is warm.",
        "A text is translated sentence by sentence, and each has its own memory.",
    ),
)
_PT_EN = (
    Sample(
        "The blue car",
        "O homem velho comprou um carro azul e uma casa branca.",
        "Adjectives go back before their nouns: three pairs of links cross.",
    ),
    Sample(
        "The red book",
        "Ela deu a seu irmão um livro vermelho.",
        "“a seu irmão” becomes “her brother”: what is “her” read from?",
        writes="She gave her brother a red book.",
        gold="0-0 1-1 3-2 4-3 5-4 7-5 6-6 8-7 2p1 2p2 2p3",
    ),
    Sample(
        "The old house",
        "A antiga casa na colina foi vendida ontem.",
        "“na” becomes two words: both are read from it.",
        writes="The old house on the hill was sold yesterday.",
        gold="0-0 1-1 2-2 3-3 3-4 4-5 5-6 6-7 7-8 8-9",
    ),
    Sample(
        "A peaceful solution",
        "Nós queremos uma solução política pacífica.",
        "Three words turn round: “solução política pacífica” is “peaceful political solution”.",
        writes="We want a peaceful political solution.",
        gold="0-0 1-1 2-2 5-3 4-4 3-5 6-6",
    ),
    Sample(
        "Three sentences",
        "O velho comprou um carro azul. Eles vivem lá agora. É quente.",
        "A text is translated sentence by sentence, and each has its own memory.",
    ),
)
_OTHERS = tuple(
    replace(one, see="Point at a written word: which source words was it read from?", writes="", gold="")
    for one in _EN_PT[:4]
)
_ZH = (
    Sample("黑猫", "黑猫喝冷牛奶。", "Which characters is each English word read from?"),
    Sample("红色的书", "她给了弟弟一本红色的书。", "Point at “red”: which characters name the colour?"),
    Sample(
        "小白房子", "我的姐姐住在一座小白房子里。", "Chinese has no spaces: a token may be one character or several."
    ),
)


_OPEN = "Point at a word: which words does it look at, and in which heads?"
_OWN = {"minilm": _MINILM, "smollm2": _SMOLLM2}
_CHINESE = ("bert-base-chinese", "opus-mt-zh-en")


def translations(model: str) -> tuple[Sample, ...]:
    """The samples for a model that translates, by its name."""
    own = {"firefox-en-pt": _EN_PT, "firefox-pt-en": _PT_EN, "opus-mt-zh-en": _ZH}
    return own.get(model, _OTHERS)


def moved(text: str, model: str) -> str:
    """The text, or where it is a sample for another translation model, the sample at its place for this one."""
    places = [others.index(one) for others in (_EN_PT, _PT_EN, _ZH) for one in others if one.text == text]
    own = translations(model)
    return own[places[0] % len(own)].text if places and text not in [one.text for one in own] else text


def samples(model: str) -> tuple[Sample, ...]:
    """The samples for a model that reads, by its name; of other texts than its own nothing is claimed."""
    if model in _OWN:
        return _OWN[model]
    family = CATALOGUE[model].family if model in CATALOGUE else "decoder-only"
    if model in _CHINESE:
        texts: tuple[Sample, ...] = _ZH
    elif family == "encoder-decoder":
        texts = translations(model)
    else:
        texts = _MINILM if family == "encoder-only" else _SMOLLM2
    return tuple(replace(one, see=_OPEN, writes="", gold="") for one in texts)


def look(model: str, text: str) -> str:
    """The word to look at first in a sample of this model; "" for any other text."""
    return next((one.look for one in samples(model) if one.text == text), "")


def gold(text: str, output: str) -> str:
    """The hand-made alignment of a sample with this very translation of it; "" where there is none."""
    both = (*_EN_PT, *_PT_EN)
    return next((one.gold for one in both if one.text == text and one.writes == output and one.gold), "")
