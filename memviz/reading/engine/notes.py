"""What should a person who looks at a reading know? Sentences with values; the pages translate them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memviz.note import Note
from memviz.tokens import Token, printable, start_token_end, word_spans
from memviz.tokens.spelling import WHITE

CUT = "The translation was stopped after {tokens} tokens, the most that are written here: it may be unfinished."
REPEATING = (
    "The translation was stopped after {tokens} tokens, as the model only repeated the last few: it may be unfinished."
)
UNKNOWN = (
    "Unknown tokens ([UNK]): {unknown:,} of {tokens:,}. These words or characters are not in the vocabulary of this "
    "model."
)
BROKEN = "A sentence of more than {limit} tokens was translated in parts."
GIVEN = (
    "Unknown tokens ([UNK]) in the forced translation: {unknown:,} of {tokens:,}. These words or characters are not "
    "in the vocabulary of this model."
)
DROPPED = "The tokenizer dropped {dropped:,} of the {characters:,} characters; the model does not read them: {which}"
DROPPED_GIVEN = (
    "The tokenizer dropped {dropped:,} of the {characters:,} characters of the forced translation; the model does "
    "not read them: {which}"
)
START = "The text begins with {token}, which is added to every text for this model: it is read once."
WHOLE = "With a forced translation, the {sentences} sentences of the text are read as one."
CAPITALS = "Text all in capitals is rare in what models learn from: they often copy such words instead."
COPIED_CAPITALS = "“{word}” was copied, as words all in capitals often are; in small letters it becomes “{output}”."
NUMBERED = "Sentence {number}: {note}"
PART = "Part {number}: {note}"
UNTOLD = "This model is told what to do by words in front of the text, such as “{task}”; here there are none."
ADAPTER = "An adapter ({kind}) lies in the same folder; the model is read without it."

OUTPUT_CUT = "output-cut"
OUTPUT_REPEATS = "output-repeats"
UNKNOWN_TOKENS = "unknown-tokens"
UNKNOWN_TARGET_TOKENS = "unknown-target-tokens"
DROPPED_CHARACTERS = "dropped-characters"
DROPPED_TARGET_CHARACTERS = "dropped-target-characters"
START_ONCE = "start-once"
SENTENCE_IN_PARTS = "sentence-in-parts"
READ_AS_ONE = "read-as-one"
ALL_CAPITALS = "all-capitals"
NO_TASK = "no-task"
ADAPTER_BESIDE = "adapter-beside"
MOST_DROPPED = 5  # different characters that are named
OF_SENTENCE, OF_PART = "of-sentence", "of-part"


def cut(tokens: int) -> Note:
    """The output was stopped after so many tokens."""
    return Note(CUT, {"tokens": tokens}, OUTPUT_CUT)


def repeating(tokens: int) -> Note:
    """The output was stopped after so many tokens, because the model went round and round."""
    return Note(REPEATING, {"tokens": tokens}, OUTPUT_REPEATS)


def broken(limit: int) -> Note:
    """A sentence of more than so many tokens was translated in parts."""
    return Note(BROKEN, {"limit": limit}, SENTENCE_IN_PARTS)


def numbered(number: int, note: Note, *, cut: bool = False) -> Note:
    """The note on one sentence of a text; on one part, where a sentence was ``cut``."""
    values = {"number": number, "note": note}
    return Note(PART, values, OF_PART) if cut else Note(NUMBERED, values, OF_SENTENCE)


def adapter(kind: str) -> Note | None:
    """An adapter of this kind lies beside the weights, and was not read; ``None`` without one."""
    return Note(ADAPTER, {"kind": kind}, ADAPTER_BESIDE) if kind else None


def stand_in(tokenizer: Any) -> int | None:
    """The id that stands for what a tokenizer does not know; ``None`` for one that knows every byte.

    GPT-2 and its kin do, and call the end of a text their unknown token all the same.
    """
    vocabulary = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
    used = getattr(vocabulary, "unk_token", tokenizer.unk_token)
    names = ("bos", "eos", "sep", "cls", "pad", "mask")
    others = {getattr(tokenizer, f"{name}_token_id", None) for name in names}
    return tokenizer.unk_token_id if used and tokenizer.unk_token_id not in others else None


def unknown(tokens: Sequence[Token], token: int | None) -> list[Note]:
    """How much of a text is unknown to the model, if any is? ``token``: the id that stands for what is unknown."""
    counts = _counts(tokens, token)
    return [Note(UNKNOWN, counts, UNKNOWN_TOKENS)] if counts["unknown"] else []


def unknown_given(tokens: Sequence[Token], token: int | None) -> list[Note]:
    """The same of a translation that the model was made to write."""
    counts = _counts(tokens, token)
    return [Note(GIVEN, counts, UNKNOWN_TARGET_TOKENS)] if counts["unknown"] else []


def _counts(tokens: Sequence[Token], token: int | None) -> dict[str, int]:
    content = [token.id for token in tokens if not token.special]
    return {"unknown": 0 if token is None else content.count(token), "tokens": len(content)}


def start_once(tokens: Sequence[Token], text: str) -> list[Note]:
    """The text begins with the start token that its ``tokens`` have anyway."""
    return [Note(START, {"token": tokens[0].text}, START_ONCE)] if start_token_end(tokens, text) else []


def dropped_characters(missing: str, text: str) -> list[Note]:
    """How many characters of a text did the tokenizer drop, if any? ``missing``: those characters."""
    return [Note(DROPPED, _losses(missing, text), DROPPED_CHARACTERS)] if missing else []


def dropped_target_characters(missing: str, text: str) -> list[Note]:
    """The same of a translation that the model was made to write."""
    return [Note(DROPPED_GIVEN, _losses(missing, text), DROPPED_TARGET_CHARACTERS)] if missing else []


def _losses(missing: str, text: str) -> dict[str, int | str]:
    """How many of the characters, white space left out, are missing, and which."""
    kinds = list(dict.fromkeys(missing))
    more = ["…"] if len(kinds) > MOST_DROPPED else []
    which = " ".join([*map(printable, kinds[:MOST_DROPPED]), *more])
    return {"dropped": len(missing), "characters": sum(each not in WHITE for each in text), "which": which}


def whole(sentences: int) -> list[Note]:
    """A text of several sentences was read as one, as its translation was given."""
    return [Note(WHOLE, {"sentences": sentences}, READ_AS_ONE)] if sentences > 1 else []


def capitals(text: str) -> list[Note]:
    """Two words or more, of three letters or more, are all in capitals, and nothing is in small letters."""
    words = [word for word in text.split() if sum(map(str.isalpha, word)) > 2]
    return [Note(CAPITALS, code=ALL_CAPITALS)] if text.isupper() and len(words) > 1 else []


def copied_capitals(text: str, output: str, write: Callable[[str], str]) -> list[Note]:
    """The only word of a text, all in capitals, was copied, though it is not where it is in small letters.

    ``write(text)`` gives the output for another text; it is called only where the word was copied.
    """
    words = [word for word in _words(text) if any(map(str.isalpha, word))]
    if not (text.isupper() and len(words) == 1 and len(words[0]) > 2 and words[0] in _words(output)):
        return []
    instead = write(text.lower())
    if words[0].lower() in _words(instead.lower()):  # a name, or a model that copies everything
        return []
    return [Note(COPIED_CAPITALS, {"word": words[0], "output": instead.strip()}, ALL_CAPITALS)]


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


def untold(text: str, tasks: Mapping[str, str]) -> list[Note]:
    """Nothing in front of the text says what to do with it, where a model knows such ``tasks``."""
    if not tasks or any(text.startswith(task.strip()) for task in tasks.values()):
        return []
    return [Note(UNTOLD, {"task": next(iter(tasks.values())).strip()}, NO_TASK)]
