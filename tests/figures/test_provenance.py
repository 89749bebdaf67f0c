"""Where a picture comes from, in names and values, and in one line."""

from __future__ import annotations

from dataclasses import replace

import memviz
from memviz import figures
from memviz.memory import Ablate, Eviction, Forget
from memviz.note import Note
from tests.memories import memory_of, tokens, trace_of

TEXT = tokens(["secret", "cat", "sat"])
MEMORY, _ = memory_of(TEXT)
TRACE = trace_of(MEMORY)


def test_it_names_the_model_exactly() -> None:
    assert figures.provenance(TRACE) == {
        "MemViz": memviz.__version__,
        "model": "tiny",
        "revision": "sha256:0123456789abcdef",
        "quantisation": "4-bit",
        "licence": "Apache-2.0",
        "device": "cpu",
        "precision": "float32",
        "attention": "recorded",
        "memory": "self",
        "tokens": "3",
    }


def test_it_says_what_is_shown_and_what_was_done() -> None:
    said = figures.provenance(
        TRACE,
        MEMORY,
        layer=1,
        head=None,
        view="value norm",
        without=(0, 2),
        by_word=True,
        cumulative=0.9,
        window=(slice(0, 2), slice(1, 3)),
        pooled="max over 3 × 3",
        nothing=None,
    )
    assert said["layer"] == "1"
    assert said["head"] == "mean over 4 heads"
    assert said["shows"] == "value norm ‖a·f‖"
    assert said["taken out"] == "2 of the keys (positions 0, 2)"
    assert said["between"] == "words"
    assert said["kept"] == "strongest weights up to 90\u00a0% of each row"
    assert said["window"] == "0:2, 1:3"
    assert said["pooled"] == "max over 3 × 3"
    assert "nothing" not in said


def test_what_is_not_a_mean_is_not_called_one() -> None:
    said = figures.provenance(TRACE, layer=None, head=None, view="strongest links between words", without=())
    assert (said["layer"], said["head"]) == ("all 2 layers", "all 4 heads")
    assert "taken out" not in said


def test_the_text_is_only_in_it_when_asked() -> None:
    assert not any("secret" in value for value in figures.provenance(TRACE, without=(0,)).values())
    asked = figures.provenance(TRACE, include_text=True)
    assert asked["text"] == "secret cat sat"
    assert "output" not in asked


def test_every_value_is_one_line() -> None:
    odd = replace(TRACE, model=replace(TRACE.model, name="a\nb", note=Note("why\r\nso")), text="two\nlines\x00")
    said = figures.provenance(odd, include_text=True, view="x\ty")
    assert all(value.isprintable() for value in said.values())
    assert said["model"] == "a⏎b"
    assert said["attention"] == "recorded (why⏎so)"


def test_two_sides_and_forgotten_keys_are_told() -> None:
    cross, _ = memory_of(tokens(["O", "gato"]), TEXT)
    assert figures.provenance(trace_of(cross))["tokens"] == "2 × 3"
    forgetful, _ = memory_of(TEXT, forget=Forget(keys=(1,), queries=(2,)))
    assert figures.provenance(trace_of(forgetful))["forgotten"] == "forgot keys [1], queries [2]"
    both, _ = memory_of(TEXT, forget=Forget(keys=(1,), layers=(0,), heads=(2,)) | Forget(keys=(2,), layers=(1,)))
    assert (
        figures.provenance(trace_of(both))["forgotten"]
        == "forgot keys [1], layers [0], heads [2]; and keys [2], layers [1]"
    )
    assert "read with 2 keys forgotten" in figures.pattern(both, 0, 0).layout.meta["caption"]


def test_the_caption_is_one_line() -> None:
    said = figures.provenance(TRACE, layer=1, head=2, view="weight", without=(0,))
    assert figures.caption(said) == (
        "L1.H2 · raw weights · 1 of the keys (positions 0) · tiny (4-bit) · revision 0123456789ab · 3 tokens · "
        f"cpu, float32 · MemViz {memviz.__version__}"
    )
    mean = figures.caption(figures.provenance(TRACE, layer=1, head=None, view="log"))
    assert mean.startswith("layer 1 · mean over 4 heads · raw weights, logarithmic scale · tiny")
    assert figures.caption({}) == ""


def test_it_says_what_was_taken_away() -> None:
    edges = replace(MEMORY, forget=Forget([1]))
    assert figures.provenance(replace(TRACE, memories={"self": edges}))["forgotten"] == "forgot keys [1]"
    evicted = replace(MEMORY, eviction=Eviction.sinks(1, 2))
    fields = figures.provenance(replace(TRACE, memories={"self": evicted}, ablations=(Ablate(1, 2, "mean"),)))
    assert "forgotten" not in fields, "keys that a cache lets go are not edges that were forgotten"
    assert fields["let go"] == "1 first, 2 latest keys"
    assert fields["unplugged"] == "L1.H2 by mean"
    assert "cache of 1 first, 2 latest keys · unplugged L1.H2 by mean" in figures.caption(fields)
    hitters = replace(MEMORY, eviction=Eviction.heavy_hitters(4, 2))
    assert figures.provenance(TRACE, hitters)["let go"] == "2 latest, 4 most attended keys"
