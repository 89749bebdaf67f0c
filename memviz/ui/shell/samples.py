"""Texts that show something on the models they are offered for, and what to look at.

What is said of a text is true of the model it is said for, as a test computes; other models get the same texts with an
open question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from memviz.models import CATALOGUE


@dataclass(frozen=True)
class Sample:
    """A text to begin with: its name on the page, and what there is to see in it."""

    name: str
    text: str
    hint: str
    word: str = ""  # the word to look at first; "" for the one with the most special link
    pair: str | None = None
    translation: str = ""  # the translation that `gold` belongs to
    gold: str = ""  # a hand-made alignment with it, in the Pharaoh format


_MINILM = (
    Sample(
        "The cat",
        "The cat sat on the mat because it was tired.",
        "Choose “it”: in head L5.H11 it gives “cat” 71 % of its attention, but other tokens give “cat” almost as much: "
        "1.1 ×. The card shows the pair in L3.H1, 3.7 ×; there “The” gives “cat” still more, 65 %.",
        word="it",
    ),
    Sample(
        "Lost keys",
        "My brother lost his keys, so he could not open the door.",
        "Choose “he”: in head L3.H1 it gives “brother” 73 % of its attention, 16 × what other tokens give it, and none "
        "of them gives it more than 23 %. One sentence proves no rule.",
        word="he",
    ),
    Sample(
        "River bank",
        "He sat on the bank of the river and watched the water.",
        "Choose “bank”: which words tell what kind of bank it is?",
        word="bank",
    ),
    Sample(
        "Money bank",
        "She put her money in the bank and checked her account.",
        "Choose “bank”, and compare with the river.",
        word="bank",
    ),
    Sample(
        "High weight, little effect",
        "When the old librarian closed the heavy door behind her, the lamps along the river were already burning, "
        "and the last tram of the evening, almost empty, carried her slowly home through streets that smelled of rain.",
        "On the page Heads, switch from raw weights to value norms: the strong first column fades.",
    ),
    Sample(
        "Two sentences",
        "The bank raised its interest rates.",
        "On the page Heads, the lines divide what a sentence attends to in itself and in the other.",
        pair="Borrowing money became more expensive.",
    ),
)
_SMOLLM2 = (
    Sample(
        "Mary and John",
        "When Mary and John went to the store, John gave a drink to",
        "The model goes on with “Mary”. Which heads look back at her?",
        word="to",
    ),
    Sample(
        "Mr Dursley",
        "Mr Dursley sold drills. Mrs Potter was thin. Mr Durs",
        "Induction: in head L18.H6 the last token looks at “ley”, which came after it the first time, and “ley” is "
        "what the model goes on with.",
        word="Durs",
    ),
    Sample(
        "The password",
        "The secret password of the castle is dragon. People walked slowly along the river. "
        "The secret password of the castle is",
        "Choose the last word: where does the model look for the password?",
        word="is",
    ),
    Sample(
        "The capital",
        "In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
        "Answer: In this story, the capital of France is",
        "The story says Rome, the weights say Paris. What does the last word look at?",
        word="is",
    ),
    Sample(
        "中文",
        "小猫坐在垫子上，因为它累了。小猫睡着了，因为它",
        "Many characters are made of several byte tokens; those are shown as one word.",
    ),
)
_E5 = (
    Sample(
        "A phrase twice",
        "海马体保存记忆。海马体保存记忆。",
        "Choose the second “记忆” (memory): in head L5.H5 it gives the first one 65 % of its attention, 148 × what "
        "other tokens give it.",
        word="记忆",
    ),
    Sample(
        "A sentence and its translation",
        "小猫喝牛奶。",
        "Choose “milk”: in head L5.H5 it gives “牛奶” 83 % of its attention; there “cat” gives “猫” 64 %.",
        word="milk",
        pair="The cat drinks milk.",
    ),
    Sample(
        "An apple to eat",
        "我喜欢吃苹果。",
        "Choose “苹果” (apple): in head L7.H4 it gives “吃” (eat) 58 % of its attention, 43 × what other tokens "
        "give it.",
        word="苹果",
    ),
    Sample(
        "A phone called apple",
        "我买了一部苹果手机。",
        "The same word: in head L2.H1 it gives “手机” (mobile phone) 64 % of its attention, and no token gives "
        "it more.",
        word="苹果",
    ),
    Sample(
        "A line of Confucius",
        "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？",
        "“不亦 … 乎” comes twice. Choose the second “亦”: in head L5.H5 it gives the first one 85 % of its attention.",
        word="亦",
    ),
    Sample(
        "Chinese and English mixed",
        "今天的 Machine Learning 课讲了 attention 机制，也就是注意力机制。",
        "Choose “注意力”: in head L5.H5 it gives “attention”, the same in English, 89 % of its attention, 347 × what "
        "other tokens give it.",
        word="注意力",
    ),
    Sample(
        "Three characters in one",
        "小猫坐在垫子上，因为它很累。",
        "“因为它” (because it) is one token of this model: what “它” alone looks at cannot be asked. “，” is read "
        "as “,” and shown as it was typed.",
        word="因为它",
    ),
)


_EN_PT = (
    Sample(
        "The black cat",
        "The black cat drinks cold milk.",
        "Adjectives mostly stand behind their nouns in Portuguese: in L1.H0 the links of “black cat” and “cold milk” "
        "cross.",
        translation="O gato preto bebe leite frio.",
        gold="0-0 2-1 1-2 3-3 5-4 4-5 6-6",
    ),
    Sample(
        "The red book",
        "She gave her brother a red book.",
        "Hover or tap “seu”: a word that English says in another way. And in L1.H0 the links of “red book” cross.",
        translation="Ela deu a seu irmão um livro vermelho.",
        gold="0-0 1-1 2-3 3-4 4-5 6-6 5-7 7-8 1p2 2p2 3p2",
    ),
    Sample(
        "The old house",
        "The old house on the hill was sold yesterday.",
        "“na” is two English words in one: which does it read?",
        translation="A antiga casa na colina foi vendida ontem.",
        gold="0-0 1-1 2-2 3-3 4p3 5-4 6-5 7-6 8-7 9-8",
    ),
    Sample(
        "The white house",
        "My sister lives in a small white house.",
        "“small” stays before its noun, “white” moves behind it.",
        translation="Minha irmã vive em uma pequena casa branca.",
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
        "Adjectives go back before their nouns: in L1.H0 three pairs of links cross.",
    ),
    Sample(
        "The red book",
        "Ela deu a seu irmão um livro vermelho.",
        "“a seu irmão” becomes “her brother”: what is “her” read from?",
        translation="She gave her brother a red book.",
        gold="0-0 1-1 3-2 4-3 5-4 7-5 6-6 8-7 2p1 2p2 2p3",
    ),
    Sample(
        "The old house",
        "A antiga casa na colina foi vendida ontem.",
        "“na” becomes two words: in L1.H0 both are read from it.",
        translation="The old house on the hill was sold yesterday.",
        gold="0-0 1-1 2-2 3-3 3-4 4-5 5-6 6-7 7-8 8-9",
    ),
    Sample(
        "A peaceful solution",
        "Nós queremos uma solução política pacífica.",
        "Three words turn round: “solução política pacífica” is “peaceful political solution”.",
        translation="We want a peaceful political solution.",
        gold="0-0 1-1 2-2 5-3 4-4 3-5 6-6",
    ),
    Sample(
        "Three sentences",
        "O velho comprou um carro azul. Eles vivem lá agora. É quente.",
        "A text is translated sentence by sentence, and each has its own memory.",
    ),
)
_OTHERS = tuple(
    replace(
        sample,
        hint="Hover or tap a word of the translation: which source words was it read from?",
        translation="",
        gold="",
    )
    for sample in _EN_PT[:4]
)
_ZH = (
    Sample("黑猫", "黑猫喝冷牛奶。", "Which characters is each English word read from?"),
    Sample("红色的书", "她给了弟弟一本红色的书。", "Hover or tap “red”: which characters name the colour?"),
    Sample(
        "小白房子", "我的姐姐住在一座小白房子里。", "Chinese has no spaces: a token may be one character or several."
    ),
)


_PASSAGE = (
    "The lighthouse was built in 1871. Its keeper, Ingrid Dahl, kept bees behind the tower. In winter she played chess "
    "with a doctor from Bergen."
)
_PROMPTS = (
    Sample(
        "A story begins",
        "Once upon a time, in a small village by the sea, there lived a",
        "Strong tints are words that the model hardly expected. Click one: what else could stand there?",
    ),
    Sample(
        "The capital of France",
        "The capital of France is",
        "“Paris” comes first. Click it, and let the text go on with another city.",
    ),
    Sample(
        "A question about a passage",
        f"{_PASSAGE}\nQ: What did Ingrid keep behind the tower?\nA: Ingrid kept",
        "Click the words of the answer: what in the passage was each read from?",
    ),
    Sample(
        "The password again",
        "The secret password of the castle is dragon. People walked slowly along the river. "
        "The secret password of the castle is",
        "Click the first word that was written: which word of the prompt was it read from?",
    ),
    Sample(
        "Doubling",
        "1, 2, 4, 8, 16,",
        "The pattern is found, and then missed: how sure was the model of the first wrong number?",
    ),
)

_COVERED_LANGUAGE = (
    Sample(
        "The password",
        "The secret password of the castle is dragon. People walked slowly along the river. "
        "The secret password of the castle is",
        "Tap “dragon” to cover it: can the model still say the password? Then try a word beside it.",
        word="dragon",
    ),
    Sample(
        "The capital",
        "In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
        "Answer: In this story, the capital of France is",
        "Tap “Rome”: what does the model answer when it cannot look at what the story says?",
        word="Rome",
    ),
    Sample(
        "Mary and John",
        "When Mary and John went to the store, John gave a drink to",
        "Tap “Mary”, then the first “John”: which of them does the answer need?",
        word="Mary",
    ),
    Sample(
        "A known fact",
        "The capital of France is",
        "Tap “France”: this answer stands in the weights, but the question stands in the text.",
        word="France",
    ),
)
_LONG_TEXTS = (
    Sample(
        "A day in the harbour",
        "The harbour was quiet in the morning. Fishermen mended their nets and talked about the weather, and a "
        "boy carried baskets of bread from the bakery to the pier. A small boat left for the island with "
        "letters, two passengers and a box of young trees. The captain had made this journey every day for "
        "thirty years, and he knew each rock by its colour. In the afternoon the wind rose, and the gulls flew "
        "inland. The old teacher closed the windows of the school and told the children a story about a "
        "lighthouse keeper who kept bees behind his tower. The bees, she said, flew over the water to the "
        "gardens of the town and came back before it was dark. One of the children asked how they found the "
        "way. The teacher did not know, but she promised to write to her brother, who worked at the museum and "
        "had read many books about animals.\n"
        "In the evening the boat came back. The captain tied it to the pier, counted the ropes and looked at "
        "the sky. It would rain before midnight, he thought, and he was right: when the lamps were lit, the "
        "first drops fell on the roofs, and the smell of wet stone went through the streets. In the bakery the "
        "oven was still warm. The baker's daughter sat at the table and read a letter from her aunt, who lived "
        "in the city and played the violin in the theatre. She wrote that the new hall was too large, that "
        "nobody could hear the quiet notes in the last rows, and that she would come home for the summer. The "
        "daughter read the letter twice, put it into a drawer, and went to tell her father. He laughed, because "
        "he had guessed it: his sister had never stayed in the city when the cherries were ripe.",
        "About 400 tokens of plain prose: long enough for a cache to lose something.",
    ),
)
_FACTS = {
    "lens": Sample("The capital of France", "The capital of France is", ""),
    "conflict": _COVERED_LANGUAGE[1],
    "heart": Sample(
        "A famous sentence", "We hold these truths to be self-evident, that all men are created equal.", ""
    ),
    "mlps": Sample(
        "A fact from the teacher", "My teacher told me yesterday that the capital of France is", "", word="France"
    ),
    "entities": Sample(
        "The lighthouse",
        "In 1871 Ingrid Dahl came from Bergen to keep the lighthouse. She kept bees behind the tower and wrote letters "
        "to Doctor Berg in Oslo. When the winter of 1902 was over, he visited her, and they played chess. Years later, "
        "people in Bergen still told how Ingrid Dahl had lit the lamp alone.",
        "",
    ),
}
_OPEN = "Hover or tap a word: which words does it attend to, and in which heads?"
_OPEN_COVER = "Tap a word to cover it: does the answer change more than with any other word covered?"
_BY_MODEL = {"minilm": _MINILM, "smollm2": _SMOLLM2, "e5-multilingual": _E5}
_CHINESE = ("bert-base-chinese", "opus-mt-zh-en")


def translations(model: str) -> tuple[Sample, ...]:
    """The samples for a model that translates, by its name."""
    by_model = {"firefox-en-pt": _EN_PT, "firefox-pt-en": _PT_EN, "opus-mt-zh-en": _ZH}
    return by_model.get(model, _OTHERS)


def counterpart(text: str, model: str) -> str:
    """The text, or where it is a sample for another translation model, the sample at its place for this one."""
    of_model = translations(model)
    places = [place for group in (_EN_PT, _PT_EN, _ZH) for place, sample in enumerate(group) if sample.text == text]
    if not places or text in [sample.text for sample in of_model]:
        return text
    return of_model[places[0] % len(of_model)].text


def samples(model: str) -> tuple[Sample, ...]:
    """The samples for a model that reads, by its name; of texts that were chosen for others nothing is claimed."""
    if model in _BY_MODEL:
        return _BY_MODEL[model]
    family = CATALOGUE[model].family if model in CATALOGUE else "decoder-only"
    if model in _CHINESE:
        texts: tuple[Sample, ...] = _ZH
    elif family == "encoder-decoder":
        texts = translations(model)
    else:
        texts = _MINILM if family == "encoder-only" else _SMOLLM2
    return tuple(replace(sample, hint=_OPEN, translation="", gold="") for sample in texts)


def to_compare(model: str, way: str) -> tuple[Sample, ...]:
    """The samples that two heads ("heads") or two models ("models") read, for the first model by its name."""
    hint = {
        "heads": "Two heads of one model read the same text: blue is where the second attends more, orange the first.",
        "models": "Two models read the same text: blue is where the second attends more, orange the first. Their heads "
        "have nothing in common but their numbers.",
    }[way]
    return tuple(replace(sample, hint=hint) for sample in samples(model) if not sample.pair)


def prompts(model: str) -> tuple[Sample, ...]:
    """The samples for a model that continues texts, by its name; of other models than SmolLM2 nothing is claimed."""
    if model == "smollm2":
        return _PROMPTS
    hint = "Click a written word: how sure was the model, and what else could stand there?"
    return tuple(replace(sample, hint=hint) for sample in _PROMPTS)


def to_cover(model: str) -> tuple[Sample, ...]:
    """The samples in which a word is covered, for a model by its name; of other models nothing is claimed."""
    if model == "smollm2":
        return _COVERED_LANGUAGE
    family = CATALOGUE[model].family if model in CATALOGUE else "decoder-only"
    if model in _CHINESE:
        texts: tuple[Sample, ...] = _ZH
    elif family == "encoder-decoder":
        texts = translations(model)
    else:
        texts = tuple(sample for sample in _BY_MODEL.get(model, _MINILM) if not sample.pair)
        texts = texts if family == "encoder-only" else _COVERED_LANGUAGE
    return tuple(replace(sample, hint=_OPEN_COVER, translation="", gold="") for sample in texts)


def long_texts(model: str) -> tuple[Sample, ...]:
    """A text that is too long for a small cache, and those in which a word is covered, for a model by its name."""
    return (*_LONG_TEXTS, *to_cover(model))


def facts(model: str, view: str) -> tuple[Sample, ...]:
    """The samples for one view of the page Facts, for a model by its name; nothing is claimed of them."""
    first = _FACTS.get(view, _FACTS["lens"])
    others = to_cover(model) if view in ("lens", "mlps") else ()
    texts = (first, *(sample for sample in others if sample.text != first.text))
    return tuple(replace(sample, hint="", translation="", gold="") for sample in texts)


def two_texts(model: str = "") -> tuple[Sample, Sample]:
    """Two texts with one word in two meanings, to be read side by side, for a model by its name."""
    texts, word = (_E5, "苹果") if model == "e5-multilingual" else (_MINILM, "bank")
    first, second = (sample for sample in texts if sample.word == word)
    return first, second


def is_second_text(text: str) -> bool:
    """Is this the second of `two_texts`, for any model?"""
    return text in (two_texts()[1].text, two_texts("e5-multilingual")[1].text)


def first_word(model: str, text: str) -> str:
    """The word to look at first in a sample of this model; "" for any other text."""
    return next((sample.word for sample in samples(model) if sample.text == text), "")


def gold(text: str, output: str) -> str:
    """The hand-made alignment of a sample with this very translation of it; "" where there is none."""
    pairs = (*_EN_PT, *_PT_EN)
    return next(
        (sample.gold for sample in pairs if sample.text == text and sample.translation == output and sample.gold), ""
    )
