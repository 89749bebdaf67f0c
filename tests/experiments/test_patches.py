"""Covered patches of a picture: the vector against transformers' own with the same mask, and fair controls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from memviz import experiments, measures
from memviz.errors import ReadingError, TraceError
from memviz.experiments.patches import control_patches
from memviz.memory import Forget
from memviz.reading.questions import Change
from tests.reading.cases import opened
from tests.reading.senses import IMAGE, image_processor, seeing, vit

COVERED = (8, 9, 14, 15)
SIDE = 6


def vector_by_hand(covered: tuple[int, ...], *, layers: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """[CLS] of a model that MemViz never touches; its softmax has the covered columns at minus infinity."""
    keys = [1 + patch for patch in covered]
    others = [place for place in range(1 + SIDE * SIDE) if place not in keys]

    def attend(module, query, key, value, attention_mask=None, scaling=None, **_):
        scores = query.double() @ key.double().transpose(-1, -2) * query.shape[-1] ** -0.5
        layer = attend.calls
        attend.calls += 1
        if layer in layers:
            for row in others:
                scores[..., row, keys] = -torch.inf
        return (scores.softmax(-1) @ value.double()).float().transpose(1, 2).contiguous(), None

    attend.calls = 0
    AttentionInterface.register("by_hand", attend)
    AttentionMaskInterface.register("by_hand", lambda *_, **__: None)
    model = vit()
    model.set_attn_implementation("by_hand")
    with torch.no_grad():
        states = model.base_model(**image_processor()(images=IMAGE, return_tensors="pt")).last_hidden_state
    assert attend.calls == 3
    return states[0, 0].double().numpy()


def one_minus_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(1 - a @ b / np.sqrt((a @ a) * (b @ b)))


def test_the_effect_is_that_of_the_same_mask_by_hand() -> None:
    found = experiments.cover_patches(seeing(), IMAGE, COVERED)
    plain = vector_by_hand(())
    wanted = one_minus_cosine(plain, vector_by_hand(COVERED))
    assert wanted > 1e-3
    assert found.effect == pytest.approx(wanted, abs=1e-5)
    for run, effect in list(zip(found.runs, found.control_effects, strict=True))[:3]:
        assert effect == pytest.approx(one_minus_cosine(plain, vector_by_hand(run)), abs=1e-5)
    one = experiments.cover_patches(seeing(), IMAGE, COVERED, layers=[1])
    assert one.effect == pytest.approx(one_minus_cosine(plain, vector_by_hand(COVERED, layers=(1,))), abs=1e-5)
    assert one.effect != pytest.approx(found.effect, abs=1e-4)


def test_many_at_once_are_as_one_by_one() -> None:
    changes = [Change(), *(Change.of(Forget((1 + patch,))) for patch in range(30))]
    together = seeing().picture_vectors(IMAGE, changes)
    alone = np.concatenate([seeing().picture_vectors(IMAGE, [change]) for change in changes])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(together[0], vector_by_hand(()), rtol=0, atol=1e-5)


def test_the_controls_are_the_same_shape_elsewhere() -> None:
    found = experiments.cover_patches(seeing(), IMAGE, COVERED, draws=50)
    assert found.moved
    shape = {(patch // SIDE - 1, patch % SIDE - 2) for patch in COVERED}
    assert shape == {(0, 0), (0, 1), (1, 0), (1, 1)}
    for run in found.runs:
        top, left = min(patch // SIDE for patch in run), min(patch % SIDE for patch in run)
        assert {(patch // SIDE - top, patch % SIDE - left) for patch in run} == shape
        assert not set(run) & {*COVERED, *found.collecting}
    if not found.collecting:
        assert len(found.runs) == 25 - 9, "all squares of four but those that touch it"
    fewer = experiments.cover_patches(seeing(), IMAGE, COVERED, draws=6, seed=1)
    assert len(fewer.runs) == 6
    assert set(fewer.runs) < set(found.runs)
    assert fewer.runs == experiments.cover_patches(seeing(), IMAGE, COVERED, draws=6, seed=1).runs


def test_a_shape_that_fits_nowhere_else_is_compared_with_scattered_patches() -> None:
    frame = [place for place in range(36) if place // 6 in (0, 5) or place % 6 in (0, 5)][:12]
    runs, moved = control_patches(frame, rows=6, columns=6, without=frozenset({20}), draws=10, seed=0)
    assert not moved
    assert len(runs) == 10
    assert all(len(run) == 12 and not set(run) & {*frame, 20} for run in runs)
    assert control_patches(range(20), rows=6, columns=6, without=frozenset(), draws=10, seed=0) == ((), False)


def test_what_no_control_covers_collects_attention() -> None:
    memory = seeing().look(IMAGE).memory()
    collected = measures.times_even(memory)
    weights = np.stack([[memory.pattern(layer, head) for head in range(3)] for layer in range(3)]).astype(np.float64)
    np.testing.assert_allclose(collected, weights.mean(axis=(1, 2)) * 37, rtol=0, atol=1e-3)
    np.testing.assert_allclose(collected.mean(axis=1), 1, rtol=0, atol=1e-4)


def test_its_table_and_its_verdict_say_what_was_found() -> None:
    found = experiments.cover_patches(seeing(), IMAGE, COVERED)
    table = found.table()
    assert list(table.role) == ["nothing", "covered", *["control"] * len(found.runs)]
    assert table.patches[1] == "2·3 2·4 3·3 3·4"
    assert table.effect[1] == found.effect
    assert found.range == (found.control_effects.min(), found.control_effects.max())
    assert found.control == pytest.approx(float(np.median(found.control_effects)))
    assert found.verdict == ("beyond" if found.effect > found.control_effects.max() else "within")


def test_what_cannot_be_covered_is_refused() -> None:
    with pytest.raises(TraceError, match="no patch 36"):
        experiments.cover_patches(seeing(), IMAGE, [36])
    with pytest.raises(ReadingError, match="No patch"):
        experiments.cover_patches(seeing(), IMAGE, [])
    with pytest.raises(ReadingError, match="Every patch"):
        experiments.cover_patches(seeing(), IMAGE, range(36))
    with pytest.raises(TraceError, match="layer 9"):
        experiments.cover_patches(seeing(), IMAGE, [3], layers=[9])
    with pytest.raises(ReadingError):
        experiments.cover_patches(opened("bert"), IMAGE, [3])
    with pytest.raises(ReadingError, match="Only the attention"):
        seeing().picture_vectors(IMAGE, [Change(blanks=(1,))])
