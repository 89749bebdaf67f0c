"""A sound is read exactly as the model reads it, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cases import opened, patterns
from senses import RATE, SAMPLES, hearing, sound_processor, whisper

from memviz import Ablate, Forget, Trace, measures
from memviz.errors import EmptyTextError, MeasureError, MemoryBudgetError, ReadingError, TextTooLongError, TraceError
from memviz.reading.sounds import _doubts
from memviz.reading.writing.writer import Output, Reading
from tests import oracle

FRAMES = 50


def eager(trace: Trace, samples: np.ndarray = SAMPLES) -> tuple[dict[str, np.ndarray], torch.Tensor]:
    """(the weights by kind of a model that MemViz never touches, its logits) for the tokens of the trace."""
    model = whisper()
    model.set_attn_implementation("eager")
    features = sound_processor().feature_extractor(samples, sampling_rate=RATE, return_tensors="pt")
    ids = torch.tensor([[token.id for token in trace.memory("decoder").keys]])
    with torch.no_grad():
        outputs = model(**features, decoder_input_ids=ids, output_attentions=True, use_cache=False)
    names = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
    return {kind: torch.cat(getattr(outputs, name)).numpy() for kind, name in names.items()}, outputs.logits[0]


@pytest.mark.parametrize("target", [None, "the cat sat on the mat"])
def test_every_pattern_and_the_summary_are_the_models_own(target: str | None) -> None:
    trace = hearing().transcribe(SAMPLES, RATE, target, max_new_tokens=12)
    wanted, logits = eager(trace)
    assert {kind: weights.shape[2:] for kind, weights in wanted.items()} == {
        "encoder": (FRAMES, FRAMES),
        "decoder": (len(trace.targets), len(trace.targets)),
        "cross": (len(trace.targets), FRAMES),
    }
    for kind, weights in wanted.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-5
        oracle.check_summary(trace.memory(kind), weights)
    assert wanted["cross"].max() > 4 / FRAMES, "far from even"
    ids = torch.tensor([token.id for token in trace.targets])
    expected = logits.log_softmax(-1).gather(1, ids[:, None])[:, 0]
    np.testing.assert_allclose(trace.logprobs, expected, atol=1e-4)
    if target is None:
        assert [step[0].id for step in trace.steps] == ids.tolist(), "the likeliest token at every step"
    else:
        assert trace.output == target


def test_the_encoder_hears_a_sound_once_and_layers_are_counted_as_people_do() -> None:
    reader, told, calls = hearing(), [], []
    layer = reader.model.get_encoder().layers[0]
    hook = layer.register_forward_hook(lambda *_: calls.append(1))
    try:
        reader.transcribe(SAMPLES, RATE, max_new_tokens=6, progress=lambda share, label: told.append((share, label)))
    finally:
        hook.remove()
    assert len(calls) == 1
    layers = [label for _, label in told if "/" in label]
    assert sorted({*layers}) == ["1/5", "2/5", "3/5", "4/5", "5/5"], "3 layers of the encoder and 2 of the decoder"
    assert layers == sorted(layers)
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_what_repeats_itself_is_said_to_do_so() -> None:
    doubts = _doubts(hearing().engine, Reading({}, ()), Output((), "the cat " * 30, ()), 0)
    (note,) = doubts
    assert (note.code, note.values) == ("repeating", {"ratio": "12.6"})


def test_its_units_are_frames_with_seconds() -> None:
    trace = hearing().transcribe(SAMPLES, RATE, max_new_tokens=3)
    sound = trace.source
    assert (sound.rate, sound.samples, sound.seconds) == (RATE, len(SAMPLES), pytest.approx(0.7))
    assert len(sound.units) == FRAMES
    assert [unit.start for unit in sound.units] == pytest.approx([number * 0.02 for number in range(FRAMES)])
    assert [unit.special for unit in sound.units] == [number >= 35 for number in range(FRAMES)], "added silence"
    assert trace.memory("cross").keys == sound.units
    assert [source.role for source in trace.sources] == ["sound", "output"]
    assert trace.sources[1].units == trace.targets
    targets, frames = trace.sides("cross")
    assert len(frames) == FRAMES
    assert sum(len(word.tokens) for word in targets) == len(trace.targets)


def test_it_comes_back_from_a_file(tmp_path: Path) -> None:
    trace = hearing().transcribe(SAMPLES, RATE, "the cat", forget=Forget(keys=[4]))
    again = Trace.load(trace.save(tmp_path / "sound.npz"))
    assert again.source == trace.source
    assert (again.output, again.targets, again.forget) == (trace.output, trace.targets, trace.forget)
    for kind in trace.memories:
        assert (patterns(again, kind) == patterns(trace, kind)).all()


def test_frames_stand_in_a_line_and_are_no_tokens() -> None:
    trace = hearing().transcribe(SAMPLES, RATE, "the cat")
    encoder, weights = trace.memory("encoder"), eager(trace)[0]["encoder"]
    before = weights.diagonal(offset=-1, axis1=2, axis2=3).mean(-1)
    np.testing.assert_allclose(measures.previous_token(encoder), before, atol=1e-5)
    with pytest.raises(MeasureError, match="“Induction score” asks for earlier copies of a token, but a sound"):
        measures.induction(encoder)
    with pytest.raises(MeasureError, match="belong to two texts"):
        measures.previous_token(trace.memory("cross"))
    decoder = hearing().transcribe(SAMPLES, RATE, "the cat the cat").memory("decoder")
    assert np.isfinite(measures.induction(decoder)).all(), "what is written are tokens"


def test_what_is_forgotten_and_unplugged_while_writing_is_so_in_the_reading() -> None:
    changes = {"forget": Forget(keys=range(10, 20), heads=[0]) | Forget(keys=[3]), "ablate": Ablate(0, 1)}
    trace = hearing().transcribe(SAMPLES, RATE, max_new_tokens=12, **changes)
    assert [step[0].id for step in trace.steps] == [token.id for token in trace.targets]
    cross = patterns(trace, "cross")
    assert not cross[:, :, :, 3].any()
    assert not cross[:, 0, :, 10:20].any()
    assert cross[:, 1, :, 10:20].all()


@pytest.mark.parametrize(
    ("samples", "rate", "error", "said"),
    [
        (np.zeros(0), RATE, EmptyTextError, "no samples"),
        (np.zeros((2, 900)), RATE, ReadingError, r"of the shape \[2, 900\].*\[sample, channel\]"),
        (np.array(["a"]), RATE, ReadingError, "not a sound that can be heard"),
        ((SAMPLES * 9000).astype(np.int16), RATE, ReadingError, r"whole numbers \(int16\).*32768 for int16"),
        (SAMPLES, 7, ReadingError, "A sound of 7 samples a second cannot be heard"),
        (np.full(900, np.nan), RATE, ReadingError, "not numbers"),
        (np.zeros(RATE + 1), RATE, TextTooLongError, "1.0 seconds; at most 1.0"),
    ],
)
def test_what_cannot_be_heard_is_refused(samples: np.ndarray, rate: int, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        hearing().transcribe(samples, rate)


def test_refusals_of_other_kinds() -> None:
    with pytest.raises(ReadingError, match=r"reads sounds, not texts. Use read for texts"):
        hearing().translate("the cat")
    with pytest.raises(ReadingError, match="reads texts, not sounds"):
        opened("t5").transcribe(SAMPLES, RATE)
    with pytest.raises(TraceError, match="There is no position 50"):
        hearing().transcribe(SAMPLES, RATE, forget=Forget(keys=[50]))


def test_a_sound_that_would_not_fit_is_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = hearing()
    need = reader.estimate(FRAMES) / 1e9
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", f"{0.9 * need:.4f}")
    with monkeypatch.context() as patch:
        patch.setattr("memviz.reading.sounds._write", None)
        with pytest.raises(MemoryBudgetError, match=f"Reading {FRAMES} "):
            reader.transcribe(SAMPLES, RATE)
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", f"{1.2 * need:.4f}")
    assert reader.transcribe(SAMPLES, RATE, max_new_tokens=3).targets
