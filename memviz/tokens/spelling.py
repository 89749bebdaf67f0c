"""Which characters hold together, and what does a person see of them?

Nothing here knows a tokenizer: ``clean`` and ``require_text`` refuse what cannot be read, ``word_spans`` finds the
words of a text, and ``printable`` shows characters that would otherwise be invisible.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import regex

from memviz.errors import EmptyTextError, ReadingError

Span = tuple[int, int]

WHITE = "".join(filter(regex.compile(r"\p{White_Space}").match, map(chr, range(0x3001))))

BREAKS = frozenset("\n\v\f\r\x85\u2028\u2029")

# Scripts that put no space between words: each written character is shown as a word of its own.
_UNSPACED = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\u30FC\uFF70\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}"
    r"\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}\p{Tangut}\p{Nushu}]"
)
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--{_UNSPACED}]"
_WORD = regex.compile(
    rf"""(?={_UNSPACED})\X                              # 天 | 気 | ท
    | {_LETTER}(?: {_LETTER}
                 | [\u00AD\u200C\u200D]                 # soft hyphen and joiners live inside words (Persian, Hindi)
                 | (?<=\p{{N}})[.,](?=\p{{N}})          # 3.14
                 | ['\u2019](?=\p{{L}}) )*              # didn't
    | (?!\p{{White_Space}})\X                           # one sign, one emoji with all its joiners, one flag""",
    regex.V1 | regex.VERBOSE,
)
_UNSEEN = regex.compile(r"[\p{M}\p{Co}\p{Default_Ignorable_Code_Point}\u2800]+", regex.V1)
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_RUN = regex.compile(r"(.)\1*")
_HALF = regex.compile(r"\p{Cs}")
_MARKS = regex.compile(r"\p{M}+")
_NAMES = {
    0x00AD: "SHY", 0x061C: "ALM", 0x200B: "ZWSP", 0x200C: "ZWNJ", 0x200D: "ZWJ", 0x200E: "LRM", 0x200F: "RLM",
    0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO", 0x2060: "WJ", 0x2066: "LRI",
    0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xFE0E: "VS15", 0xFE0F: "VS16", 0xFEFF: "BOM",
}  # fmt: skip


def _named(code: int) -> str:
    """How is a character without a shape of its own written?"""
    return f"⟨{_NAMES.get(code, f'U+{code:04X}')}⟩"


# Direction overrides are always spelled out: drawn as they are, they would turn round the words next to them.
_PICTURES = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    **{code: _named(code) for code in (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **{ord(char): "⏎" for char in "\n\x85\u2028\u2029"},
    ord("\t"): "⇥",
    0x7F: "␡",
}


def clean(text: str) -> str:
    """Can this text be written down at all?

    Returns the text with nothing taken away; two halves of a character that stand next to each other (a common fault
    of JSON) are joined. Null and control characters stay: they are shown by `printable`.

    Raises:
        ReadingError: not a string, or half a character (a lone surrogate), which no encoding can hold.
    """
    if not isinstance(text, str):
        raise ReadingError("A text must be a string; this is {kind}.", todo="Pass a str.", kind=type(text).__name__)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    half = _HALF.search(text)
    if half:
        raise ReadingError(
            "Character {position} of the text is only half a character ({code}).",
            todo="Delete it, or copy the text again from where it came from.",
            position=half.start() + 1,
            code=f"U+{ord(half.group()):04X}",
        )
    return text


def require_text(text: str) -> str:
    """Is there something to read? Returns ``clean(text)``.

    Raises:
        EmptyTextError: the text is empty or holds nothing but white space.
        ReadingError: see `clean`.
    """
    text = clean(text)
    if not text:
        raise EmptyTextError("The text is empty.", todo="Type or paste at least one word.")
    if not text.strip(WHITE):
        raise EmptyTextError(
            "The text holds nothing but spaces and line breaks ({count} characters).",
            todo="Type or paste at least one word.",
            count=len(text),
        )
    return text


def word_spans(text: str) -> list[Span]:
    """Where are the words of this text? Spans ``[start, end)`` in order, disjoint, covering all but white space.

    A word is a run of letters, marks, digits and ``_`` with inner apostrophes (didn't) and decimal points (3.14);
    hyphens separate. Scripts without spaces (Chinese, Japanese, Thai …) give one word per written character.
    Anything else is one grapheme cluster: a sign, an emoji with its joiners, a flag.
    """
    return [match.span() for match in _WORD.finditer(text)]


@dataclass(frozen=True, slots=True)
class SpanUnion:
    """Disjoint spans in order: which one is around a character?"""

    spans: list[Span]

    @classmethod
    def joined(cls, spans: Iterable[Span]) -> SpanUnion:
        """Which spans share a character? Those become one."""
        union: list[Span] = []
        for start, end in sorted(spans):
            if union and start < union[-1][1]:
                union[-1] = union[-1][0], max(union[-1][1], end)
            else:
                union.append((start, end))
        return cls(union)

    @classmethod
    def words(cls, text: str, token_spans: Sequence[Span]) -> SpanUnion:
        """Where are the words of a text, given the characters that its tokens hold?

        Each word holds at least one token. What no token holds a part of (the tokenizer dropped it) is in no word.
        """
        token_spans, spans = sorted(token_spans), []
        for start, end in cls.joined([*word_spans(text), *token_spans]).spans:
            last = bisect_left(token_spans, (end,)) - 1  # the last token that begins before this end
            if last >= 0 and token_spans[last][0] >= start:
                spans.append((start, end))
        return cls(spans)

    def around(self, place: int) -> int:
        """Number of the span that holds this character, -1 where none does."""
        number = bisect_right(self.spans, place, key=itemgetter(0)) - 1
        return number if number >= 0 and place < self.spans[number][1] else -1


def trim(text: str, span: Span) -> Span:
    """Which part of a span is not white space at its edges? A span of white space only stays as it is."""
    start, end = span
    inner = text[start:end]
    bare = inner.lstrip(WHITE)
    if not bare:
        return span
    start = end - len(bare)
    return start, start + len(bare.rstrip(WHITE))


def with_accents(text: str, spans: Sequence[Span]) -> list[Span]:
    """Which combining marks belong to these spans? Each grows over the marks behind it that no span holds (é)."""
    runs = [match.span() for match in _MARKS.finditer(text)]
    if not runs:
        return list(spans)
    is_claimed = bytearray(len(text))
    for start, end in spans:
        is_claimed[start:end] = b"\1" * (end - start)
    reach: dict[int, int] = {}
    for start, end in runs:
        for place in reversed(range(start, end)):
            if not is_claimed[place]:
                reach[place] = reach.get(place + 1, place + 1)
    return [(start, reach.get(end, end) if end > start else end) for start, end in spans]


def printable(text: str) -> str:
    """What does a person see of these characters? Empty only for an empty text.

    White space alone becomes ⏎ ⇥ ␣ (counted when long), control characters become their pictures (␀), overrides of
    direction and characters that draw nothing become their names (⟨ZWJ⟩), a lone mark sits on a dotted circle.
    """
    if text.isascii() and text.isprintable() and not text.isspace():
        return text
    text = text.replace("\r\n", "\n")
    if text.isspace() and not text.strip(WHITE):
        return _counted(text)
    if _UNSEEN.fullmatch(text):
        return "".join(map(_sketched, text))
    return text.translate(_PICTURES)


def _counted(white: str) -> str:
    """How is white space written down? Runs of more than four are counted: ␣×12."""
    runs = _RUN.finditer("".join(_PICTURES.get(ord(char), "␣") for char in white))
    return "".join(run.group() if len(run.group()) <= 4 else f"{run.group(1)}×{len(run.group())}" for run in runs)


def _sketched(char: str) -> str:
    """How is one mark or one character without ink written down?"""
    inked = unicodedata.category(char)[0] == "M" and not _IGNORABLE.match(char)
    return f"◌{char}" if inked else _named(ord(char))


def right_to_left(text: str) -> bool:
    """Is this text written from right to left? As its first letter with a direction says."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction in ("R", "AL") for direction in directions if direction in ("L", "R", "AL")), False)
