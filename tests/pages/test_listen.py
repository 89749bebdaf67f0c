"""Listen: the page shows when each word was heard, and says what it cannot hear."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soundfile

from memviz import Forget, measures
from memviz.errors import FetchError
from memviz.serving import cache
from memviz.ui.share.listen import Listen
from memviz.ui.shell import frame
from tests.pages.visiting import Visit
from tests.reading.senses import RATE, SAMPLES, hearing


def wav(samples: np.ndarray, rate: int = RATE, form: str = "WAV") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form)
    return out.getvalue()


SHORT = wav(SAMPLES / np.abs(SAMPLES).max())


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every model is the tiny one with random weights, and is on this machine."""
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: hearing())
    monkeypatch.setattr("memviz.ui.shell.runs._ask_before_fetching", lambda model, place: None)
    cache.forget_everything()
    yield
    cache.forget_everything()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """The page's sound is this file, whichever place it comes from."""
    from memviz.ui.parts.listen import subject

    return lambda content: monkeypatch.setattr(subject, "choose_file", lambda choice: (content, "mine.wav"))


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> list[Listen]:
    """What the bar of the page was given to take along."""
    caught: list[Listen] = []
    monkeypatch.setattr("memviz.ui.share.listen_bar", caught.append)
    return caught


def plain(texts: list[str]) -> str:
    """The sentences without the marks that keep Markdown from taking them for its own."""
    return "\n".join(texts).replace("\\", "")


def payload(here: Visit) -> dict[str, Any]:
    """What the sound is drawn from, but for its arrays."""
    items = [item.proto for item in here.app.get("bidi_component")]
    return next(json.loads(item.mixed.json) for item in items if item.component_name == "memviz.sound_view")


@pytest.mark.senses
def test_words_links_and_times_are_the_models(visit, carried: list[Listen]) -> None:
    here = visit("listen", spoken_word="3")
    assert here.errors == []
    words = measures.word_times(carried[0].view.heard.trace)
    assert [word["text"] for word in payload(here)["words"]] == [word.text for word in words]
    assert [(word["start"], word["end"]) for word in payload(here)["words"]] == [(w.start, w.end) for w in words]
    assert payload(here)["selected"] == 3
    said = plain(here.sentences)
    assert "Please open the window and close the door" in said
    assert f"heard from second {words[3].start:.2f} to {words[3].end:.2f}" in said
    table = here.app.dataframe[0].value
    assert table["end, path (s)"].tolist() == pytest.approx([word.end for word in words])
    back = sum(b.peak < a.peak for a, b in pairwise(words))
    assert f"goes back in time at {back} of 7 steps" in said
    view = carried[0].view
    mean = np.mean([view.heard.trace.memory("cross").pattern(*pair)[:, :312] for pair in view.heads], axis=0)
    np.testing.assert_allclose(view.weights[3], mean[list(words[3].tokens)].mean(axis=0), atol=1e-6)
    assert view.heads == view.heard.trace.model.alignment_heads


@pytest.mark.senses
def test_what_changes_is_computed_and_the_letters_stand_beside(visit, carried: list[Listen]) -> None:
    here = visit("listen", listen_again="sound", cover_seconds="2.5-3.2", letters="true", listen_shown="head")
    assert here.errors == []
    listen = carried[0]
    heard = listen.view.heard
    frames = [n for n, unit in enumerate(heard.sound.units) if 2.5 <= unit.start < 3.2 - 1e-6]
    assert listen.again is not None
    assert listen.again.options.forget == Forget(keys=frames)
    assert listen.again.trace.output != heard.trace.output
    said = plain(here.sentences)
    assert "What is written changes: “**window" in said
    assert (listen.again.trace.output or "").strip() in said
    assert payload(here)["covered"] == [2.5, 3.2]
    assert [word.text for word in listen.letters] == "Please open the window and close the door".split()
    shifts = [abs(a.end - b.end) for a, b in zip(listen.view.words, listen.letters, strict=True)]
    assert f"{sum(shift > 0.1 for shift in shifts)} of 8 words end more than 0.1 s elsewhere" in said
    assert f"by {max(shifts):.2f} s" in said
    files = {"csv": listen.csv(), "srt": listen.srt(), "json": listen.json(), "svg": listen.svg()}
    content = json.loads(files["json"])
    assert content["provenance"]["sound_sha256"] == heard.sha256
    assert [word["word"] for word in content["words"]] == [word.text for word in listen.view.words]
    assert content["words"][2]["end by letters"] == pytest.approx(listen.letters[2].end)
    assert files["srt"].split("\n\n")[1].startswith("2\n00:00:01,160 --> 00:00:01,780\nopen")
    assert heard.sha256 in files["csv"]
    assert heard.sha256 in files["svg"]
    assert "window" in files["svg"]
    compile(listen.code(), "code", "exec")
    assert "by_character=True" in listen.code()


@pytest.mark.senses
def test_a_layer_is_the_mean_of_its_heads(visit, carried: list[Listen]) -> None:
    here = visit("listen", listen_shown="layer", layer="1", spoken_word="0")
    assert here.app.selectbox(key="mean_layer").value == 1
    view = carried[0].view
    assert "are of the alignment heads, whichever heads are shown above" in plain(here.sentences)
    content = json.loads(carried[0].json())["provenance"]
    assert content["heads"] == ", ".join(f"L1.H{head}" for head in range(6))
    assert content["times_by"] == ", ".join(f"L{pair[0]}.H{pair[1]}" for pair in view.heard.trace.model.alignment_heads)
    mean = np.mean([view.heard.trace.memory("cross").pattern(1, head)[:, :312] for head in range(6)], axis=0)
    np.testing.assert_allclose(view.weights[0], mean[list(view.words[0].tokens)].mean(axis=0), atol=1e-6)
    most = int(view.weights[0].argmax()) * 0.02
    assert f"looks most at second {most:.2f} (mean over the 6 heads of layer 1)" in plain(here.sentences)
    assert payload(here)["words"][0]["peak"] == pytest.approx(most)
    usual = visit("listen", listen_shown="layer")
    assert usual.app.selectbox(key="mean_layer").value == view.heard.trace.model.alignment_heads[-1][0]


@pytest.mark.senses
def test_a_word_that_was_written_is_masked_for_what_follows(visit, carried: list[Listen]) -> None:
    here = visit("listen", listen_again="written", cover_word="3")
    listen = carried[0]
    assert listen.again is not None
    assert listen.again.options.kind == "decoder"
    assert (listen.again.trace.output or "").split()[:4] == ["Please", "open", "the", "window"], (
        "what stood there stays"
    )
    first = listen.view.words[3].tokens[-1] + 1
    decoder = listen.again.trace.memory("decoder")
    place = listen.view.words[3].tokens[0] + 1
    for head in range(decoder.heads):
        assert not decoder.pattern(2, head)[first + 1 :, place].any()
    said = plain(here.sentences)
    assert ("The same is written." in said) == (listen.again.trace.output == listen.view.heard.trace.output)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is a text, named .wav", "not a sound that can be opened"),
        (b"", "not a sound that can be opened"),
        (wav(np.zeros(0, np.float32)), "holds no sound"),
    ],
)
def test_what_is_no_sound_gets_one_clear_message(visit, tiny, given, content: bytes, said: str) -> None:
    given(content)
    here = visit("listen")
    assert [said in error for error in here.errors] == [True]
    assert here.pictures == []
    assert here.app.segmented_control or here.app.sidebar.selectbox, "another can be chosen"


@pytest.mark.parametrize(
    "content",
    [
        wav(np.zeros(8_000)),
        wav(np.random.default_rng(0).normal(0, 0.2, RATE // 2)),
        wav(0.2 * sum(np.sin(2 * np.pi * pitch * np.arange(RATE // 2) / RATE) for pitch in (262, 330, 392))),
        wav(SAMPLES[:16]),
        wav(np.repeat(SAMPLES, 12)[:96_000] / 9, 192_000),
        wav(SAMPLES[::2] / 9, 8_000),
        wav(np.stack([SAMPLES, SAMPLES], axis=1) / 9, RATE, "FLAC"),
        wav(np.sin(np.arange(RATE) / 20), RATE, "MP3")[:3_000],
    ],
    ids=["silence", "noise", "music", "1 ms", "192 kHz", "8 kHz", "stereo flac", "truncated mp3"],
)
def test_any_sound_is_drawn(visit, tiny, given, content: bytes) -> None:
    given(content)
    here = visit("listen")
    assert here.errors == []
    assert "sound_view" in here.pictures
    if content == wav(np.zeros(8_000)):
        assert any("silent" in note for note in here.notes)


def test_of_a_long_recording_the_window_is_chosen(visit, monkeypatch: pytest.MonkeyPatch, tiny, given, carried) -> None:
    long = np.zeros(2 * 3600 * 1_000, dtype=np.float32)
    long[7_000 * 1000 : 7_001 * 1000] = 0.3
    given(wav(long, 1_000, "FLAC"))  # 2 hours
    here = visit("listen", start="7000")
    assert here.errors == []
    assert here.app.slider(key="start").value == 7000
    assert "second 7000.0 to 7001.0 of 7200.0" in plain(here.notes)
    assert payload(here)["span"] == [7000, pytest.approx(7001)]


def test_without_a_sound_the_page_says_what_to_do(visit, tiny) -> None:
    for place, said in (("upload", "stays on the machine"), ("microphone", "no microphone or may not use it")):
        here = visit("listen", sound_from=place)
        assert any(said in note for note in here.notes)
        assert here.pictures == []


def test_a_model_that_reads_texts_is_refused_by_name_and_the_right_ones_are_offered(visit, tiny, given) -> None:
    given(SHORT)
    here = visit("listen", listener="minilm")
    box = here.app.sidebar.selectbox(key="listener")
    assert box.value == "whisper-tiny-en"
    assert len(box.options) == 2
    assert here.errors == []
    (said,) = (plain([item.value]) for item in here.app.warning)
    assert said.startswith("minilm is no model that hears. Whisper tiny, English listens instead")
    assert "Whisper base" in said
    here._run()
    assert len(here.app.warning) == 1, "it stays until somebody chooses"
    box.set_value("whisper-base").run()
    assert len(here.app.warning) == 0
    looking = visit("look", viewer="minilm")
    assert "minilm is no model that sees" in plain([item.value for item in looking.app.warning])


def test_a_page_in_chinese_begins_with_the_model_that_hears_chinese(visit, monkeypatch, tiny, given) -> None:
    given(SHORT)
    assert visit("listen", lang="zh").app.sidebar.selectbox(key="listener").value == "whisper-base"
    real = frame.offers

    def elsewhere(names: Any, **options: Any) -> Any:
        return [
            replace(each, here=False, size=133_343_666) if each.name == "whisper-base" else each
            for each in real(names, **options)
        ]

    monkeypatch.setattr(frame, "offers", elsewhere)
    here = visit("listen", lang="zh")
    assert here.app.sidebar.selectbox(key="listener").value == "whisper-tiny-en"
    assert any("Whisper base" in note and "0.13 GB" in note for note in here.notes)
    here.press("fetch_language_model")
    assert here.app.sidebar.selectbox(key="listener").value == "whisper-base"
    assert not any("0.13 GB" in note for note in here.notes)


def test_a_new_sound_has_none_of_the_old_ones_choices(visit, tiny, given, carried: list[Listen]) -> None:
    given(SHORT)
    here = visit("listen", spoken_word="1", listen_again="sound", cover_seconds="0.1-0.3")
    assert carried[-1].view.word == 1
    assert here.address["cover_seconds"] == "0.1-0.3"
    given(wav(SAMPLES[::-1] / np.abs(SAMPLES).max()))
    here._run()
    assert carried[-1].view.word == -1
    assert "spoken_word" not in here.address
    assert here.address.get("cover_seconds") != "0.1-0.3"


def test_of_a_model_whose_makers_named_no_heads_it_says_so(visit, tiny, given, carried: list[Listen]) -> None:
    given(SHORT)
    here = visit("listen", spoken_word="0")
    said = plain(here.sentences)
    assert "by all heads and the path" in said
    assert "alignment heads" not in said
    assert carried[0].view.name == "mean over all 6 heads"


def test_a_wheel_that_is_gone_is_said_and_the_rest_works(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str, **_: Any) -> None:
        raise FetchError("{name} is not on the index any more.", todo="Choose another.", name=name)

    monkeypatch.setattr(cache, "open_reader", gone)
    monkeypatch.setattr("memviz.ui.shell.runs._ask_before_fetching", lambda model, place: None)
    here = visit("listen", listener="whisper-base")
    assert plain(here.errors).count("whisper-base is not on the index") == 1
    assert visit("glossary").errors == []


def test_the_sound_itself_leaves_the_machine_in_no_file(visit, tiny, given, carried: list[Listen]) -> None:
    given(SHORT)
    visit("listen")
    listen = carried[0]
    for file in (listen.csv().encode(), listen.json(), listen.srt().encode(), listen.code().encode()):
        assert SHORT[44:144] not in file
    assert listen.png().startswith(b"\x89PNG")


def test_a_model_that_is_not_here_is_offered_with_its_size(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    from memviz.models import Policy, preview

    plan = replace(preview("whisper-base", policy=Policy.server()), here=False, size=145_000_000)
    monkeypatch.setattr("memviz.ui.shell.runs.preview", lambda name, policy: plan)
    monkeypatch.setattr(cache, "open_reader", lambda *_, **__: pytest.fail("nobody asked for it"))
    here = visit("listen", listener="whisper-base")
    assert "0.14 GB to download" in plain(here.notes) or "0.15 GB to download" in plain(here.notes)
    assert here.app.button(key="fetch").label == "Fetch it"
    assert here.pictures == []
