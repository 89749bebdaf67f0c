"""Of which kind is each token of a text: a function word, a content word, punctuation, or one that was added?"""

from __future__ import annotations

from collections.abc import Sequence

from memviz.tokens import Word

KINDS = ("function", "content", "punctuation", "special")
FUNCTION_WORDS = {
    "en": (
        "a an the this that these those i you he she it we they me him her us them my your his its our their "
        "who whom whose which what and or but nor so yet if because although though while when where whether "
        "as than then of in on at by for with about against between into through during before after above "
        "below to from up down out off over under again there here all any both each few more most other some "
        "such no not only own same too very can will would shall should may might must could do does did am "
        "is are was were be been being have has had having"
    ),
    "zh": (
        "的 了 是 在 和 与 及 或 而 但 也 都 就 还 又 不 没 很 把 被 让 给 对 从 到 "
        "向 于 以 为 之 其 这 那 哪 我 你 他 她 它 们 谁 什么 着 过 吗 呢 吧 啊 因为 "
        "所以 如果 虽然 但是 一 个"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines ich du er sie es wir ihr mich dich ihn uns "
        "euch mir dir ihm ihnen mein dein sein unser und oder aber denn weil dass ob wenn als wie in an auf "
        "aus bei mit nach von zu vor über unter durch für gegen ohne um nicht kein auch nur noch schon sehr "
        "ist sind war waren bin bist hat haben hatte wird werden wurde kann muss soll will zum zur im am"
    ),
    "fr": (
        "le la les un une des du de à au aux et ou mais donc or ni car que qui quoi dont où je tu il elle "
        "nous vous ils elles me te se lui leur mon ma mes ton ta tes son sa ses notre votre ce cet cette ces "
        "en y dans sur sous par pour avec sans chez ne pas plus est sont était suis es être a ont avait avoir "
        "si comme"
    ),
    "es": (
        "el la los las un una unos unas de del a al y e o u pero que quien cual donde yo tú él ella nosotros "
        "ellos me te se le lo nos les mi tu su este esta ese esa en con por para sin sobre entre no más es "
        "son era fue ser ha han había como si porque cuando"
    ),
    "pt": (
        "o a os as um uma uns umas de do da dos das em no na nos nas ao aos à e ou mas que quem onde eu tu "
        "ele ela nós eles me te se lhe meu teu seu sua este esta esse essa com por para sem sobre entre não "
        "mais é são era foi ser tem têm como se porque quando"
    ),
}
"""Words of closed classes (articles, pronouns, conjunctions, prepositions, auxiliaries, particles) by language."""
_SETS = {language: frozenset(words.split()) for language, words in FUNCTION_WORDS.items()}


def language_of(words: Sequence[Word]) -> str:
    """Whose function words does a text hold most of? A code of `FUNCTION_WORDS`, "" where it holds none of any."""
    texts = [word.text.lower() for word in words if not word.special]
    counts = {language: sum(text in closed for text in texts) for language, closed in _SETS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else ""


def token_kinds(words: Sequence[Word], count: int) -> tuple[list[str], str]:
    """(the kind of each of ``count`` tokens, the language by whose function words it was told).

    One of `KINDS`; "" for a word of a text in no known language, where function and content words are not told apart.
    """
    language = language_of(words)
    kinds = [""] * count
    for word in words:
        if word.special:
            kind = "special"
        elif not any(map(str.isalnum, word.text)):
            kind = "punctuation"
        elif language:
            kind = "function" if word.text.lower() in _SETS[language] else "content"
        else:
            kind = ""
        for token in word.tokens:
            kinds[token] = kind
    return kinds, language
