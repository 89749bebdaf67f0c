"""The vocabulary of one language of a Firefox model, with the methods of a transformers tokenizer that MemViz uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memviz.errors import ModelFileError
from memviz.note import Note


class FirefoxTokenizer:
    """A sentencepiece vocabulary: text in, token ids out, ``</s>`` at the end. Threads may share it.

    Offsets are not its business: `memviz.tokens` finds the pieces in the text.
    """

    is_fast = False

    def __init__(self, path: Path, *, name: str = "") -> None:
        """Raises ``ModelFileError`` for a file that is no sentencepiece vocabulary, or has no ``</s>``."""
        from sentencepiece import SentencePieceProcessor

        try:
            self._pieces = SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise _broken(name or path.name, path.name, str(error)[:200]) from error
        self.eos_token_id, self.unk_token_id = self._pieces.eos_id(), self._pieces.unk_id()
        if self.eos_token_id < 0 or self.unk_token_id < 0:
            raise _broken(name or path.name, path.name, Note("it has no </s> or no <unk>"))
        self.eos_token, self.unk_token = self.convert_ids_to_tokens([self.eos_token_id, self.unk_token_id])
        self.all_special_ids = [self.eos_token_id, self.unk_token_id]

    def __len__(self) -> int:
        return int(self._pieces.get_piece_size())

    def __call__(
        self,
        text: str | None = None,
        text_pair: str | None = None,
        text_target: str | None = None,
        text_pair_target: str | None = None,
        **options: Any,
    ) -> dict[str, list[int]]:
        """The token ids of a text, or of two. ``options`` of transformers tokenizers have no meaning here."""
        first, second = text if text is not None else text_target, text_pair or text_pair_target
        pieces = [self._pieces.encode(part) for part in (first, second) if part is not None]
        return {"input_ids": self.build_inputs_with_special_tokens(*pieces)}

    def tokenize(self, text: str) -> list[str]:
        """The pieces of a text; one that is not in the vocabulary is spelled as it stands there."""
        return list(self._pieces.encode(text, out_type=str))

    def build_inputs_with_special_tokens(self, ids: Sequence[int], pair: Sequence[int] = ()) -> list[int]:
        return [*ids, *pair, self.eos_token_id]

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        return [self._pieces.id_to_piece(int(number)) for number in ids]

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        return [self._pieces.piece_to_id(token) for token in tokens]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of token ids, without ``</s>``."""
        return str(self._pieces.decode([int(number) for number in ids if number != self.eos_token_id]))

    def token_text(self, number: int) -> str:
        """What one token looks like: its characters, a space in front where it begins a word."""
        return self.convert_ids_to_tokens([number])[0].replace("▁", " ")


def _broken(name: str, file: str, why: Note | str) -> ModelFileError:
    return ModelFileError(
        "The vocabulary {file} of the Firefox model {name} cannot be read: {why}.",
        todo="Fetch or copy the model again.",
        file=file,
        name=name,
        why=why,
    )
