"""Listen in a browser: a file is taken, words are played, and the way back leads back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from memviz.ui.parts.source_file import MEDIA
from tests.browser.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.senses]
WORD = "[data-testid=memviz-spoken-word]"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def louder_at(samples: np.ndarray, rate: int) -> bytes:
    """A file of the first words of the sample alone, in stereo, at another rate."""
    out = io.BytesIO()
    part = np.repeat(samples[: int(3.3 * rate)], 3)
    soundfile.write(out, np.stack([part, part], axis=1), 3 * rate, format="WAV")
    return out.getvalue()


def take_along(here: Any) -> None:
    """What is downloaded are the word times of the page, in the forms that other programs open."""
    here.open_popover("Export")
    files: dict[str, bytes] = {}
    for kind in ("CSV", "SRT", "JSON"):
        with here.page.expect_download() as waiting:
            here.page.get_by_role("button", name=kind, exact=True).click()
        assert waiting.value.suggested_filename == f"memviz-listen.{kind.lower()}"
        files[kind] = Path(waiting.value.path()).read_bytes()
    here.close_popover()
    words = json.loads(files["JSON"])["words"]
    assert [word["word"] for word in words][:4] == ["Please", "open", "the", "window"]
    table = pd.read_csv(io.BytesIO(files["CSV"]))
    assert table["word"].tolist() == [word["word"] for word in words]
    assert table["start"].tolist() == pytest.approx([word["start"] for word in words])
    blocks = files["SRT"].decode("utf-8-sig").strip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [str(number + 1) for number in range(len(words))]
    for block, word in zip(blocks, words, strict=True):
        _, moments, text = block.split("\n")
        assert text == word["word"]
        assert [seconds(moment) for moment in moments.split(" --> ")] == pytest.approx(
            [word["start"], max(word["end"], word["start"] + 0.01)], abs=0.002
        )


def seconds(moment: str) -> float:
    """The seconds of a moment of subtitles: hours:minutes:seconds,thousandths."""
    hours, minutes, rest = moment.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest.replace(",", "."))


def pressed(here: Any) -> list[int]:
    """The numbers of the words that are chosen."""
    return [n for n, word in enumerate(here.page.locator(WORD).all()) if word.get_attribute("aria-pressed") == "true"]


def test_a_file_is_heard_words_are_played_and_back_leads_back(visit) -> None:
    here = visit("listen")
    words = here.page.locator(WORD)
    assert words.all_text_contents()[:4] == ["Please", "open", "the", "window"]
    assert violations(here.page) == []
    take_along(here)
    words.nth(3).click()
    play = here.page.locator(".sound .play")
    here.wait_until(lambda: "spoken_word=3" in here.query, "the word is kept")
    here.wait_until(lambda: play.text_content() == "Play", "the word has been played")
    words.nth(3).press("ArrowRight")
    assert here.page.locator(f"{WORD}:focus").all_text_contents() == ["and"]
    words.nth(4).press("Enter")
    here.wait_until(lambda: "spoken_word=4" in here.query, "the next word is kept")
    here.page.go_back()
    here.wait_until(lambda: pressed(here) == [3], "the word before")
    here.page.reload()
    here.drawn("listen").at_rest()
    here.wait_until(lambda: pressed(here) == [3], "the word is still there")
    play.click()
    here.wait_until(lambda: play.text_content() == "Stop", "it plays")
    here.wait_until(lambda: here.page.locator(f"{WORD}.now").count() == 1, "a word lights up while it is spoken")
    play.click()
    here.wait_until(lambda: play.text_content() == "Play", "it stops")
    here.mark("a file")
    samples, rate = soundfile.read(MEDIA / "door.ogg")
    files = here.page.locator("input[type=file]").first
    files.set_input_files({"name": "text.wav", "mimeType": "audio/wav", "buffer": b"this is no sound"})
    here.says("is not a sound that can be opened")
    files.set_input_files({"name": "mine.wav", "mimeType": "audio/wav", "buffer": louder_at(samples, rate)})
    here.wait_until(lambda: 2 <= words.count() <= 5, "other words")
    assert words.first.text_content() == "Please"
    here.page.set_viewport_size({"width": 390, "height": 800})
    here.at_rest()
    assert here.page.evaluate(WIDE) == 0
