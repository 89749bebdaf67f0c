"""Tokens: offsets, groups, added tokens, threads; for every kind of tokenizer."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from memviz.errors import EmptyTextError, ReadingError
from memviz.tokens import Token, align, dropped_characters, tokenise, words
from memviz.tokens.spelling import WHITE

ODD = [
    "the cat sat", " ", "  ", "\n\n", "\r\n", "\t", "猫", "天気。」", "😀", "👩‍👩‍👧", "🇫🇷", "1️⃣", "e\u0301", "ﬁ", "①",
    "…", "É", "ß", "\0", "\x07", "\ufeff", "\u200b", "\u200d", "\u202e", "\ufffd", "\u3000", "हिन्दी", "क्‍ष", "مرحبا",
    "می‌خواهم", "ที่", "한국", "𠮷", "<script>alert(1)</script>", "[SEP]", "[UNK]", "</s>", "<|im_end|>", "<unk>",
    ">>fra<<", "__en__", "▁", "Ġ", "##s", "@@", "$$", ":red[x]", "](javascript:x)", "didn't", "3.14", "<0xE7>",
    "\x1c", "\x85",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=3)), max_size=8).map("".join)


def tokens_of(tokenizer: Any, text: str, pair: str | None = None) -> tuple[Token, ...]:
    return tokenise(tokenizer, text, pair)[0]


def shown(tokens: tuple[Token, ...]) -> list[str]:
    return [token.text for token in tokens]


def test_a_sentence_reads_as_it_is_written(byte_level: Any) -> None:
    tokens, inputs = tokenise(byte_level, "The cat 猫 sat 😀")
    assert [text for text in shown(tokens) if text != "␣"] == ["The", "cat", *["猫"] * 3, "sat", *["😀"] * 4]
    assert [token.id for token in tokens] == inputs["input_ids"]
    assert len({token.group for token in tokens[-4:]}) == 1
    assert [token.start for token in tokens[-4:]] == [14] * 4
    assert tokens[1] == Token("cat", inputs["input_ids"][1], 4, 7, word=1, special=False, segment=0, group=1)


def test_pieces_of_one_character_share_group_and_text(byte_level: Any, unigram: Any, byt5: Any) -> None:
    for tokenizer, count in ((byte_level, 3), (unigram, 3), (byt5, 3)):
        tokens = [token for token in tokens_of(tokenizer, "x龍x") if token.text == "龍"]
        assert len(tokens) == count
        assert {(token.start, token.end) for token in tokens} == {(1, 2)}
        assert len({token.group for token in tokens}) == 1


def test_saved_truncation_and_padding_do_not_cut(word_piece: Any) -> None:
    backend = word_piece.backend_tokenizer
    before = backend.truncation, backend.padding
    assert before[0]["max_length"] == 5
    assert before[1]["length"] == 12
    tokens, inputs = tokenise(word_piece, "the cat sat on the mat because it was tired.")
    assert shown(tokens) == [
        "[CLS]", "the", "cat", "sat", "on", "the", "mat", "because", "it", "was", "tired", ".", "[SEP]"
    ]  # fmt: skip
    assert len(inputs["attention_mask"]) == len(inputs["token_type_ids"]) == 13
    assert "offset_mapping" not in inputs
    assert "special_tokens_mask" not in inputs
    assert (backend.truncation, backend.padding) == before  # the tokenizer was not changed


def test_only_added_tokens_are_special(word_piece: Any) -> None:
    tokens = tokens_of(word_piece, "the [SEP] cat")
    assert [(token.text, token.special) for token in tokens] == [
        ("[CLS]", True), ("the", False), ("[SEP]", False), ("cat", False), ("[SEP]", True)
    ]  # fmt: skip
    assert tokens[2].id == tokens[-1].id
    assert (tokens[2].start, tokens[2].end) == (4, 9)
    assert [(token.start, token.end) for token in tokens if token.special] == [(0, 0), (13, 13)]


def test_pairs_count_each_text_from_zero(word_piece: Any) -> None:
    tokens, inputs = tokenise(word_piece, "the cat.", "the dog!")
    assert [(token.text, token.segment, token.start) for token in tokens] == [
        ("[CLS]", 0, 0), ("the", 0, 0), ("cat", 0, 4), (".", 0, 7), ("[SEP]", 0, 8),
        ("the", 1, 0), ("dog", 1, 4), ("!", 1, 7), ("[SEP]", 1, 8),
    ]  # fmt: skip
    assert inputs["token_type_ids"] == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert [token.word for token in tokens] == list(range(9))
    assert tokenise(word_piece, "the cat", "") == tokenise(word_piece, "the cat")


def test_pairs_of_python_tokenizers(byt5: Any, m2m: Any) -> None:
    tokens = tokens_of(byt5, "ab", "猫")
    assert [(token.text, token.segment, token.special) for token in tokens] == [
        ("a", 0, False), ("b", 0, False), ("</s>", 0, True), *[("猫", 1, False)] * 3, ("</s>", 1, True)
    ]  # fmt: skip
    tokens = tokens_of(m2m, "cat", "cat")
    assert [token.segment for token in tokens if token.text == "t"] == [0, 1]


def test_accents_that_the_tokenizer_drops_are_shown(word_piece: Any) -> None:
    tokens = tokens_of(word_piece, "cafe\u0301 te\u0301")
    assert "".join(shown(tokens[1:-1])) == "cafe\u0301te\u0301"


def test_a_word_start_mark_before_an_unspaced_character_is_empty(unigram: Any, merged: Any, m2m: Any) -> None:
    for tokenizer in (unigram, merged, m2m):
        mark, head = [token for token in tokens_of(tokenizer, "天気 x") if not token.special][:2]
        assert (mark.text, mark.start, mark.end) == ("␣", 0, 0)
        assert head.text[0] == "天"
        assert head.start == 0
        assert mark.word == head.word  # it is the mark of that word


def test_a_mark_that_stands_for_a_space_belongs_to_the_word_behind_it(unigram: Any) -> None:
    tokens = tokens_of(unigram, "cat 天気")
    mark = next(place for place, token in enumerate(tokens) if token.text == "␣")
    [word] = [word for word in words(tokens, "cat 天気") if mark in word.tokens]
    assert (word.text[0], word.start, word.space) == ("天", 4, True)
    assert "␣" not in [word.text for word in words(tokens, "cat 天気")]


def test_white_space_and_control_characters_show(byte_level: Any) -> None:
    assert shown(tokens_of(byte_level, "a\0\n")) == ["a", "␀", "⏎"]
    assert shown(tokens_of(byte_level, "\ufeffa"))[0] == "⟨BOM⟩"


def test_unknown_runs_of_unigram_are_told_apart(unigram: Any) -> None:
    tokens = [token for token in tokens_of(unigram, "a龍馬") if not token.special]
    assert [(token.text, token.start) for token in tokens[-6:]] == [("龍", 1)] * 3 + [("馬", 2)] * 3


def test_language_tokens_are_special_and_typed_ones_are_not(m2m: Any, marian: Any) -> None:
    source, target = tokens_of(m2m, "the cat"), tokenise(m2m, "the cat", target=True)[0]
    assert (source[0].text, source[0].special) == ("__en__", True)
    assert (target[0].text, target[0].special) == ("__fr__", True)
    assert shown(source[1:]) == shown(target[1:])
    typed = tokens_of(marian, ">>fra<< cat")[0]
    assert (typed.text, typed.special, typed.end) == (">>fra<<", False, 7)
    assert tokens_of(marian, "cat")[-1].text == "</s>"


def test_unknown_words_of_a_python_word_piece(prophet: Any) -> None:
    assert shown(tokens_of(prophet, "zzz wwwwwww cat")) == ["zzz", "wwwwwww", "cat", "[SEP]"]
    assert shown(tokens_of(prophet, "😀 Cafe\u0301 龍!")) == ["😀", "Cafe\u0301", "龍", "!", "[SEP]"]


def test_a_target_language_must_be_known(m2m: Any) -> None:
    language = m2m.tgt_lang
    m2m.tgt_lang = None
    try:
        with pytest.raises(ReadingError, match=r"none was chosen\. Choose two of its language codes"):
            tokenise(m2m, "cat", target=True)
        assert tokens_of(m2m, "cat")[0].text == "__en__"
    finally:
        m2m.tgt_lang = language


def test_a_text_of_which_nothing_is_kept_is_refused(word_piece: Any) -> None:
    with pytest.raises(EmptyTextError, match="keeps none of the 2 characters"):
        tokenise(word_piece, "\u200b\0")
    with pytest.raises(EmptyTextError):
        tokenise(word_piece, "cat", "\0")
    assert shown(tokens_of(word_piece, " ")) == ["[CLS]", "[SEP]"]


def test_half_characters_are_refused(byte_level: Any) -> None:
    with pytest.raises(ReadingError, match="half a character"):
        tokenise(byte_level, "a\ud83d")
    assert tokens_of(byte_level, "\ud83d\ude00")[0].text == "😀"


@pytest.mark.filterwarnings("ignore:This sequence already has </s>")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, pair=st.one_of(st.none(), texts))
def test_laws_of_tokens_and_words(tokenizer: Any, text: str, pair: str | None) -> None:
    try:
        tokens, inputs = tokenise(tokenizer, text, pair)
    except EmptyTextError:
        return
    parts = [text, pair or ""]
    assert [token.id for token in tokens] == inputs["input_ids"]
    for token in tokens:
        assert token.text.strip()
        assert 0 <= token.start <= token.end <= len(parts[token.segment])
        assert "\ufffd" not in token.text or "\ufffd" in parts[token.segment]
    check_groups(tokens)
    check_words(tokens, text, pair)


def check_groups(tokens: tuple[Token, ...]) -> None:
    """Tokens with a common character share a group, and a group shows one text."""
    owners: dict[tuple[int, int], int] = {}
    seen: dict[int, str] = {}
    for token in tokens:
        for place in range(token.start, token.end):
            assert owners.setdefault((token.segment, place), token.group) == token.group
        assert seen.setdefault(token.group, token.text) == token.text
    assert sorted(seen) == list(range(len(seen)))


def check_words(tokens: tuple[Token, ...], text: str, pair: str | None) -> None:
    """Words are in order and disjoint, hold every token once, and cover all but white space and what was dropped."""
    found = words(tokens, text, pair)
    assert sorted(place for word in found for place in word.tokens) == list(range(len(tokens)))
    for number, word in enumerate(found):
        assert {tokens[place].word for place in word.tokens} == {number}
        assert word.text
        assert word.special == all(tokens[place].special for place in word.tokens)
        if not word.special:
            assert all(word.start <= tokens[p].start and tokens[p].end <= word.end for p in word.tokens)
    for one, two in pairwise(found):
        assert one.segment < two.segment or (one.segment == two.segment and one.end <= two.start)
    for segment, part in enumerate([text, pair or ""]):
        covered = {place for word in found if word.segment == segment for place in range(word.start, word.end)}
        lost = [char for place, char in enumerate(part) if char not in WHITE and place not in covered]
        assert "".join(lost) == dropped_characters(
            [token for token in tokens if token.segment == segment], *at(segment, part)
        )


def at(segment: int, part: str) -> tuple[str, str]:
    """The text and its pair, of which one is this part and the other empty."""
    return ("", part) if segment else (part, "")


@pytest.mark.filterwarnings("ignore:This sequence already has </s>")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_written_ids_find_the_same_places(tokenizer: Any, text: str) -> None:
    """Aligning the ids of a text gives tokens that obey the same laws, whatever the text."""
    try:
        ids = tokenise(tokenizer, text)[1]["input_ids"]
    except EmptyTextError:
        return
    tokens = align(tokenizer, ids, text)
    assert [token.id for token in tokens] == ids
    assert all(token.text for token in tokens)
    check_groups(tokens)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_without_what_was_dropped_the_model_reads_the_same(word_piece: Any, text: str) -> None:
    try:
        tokens, inputs = tokenise(word_piece, text)
    except EmptyTextError:
        return
    covered = {place for word in words(tokens, text) for place in range(word.start, word.end)}
    left = "".join(char for place, char in enumerate(text) if place in covered or char in WHITE)
    assert tokenise(word_piece, left)[1]["input_ids"] == inputs["input_ids"]


def test_generated_text_is_aligned(byte_level: Any, unigram: Any, m2m: Any) -> None:
    text = "The cat didn't 猫 sat"
    for tokenizer in (byte_level, unigram, m2m):
        inputs = tokenise(tokenizer, text)
        written = align(tokenizer, inputs[1]["input_ids"], text)
        assert [(t.text, t.start, t.end, t.word, t.group) for t in written if t.text != "␣"] == [
            (t.text, t.start, t.end, t.word, t.group) for t in inputs[0] if t.text != "␣"
        ]
    start = align(unigram, [unigram.eos_token_id], "")
    assert [(token.text, token.special, token.end) for token in start] == [("</s>", True, 0)]


def test_unfinished_bytes_of_a_generated_text(byte_level: Any) -> None:
    ids = byte_level("a猫", truncation=False)["input_ids"][:2]
    text = byte_level.decode(ids)
    assert text == "a\ufffd"
    assert [(token.start, token.end) for token in align(byte_level, ids, text)] == [(0, 1), (1, 2)]


def test_an_id_outside_the_vocabulary_is_shown_by_its_number(byte_level: Any) -> None:
    assert shown(align(byte_level, [10**6], "")) == ["#1000000"]


class Moody(PreTrainedTokenizerFast):
    """A fast tokenizer that is switched to write another language, as mBART's is."""

    def _switch_to_input_mode(self) -> None:
        self._mode("<s>", 0)

    def _switch_to_target_mode(self) -> None:
        self._mode("</s>", 1)

    def _mode(self, token: str, number: int) -> None:
        from tokenizers import processors

        self._tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{token} $A", special_tokens=[(token, number)]
        )


def test_a_shared_tokenizer_is_never_switched(unigram: Any) -> None:
    moody = Moody(tokenizer_object=unigram.backend_tokenizer, unk_token="<unk>")
    before = moody.backend_tokenizer.to_str()
    assert tokenise(moody, "cat")[0][0].text == "<s>"
    assert tokenise(moody, "cat", target=True)[0][0].text == "</s>"
    assert tokenise(moody, "cat")[0][0].text == "<s>"
    assert moody.backend_tokenizer.to_str() == before


def test_a_changed_language_is_seen(sentencepiece_files: Any) -> None:
    from transformers import M2M100Tokenizer

    files = str(sentencepiece_files / "vocab.json"), str(sentencepiece_files / "m.model")
    own = M2M100Tokenizer(*files, src_lang="en", tgt_lang="fr")
    assert tokens_of(own, "cat")[0].text == "__en__"
    own.src_lang = "de"
    assert tokens_of(own, "cat")[0].text == "__de__"


@pytest.mark.parametrize("copied", [True, False])
def test_languages_are_chosen_for_one_text_only(copied: bool) -> None:
    from transformers import MBart50Tokenizer

    class Stubborn(MBart50Tokenizer):
        def __deepcopy__(self, memo: dict) -> Any:
            raise TypeError("a part of me is written in Python")

    own = (MBart50Tokenizer if copied else Stubborn)(src_lang="en_XX", tgt_lang="fr_XX")
    before = own.backend_tokenizer.to_str()
    for _ in range(2):
        assert tokens_of(own, "x")[0].text == "en_XX"
        assert tokenise(own, "x", target=True)[0][0].text == "fr_XX"
        assert tokenise(own, "x", languages=("de_DE", "ru_RU"))[0][0].text == "de_DE"
        assert tokenise(own, "x", target=True, languages=("de_DE", "ru_RU"))[0][0].text == "ru_RU"
        assert (own.src_lang, own.tgt_lang) == ("en_XX", "fr_XX")
        assert own.backend_tokenizer.to_str() == before


def test_languages_of_a_tokenizer_written_in_python(m2m: Any) -> None:
    assert tokenise(m2m, "cat", languages=("de", "ru"))[0][0].text == "__de__"
    assert tokenise(m2m, "cat", target=True, languages=("de", "ru"))[0][0].text == "__ru__"
    assert tokenise(m2m, "cat", target=True)[0][0].text == "__fr__"
    assert (m2m.src_lang, m2m.tgt_lang) == ("en", "fr")
    ids = [m2m.get_lang_id("ru"), *m2m.convert_tokens_to_ids(["▁", "c", "a", "t"])]
    assert [token.special for token in align(m2m, ids, "cat")] == [True, False, False, False, False]


@pytest.mark.parametrize("setting", ["truncation", "padding"])
def test_a_changed_vocabulary_is_seen(word_piece: Any, setting: str) -> None:
    own = copy.deepcopy(word_piece)
    own.backend_tokenizer.no_padding() if setting == "truncation" else own.backend_tokenizer.no_truncation()
    saved = own.backend_tokenizer.to_str()
    assert shown(tokens_of(own, "<new> cat sat on")) == ["[CLS]", "<", "new", ">", "cat", "sat", "on", "[SEP]"]
    assert own.backend_tokenizer.to_str() == saved
    own.add_tokens(["<new>"])
    assert shown(tokens_of(own, "<new>")) == ["[CLS]", "<new>", "[SEP]"]


def test_a_tokenizer_that_cannot_be_copied_still_reads(word_piece: Any) -> None:
    class Stubborn(PreTrainedTokenizerFast):
        def __deepcopy__(self, memo: dict) -> Any:
            raise TypeError("a part of me is written in Python")

    stubborn = Stubborn(tokenizer_object=word_piece.backend_tokenizer, cls_token="[CLS]", sep_token="[SEP]")
    stubborn.backend_tokenizer.enable_truncation(4)
    assert shown(tokens_of(stubborn, "the cat sat on"))[1:-1] == ["the", "cat", "sat", "on"]


class Bare:
    """The least a tokenizer can offer: pieces, ids and the way back; a start token of its own."""

    all_special_ids = (0,)
    pieces = ("<s>", "▁the", "▁cat")

    def __call__(self, text: str, text_pair: str = "", **options: Any) -> dict[str, list[int]]:
        assert options["truncation"] is options["padding"] is False
        return {"input_ids": [0, *map(self.pieces.index, self.tokenize(f"{text} {text_pair}"))]}

    def tokenize(self, text: str) -> list[str]:
        return [f"▁{word}" for word in text.split()]

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.pieces[number] for number in ids]

    def convert_tokens_to_ids(self, pieces: list[str]) -> list[int]:
        return [self.pieces.index(piece) for piece in pieces]


def test_a_tokenizer_without_a_template() -> None:
    tokens = tokens_of(Bare(), "the cat", "cat the")
    assert [(token.text, token.special, token.segment, token.start) for token in tokens] == [
        ("<s>", True, 0, 0), ("the", False, 0, 0), ("cat", False, 0, 4), ("cat", False, 1, 0), ("the", False, 1, 4)
    ]  # fmt: skip


def test_a_tokenizer_that_writes_other_ids_than_its_pieces() -> None:
    class Vague(Bare):
        def convert_tokens_to_ids(self, pieces: list[str]) -> list[int]:
            return [7] * len(pieces)

    tokens = tokens_of(Vague(), "the cat", "cat the")
    assert [(token.text, token.segment) for token in tokens[1:]] == [("the", 0), ("cat", 0), ("cat", 1), ("the", 1)]
    assert tokens[0].special


class TwoSided(Bare):
    """Splits differently on its target side."""

    side = 1

    def __call__(self, text: str = "", text_target: str = "", **options: Any) -> dict[str, list[int]]:
        return {"input_ids": [1, 2]}

    def _switch_to_target_mode(self) -> None:
        self.side = 2

    def tokenize(self, text: str) -> list[str]:
        return [text[: self.side], text[self.side :]]

    def convert_tokens_to_ids(self, pieces: list[str]) -> list[int]:
        return [1, 2]


def test_the_target_side_is_cut_its_own_way() -> None:
    tokenizer = TwoSided()
    assert shown(tokens_of(tokenizer, "abc")) == ["a", "bc"]
    assert shown(tokenise(tokenizer, "abc", target=True)[0]) == ["ab", "c"]
    assert tokenizer.side == 1


class Odd(dict):
    """A fast tokenizer with any offsets; it is its own result."""

    is_fast = True

    def __init__(self, pieces: list[str], offsets: list[tuple[int, int]]) -> None:
        super().__init__(input_ids=range(len(pieces)), offset_mapping=offsets, special_tokens_mask=[0] * len(pieces))
        self.pieces = pieces

    def __call__(self, text: str, **options: Any) -> Odd:
        return self

    def sequence_ids(self, number: int) -> list[int]:
        return [number] * len(self.pieces)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
        return [self.pieces[number] or None for number in ids]


def test_offsets_that_make_no_sense_still_give_tokens() -> None:
    lost = tokens_of(Odd(["▁", ""], [(0, 0), (9, 9)]), "a b ")
    assert [(token.text, token.start, token.end) for token in lost] == [("a b", 0, 3)] * 2
    late = tokens_of(Odd(["ab", "x", "c"], [(0, 2), (0, 0), (3, 99)]), "ab c")
    assert [(token.text, token.start, token.end) for token in late] == [("ab", 0, 2), ("x", 2, 2), ("c", 3, 4)]
    inside = tokens_of(Odd(["a", "", "b"], [(0, 1), (1, 1), (1, 2)]), "ab")
    assert [(token.text, token.word) for token in inside] == [("a", 0), ("#1", 0), ("b", 0)]
    empty = tokens_of(Odd(["ab", "x", "c"], [(0, 2), (3, 3), (3, 4)]), "ab c")
    assert [(token.text, token.word, token.start, token.end) for token in empty] == [
        ("ab", 0, 0, 2), ("x", 1, 3, 3), ("c", 2, 3, 4)
    ]  # fmt: skip
    crossed = tokens_of(Odd(["b", "a"], [(1, 2), (0, 1)]), "天気")
    assert [token.word for token in crossed] == [1, 0]
    for tokens, text in ((lost, "a b "), (late, "ab c"), (empty, "ab c"), (inside, "ab"), (crossed, "天気")):
        check_words(tokens, text, None)


@pytest.mark.filterwarnings("ignore:This sequence already has </s>")
def test_an_end_token_that_was_typed(byt5: Any) -> None:
    """ByT5 then adds none of its own: what is there stands in the text."""
    tokens = tokens_of(byt5, "a</s>b</s>")
    assert [(token.text, token.special) for token in tokens] == [(text, False) for text in ("a", "</s>", "b", "</s>")]
    tokens = tokens_of(byt5, "a</s>", "b")
    assert [(t.text, t.segment, t.special) for t in tokens] == [
        ("a", 0, False), ("</s>", 0, False), ("b", 1, False), ("</s>", 1, True)
    ]  # fmt: skip


def test_many_threads_share_one_tokenizer(word_piece: Any, m2m: Any, unigram: Any) -> None:
    moody = Moody(tokenizer_object=unigram.backend_tokenizer, unk_token="<unk>")
    lines = ["the cat sat " * count for count in range(1, 9)]
    jobs = [(tok, line, side) for tok in (m2m, moody) for line in lines for side in (False, True)]
    jobs += [(word_piece, line, False) for line in lines]
    alone = [tokenise(tok, line, target=side) for tok, line, side in jobs]
    gate = threading.Barrier(8)

    def work(job: tuple[Any, str, bool]) -> Any:
        return tokenise(job[0], job[1], target=job[2])

    with ThreadPoolExecutor(8, initializer=gate.wait) as pool:
        for _ in range(5):
            assert list(pool.map(work, jobs)) == alone
