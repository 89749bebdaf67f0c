"""Where does a text fall into sentences? Translation models read one sentence at a time.

The rule, for texts in any language:

- a line break ends a sentence;
- so do ``. ! ? …`` and their relatives in other scripts, with the quotes and brackets that close behind them, when
  white space follows and the next word does not begin with a small letter; after the full-width ones (。！？) no white
  space is needed;
- but not the dot of what needs something behind it: a title (Mr. sr.), an abbreviation before a number (No. pág.
  Sept.), a number or letter that numbers a list (1. at the start), the first letters of a name (J. K., z. B., e.g.);
- an abbreviation that may stand before a name or at the end (Inc. St. J. K. Ph.D.) ends a sentence where the next word
  is one that begins sentences (The, He, O, Ela, or a verb such as Custou); that of a country (U.S.) where no name of
  one of its offices follows; one of a time (a.m.) where no day, month or time zone follows.

Dots inside a word (3.14, example.com) never count, since no white space follows. The words are in `abbreviations`. Like
every such rule it errs at times: "at Apple Inc. Maria left." stays one sentence. Splitting never changes a character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from memviz.reading.writing import abbreviations

LONGEST = 128  # tokens: what Firefox gives its models at once
LOOK_BACK = 64  # characters before a dot that are looked at
Span = tuple[int, int]

_CLOSING = r"[\"'”’»›)\]}」』】》〉]*"
_END = regex.compile(
    rf"""(?P<lines>[\n\r\v\f\x85\u2028\u2029]+)
    | [。！？｡．]+[。！？｡．!?…]*{_CLOSING}                            # full width: no white space needed
    | (?P<dot>[.!?…؟۔।॥։።]+){_CLOSING}(?=\p{{White_Space}})""",
    regex.V1 | regex.VERBOSE,
)
_BEGINS_SMALL = regex.compile(r"[\p{White_Space}\"'“‘«‹(\[{–—-]*\p{Ll}(?!\p{Lu})")  # iPhone may begin a sentence
_LAST_WORD = regex.compile(r"[\p{L}\p{N}\p{M}'’]+(?:\.[\p{L}\p{N}\p{M}'’]+)*$")
_BEGINS_NUMBER = regex.compile(r"[\p{White_Space}(]*(?:(?:US|R)?[$£€]|[#~≈±+−-])?\p{N}")
_BEGINS_ROMAN = regex.compile(r"\p{White_Space}*(?:[IVXLCDM]{2,}|[VXL])\b")
_NEXT_WORDS = regex.compile(
    r"[\p{White_Space}\"'“‘«‹(\[{–—-]*(\p{L}[\p{L}\p{M}]*)(\.?)(?:\P{White_Space}*\p{White_Space}+(\p{Lu}?))?"
)
_FIRST_LETTERS = regex.compile(r"(?:\p{L}{1,2}\.)+\p{L}{1,3}")  # U.S, e.g, Ph.D
_LETTER_BEFORE = regex.compile(r"(?<!\p{L})\p{L}\.\p{White_Space}?\p{L}$")  # z. B, d. h
_SPACED_TIME = regex.compile(r"\p{N}\p{White_Space}*[ap]\. m$")
_AFTER_NUMBER = regex.compile(r"\p{N}\p{White_Space}*\p{L}+$")
_NUMBERS_A_LIST = regex.compile(r"\p{N}+(?:\.\p{N}+)*|\p{L}|[IVX]+|(?:\p{L}\.)+\p{L}")
_AFTER_ARTICLE = regex.compile(r"(?:^|\p{White_Space})(?i:a?os?|pelos?)\p{White_Space}+\p{L}+$")  # o cap, ao ten
_VERB = regex.compile(
    r"\p{Lu}\p{Ll}{2,}(?:ou|iu|[aei]ram|avam)"
)  # Custou, Abriu: a Portuguese sentence without subject
_PAUSE = regex.compile(r"[,;:，；：、،؛–—]\p{White_Space}*$")


def split_sentences(text: str) -> list[Span]:
    """Where are the sentences of this text?

    Spans [start, end) of characters, in order, without white space at their edges; together they hold every character
    that is no white space.
    """
    found: list[Span] = []
    begin = 0
    for end in _END.finditer(text):
        if end.group("lines") or not end.group("dot") or _ends(text, begin, end):
            _keep(text, begin, end.end(), found)
            begin = end.end()
    _keep(text, begin, len(text), found)
    return found


def sentence_parts(text: str, token_starts: Callable[[str], Sequence[int]]) -> tuple[list[Span], list[int]]:
    """(where the parts of a text are that are translated on their own, how many tokens each sentence has).

    ``token_starts`` says where the tokens of a part begin in it, special ones left out. There are more parts than
    sentences where one had to be cut. Sentences without a single token are left out.
    """
    spans: list[Span] = []
    counts: list[int] = []
    for start, end in split_sentences(text):
        starts = token_starts(text[start:end])
        if not len(starts):
            continue
        parts = split_long(text[start:end], starts) if len(starts) > LONGEST else [(0, end - start)]
        spans += [(start + first, start + last) for first, last in parts]
        counts.append(len(starts) + 1)
    return spans, counts


def split_long(text: str, starts: Sequence[int], *, longest: int = LONGEST) -> list[Span]:
    """Where is a sentence of too many tokens cut, so that no part has more than ``longest``?

    ``starts``: where each token begins.

    Each part ends after a comma or another pause in its second half where there is one, else before a word, else
    anywhere. Spans of characters in order; together they hold every character but white space.
    """
    found: list[Span] = []
    begin = 0
    while len(starts) - begin > longest:
        window = range(begin + longest, begin + longest // 2, -1)
        words = [place for place in window if text[max(starts[place] - 1, 0) : starts[place]].isspace()]
        pauses = [place for place in words if _PAUSE.search(text[max(starts[place] - 8, 0) : starts[place]])]
        cut = next(iter(pauses or words), begin + longest)
        _keep(text, starts[begin] if begin else 0, starts[cut], found)
        begin = cut
    _keep(text, starts[begin] if begin else 0, len(text), found)
    return found


def _ends(text: str, begin: int, end: regex.Match[str]) -> bool:
    """Does this run of . ! ? end a sentence?"""
    if _BEGINS_SMALL.match(text, end.end()):
        return False
    if end.group("dot") != ".":
        return True
    before = text[begin : end.start()].lstrip()
    if _NUMBERS_A_LIST.fullmatch(before):
        return False
    near = before[-LOOK_BACK:]
    word = _LAST_WORD.search(near)
    return word is None or not _goes_on(word.group(), near, _Following.of(text, end.end()))


@dataclass(frozen=True)
class _Following:
    """What stands behind a dot.

    number   a number, in figures
    roman    one in Roman figures
    word     the next word, "" where there is none
    begins   it is one that begins sentences
    initial  it is a single letter with a dot
    name     the word after it has a capital, too
    """

    number: bool
    roman: bool
    word: str
    begins: bool
    initial: bool
    name: bool

    @classmethod
    def of(cls, text: str, place: int) -> _Following:
        """What stands in this text from ``place`` on."""
        words = _NEXT_WORDS.match(text, place)
        word, dot, capital = words.groups() if words else ("", "", "")
        initial = len(word) == 1 and bool(dot)
        return cls(
            number=bool(_BEGINS_NUMBER.match(text, place)),
            roman=bool(_BEGINS_ROMAN.match(text, place)),
            word=word,
            begins=(word in abbreviations.BEGINNERS or _VERB.fullmatch(word) is not None) and not initial,
            initial=initial,
            name=bool(capital),
        )


def _goes_on(word: str, before: str, following: _Following) -> bool:
    """Does the sentence go on behind the dot of this ``word``, the last of ``before``?"""
    small = word.lower()
    if word in abbreviations.TITLES:
        return True
    if word in abbreviations.TIMES or _SPACED_TIME.search(before):
        return following.word in abbreviations.AFTER_TIMES
    if small in abbreviations.NUMBERED or word in abbreviations.NUMBERED_LETTERS:
        if following.number or following.roman:
            return True
    if small in abbreviations.MONTHS_LIKE_WORDS and following.number:
        return word != small or bool(_AFTER_NUMBER.search(before))
    if word in abbreviations.COUNTRIES:
        office = following.name or following.number or following.word in abbreviations.OF_A_COUNTRY
        return office and not following.begins
    if word in abbreviations.RANKS and _AFTER_ARTICLE.search(before):
        return not following.begins
    if word in abbreviations.EITHER:
        return not following.begins and not _AFTER_NUMBER.search(before)
    if _FIRST_LETTERS.fullmatch(word):
        return word[0].islower() or not following.begins
    if word == "I":
        return following.initial
    if len(word) == 1 and word.lower() != word.upper():
        if _LETTER_BEFORE.search(before):
            return word.islower() or not following.begins
        return not following.begins and not (word.islower() and _AFTER_NUMBER.search(before))
    return False


def _keep(text: str, start: int, end: int, found: list[Span]) -> None:
    """Adds the span without the white space at its edges; nothing where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        found.append((start, end))
