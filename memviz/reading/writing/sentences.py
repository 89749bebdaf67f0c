"""Where does a text fall into sentences? Translation models read one sentence at a time.

The rule, for texts in any language:

- a line break ends a sentence;
- so do ``. ! ? …`` and their relatives in other scripts, with the quotes and brackets that close behind them, when
  white space follows and the next word does not begin with a small letter; after the full-width ones (。！？) no white
  space is needed;
- but not the dot of a title or an abbreviation that needs a name or a number behind it (Mr. Sr. No.), of a single
  letter (J. K., z. B.), or of a number that numbers a list (1. at the start).

Dots inside a word (3.14, example.com) never count, since no white space follows. Like every such rule it errs at times:
"etc." before a capital ends a sentence. Splitting never changes a character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import regex

LONGEST = 128  # tokens: what Firefox gives its models at once
Span = tuple[int, int]

_TITLES = frozenset(
    "Mr Mrs Ms Mx Dr Drs Dra Prof Profa St Sr Sra Srta Jr Gen Col Capt Sgt Lt Rev Hon Gov Sen Rep Pres Mme Mlle Hr Fr "
    "Herr Av Ave Eng vs".split()
)
_NUMBERED = frozenset("no nr fig art p pp pág vol cap n".split())
_CLOSING = r"[\"'”’»›)\]}」』】》〉]*"
_END = regex.compile(
    rf"""(?P<lines>[\n\r\v\f\x85\u2028\u2029]+)
    | [。！？｡．]+[。！？｡．!?…]*{_CLOSING}                            # full width: no white space needed
    | (?P<dot>[.!?…؟۔।॥։።]+){_CLOSING}(?=\p{{White_Space}})""",
    regex.V1 | regex.VERBOSE,
)
_BEGINS_SMALL = regex.compile(r"[\p{White_Space}\"'“‘«‹(\[{]*\p{Ll}")
_LAST_WORD = regex.compile(r"[\p{L}\p{N}\p{M}'’]+$")
_BEGINS_NUMBER = regex.compile(r"\p{White_Space}*\p{N}")
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
    word = _LAST_WORD.search(before)
    if word is None:
        return True
    numbers_a_list = word.group() == before and word.group().isdigit()
    initial = len(word.group()) == 1 and word.group().upper() != word.group().lower() and word.group() != "I"
    numbered = word.group().lower() in _NUMBERED and _BEGINS_NUMBER.match(text, end.end())
    return not (numbers_a_list or initial or numbered or word.group() in _TITLES)


def _keep(text: str, start: int, end: int, found: list[Span]) -> None:
    """Adds the span without the white space at its edges; nothing where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        found.append((start, end))
