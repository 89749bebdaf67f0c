"""Pieces without offsets find their place in the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.tokens.alignment import locate, without_word_marks
from memviz.tokens.raw_bytes import spread


def shown(pieces: list[str], text: str, unknown: str | None = None) -> list[str]:
    return [text[start:end] for start, end in locate(pieces, text, unknown=unknown)]


@pytest.mark.parametrize(
    ("pieces", "text", "expected"),
    [
        (["▁The", "▁c", "at"], "The cat", ["The", "c", "at"]),
        (["▁", "猫", "▁", "x"], "猫 x", ["", "猫", " ", "x"]),
        (["un", "##believ", "##able"], "Unbelievable", ["Un", "believ", "able"]),
        (["low", "er</w>", "end</w>"], "lower end", ["low", "er", "end"]),
        (["low@@", "er", "end"], "lower end", ["low", "er", "end"]),
        (["##", "x"], "##x", ["##", "x"]),
        (["@@"], "@@", ["@@"]),
        (["ĠçĮ", "«", "Ġ", "x"], " 猫 x", [" 猫", "猫", " ", "x"]),
        (["çĮ", "«"], " 猫", ["猫", "猫"]),
        (["ĠçĮ", "«", "Ġx"], "猫 x", ["猫", "猫", " x"]),
        (["▁a", "<0xE7>", "<0x8C>", "<0xAB>", "b"], "a猫b", ["a", "猫", "猫", "猫", "b"]),
        (["<0x61>", "<0x0A>", "<0xE7>", "b"], "a\nzb", ["a", "\n", "z", "b"]),
        (["▁fi", "n", "▁1", "..."], "ﬁn ①…", ["ﬁ", "n", "①", "…"]),
        (["▁strasse"], "Straße", ["Straße"]),
        (["ａ", "b"], "aｂ", ["a", "ｂ"]),
        (["cafe", "nai", "##ve"], "Café naïve", ["Café", "naï", "ve"]),
        (['"', "cat", '"', "the"], "“cat” the", ["“", "cat", "”", "the"]),
        (["hi", "there"], "\ufeffhi \0 there", ["hi", "there"]),
        (["the", "cat", "sat"], "the" + "\u200b" * 700 + " cat sat", ["the", "cat", "sat"]),
        (["नि", "##ि"], "निि", ["नि", "ि"]),
        (["resum", "##es", "x"], "Résumés x", ["Résum", "és", "x"]),
        (["ab", "cd"], "αβγδ", ["αβ", "γδ"]),
        (["zzz"], "", [""]),
        ([], "text", []),
    ],
)
def test_pieces_find_their_characters(pieces: list[str], text: str, expected: list[str]) -> None:
    assert shown(pieces, text) == expected


def test_unknown_pieces_take_the_gap() -> None:
    assert shown(["[UNK]", "cat", "[UNK]", "[UNK]"], "😀 cat 犬 é!", "[UNK]")[:2] == ["😀", "cat"]
    assert shown(["[UNK]", "cat", "[UNK]", "[UNK]"], "😀 cat 犬 éa", "[UNK]") == ["😀", "cat", "犬", "éa"]
    assert shown(["[UNK]", "[UNK]"], "犬 é!", "[UNK]") == ["犬 é!", "犬 é!"]  # three words, two pieces: together
    assert shown(["[UNK]", "[UNK]"], "zzz wwwwwww", "[UNK]") == ["zzz", "wwwwwww"]
    assert shown(["[UNK]", "a", "b"], "xay ab", "[UNK]") == ["xay", "a", "b"]
    assert shown(["cafe", "[UNK]"], "cafe\u0301 犬", "[UNK]") == ["cafe", "犬"]


def test_a_lost_piece_does_not_drag_the_others_along() -> None:
    text = "one two three four five two"
    assert shown(["one", "XX", "three", "four", "five", "two"], text) == ["one", "two", "three", "four", "five", "two"]


@given(st.lists(st.text(max_size=4), max_size=6), st.text(max_size=20))
def test_any_pieces_get_ordered_spans_inside_the_text(pieces: list[str], text: str) -> None:
    spans = locate(pieces, text, unknown="<unk>")
    assert len(spans) == len(pieces)
    assert all(0 <= start <= end <= len(text) for start, end in spans)


@given(st.text(min_size=1), st.data())
def test_bytes_belong_to_the_character_they_spell(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    ends = sorted(data.draw(st.sets(st.integers(0, len(raw)))) | {len(raw)})
    raws = [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    spans = spread(raws, text)
    assert spans is not None
    for part, (start, end) in zip(raws, spans, strict=True):
        assert part in text[start:end].encode()
        assert len(text[start:end].encode()) - len(part) <= 6  # at most a character's rest on either side


def test_broken_bytes_are_one_replacement_each() -> None:
    assert spread([b"a", b"\xe7", b"b"], "a\ufffdb") == [(0, 1), (1, 2), (2, 3)]
    assert spread([b"\xf0\x9f", b"\x98"], "\ufffd") == [(0, 1), (0, 1)]
    assert spread([b"a"], "b") is None


def test_unmarked_keeps_what_is_text() -> None:
    assert [without_word_marks(piece) for piece in ("▁the", "Ġ", "##s", "##", "@@", "</w>", "a</w>")] == [
        "the", "", "s", "##", "@@", "</w>", "a"
    ]  # fmt: skip


def test_a_mark_takes_as_much_white_space_as_it_stands_for() -> None:
    assert locate(["▁", "a"], "  a") == [(0, 1), (2, 3)]
    assert locate(["▁▁", "a"], "   a") == [(0, 2), (3, 4)]
    assert locate(["▁", "▁", "a"], "   a") == [(0, 1), (1, 2), (3, 4)]
