"""Pictures are opened as a person would see them, or refused before they are decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memviz.errors import ReadingError
from memviz.sources import open_picture

RED, BLUE = (255, 0, 0), (0, 0, 255)


def file(image: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def two_halves() -> Image.Image:
    """Red above, blue below: 4 wide, 6 high."""
    image = Image.new("RGB", (4, 6), RED)
    image.paste(BLUE, (0, 3, 4, 6))
    return image


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_path_its_bytes_and_the_image_are_the_same_picture(tmp_path: Path) -> None:
    image = two_halves()
    image.save(tmp_path / "two.png")
    for source in (tmp_path / "two.png", str(tmp_path / "two.png"), file(image, "PNG"), image):
        assert (open_picture(source) == np.asarray(image)).all()


def test_it_is_shown_upright_as_its_exif_data_say() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the right side of what was saved is below
    pixels = open_picture(file(two_halves(), "PNG", exif=exif))
    assert pixels.shape == (4, 6, 3)
    assert pixels[0, 0].tolist() == list(BLUE)
    assert pixels[0, 5].tolist() == list(RED)


def test_transparency_is_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (*RED, 255))
    assert open_picture(file(image, "PNG"))[0].tolist() == [[255, 255, 255], list(RED)]
    palette = Image.new("P", (2, 1), 1)
    palette.putpalette([0, 255, 0, 0, 0, 0])
    assert open_picture(file(palette, "GIF", transparency=1)).min() == 255


def test_sixteen_bits_cmyk_and_grey_become_rgb() -> None:
    grey = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    assert open_picture(file(grey, "PNG"))[0].tolist() == [[0] * 3, [100] * 3, [255] * 3]
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, _ = open_picture(file(cmyk, "JPEG", quality=95))[4, 4].tolist()
    assert red > 200 > 60 > green
    assert open_picture(Image.new("L", (1, 1), 7)).tolist() == [[[7, 7, 7]]]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (3, 3), colour) for colour in (RED, BLUE)]
    gif = file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_picture(gif)[1, 1].tolist() == list(RED)
    opened = Image.open(io.BytesIO(gif))
    opened.seek(1)
    assert open_picture(opened)[1, 1].tolist() == list(RED)


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_000, 9_000), (100_000, 100_000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ReadingError, match=r"too large to be opened: (\d+ × \d+|\d{1,3}(,\d{3})+) pixels; at most"):
        open_picture(huge_png(*size))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG must be drawn as PNG first"),
        (b"hello", "The file is not a picture that can be opened"),
        (b"", "The file is not a picture"),
        (file(two_halves().resize((400, 600)), "JPEG")[:400], "could not be opened as a picture"),
        (file(two_halves().resize((400, 600)), "PNG")[:90], "could not be opened as a picture|not a picture"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ReadingError, match=said):
        open_picture(content)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match=r"cat.png could not be opened as a picture: .*No such file"):
        open_picture(tmp_path / "cat.png")
