"""A picture is read exactly as the model reads it, patch by patch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cases import opened, patterns
from families import tokenizer
from PIL import Image
from senses import IMAGE, image_processor, other_vision, seeing, sound_processor, vit, whisper

from memviz import Ablate, Eviction, Forget, Reader, Trace, measures
from memviz.errors import MeasureError, MemoryBudgetError, ReadingError, UnsupportedModelError
from memviz.memory import Interventions
from memviz.reading.pictures import look
from tests import oracle

PATCHES = 1 + 6 * 6


def eager(image: np.ndarray = IMAGE) -> np.ndarray:
    """The weights of a model that MemViz never touches: [layer, head, query, key]."""
    model = vit()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        outputs = model(**image_processor()(images=image, return_tensors="pt"), output_attentions=True)
    return torch.cat(outputs.attentions).numpy()


def test_every_pattern_and_the_summary_are_the_models_own() -> None:
    trace, wanted = seeing().look(IMAGE), eager()
    assert wanted.shape == (3, 3, PATCHES, PATCHES)
    assert wanted.max() > 5 / PATCHES, "far from even"
    assert np.abs(patterns(trace) - wanted).max() <= 1e-5
    oracle.check_summary(trace.memory(), wanted)
    assert np.abs(patterns(trace) - eager(IMAGE[::-1])).max() > 0.01, "another picture"


@pytest.mark.parametrize(("kind", "prefix"), [("DeiT", 2), ("Dinov2", 1), ("CLIPVision", 1), ("SiglipVision", 0)])
def test_other_families_are_read_as_their_own_weights_say(kind: str, prefix: int) -> None:
    trace = Reader(other_vision(kind), image_processor()).look(IMAGE)
    model = other_vision(kind)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        outputs = model(image_processor()(images=IMAGE, return_tensors="pt").pixel_values, output_attentions=True)
    wanted = torch.cat(outputs.attentions).numpy()
    assert wanted.shape == (2, 3, prefix + 36, prefix + 36)
    assert wanted.max() > 5 / 36, "far from even"
    assert np.abs(patterns(trace) - wanted).max() <= 1e-5
    oracle.check_summary(trace.memory(), wanted)
    assert [(unit.row, unit.column) for unit in trace.units[prefix:]] == [divmod(place, 6) for place in range(36)]
    assert all(unit.special for unit in trace.units[:prefix])


def test_its_units_are_patches_where_they_lie() -> None:
    trace = seeing().look(Image.fromarray(IMAGE))
    assert (patterns(trace) == patterns(seeing().look(IMAGE))).all()
    picture = trace.source
    assert (picture.width, picture.height, picture.rows, picture.columns) == (90, 60, 6, 6)
    assert trace.units == trace.memory().queries == picture.units
    assert [trace.units[0].text, trace.units[0].special, trace.units[0].row] == ["[CLS]", True, -1]
    assert trace.units[8].box == pytest.approx((1 / 6, 1 / 6, 2 / 6, 2 / 6)), "second row, second column"
    assert [(unit.row, unit.column) for unit in trace.units[1:]] == [divmod(place, 6) for place in range(36)]
    assert [unit.box[0] for unit in trace.units[1:7]] == pytest.approx([column / 6 for column in range(6)])
    assert (trace.text, trace.tokens, trace.sources) == ("", (), (picture,))
    assert [word.tokens for word in trace.words] == [(place,) for place in range(PATCHES)]


@pytest.mark.parametrize("height", [1, 3])
def test_a_flat_picture_is_not_taken_for_its_channels(height: int) -> None:
    flat = IMAGE[:height]
    resized = np.asarray(Image.fromarray(flat).resize((48, 48), Image.Resampling.BILINEAR), dtype=np.float32)
    model = vit()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        pixels = torch.tensor(resized / 127.5 - 1).permute(2, 0, 1)[None]
        wanted = torch.cat(model(pixel_values=pixels, output_attentions=True).attentions).numpy()
    assert np.abs(patterns(seeing().look(flat)) - wanted).max() <= 1e-5


def test_it_comes_back_from_a_file(tmp_path: Path) -> None:
    trace = seeing().look(IMAGE, ablate=Ablate(1, 2))
    again = Trace.load(trace.save(tmp_path / "picture.npz"))
    assert again.source == trace.source
    assert again.memory().queries == trace.memory().queries
    assert (patterns(again) == patterns(trace)).all()
    assert again.ablations == (Ablate(1, 2),)


def test_a_measure_that_means_nothing_on_a_grid_says_so() -> None:
    memory = seeing().look(IMAGE).memory()
    refused = {}
    for name, measure in measures.MEASURES.items():
        try:
            measure.compute(memory, 0, 0) if measure.of_one_head else measure.compute(memory)
        except MeasureError as error:
            refused[name] = str(error)
    line = {name for name, said in refused.items() if "stand in a grid" in said}
    tokens = {name for name, said in refused.items() if "has no tokens" in said}
    assert {"previous_token", "next_token", "distance", "mean_distance", "span"} <= line
    assert {"induction", "duplicate_token"} <= tokens
    assert not {"received", "entropy", "slots", "lift", "value_norm"} & set(refused)


def test_the_measures_that_mean_something_are_right() -> None:
    trace, weights = seeing().look(IMAGE), eager()
    np.testing.assert_allclose(measures.received(trace.memory()), weights.mean(2), atol=1e-5)
    np.testing.assert_allclose(measures.entropy(trace.memory()), oracle.entropy(weights), atol=1e-4)
    assert measures.sink_positions(trace.memory()) == (0,)
    links, _ = measures.links(trace.memory(), trace.words, trace.words)
    assert (links.index >= 0).any()


def test_a_forgotten_patch_is_gone_and_nothing_else_of_the_first_layer() -> None:
    before, after = seeing().look(IMAGE), seeing().look(IMAGE, forget=Forget(keys=[7]))
    assert not patterns(after)[:, :, :, 7].any()
    left = np.delete(patterns(before)[0], 7, axis=2)
    left /= left.sum(-1, keepdims=True)
    np.testing.assert_allclose(np.delete(patterns(after)[0], 7, axis=2), left, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (IMAGE[:, :, 0], r"ndarray \[60, 90\]"),
        (IMAGE[:0], r"ndarray \[0, 90, 3\]"),
        (IMAGE / 255, "float64 from 0 to 1"),
        (IMAGE.astype(int) * 2, "int64 from 0 to 510"),
        (7, r"int \[\]"),
    ],
)
def test_what_is_not_a_picture_is_refused(image: object, said: str) -> None:
    with pytest.raises(ReadingError, match=f"not a picture that can be looked at: {said}"):
        seeing().look(image)


def test_a_model_is_asked_for_what_it_reads() -> None:
    with pytest.raises(ReadingError, match=r"reads pictures, not texts. Use read for texts"):
        seeing().read("the cat")
    with pytest.raises(ReadingError, match=r"reads texts, not pictures. Use read for texts"):
        opened("bert").look(IMAGE)
    with pytest.raises(ReadingError, match="sees its whole text at once"):
        look(seeing().engine, IMAGE, Interventions(eviction=Eviction.window(3)))


def test_a_processor_of_another_kind_is_refused_for_what_it_is() -> None:
    with pytest.raises(UnsupportedModelError, match=r"takes pixel_values, but .* makes input_ids. Give the processor"):
        Reader(vit(), tokenizer("end"))
    with pytest.raises(UnsupportedModelError, match=r"takes input_features, but .* makes pixel_values"):
        Reader(whisper(), image_processor())
    with pytest.raises(UnsupportedModelError, match=r"takes pixel_values, but .* makes input_features"):
        Reader(vit(), sound_processor())


def test_a_model_that_does_not_run_on_its_inputs_is_not_blamed_for_its_attention() -> None:
    wrong = image_processor()
    wrong.size = {"height": 40, "width": 40}
    with pytest.raises(UnsupportedModelError, match="could not read a short source"):
        Reader(vit(), wrong)


def test_a_picture_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    need = seeing().estimate(PATCHES) / 1e9
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", f"{0.9 * need:.4f}")
    with pytest.raises(MemoryBudgetError, match=f"Reading {PATCHES} "):
        seeing().look(IMAGE)
    monkeypatch.setenv("MEMVIZ_MEMORY_GB", f"{1.1 * need:.4f}")
    assert seeing().look(IMAGE).units
