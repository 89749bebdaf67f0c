"""What the model could not know is said with the reading, and nothing is said where it knew every token."""

from __future__ import annotations

import re

import pytest
import torch
from cases import opened
from tokenizers import normalizers
from transformers import BertModel

import memviz
from memviz.reading import Reader
from memviz.reading.engine import notes
from memviz.reading.writing.joining import join_sentences
from memviz.trace import ModelInfo, Trace
from tests.models.tiny_models import small_config, word_tokenizer


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A model that knows a dozen words."""
    torch.manual_seed(0)
    return Reader(BertModel(small_config("bert")).eval(), word_tokenizer())


def test_unknown_words_are_counted(reader: Reader) -> None:
    (note,) = reader.read("the zebra sat on the purple mat").notes
    assert (note.code, note.values) == ("unknown-tokens", {"unknown": 2, "tokens": 7})
    assert str(note) == (
        "Unknown tokens ([UNK]): 2 of 7. These words or characters are not in the vocabulary of this model."
    )
    (note,) = reader.read("the cat", "saw a zebra").notes
    assert note.values == {"unknown": 2, "tokens": 5}
    assert reader.read_ids([1, 5, 1]).notes[0].values == {"unknown": 2, "tokens": 3}


def test_nothing_is_said_where_every_token_is_known(reader: Reader) -> None:
    assert reader.read("the cat sat on the mat").notes == ()


def test_a_tokenizer_that_knows_every_byte_has_no_unknown_tokens() -> None:
    """It names an unknown token all the same, as GPT-2's and SmolLM2's do."""
    used = opened("gpt2")
    assert used.tokenizer.unk_token_id is not None
    assert used.read("猫 \x00 zebra 😀").notes == ()
    assert used.read_ids([used.tokenizer.unk_token_id, 20, 21]).notes == ()


def test_an_unknown_token_that_is_also_the_end_of_a_text_is_not_counted(reader: Reader) -> None:
    tokenizer = word_tokenizer()
    tokenizer.eos_token = tokenizer.unk_token
    assert Reader(reader.model, tokenizer).read("the zebra sat").notes == ()


@pytest.fixture(scope="module")
def bert_reader() -> Reader:
    """A model whose tokenizer drops control characters, as BERT's does."""
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.BertNormalizer()
    torch.manual_seed(0)
    return Reader(BertModel(small_config("bert")).eval(), tokenizer)


DROPPED = {
    "ok \ufffd x": (1, 4, "\ufffd"),
    "\0the cat": (1, 7, "␀"),
    "the \ufffd\ufffd \ufffd cat\ufeff": (4, 10, "\ufffd ⟨BOM⟩"),
    "the \u200b\u200c\u200d\u200e\u200f\u2060 cat": (6, 12, "⟨ZWSP⟩ ⟨ZWNJ⟩ ⟨ZWJ⟩ ⟨LRM⟩ ⟨RLM⟩ …"),
}


@pytest.mark.parametrize("text", DROPPED)
def test_characters_that_the_tokenizer_dropped_are_counted_and_named(text: str, bert_reader: Reader) -> None:
    number, characters, which = DROPPED[text]
    note = next(note for note in bert_reader.read(text).notes if note.code == "dropped-characters")
    assert note.values == {"dropped": number, "characters": characters, "which": which}
    pair = bert_reader.read("the cat", text).notes
    assert next(note for note in pair if note.code == "dropped-characters").values == {
        "dropped": number, "characters": characters + 6, "which": which
    }  # fmt: skip


@pytest.mark.parametrize("text", ["the cat", "the\u00a0cat\t\u3000\n sat", "café", "c\ufffdat"])
def test_white_space_accents_and_the_inside_of_a_word_are_not_dropped(text: str, bert_reader: Reader) -> None:
    assert "dropped-characters" not in [note.code for note in bert_reader.read(text).notes]


@pytest.fixture(scope="module")
def firefox() -> Reader:
    return memviz.load("firefox-en-pt")


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "number"),
    [("The cat \ufffd sat.", 1), ("The cat sat.\n\ufffd\ufffd\nIt was \u200b tired.\n\ufffd", 4), ("The cat sat.", 0)],
)
def test_a_translation_counts_what_was_dropped_of_all_its_sentences(text: str, number: int, firefox) -> None:
    found = [note.values["dropped"] for note in firefox.translate(text).notes if note.code == "dropped-characters"]
    assert found == [number] * (number > 0)
    forced = firefox.read("The cat sat.", "O gato \ufffd.").notes
    assert [note.values["dropped"] for note in forced if note.code == "dropped-target-characters"] == [1]


@pytest.mark.models
def test_a_word_that_minilm_cannot_take_apart(minilm, smollm2) -> None:
    assert minilm.read("x" * 100_000).notes[0].values == {"unknown": 1, "tokens": 1}
    assert minilm.read("It was tired.").notes == ()
    assert smollm2.read("x" * 1_000).notes == ()


def test_every_note_has_a_code_and_no_two_share_it() -> None:
    token = opened("gpt2").read("the cat").tokens[0]
    every = [
        notes.cut(3),
        notes.repeating(48),
        notes.broken(128),
        *notes.unknown([token], token.id),
        *notes.unknown_given([token], token.id),
        *notes.dropped_characters("\ufffd", "ok \ufffd"),
        *notes.dropped_target_characters("\ufffd", "ok \ufffd"),
        *notes.whole(2),
        *notes.capitals("THE CAT"),
        *notes.untold("the cat", {"summarization": "summarize: "}),
        notes.numbered(1, notes.cut(3)),
        notes.numbered(1, notes.cut(3), cut=True),
    ]
    codes = [note.code for note in every]
    assert len(every) == len(set(codes)) == 12
    assert all(re.fullmatch("[a-z]+(-[a-z]+)+", code) for code in codes)


def test_the_notes_of_sentences_are_told_apart_by_their_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the sentences are worded: a translator of the library may change every one of them."""
    capitals = notes.capitals("THE CAT")
    monkeypatch.setattr(notes, "CAPITALS", "Nothing but capitals.")
    monkeypatch.setattr(notes, "BROKEN", "Cut in two.")
    parts = [
        Trace(
            text=text,
            output=text,
            tokens=(),
            model=ModelInfo("tiny"),
            memories={},
            notes=(*notes.capitals(text), notes.cut(3)),
        )
        for text in ("THE CAT", "THE DOG")
    ]
    whole = join_sentences("THE CAT THE DOG", [(0, 7), (8, 15)], parts, notes=[*capitals, notes.broken(2)])
    assert [note.code for note in whole.notes] == ["all-capitals", "sentence-in-parts", "of-part", "of-part"]
    assert [str(note)[:7] for note in whole.notes[2:]] == ["Part 1:", "Part 2:"]
