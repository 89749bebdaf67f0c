"""Sounds are opened at any rate, of any of four formats, and only where they are heard."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from memviz.errors import ReadingError
from memviz.sources import open_sound, resample


def tone(rate: int, seconds: float = 1.0, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def file(samples: np.ndarray, rate: int, form: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form)
    return out.getvalue()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_the_formats_hold_the_same_tone(form: str, tmp_path: Path) -> None:
    content = file(np.stack([tone(44_100), tone(44_100)], axis=1), 44_100, form)
    (tmp_path / "tone").write_bytes(content)
    sounds = [open_sound(content, 16_000), open_sound(tmp_path / "tone", 16_000)]
    for sound in sounds:
        assert sound.seconds == pytest.approx(1, abs=0.06)
        middle = sound.samples[4_000:12_000]
        loudest = np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle)
        assert loudest == pytest.approx(440, abs=3)
        assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 192_000])
def test_another_rate_is_the_same_sound(rate: int) -> None:
    ours, wanted = resample(tone(rate), rate, 16_000), tone(16_000)
    assert len(ours) == len(wanted)
    np.testing.assert_allclose(ours[500:-500], wanted[500:-500], atol=2e-3)


def test_what_is_too_high_for_the_new_rate_is_gone_and_not_folded_back() -> None:
    assert np.abs(resample(tone(48_000, pitch=12_000), 48_000, 16_000)[500:-500]).max() < 5e-3


def test_channels_become_their_mean() -> None:
    both = np.stack([tone(16_000), -tone(16_000)], axis=1)
    assert np.abs(open_sound(file(both, 16_000, "FLAC"), 16_000).samples).max() < 1e-4


def test_only_the_part_that_is_heard_is_decoded() -> None:
    ramp = np.linspace(0, 0.9, 160_000).astype(np.float32)
    part = open_sound(file(ramp, 16_000, "FLAC"), 16_000, start=2.5, seconds=1)
    assert (part.start, part.seconds, len(part.samples)) == (2.5, 10, 16_000)
    np.testing.assert_allclose(part.samples, ramp[40_000:56_000], atol=1e-4)
    assert len(open_sound(file(ramp, 16_000, "FLAC"), 16_000, start=99).samples) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"this is a text", "The file is not a sound"), (b"", "The file is not a sound"), (b"RIFF", "is not a sound")],
)
def test_what_is_no_sound_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match=f"{said}.*WAV, FLAC, OGG or MP3"):
        open_sound(content, 16_000)
    (tmp_path / "text.wav").write_bytes(content)
    with pytest.raises(ReadingError, match=r"text\.wav is not a sound"):
        open_sound(tmp_path / "text.wav", 16_000)


def test_of_a_truncated_mp3_what_is_there_is_heard() -> None:
    whole = file(tone(44_100, 2), 44_100, "MP3")
    sound = open_sound(whole[: len(whole) // 2], 16_000)
    assert 0.4 < len(sound.samples) / 16_000 < 1.3


def test_an_empty_file_and_an_impossible_rate_are_refused() -> None:
    with pytest.raises(ReadingError, match="holds no sound"):
        open_sound(file(np.zeros(0, np.float32), 16_000, "WAV"), 16_000)
    with pytest.raises(ReadingError, match="7 samples a second cannot be heard"):
        resample(tone(16_000), 7, 16_000)
