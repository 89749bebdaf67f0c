"""Which characters do pieces made of bytes belong to?

Three ways to write a byte: ``<0xE7>`` (sentencepiece's fallback), the GPT-2 alphabet (``Ġ`` is a space), and the
character of that number (ByT5). A character outside ASCII is two to four bytes, so several pieces share it.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from memviz.tokens.spelling import Span

_BYTE = regex.compile(r"<0x([0-9A-Fa-f]{2})>")


def _printable_bytes() -> dict[str, int]:
    """Which byte does each letter of the GPT-2 alphabet stand for? (``bytes_to_unicode`` of Radford et al. 2019)"""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in plain]
    return {**{chr(b): b for b in plain}, **{chr(256 + i): b for i, b in enumerate(hidden)}}


_PRINTABLE = _printable_bytes()


def byte_spans(pieces: Sequence[str], text: str) -> list[Span] | None:
    """Do the pieces spell the bytes of the text, as in ByT5 (Latin-1) and GPT-2 (printable bytes)?"""
    for spell in (_latin, gpt2_bytes):
        raws = [spell(piece) for piece in pieces]
        spelled = [raw for raw in raws if raw is not None]
        if len(spelled) < len(raws):
            continue
        if spelled and spelled[0].startswith(b" ") and not text.startswith(" "):
            spelled[0] = spelled[0][1:]
        spans = spread(spelled, text)
        if spans is not None:
            return spans
    return None


def spread(raws: Sequence[bytes], text: str) -> list[Span] | None:
    """Which characters do these bytes belong to? ``None`` unless they spell exactly this text.

    Bytes that are no UTF-8 spell U+FFFD, as in a text that a model has not finished writing.
    """
    at, spelled = _owners(b"".join(raws))
    if spelled != text:
        return None
    at.append(len(text))
    spans, byte = [], 0
    for raw in raws:
        end = byte + len(raw)
        spans.append((at[byte], at[end - 1] + 1 if raw else at[byte]))
        byte = end
    return spans


def _owners(raw: bytes) -> tuple[list[int], str]:
    """Which character does each byte belong to, and what do they spell?"""
    spelled, sizes = "", []
    while raw:
        try:
            good, bad = raw.decode(), b""
        except UnicodeDecodeError as problem:
            good, bad = raw[: problem.start].decode(), raw[problem.start : problem.end]
        spelled += good + ("\ufffd" if bad else "")
        sizes += [len(char.encode()) for char in good] + [len(bad)] * bool(bad)
        raw = raw[sum(map(len, (good.encode(), bad))) :]
    return [char for char, size in enumerate(sizes) for _ in range(size)], spelled


def byte_of(piece: str | None) -> int | None:
    """Which byte does a byte-fallback piece such as ``<0xE7>`` stand for?"""
    match = _BYTE.fullmatch(piece or "")
    return int(match.group(1), 16) if match else None


def _latin(piece: str) -> bytes | None:
    """The bytes of a piece that writes each as the character of that number."""
    return piece.encode("latin-1") if all(ord(char) < 256 for char in piece) else None


def gpt2_bytes(piece: str) -> bytes | None:
    """The bytes of a piece in the GPT-2 alphabet."""
    return bytes(_PRINTABLE[char] for char in piece) if all(char in _PRINTABLE for char in piece) else None
