"""Files of format 3, written by the version before, are read as what they were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cases import opened

import memviz
from memviz import trace_format_3
from memviz.errors import TraceError
from memviz.memory import Forget
from memviz.reading.engine import notes
from memviz.trace import FORMAT, Trace

GOLDEN = Path(__file__).parent / "golden"
FILES = {name: GOLDEN / f"trace-format-3-{name}.npz" for name in ("forgetting", "dense", "translation")}


def head_of(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop("trace").tobytes()), arrays


def changed(path: Path, head: object, arrays: dict[str, np.ndarray]) -> Path:
    with path.open("wb") as file:
        np.savez(file, trace=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    return path


def wholes(trace: Trace) -> Iterator[Trace]:
    """The trace, or its parts where it has some."""
    yield from trace.parts or (trace,)


def assert_the_same(old: Trace, fresh: Trace, *, weights: float = 1e-6, numbers: float = 1e-5) -> None:
    """As a reading of today: the seconds are another, and so is the rounding of another processor.

    ``weights`` and ``numbers`` are how far they may lie apart.
    """
    for name in ("text", "pair", "output", "tokens", "targets", "forget", "notes"):
        assert getattr(old, name) == getattr(fresh, name), name
    assert old.model == fresh.model
    assert old.seconds.keys() == fresh.seconds.keys()
    np.testing.assert_allclose(old.logprobs, fresh.logprobs, atol=numbers)
    for ours, theirs in zip([old.next_tokens, *old.steps], [fresh.next_tokens, *fresh.steps], strict=True):
        assert [(each.text, each.id) for each in ours] == [(each.text, each.id) for each in theirs]
        np.testing.assert_allclose(
            [each.probability for each in ours], [each.probability for each in theirs], atol=numbers
        )
    assert list(old.memories) == list(fresh.memories)
    for kind, memory in old.memories.items():
        other = fresh.memory(kind)
        assert (memory.queries, memory.keys, memory.causal) == (other.queries, other.keys, other.causal)
        assert (memory.forget, memory.summary.repeats) == (other.forget, other.summary.repeats)
        for layer, head in np.ndindex(memory.layers, memory.heads):
            np.testing.assert_allclose(memory.pattern(layer, head), other.pattern(layer, head), atol=weights)
        assert memory.summary.value_dots.shape == (memory.layers, memory.heads, 0), "files of format 3 have none"
        for name, value in vars(memory.summary).items():
            if name not in ("thumbnail", "repeats", "value_dots"):
                np.testing.assert_allclose(value, getattr(other.summary, name), atol=numbers, err_msg=name)
        thumbnails = memory.summary.thumbnail.astype(int) - other.summary.thumbnail
        assert np.abs(thumbnails).max() <= 1
    assert (old.recurrent is None) == (fresh.recurrent is None)
    if old.recurrent is not None and fresh.recurrent is not None:
        assert (old.recurrent.queries, old.recurrent.keys) == (fresh.recurrent.queries, fresh.recurrent.keys)
        for name in ("gates", "candidates", "states"):
            np.testing.assert_allclose(getattr(old.recurrent, name), getattr(fresh.recurrent, name), atol=numbers)


def test_a_reading_that_forgot_is_read_as_it_was() -> None:
    old = Trace.load(FILES["forgetting"])
    assert old.forget == Forget(keys=[1], heads=[0], layers=[0, 2])
    assert old.model.method == "recorded"
    assert_the_same(old, opened("gpt2").read("the cat sat on the mat", forget=old.forget))


def test_a_dense_reading_is_read_as_it_was() -> None:
    old = Trace.load(FILES["dense"])
    assert (old.model.method, old.memory().scores) == ("dense", ())
    assert old.memory().weights is not None
    assert "because its attention does not pass through transformers' attention interface" in str(old.model.note)
    assert_the_same(old, opened("bloom").read("the cat sat"))


@pytest.mark.models
def test_a_translation_of_two_sentences_is_read_as_it_was() -> None:
    old = Trace.load(FILES["translation"])
    fresh = memviz.load("firefox-en-pt").translate("Good morning. The cat sleeps.")
    assert len(old.parts) == len(fresh.parts) == 2
    for ours, theirs in zip((old, *old.parts), (fresh, *fresh.parts), strict=True):
        assert_the_same(ours, theirs, weights=2e-5, numbers=1e-4)  # its scores are large


@pytest.mark.parametrize("name", FILES)
def test_what_was_read_is_written_in_todays_format(name: str, tmp_path: Path) -> None:
    old = Trace.load(FILES[name])
    path = old.save(tmp_path / "trace")
    assert head_of(path)[0]["format"] == FORMAT
    again = Trace.load(path)
    assert (again.tokens, again.model, again.notes, again.steps) == (old.tokens, old.model, old.notes, old.steps)
    for ours, theirs in zip(wholes(old), wholes(again), strict=True):
        for kind, memory in ours.memories.items():
            assert (memory.pattern(1, 1) == theirs.memory(kind).pattern(1, 1)).all()


@pytest.mark.parametrize("name", ["path", "method"])
def test_how_a_model_was_read_had_two_names(name: str, tmp_path: Path) -> None:
    head, arrays = head_of(FILES["dense"])
    head["model"][name] = head["model"].pop("path")
    assert Trace.load(changed(tmp_path / "trace", head, arrays)).model.method == "dense"


def test_notes_get_the_code_that_they_have_today(tmp_path: Path) -> None:
    """Every sentence of format 3, also where today's source words it anew: a file keeps its words."""
    token = Trace.load(FILES["dense"]).tokens[0]
    fresh = [
        notes.cut(3),
        notes.broken(128),
        *notes.unknown([token], token.id),
        *notes.unknown_given([token], token.id),
        *notes.whole(2),
        *notes.capitals("THE CAT"),
        *notes.untold("the cat", {"summarization": "summarize: "}),
    ]
    fresh += [notes.numbered(1, fresh[0]), notes.numbered(2, fresh[1], cut=True)]
    head, arrays = head_of(FILES["dense"])

    old_texts = {code: text for text, code in trace_format_3._CODES.items()}

    def plain(note: notes.Note) -> dict:
        values = {name: plain(each) if isinstance(each, notes.Note) else each for name, each in note.values.items()}
        return {"text": old_texts[note.code], "values": values}

    def codes(note: notes.Note) -> tuple:
        """Which note it is, whatever it is worded like."""
        return note.code, [codes(each) if isinstance(each, notes.Note) else each for each in note.values.values()]

    head["notes"] = [*map(plain, fresh), {"text": "Something else.", "values": {}}]
    back = Trace.load(changed(tmp_path / "trace", head, arrays)).notes
    assert [codes(note) for note in back[:-1]] == [codes(note) for note in fresh]
    assert {note.text for note in back[:2]} <= set(old_texts.values())
    assert (back[-1].text, back[-1].code) == ("Something else.", "")


MUTATIONS = {
    "a field less": (lambda head, arrays: head.pop("steps"), "steps"),
    "a field more": (lambda head, arrays: head["model"].update(colour="red"), "has a field 'colour'"),
    "no memory": (lambda head, arrays: head.pop("memories"), "memories"),
    "tokens that are none": (lambda head, arrays: head["tokens"].append({"text": "x"}), "has no field 'end'"),
    "an array less": (lambda head, arrays: arrays.pop("self.summary.mass"), "has no field 'mass'"),
    "no logarithms": (lambda head, arrays: arrays.pop("logprobs"), "'logprobs', which is not there"),
    "an array more": (lambda head, arrays: arrays.update(other=np.zeros(3)), "nothing refers to the array 'other'"),
    "another shape": (
        lambda head, arrays: arrays.update({"self.summary.mass": arrays["self.summary.mass"][:, :, 1:]}),
        "its memory 'self' has mass as",
    ),
    "another kind of numbers": (
        lambda head, arrays: arrays.update({"self.summary.top_key": arrays["self.summary.first"]}),
        "its memory 'self' has top_key as float32",
    ),
    "a layer less": (lambda head, arrays: head["memories"][0].update(layers=2), "its memory 'self' has mass as"),
    "a position that is none": (
        lambda head, arrays: head.update(forget={"keys": "x", "queries": None, "layers": None, "heads": None}),
        "forget",
    ),
}


@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("name", ["forgetting", "dense"])
def test_an_old_file_that_does_not_fit_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    head, arrays = head_of(FILES[name])
    mutate, problem = MUTATIONS[kind]
    mutate(head, arrays)
    with pytest.raises(TraceError, match="is not a trace that MemViz can read") as caught:
        Trace.load(changed(tmp_path / "trace.npz", head, arrays))
    assert re.search(problem, caught.value.values["problem"])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_an_old_file_that_is_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    whole = FILES["translation"].read_bytes()
    path = tmp_path / "trace.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(TraceError, match="not a zip file"):
        Trace.load(path)
