"""Look: the page shows what the model looks at in its picture."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from memviz import experiments
from memviz.serving import cache
from memviz.ui.parts.look import PatchesView
from memviz.ui.parts.source_file import MEDIA
from tests.reading.senses import seeing


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every model is the tiny one, and is on this machine."""
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: seeing())
    monkeypatch.setattr("memviz.ui.shell.runs._ask_before_fetching", lambda model, place: None)
    cache.forget_everything()
    yield
    cache.forget_everything()


def test_the_head_in_full_is_the_models_and_a_link_opens_it(visit) -> None:
    here = visit("look", picture="coffee", layer="1", head="2", patch="7")
    assert here.errors == []
    pattern = seeing().look(MEDIA / "coffee.jpg").memory().pattern(1, 2)[8, 1:]
    row, column = divmod(int(pattern.argmax()), 6)
    said = "\n".join(here.sentences)
    assert "L1.H2" in said
    assert "row 2, column 2 looks most at" in said
    assert f"looks most at row {row + 1}, column {column + 1} ({100 * pattern.max():.0f}" in said.replace("\\", "")
    assert here.address["patch"] == "7"
    grid = next(i.proto for i in here.app.get("bidi_component") if i.proto.component_name == "memviz.heads_grid")
    assert json.loads(grid.mixed.json)["roles"] == [], "roles are of tokens in one row: none is spoken of"
    assert here.address["picture"] == "coffee"


def test_who_looks_at_a_patch_is_another_question(visit) -> None:
    here = visit("look", direction="seen", layer="0", head="1", patch="3")
    pattern = seeing().look(MEDIA / "cat.jpg").memory().pattern(0, 1)[1:, 4]
    row, column = divmod(int(pattern.argmax()), 6)
    assert f"is looked at most by row {row + 1}, column {column + 1} " in "\n".join(here.sentences).replace("\\", "")


def strongest_of(values: np.ndarray) -> str:
    row, column = divmod(int(values.argmax()), 6)
    return f"row {row + 1}, column {column + 1} "


@pytest.mark.parametrize("direction", ["looks", "seen"])
def test_value_norm_and_rollout_are_two_other_ways_to_see_a_patch(visit, direction: str) -> None:
    trace = seeing().look(MEDIA / "cat.jpg")
    memory = trace.memory()
    weights = np.stack([[memory.pattern(layer, head) for head in range(3)] for layer in range(3)]).astype(float)
    flow = np.eye(37)
    for layer in range(3):
        flow = (weights[layer].mean(0) + np.eye(37)) / 2 @ flow
    layer, states = seeing().model.vit.layers[1].attention, []
    out = layer.o_proj.weight.detach().double().numpy()
    hook = layer.v_proj.register_forward_hook(lambda *a: states.append(a[2][0].detach().numpy()))
    seeing().look(MEDIA / "cat.jpg")
    hook.remove()
    written = states[-1][:, 16:24].astype(float) @ out[:, 16:24].T
    norms = weights[1, 2] * np.linalg.norm(written, axis=1)
    for values, wanted, lead in (("rollout", flow, "Attention rollout"), ("value norm", norms, "L1.H2")):
        here = visit("look", look_values=values, layer="1", head="2", patch="7", direction=direction)
        assert here.errors == []
        shown = wanted[8, 1:] if direction == "looks" else wanted[1:, 8]
        (said,) = (line for line in here.sentences if line.startswith(f"**{lead}"))
        assert strongest_of(shown) in said.replace("\\", "")
        number = f"{shown.max():.2f}" if values == "value norm" else f"{100 * shown.max():.0f}"
        assert f"({number}" in said.replace("\\", "")
        picture = next(i.proto for i in here.app.get("bidi_component") if "picture_view" in i.proto.component_name)
        data = json.loads(picture.mixed.json)
        assert data["largest"] == pytest.approx(shown.max(), rel=1e-4)
        assert data["share"] == (values == "rollout")


def test_a_chinese_page_says_it_in_chinese(visit) -> None:
    for direction in ("looks", "seen"):
        lines = [line for line in visit("look", lang="zh", direction=direction).sentences if "L2.H0" in line]
        assert lines
        assert not [line for line in lines if "look" in line]


def test_the_models_on_offer_are_those_that_see(visit) -> None:
    here = visit("look")
    assert [box.key for box in here.app.sidebar.selectbox] == ["viewer"]
    assert here.app.sidebar.selectbox[0].value == "dinov2"
    assert "dinov2" not in visit("glossary").app.sidebar.selectbox(key="model").options


def test_without_a_picture_the_page_says_what_to_do(visit) -> None:
    said = [box.value for box in visit("look", picture_from="upload").app.info]
    assert any("stays on the machine" in text for text in said)


def test_where_attention_collects_is_computed_and_said(visit) -> None:
    here = visit("look")
    memory = seeing().look(MEDIA / "cat.jpg").memory()
    weights = np.stack([[memory.pattern(layer, head) for head in range(3)] for layer in range(3)]).astype(float)
    collected = weights.mean(axis=(1, 2)) * 37
    layer, patch = np.unravel_index(collected[:, 1:].argmax(), (3, 36))
    row, column = divmod(int(patch), 6)
    said = "\n".join(here.sentences).replace("\\", "").replace("\u00a0", " ")
    assert (
        f"Of the patches row {row + 1}, column {column + 1} gets most: **{collected[layer, patch + 1]:.1f} ×**" in said
    )
    items = [item.proto for item in here.app.get("bidi_component")]
    views = [json.loads(item.mixed.json) for item in items if "picture_view" in item.component_name]
    (drawn,) = (data for data in views if data["id"] == "collectors_view")
    assert drawn["largest"] == pytest.approx(collected[layer, patch + 1], rel=1e-4)
    assert f"{int((collected[:, 1:].max(axis=0) > 8).sum())} patches get more than 8 times an even share" in said
    (table,) = (item.value for item in here.app.dataframe if "[CLS]" in item.value)
    assert [f"{share:.1f} ×" for share in collected[:, 0]] == [text.replace("\u00a0", " ") for text in table["[CLS]"]]


def test_patches_are_covered_and_what_that_did_is_the_experiments(visit) -> None:
    here = visit("look", picture="coffee", patches="8.9.14.15")
    assert here.address["patches"] == "8.9.14.15"
    assert not any("changed the vector" in line for line in here.sentences), "it is asked for first"
    here.press("cover_patches_button")
    found = experiments.cover_patches(seeing(), MEDIA / "coffee.jpg", [8, 9, 14, 15])
    (line,) = (line for line in here.sentences if "changed the vector" in line)
    assert line.startswith("### "), "it stands under a heading of the second level"
    assert f"Covering 4 of 36 patches changed the vector of the picture by **{found.effect:.3f}**" in line
    low, high = ("<0.001" if 0 < value < 0.0005 else f"{value:.3f}" for value in found.range)
    assert f"**{low}** to **{high}**" in line
    assert ("more than any" in line) == (found.effect > found.control_effects.max())
    (table,) = (item.value for item in here.app.dataframe if "1 − cosine" in item.value)
    assert len(table) == 2 + len(found.runs)
    assert {"Export", "Export what was covered"} <= {item.proto.popover.label for item in here.app.get("popover")}
    assert parse_qs(urlsplit(here._payloads("copy_button")[0]["text"]).query)["patches"] == ["8.9.14.15"]
    here.app.get("button_group")[1].set_value("cat").run()
    assert "patches" not in here.address, "they were patches of another picture"


def test_the_strongest_patches_of_a_head_are_covered_by_one_button(visit) -> None:
    here = visit("look", layer="1", head="2")
    assert here.app.button(key="cover_strongest").label == "Cover the 9 strongest patches of L1.H2"
    here.press("cover_strongest")
    row = seeing().look(MEDIA / "cat.jpg").memory().pattern(1, 2)[0, 1:]
    wanted = sorted(np.argsort(-row, kind="stable")[:9].tolist())
    assert here.address["patches"] == ".".join(map(str, wanted))
    here.press("uncover")
    assert "patches" not in here.address


def test_junk_in_a_link_does_no_harm(visit) -> None:
    here = visit("look", patches="x.-3.9999.4", patch="abc", layer="99", direction="?", viewer="minilm")
    assert here.errors == []
    assert here.state("patches") == (4, 9999)
    assert any("Cover 1 of 36 patches" in button.label for button in here.app.button)


def test_its_numbers_can_be_taken_along(visit) -> None:
    from memviz.sources import picture_as_jpeg
    from memviz.ui.parts.look.heads import LookView
    from memviz.ui.parts.look.subject import Seen
    from memviz.ui.share.look import CoveredPatches, Look, code, overlay_png, provenance, weights_table

    content = (MEDIA / "cat.jpg").read_bytes()
    trace = seeing().look(content)
    weights = trace.memory().pattern(2, 0)[0, 1:].reshape(6, 6)
    view = LookView(Seen(content, "cat.jpg", picture_as_jpeg(content), trace), 2, 0, -1, "looks", weights)
    frame = weights_table(view)
    np.testing.assert_array_equal(frame["weight"], weights.ravel())
    assert (frame["row"].min(), frame["row"].max(), frame["column"].iloc[0]) == (1, 6, 1), "counted as on the page"
    assert provenance(view)["head"] == "L2.H0"
    assert provenance(view)["picture_sha256"] == hashlib.sha256(content).hexdigest()
    assert overlay_png(view).startswith(b"\x89PNG")
    assert "pattern[0][1:].reshape(6, 6)" in code(view)
    assert "memory.pattern(2, 0)" in code(view)
    compile(code(view), "code", "exec")
    drawing = ElementTree.fromstring(Look(view).svg())
    patches = list(drawing.iter("{http://www.w3.org/2000/svg}rect"))
    shares = np.array([float(patch.attrib["fill-opacity"]) for patch in patches])
    np.testing.assert_allclose(shares, 0.8 * np.sqrt(weights.ravel() / weights.max()), rtol=0, atol=1e-3)
    for values, name in (("value norm", "value_norm(memory, 2, 0)"), ("rollout", "rollout(memory)")):
        other = replace(view, values=values)
        assert weights_table(other).columns[2] == values.replace(" ", "_")
        assert provenance(other)["values"] == values
        assert name in code(other)
    patch = replace(view, patch=7, direction="seen")
    assert provenance(patch)["token"] == "row 2, column 2"
    assert "L2.H0: who looks at row 2, column 2" in Look(patch).svg(), "a patch is named as on the page"
    page = Look(view).html()
    assert "data:image/jpeg;base64," in page
    assert provenance(view)["picture_sha256"] in page
    with np.load(io.BytesIO(Look(view).npz())) as arrays:
        np.testing.assert_array_equal(arrays["weights"], weights)
    result = experiments.cover_patches(seeing(), content, [8, 9], draws=6)
    covered = CoveredPatches(PatchesView(view, result))
    assert covered.table()[0]["effect"][1] == result.effect
    assert covered.table()[1]["experiment"] == "cover_patches"
    assert "head" not in covered.table()[1]
    for text in (covered.svg(), covered.html()):
        assert f"{result.effect:.3f}" in text
        assert "data:image/jpeg" not in text, "no file of it holds the picture"
    with np.load(io.BytesIO(covered.npz())) as arrays:
        np.testing.assert_array_equal(arrays["control_effects"], result.control_effects)
    assert covered.png().startswith(b"\x89PNG")
    compile(covered.code(), "code", "exec")


def picture(image: Image.Image, form: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        picture(Image.new("RGB", (1, 1), "red")),
        picture(Image.new("CMYK", (40, 30), (10, 90, 0, 0)), "JPEG"),
        picture(Image.fromarray(np.full((20, 30), 40_000, dtype=np.uint16))),
        picture(Image.new("RGBA", (30, 30), (0, 0, 0, 0))),
        picture(Image.new("RGB", (8, 8)), "GIF", save_all=True, append_images=[Image.new("RGB", (8, 8), "white")]),
        picture(Image.new("RGB", (3, 2000), "blue")),
    ],
    ids=["1x1", "CMYK", "16 bit", "transparent", "animated", "narrow"],
)
def test_a_picture_of_an_odd_kind_is_looked_at(visit, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("memviz.ui.parts.look.subject._choose_file", lambda: (content, "mine"))
    here = visit("look", patches="0.1")
    assert here.errors == []
    assert sorted(here.pictures) == ["heads_grid", "picture_view", "picture_view", "picture_view"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG must be drawn as PNG first"),
        (picture(Image.new("1", (20_000, 20_000))), "too large to be opened"),
        (picture(Image.new("RGB", (60, 60), "red"))[:90], "could not be opened"),
        (b"", "not a picture"),
    ],
    ids=["SVG", "bomb", "cut", "empty"],
)
def test_what_cannot_be_opened_is_said_in_one_box(visit, monkeypatch: pytest.MonkeyPatch, content, said: str) -> None:
    monkeypatch.setattr("memviz.ui.parts.look.subject._choose_file", lambda: (content, "mine"))
    here = visit("look")
    assert len(here.errors) == 1
    assert said in here.errors[0].replace("\\", "")
    assert here.pictures == []
