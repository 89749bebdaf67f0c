"""Which font on this computer has this character?

Pictures are drawn without a browser, so the fonts are looked up here: first those that are good
for reading, then one by one whatever else is installed, until one has the character.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

import regex
from PIL import ImageFont

Font = ImageFont.FreeTypeFont

_READING = {
    False: (
        "SourceSans3-Regular", "SourceSansPro-Regular", "NotoSans-Regular", "segoeui", "Helvetica", "Arial",
        "OpenSans-Regular", "Roboto-Regular", "LiberationSans-Regular",
    ),
    True: (
        "SourceSans3-Bold", "SourceSansPro-Bold", "NotoSans-Bold", "segoeuib", "Arial Bold", "arialbd",
        "OpenSans-Bold", "Roboto-Bold", "LiberationSans-Bold",
    ),
}  # fmt: skip
_HAN = {
    False: (
        "NotoSansCJK-Regular", "NotoSansSC-Regular", "NotoSansCJKsc-Regular", "SourceHanSansSC-Regular", "PingFang",
        "Hiragino Sans GB", "msyh", "wqy-microhei", "wqy-zenhei", "DroidSansFallbackFull", "simsun", "Arial Unicode",
    ),
    True: ("NotoSansCJK-Bold", "NotoSansSC-Bold", "NotoSansCJKsc-Bold", "SourceHanSansSC-Bold", "msyhbd"),
}  # fmt: skip
_BROAD = {False: ("DejaVuSans",), True: ("DejaVuSans-Bold", "DejaVuSans")}
_EMOJI = ("NotoColorEmoji", "Apple Color Emoji", "seguiemj")
_STRIKES = (109, 160, 136, 128, 96, 64)  # sizes, in pixels, that fonts made of bitmaps come in
_UNSET = "\U0010fffe"  # no font has this character: what is drawn for it stands for "missing"
_CHINESE = (" SC", " GB", "YaHei", "CN")
_SAMPLE = 24


@dataclass(frozen=True)
class Face:
    """One typeface in one file ("" = the one inside Pillow), and whether it is a font of coloured bitmaps."""

    path: str
    index: int = 0
    colour: bool = False

    def at(self, size: int) -> Font:
        """The font at a size in pixels; a font of bitmaps comes in one size only, whatever is asked for."""
        return _font(self, size)

    @property
    def family(self) -> str:
        """The name by which programs ask for it."""
        return self.at(_SAMPLE).getname()[0] or ""

    @property
    def file(self) -> str:
        """Where its file lies; the one inside Pillow is written out for those who read files only."""
        return self.path or _built_in_file()

    def has(self, text: str) -> bool:
        """Has it a shape for every character that needs one?"""
        return all(_drawable(self, char) for char in text if not _needs_none(char))


_BUILT_IN = Face("")  # Latin letters, where no font is installed at all


def runs(text: str, *, bold: bool = False) -> list[tuple[Face | None, str]]:
    """The text in pieces, each with a font that has all of it; ``None`` where no font has it.

    What belongs together (a letter and its marks, an emoji with its joiners) stays together.
    """
    out: list[tuple[Face | None, str]] = []
    for piece in regex.findall(r"\X", text):
        previous, face = out[-1][0] if out else None, _face(piece, bold)
        # a script's own font keeps its signs and spaces; letters go back to the font for reading
        if previous and not previous.colour and face not in _preferred(_READING[bold])[:1] and previous.has(piece):
            face = previous
        elif previous and piece.isspace():
            face = previous
        if out and face == previous and face is not None:
            out[-1] = face, out[-1][1] + piece
        else:
            out.append((face, piece))
    return out


@lru_cache(maxsize=4096)
def _face(piece: str, bold: bool) -> Face | None:
    emoji, broad = _preferred(_EMOJI), _preferred(_BROAD[bold])
    names = (*_READING[bold], *_HAN[bold], *_READING[False], *_HAN[False])
    reading = _preferred(names) or broad  # a computer with nothing but DejaVu
    scripts, rest = _others()
    order = (*(emoji if _is_emoji(piece) else ()), *reading, *scripts, *broad, *rest, *emoji, _BUILT_IN)
    return next((face for face in order if face.has(piece)), None)


def _is_emoji(piece: str) -> bool:
    return bool(regex.search(r"\p{Emoji_Presentation}|\p{Emoji}\uFE0F", piece))


def _needs_none(char: str) -> bool:
    """Is this a space, or a character that only works on others?"""
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf") or "\ufe00" <= char <= "\ufe0f"


@cache
def _preferred(names: tuple[str, ...]) -> tuple[Face, ...]:
    files = _files()
    paths = [files[name.lower()] for name in names if name.lower() in files]
    return tuple(Face(str(path), _chinese(path), colour=path.stem in _EMOJI) for path in paths)


@cache
def _others() -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Everything else that is upright and of usual weight: (Noto's fonts for each script, the rest)."""
    odd = ("italic", "oblique", "mono", "bold", "light", "thin", "black", "medium", "condensed")
    usual = [path for name, path in sorted(_files().items()) if not any(word in name for word in odd)]
    scripts = [path for path in usual if path.stem.startswith("NotoSans")]
    return tuple(Face(str(p)) for p in scripts), tuple(Face(str(p)) for p in usual if p not in scripts)


@cache
def _files() -> dict[str, Path]:
    """Every font file by its name in small letters; the first folder wins."""
    out: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in (".ttf", ".otf", ".ttc"):
                out.setdefault(path.stem.lower(), path)
    return out


def _folders() -> Iterator[Path]:
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft" / "Windows" / "Fonts"
        yield Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"
    elif sys.platform == "darwin":
        yield from (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    else:
        yield from (home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts"))
        yield Path("/usr/share/fonts")


def _chinese(path: Path) -> int:
    """Which face of a collection is the Simplified Chinese one? 0 for a file with one face."""
    if path.suffix.lower() != ".ttc":
        return 0
    for index in range(16):
        try:
            family = ImageFont.truetype(str(path), _SAMPLE, index=index).getname()[0] or ""
        except OSError:
            return 0
        if any(mark in family for mark in _CHINESE) and "Mono" not in family:
            return index
    return 0


@cache
def _built_in_file() -> str:
    """A file with Pillow's own font, for as long as the process lives."""
    font = cast(Font, ImageFont.load_default(_SAMPLE))
    folder = tempfile.mkdtemp(prefix="memviz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "built-in.ttf"
    path.write_bytes(font.font_bytes)
    return str(path)


@lru_cache(maxsize=256)
def _font(face: Face, size: int) -> Font:
    if not face.path:
        return cast(Font, ImageFont.load_default(size))
    for pixels in (size, *_STRIKES):
        try:
            return ImageFont.truetype(face.path, pixels, index=face.index)
        except OSError as problem:
            reason = problem
    raise reason


@lru_cache(maxsize=65536)
def _drawable(face: Face, char: str) -> bool:
    """Does the font draw this character as something else than its sign for "missing"?"""
    try:
        drawn, missing = _shape(face, char), _missing(face)
    except OSError:
        return False
    return drawn != missing and bool(drawn[1].strip(b"\0"))


@lru_cache(maxsize=1024)
def _missing(face: Face) -> tuple[tuple[int, int], bytes]:
    return _shape(face, _UNSET)


def _shape(face: Face, char: str) -> tuple[tuple[int, int], bytes]:
    mask = face.at(_SAMPLE).getmask(char)
    return mask.size, bytes(mask)
