"""Formula: the numbers of every step are the model's own, and only the steps that a model has are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import memviz
from memviz import Reader
from memviz.figures import percent
from memviz.serving import cache
from memviz.ui import share
from tests.models.tiny_marian import firefox_folder
from tests.pages.visiting import Visit
from tests.reading.cases import eager, fresh
from tests.reading.cases import opened as tiny
from tests.reading.families import words

TEXT = words(14)
LAYER, HEAD, WORD = 1, 2, 6


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Reader], None]]:
    """Every model is the one that this is called with."""
    cache.forget_everything()
    yield lambda reader: monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    cache.forget_everything()


def plain(here: Visit) -> str:
    return "\n".join(here.sentences).replace("\\", "").replace("**", "").replace("\u00a0", " ")


def formulas(here: Visit) -> str:
    return "\n".join(item.value for item in here.app.get("latex"))


def said(here: Visit) -> str:
    """The line that says whether the steps add up."""
    (box,) = here.app.success
    return str(box.value)


def read_number(text: str) -> float:
    return float(text.replace("−", "-").replace("-∞", "-inf"))


def table(here: Visit, column: str) -> pd.DataFrame:
    """The last table on the page with this column: of tables of keys, the whole one."""
    return [item.value for item in here.app.dataframe if column in item.value][-1]


def vector(here: Visit, row: str) -> np.ndarray:
    """The numbers of a vector that are written out: the first six, and the last."""
    for item in here.app.dataframe:
        frame = item.value
        if "vector" in frame and row in set(frame["vector"]):
            cells = frame[frame["vector"] == row].iloc[0].drop(["vector", "length"])
            return np.array([read_number(cell) for cell in cells])
    raise AssertionError(f"no vector {row}")


def near(texts: list[str], values: np.ndarray) -> None:
    """What is written is these numbers, rounded."""
    np.testing.assert_allclose([read_number(text) for text in texts], values, rtol=0.06, atol=6e-4)


@pytest.mark.parametrize("name", ["bert", "llama", "gemma2", "gpt-oss"])
def test_weights_and_sums_are_those_of_a_model_that_nobody_touched(visit, opened, monkeypatch, name: str) -> None:
    reader, model = tiny(name), fresh(name)
    opened(reader)
    made: list[torch.Tensor] = []
    names = {id(module): path for path, module in reader.model.named_modules()}
    path = names[id(reader.plan.projections["self"][LAYER])]
    hook = model.get_submodule(path).register_forward_hook(lambda _m, _a, out: made.append(out))
    ids = [token.id for token in reader.read(TEXT).tokens]
    weights = eager(model, ids)[0]["self"][LAYER, HEAD]
    hook.remove()
    taken: list = []  # what the page took: another pass rounds otherwise
    formula = Reader.formula
    monkeypatch.setattr(Reader, "formula", lambda *of, **how: taken.append(formula(*of, **how)) or taken[-1])
    here = visit("formula", text=TEXT, layer=str(LAYER), head=str(HEAD), word=str(WORD))
    assert here.errors == []
    query = reader.read(TEXT).words[WORD].tokens[-1]
    near(list(table(here, "q · k")["weight"]), weights[query])
    best = int(weights[query].argmax())
    assert f"puts {percent(float(weights[query, best]))} of its weight".replace("\u00a0", " ") in plain(here)
    written = made[0][0, query].numpy()
    expected = np.append(written[:6], written[-1])
    np.testing.assert_allclose(vector(here, "y, as the model computed it"), expected, rtol=0, atol=6e-4)
    np.testing.assert_allclose(vector(here, "y · their sum"), expected, rtol=0, atol=6e-4)
    found = taken[-1]
    assert (found.layer, found.head, found.query) == (LAYER, HEAD, query)
    assert said(here).startswith("This sum equals what the model computed")
    numbers = re.findall(r"(\d+) numbers is (\S+), and (\S+) after", said(here))
    assert numbers == [(str(len(written)), f"{found.error:.1e}", f"{found.total_error:.1e}")]
    assert (r"\tanh" in formulas(here)) == (name == "gemma2"), "a cap only where the model has one"
    assert ("learned sink" in plain(here)) == (name == "gpt-oss")
    assert ("Grouped queries: 2 heads share" in plain(here)) == (name != "bert")
    assert ("Masked: this token may not see" in plain(here)) == (name != "bert")
    assert f"cosine of {found.likeness:.3f}".replace("-", "−") in plain(here)
    assert "chart" in here.pictures


def test_of_a_long_text_the_keys_with_most_weight_are_drawn_and_that_is_said(visit, opened) -> None:
    text = words(40)
    reader = tiny("bert")
    opened(reader)
    here = visit("formula", text=text, layer=str(LAYER), head=str(HEAD), word=str(WORD))
    weights = reader.read(text).memory("self").pattern(LAYER, HEAD)[reader.read(text).words[WORD].tokens[-1]]
    told = re.search(r"the (\d+) keys with most weight, of (\d+) that may be seen, in reading order", plain(here))
    assert told is not None
    assert (int(told[1]) in (24, 25), int(told[2])) == (True, len(weights)), "the query's own may stand beside them"


def test_the_worked_line_is_the_product_and_its_scale(visit, opened) -> None:
    reader = tiny("bert")
    opened(reader)
    here = visit("formula", text=TEXT, layer="1", head="2", token="4")
    found = reader.formula(TEXT, 1, 2, 4)
    best = int(found.weights.argmax())
    product = float(found.q @ found.k[best])
    lines = re.findall(rf"k_\{{{best}\}} &= .*?&= (-?[\d.]+)", formulas(here), re.DOTALL)
    assert [float(line) for line in lines] == [pytest.approx(product, abs=6e-4)]
    score = re.findall(rf"s_\{{{best}\}} = .*= (-?[\d.]+)$", formulas(here), re.MULTILINE)
    assert [float(line) for line in score] == [pytest.approx(product / np.sqrt(len(found.q)), abs=6e-4)]


def test_sums_that_differ_are_said_to_differ(visit, opened, monkeypatch) -> None:
    from memviz.reading.formula import Formula

    opened(tiny("bert"))
    monkeypatch.setattr(Formula, "error", property(lambda self: 0.5))
    here = visit("formula", text=TEXT, layer="0", head="0")
    assert not here.app.success
    (box,) = here.app.warning
    assert box.value.startswith("This sum differs from what the model computed by up to 5.0e-01")


def test_the_word_one_came_with_looks_and_a_token_that_is_chosen_is_that_of_the_other_pages(visit, opened) -> None:
    reader = tiny("bert")
    opened(reader)
    here = visit("formula", text=TEXT, layer="2", head="1", word="5")
    (token,) = reader.read(TEXT).words[5].tokens
    assert here.app.selectbox(key="token").value == token
    assert "token" not in here.address, "the word names it"
    here.choose("token", token + 2)
    assert here.address["word"] == "7"
    assert "token" not in here.address
    here.press("as_picture")
    assert (here.state("word"), here.state("layer"), here.state("head")) == (7, 2, 1)


def test_a_head_that_is_seen_in_full_opens_in_numbers(visit, opened) -> None:
    opened(tiny("bert"))
    here = visit("heads", text=TEXT, layer="2", head="1")
    here.press("in_numbers")
    assert any("In L2.H1" in line for line in here.sentences)
    mean = visit("heads", text=TEXT, layer="2", head="1", shown="layer")
    assert "in_numbers" not in [button.key for button in mean.app.button]


@pytest.mark.parametrize("kind", ["encoder", "cross", "decoder"])
def test_every_memory_of_an_encoder_decoder_can_be_taken_apart(visit, opened, kind: str) -> None:
    reader = tiny("t5")
    opened(reader)
    here = visit("formula", text=TEXT, layer="1", head="1", kind=kind, token="0")
    assert here.errors == []
    pattern = reader.read(TEXT).memory(kind).pattern(1, 1)[0]
    near(list(table(here, "q · k")["weight"]), pattern)
    assert ("s_j + b_j" in formulas(here)) == (kind != "cross"), "relative positions are a bias, and cross has none"


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_its_link_names_head_and_token_and_its_code_repeats_its_table(
    visit, opened, name: str, monkeypatch, tmp_path
) -> None:
    reader = tiny(name)
    opened(reader)
    views: list = []
    bar = share.bar
    monkeypatch.setattr(share, "bar", lambda shared: (views.append(shared), bar(shared)))
    here = visit("formula", text=TEXT, layer="1", head="1", token="3")
    for link in here.links:
        assert {"layer=1", "head=1", "token=3"} <= set(link.partition("?")[2].split("&"))
    shared = views[-1]
    frame, fields = shared.table()
    assert fields["head"] == "L1.H1"
    assert shared.png().startswith(b"\x89PNG")
    assert len(shared.npz()) > 1000
    monkeypatch.setattr(memviz, "load", lambda name: reader)
    monkeypatch.chdir(tmp_path)
    exec(next(block.value for block in here.app.code if "memviz.load" in block.value), {})
    again = pd.read_csv(tmp_path / "memviz-formula.csv", keep_default_na=False)
    assert list(again["step"]) == list(frame["step"])
    np.testing.assert_allclose(again["value"].astype(float), frame["value"], rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder: Path = tmp_path_factory.mktemp("firefox") / "tiny"
    return memviz.load(str(firefox_folder(folder, quantised=False)))


def test_a_memory_that_fades_is_mixed_step_by_step(visit, opened, firefox: Reader, monkeypatch, tmp_path) -> None:
    opened(firefox)
    text = "the cat sat on the mat ."
    memory = firefox.read(text).recurrent
    assert memory is not None
    step, unit = min(3, len(memory.keys) - 1), 2
    here = visit("formula", text=text, kind="recurrent", recurrent_layer="1", unit=str(unit), token=str(step))
    assert here.errors == []
    state = 0.0
    for place in range(step + 1):  # c_t = f_t c_(t−1) + (1 − f_t) z_t
        gate, candidate = float(memory.gates[1, place, unit]), float(memory.candidates[1, place, unit])
        state = gate * state + (1 - gate) * candidate
    ends = [float(end) for end in re.findall(rf"c_\{{{step}\}} &= .*?&= (-?[\d.]+)\\end", formulas(here), re.DOTALL)]
    assert ends == [pytest.approx(state, abs=6e-4)] * 2
    frame = table(here, "w · z")
    assert len(frame) == step + 1
    assert read_number(frame["c"].iloc[-1]) == pytest.approx(state, abs=6e-4)
    near(list(frame["w"]), memory.pattern(1, unit)[step, : step + 1])
    assert f"keeps {percent(float(memory.gates[1, step, unit]))}".replace("\u00a0", " ") in plain(here)
    assert said(here).startswith("These sums equal what the model computed")
    monkeypatch.setattr(memviz, "load", lambda name: firefox)
    monkeypatch.chdir(tmp_path)
    exec(next(block.value for block in here.app.code if "memviz.load" in block.value), {})
    again = pd.read_csv(tmp_path / "memviz-formula.csv")
    assert again["term"].sum() == pytest.approx(state, abs=1e-5)


def test_the_memory_of_a_head_goes_along_to_its_numbers_and_back(visit, opened) -> None:
    opened(tiny("t5"))
    here = visit("heads", text=TEXT, layer="1", head="2").press("in_numbers")
    assert here.state("kind") == "encoder", "as it stood on the page Heads, where nobody chose"
    assert any("In L1.H2" in line for line in here.sentences)
    usual = visit("formula", text=TEXT, layer="1", head="2")
    assert usual.state("kind") == "cross"
    usual.press("as_picture")
    assert usual.state("kind") == "cross"
