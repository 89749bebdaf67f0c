"""A trace comes back from its file as it was, and no other file is taken for one."""

from __future__ import annotations

import functools
import json
import math
import operator
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memviz import archive
from memviz import trace as trace_module
from memviz.errors import TraceError
from memviz.memory import Forget, Memory, read_only
from memviz.memory.recurrent import recurrent_memory
from memviz.tokens import Token, words
from memviz.trace import FORMAT, Candidate, ModelInfo, Note, Trace
from tests.memories import memory_of, tokens

ROOT = Path(__file__).parents[1]
CHINESE = "猫坐在垫子上 😀，很累。"
INFO = ModelInfo(name="tiny", revision="abc", family="bert", kind="encoder-only", layers=2, heads=4, context=None)


def a_trace(*memories: Memory, **more: Any) -> Trace:
    count = len(more.get("targets") or more.get("tokens") or tokens(9))
    known = {
        "text": "a b c",
        "tokens": tokens(9),
        "model": INFO,
        "logprobs": read_only(np.array([np.nan, *np.linspace(-1.5, -0.25, count - 1)], dtype=np.float32)),
        "next_tokens": (Candidate(" Paris", 7, 0.77), Candidate("\n", 3, 1e-9)),
        "seconds": {"model": 0.5, "total": 0.75},
    }
    return Trace(memories={memory.kind: memory for memory in memories}, **{**known, **more})


def characters(text: str) -> tuple[Token, ...]:
    return tuple(Token(sign, n, n, n + 1, n, special=False, group=n) for n, sign in enumerate(text))


GATES = np.linspace(0, 1, 2 * 5 * 3, dtype=np.float32).reshape(2, 5, 3)
FORGET = Forget(keys=[2], queries=[5, -1], layers=[1])
TRACES = {
    "recorded": a_trace(memory_of(9, causal=True)[0]),
    "everything": a_trace(memory_of(9, causal=True, window=4, bias="distance", softcap=2.0, sink=True)[0]),
    "dense": a_trace(memory_of(9, dense=True)[0]),
    "pair": a_trace(memory_of(9)[0], pair="d e f"),
    "forgetting": a_trace(memory_of(9, forget=FORGET)[0], forget=FORGET),
    "two texts": a_trace(
        memory_of(9, kind="encoder", bias="distance")[0],
        memory_of(5, kind="decoder", causal=True)[0],
        memory_of(5, 9)[0],
        output="x y",
        targets=tokens(5),
    ),
    "many layers": a_trace(memory_of(4, layers=12)[0]),
    "Chinese and emoji": a_trace(memory_of(9)[0], text=CHINESE, tokens=characters(CHINESE)),
    "what cannot be printed": a_trace(memory_of(9)[0], text="\x00 \ud83d ́ <script>", tokens=characters("\x00\ud83d")),
    "fading and parted": a_trace(
        text="two sentences",
        output="x y",
        targets=tokens(5),
        steps=((Candidate("x", 4, 0.5), Candidate("z", 5, 0.25)), ()),
        recurrent=recurrent_memory(
            tokens(5), tokens(5), **{name: GATES * n for n, name in enumerate(("gates", "candidates", "states"))}
        ),
        notes=(
            Note(
                "Cut after {count} tokens: {why}.",
                {"count": 7, "why": Note("{most} at most", {"most": 6}), "share": 0.5, "whole": False, "rest": None},
                "output-cut",
            ),
        ),
        parts=(
            a_trace(memory_of(9, seed=4)[0], notes=(Note("as is"),)),
            a_trace(memory_of(3, 5)[0], text="猫"),
        ),
    ),
    "read another way": a_trace(
        memory_of(9)[0],
        model=replace(
            INFO, method="dense", note=Note("Because {why}.", {"why": Note("it is {apart:.1g}", {"apart": 2e-3})})
        ),
    ),
    "nothing to predict": a_trace(
        memory_of(9)[0], logprobs=read_only(np.zeros(0, np.float32)), next_tokens=(), seconds={}
    ),
}


def same(one: Any, other: Any) -> bool:
    """Equal in every field, arrays bit by bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "keys") and hasattr(one, "values") and not isinstance(one, Memory):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if type(one).__eq__ is object.__eq__ and type(one).__module__.startswith("memviz"):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    trace = TRACES[name]
    path = trace.save(tmp_path / "reading.npz")
    back = Trace.load(path)
    assert same(trace, back)
    assert list(back.memories) == list(trace.memories)
    for kind, memory in back.memories.items():
        assert (memory.pattern(1, 3) == trace.memory(kind).pattern(1, 3)).all()
        assert (memory.column(-1) == trace.memory(kind).column(-1)).all()


def test_the_comparison_sees_a_difference() -> None:
    assert not same(TRACES["recorded"], TRACES["dense"])
    assert not same(TRACES["recorded"], a_trace(memory_of(9, causal=True, seed=1)[0]))
    assert not same(TRACES["recorded"], a_trace(memory_of(9, causal=True)[0], text="another"))


def test_what_comes_back_cannot_be_written(tmp_path: Path) -> None:
    back = Trace.load(TRACES["everything"].save(tmp_path / "trace"))
    arrays = [
        back.logprobs,
        *(value for value in vars(back.memory().summary).values() if isinstance(value, np.ndarray)),
    ]
    arrays += [
        value for scores in back.memory().scores for value in vars(scores).values() if isinstance(value, np.ndarray)
    ]
    arrays += [Trace.load(TRACES["dense"].save(tmp_path / "dense")).memory().weights]
    assert len(arrays) > 15
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(TypeError):
        back.memories["self"] = None
    with pytest.raises(TypeError):
        back.seconds["model"] = 0


def test_the_file_holds_no_pickle_and_plain_names(tmp_path: Path) -> None:
    path = TRACES["two texts"].save(tmp_path / "trace.npz")
    with np.load(path, allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= set("fiu")
        head = json.loads(file["trace"].tobytes())
        assert {"memories.cross.scores.0.query", "memories.decoder.summary.mass", "logprobs"} <= set(file.files)
    assert head["format"] == FORMAT
    assert list(head["trace"]["memories"]) == ["encoder", "decoder", "cross"]


def test_tokens_are_stored_once(tmp_path: Path) -> None:
    trace = TRACES["two texts"]
    path = trace.save(tmp_path / "trace.npz")
    with np.load(path) as file:
        head = json.loads(file["trace"].tobytes())["trace"]
    cross = head["memories"]["cross"]
    written = {"same_as": ["memories", "decoder", "queries"]}
    assert (cross["queries"], head["targets"], cross["keys"]) == (written, written, {"same_as": ["tokens"]})
    assert json.dumps(head).count('"w8"') == 1
    back = Trace.load(path)
    assert back.memory("cross").keys is back.memory("encoder").queries is back.tokens


def test_nothing_of_torch_is_needed_for_a_file() -> None:
    code = "import sys, memviz.trace, memviz.archive; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "False"


def test_the_name_is_kept_and_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "reading"
    assert TRACES["dense"].save(str(path)) == path
    TRACES["pair"].save(path)
    assert Trace.load(str(path)).pair == "d e f"
    assert os.listdir(tmp_path) == ["reading"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = TRACES["pair"].save(tmp_path / "reading")

    def full(file: Any, array: np.ndarray, **options: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        TRACES["dense"].save(path)
    assert os.listdir(tmp_path) == ["reading"]
    assert Trace.load(path).pair == "d e f"


class Bomb:
    """What a malicious file would run: it opens a file, which then is there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path) + ".bomb", "w")


def foreign(path: Path, kind: str) -> None:
    """A file that is no trace."""
    whole = TRACES["dense"].save(path).read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("The cat sat on the mat.")
    elif kind == "cut off":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "damaged":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes(b ^ 0xFF for b in whole[middle : middle + 200]) + whole[middle + 200 :])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(path)))
    elif kind == "pickled arrays":
        with path.open("wb") as file:
            np.savez(file, trace=np.array([Bomb(path)], dtype=object))
    elif kind == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "other arrays":
        with path.open("wb") as file:
            np.savez(file, weights=np.zeros(3))
    elif kind == "a zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("trace.npy", b"hello")
    else:
        _rewrite(path, kind)


SPOILT = {  # arrays of the trace "dense" with one number that no reading gives
    "NaN in mass": ("memories.self.summary.mass", math.nan),
    "infinite entropy": ("memories.self.summary.entropy", math.inf),
    "mass below zero": ("memories.self.summary.mass", -1),
    "much entropy": ("memories.self.summary.entropy", 20),
    "a top weight of 2": ("memories.self.summary.top_weight", 2),
    "a first weight below zero": ("memories.self.summary.first", -0.5),
    "a top key past the end": ("memories.self.summary.top_key", 10**6),
    "a top key before none": ("memories.self.summary.top_key", -2),
    "a weight of 2": ("memories.self.weights", 2),
    "a weight of NaN": ("memories.self.weights", math.nan),
    "a certain word and more": ("logprobs", 0.5),
}


def _rewrite(path: Path, kind: str) -> None:
    """A trace with another head, or with other arrays."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    whole = json.loads(arrays["trace"].tobytes())
    head = whole["trace"]
    memory = head["memories"].get("self")
    mass = "memories.self.summary.mass"
    if kind == "a list":
        whole = [whole]
    elif kind == "no format":
        del whole["format"]
    elif kind == "a field less":
        del head["tokens"][0]["word"]
    elif kind == "a field more":
        head["model"]["__class__"] = "x"
    elif kind == "no memories":
        del head["memories"]
    elif kind == "no summary":
        arrays = {name: array for name, array in arrays.items() if "summary.mass" not in name}
    elif kind == "an array more":
        arrays["memories.self.summary.other"] = np.zeros(3)
    elif kind == "another type":
        head["tokens"][0]["id"] = "7"
    elif kind == "a truth value for a number":
        memory["layers"] = True
    elif kind == "another kind of memory":
        head["memories"]["other"] = head["memories"].pop("self")
    elif kind == "the kind of another memory":
        memory["kind"] = "encoder"
    elif kind == "a layer more":
        memory["layers"] += 1
    elif kind == "a token less":
        memory["keys"] = head["tokens"][:-1]
    elif kind == "another class":
        head["forget"] = {"Bomb": {"path": "x"}}
    elif kind == "a class of its own":
        head["notes"] = [{"text": "x", "values": {"x": {"builtins.open": {"file": "x"}}}, "code": ""}]
    elif kind == "a reference to nothing":
        memory["queries"] = {"same_as": ["nothing"]}
    elif kind == "a reference past the end":
        memory["queries"] = {"same_as": ["parts", 9, "tokens"]}
    elif kind == "a reference to itself":
        head["parts"] = {"same_as": ["parts"]}
    elif kind == "a reference to what holds it":
        head["parts"] = [head | {"parts": {"same_as": ["parts"]}}]
    elif kind == "another shape":
        arrays[mass] = arrays[mass].reshape(-1)
    elif kind == "another length":
        arrays["logprobs"] = arrays["logprobs"][:-1]
    elif kind == "numbers of another kind":
        arrays[mass] = arrays[mass].astype(np.int32)
    elif kind == "texts":
        arrays[mass] = arrays[mass].astype("U9")
    elif kind == "complex numbers":
        arrays[mass] = arrays[mass].astype(np.complex64)
    elif kind == "swapped bytes":
        arrays[mass] = arrays[mass].astype(">f4")
    elif kind == "records":
        arrays[mass] = np.zeros(arrays[mass].shape, dtype=[("x", np.float32)])
    elif kind in SPOILT:
        name, value = SPOILT[kind]
        arrays[name] = arrays[name].copy()
        arrays[name].flat[0] = value
    elif kind == "a probability of 2":
        head["next_tokens"] = [{"text": "x", "id": 1, "probability": 2.0}]
    elif kind == "a probability of NaN":
        head["next_tokens"] = [{"text": "x", "id": 1, "probability": math.nan}]
    elif kind == "large thumbnails":
        arrays["memories.self.summary.thumbnail"] = np.zeros((*arrays[mass].shape[:2], 33, 1), dtype=np.uint8)
    elif kind == "flat thumbnails":
        arrays["memories.self.summary.thumbnail"] = np.zeros(3, dtype=np.uint8)
    elif kind == "neither scores nor weights":
        memory["scores"] = []
        arrays = {name: array for name, array in arrays.items() if ".weights" not in name}
        memory["weights"] = None
    arrays["trace"] = np.frombuffer(json.dumps(whole).encode() if kind != "no json" else b"{", dtype=np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)


REFUSED = {  # each kind of foreign or damaged file, and what is said of it
    "empty": "not a zip file",
    "text": "not a zip file",
    "cut off": "not a zip file",
    "damaged": "",  # whatever the damage hits
    "pickle": "not a zip file",
    "pickled arrays": "is one of object, not of numbers",
    "one array": "not a zip file",
    "other arrays": "there is no array 'trace'",
    "a zip": "magic string",
    "a list": "does not hold an object",
    "no format": "format",
    "a field less": "tokens.0 has no field 'word', which every Token has",
    "a field more": "model has a field '__class__', which this version of ModelInfo has not",
    "no memories": "the whole has no field 'memories'",
    "no summary": "is the array 'memories.self.summary.mass', which is not there",
    "an array more": "nothing refers to the array 'memories.self.summary.other'",
    "another type": "tokens.0.id is '7', and should be int",
    "a truth value for a number": "memories.self.layers is True, and should be int",
    "another kind of memory": "memories is .*, and should be",
    "the kind of another memory": "its memory 'self' is of the kind 'encoder'",
    "a layer more": "its memory 'self' has mass as",
    "a token less": "its memory 'self' has mass as",
    "another class": "forget is .*, and should be",
    "a class of its own": "notes.0.values.x is .*, and should be",
    "a reference to nothing": r"memories.self.queries refers to \['nothing'\], which is not there",
    "a reference past the end": "refers to .*, which is not there",
    "a reference to itself": "refers to .*, which is not a list of plain records",
    "a reference to what holds it": "refers to .*, which is not a list of plain records",
    "another shape": "its memory 'self' has mass as",
    "another length": "its log-probabilities have the shape",
    "numbers of another kind": "its memory 'self' has mass as int32",
    "texts": "is one of <U9, not of numbers",
    "complex numbers": "is one of complex64, not of numbers",
    "swapped bytes": "is one of >f4, not of numbers",
    "records": "not of numbers",
    "NaN in mass": "has mass with numbers that are not finite",
    "infinite entropy": "has entropy with numbers that are not finite",
    "mass below zero": "has mass that its queries cannot give",
    "much entropy": "has entropy that its keys do not allow",
    "a top weight of 2": "has top_weight outside of 0 to 1",
    "a first weight below zero": "has first outside of 0 to 1",
    "a top key past the end": "has top_key outside of its keys",
    "a top key before none": "has top_key outside of its keys",
    "a weight of 2": "has weights outside of 0 to 1",
    "a weight of NaN": "has weights outside of 0 to 1",
    "a certain word and more": "its log-probabilities are not logarithms",
    "a probability of 2": "candidates have probabilities outside of 0 to 1",
    "a probability of NaN": "candidates have probabilities outside of 0 to 1",
    "large thumbnails": "has thumbnails of 33 × 1 cells",
    "flat thumbnails": "has its thumbnails as uint8",
    "neither scores nor weights": "has the scores of 0 layers",
    "no json": "",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_no_trace_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "reading.npz"
    foreign(path, kind)
    with pytest.raises(TraceError, match=r"reading.npz is not a trace that MemViz can read \(.+\)") as caught:
        Trace.load(path)
    assert re.search(REFUSED[kind], caught.value.values["problem"])
    assert "Give a file written by `trace.save`" in str(caught.value)
    assert os.listdir(tmp_path) == ["reading.npz"]


@pytest.mark.parametrize("part", ["query", "key"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scores_that_are_not_finite_are_refused(part: str, value: float, tmp_path: Path) -> None:
    name = next(name for name, trace in TRACES.items() if any(memory.scores for memory in trace.memories.values()))
    path = TRACES[name].save(tmp_path / "reading.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    array = next(name for name in arrays if name.endswith(f"scores.0.{part}"))
    arrays[array] = np.full_like(arrays[array], value)
    np.savez(path, **arrays)
    with pytest.raises(TraceError, match="has scores in layer 0 that are not finite"):
        Trace.load(path)


def test_a_small_file_of_three_gigabytes_is_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    path = TRACES["dense"].save(tmp_path / "reading.npz")
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as entry,
    ):
        np.lib.format.write_array_header_1_0(entry, {"descr": "|u1", "fortran_order": False, "shape": (3 * 10**8,)})
        for _ in range(300):
            entry.write(bytes(10**6))
    tracemalloc.start()
    with pytest.raises(TraceError, match=r"would unpack to 300,\d{3},\d{3} bytes, which no reading does"):
        Trace.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


def test_a_trace_larger_than_the_free_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = TRACES["dense"].save(tmp_path / "reading.npz")
    monkeypatch.setattr(trace_module, "free_memory", lambda: 1_000.0)
    with pytest.raises(TraceError, match=r"it would take 0\.0 GB of memory; 0\.0 GB are free"):
        Trace.load(path)


def leaves(packed: Any, path: tuple = ()) -> Iterator[tuple]:
    """The paths to every value of some json that holds no others."""
    if isinstance(packed, dict | list) and packed:
        for key, value in packed.items() if isinstance(packed, dict) else enumerate(packed):
            yield from leaves(value, (*path, key))
    else:
        yield path


def test_whatever_one_value_of_the_json_is_changed_to_a_trace_or_a_refusal_comes_back() -> None:
    trace = a_trace(memory_of(3, dense=True)[0], tokens=tokens(3), notes=(Note("x", {"a": 1}),))
    packed, arrays = archive.pack(Trace, trace)
    text, refusals, changes = json.dumps(packed), 0, 0
    for *way, last in leaves(packed):
        for wrong in (None, True, -1, 1.5, "x", [], {}, [[]], {"x": 1}, {"same_as": ["tokens"]}, {"array": "logprobs"}):
            changed, changes = json.loads(text), changes + 1
            functools.reduce(operator.getitem, way, changed)[last] = wrong
            try:
                other = archive.unpack(Trace, changed, arrays)
            except ValueError:
                refusals += 1
            else:
                archive.pack(Trace, other)  # which refuses what is not as its annotations say
    assert 0.8 < refusals / changes < 0.95


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        Trace.load(tmp_path / "nothing")
    with pytest.raises(TraceError, match="is not a trace"):
        Trace.load(tmp_path)


def test_a_later_format_is_refused_by_its_number(tmp_path: Path) -> None:
    path = TRACES["dense"].save(tmp_path / "reading")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    head = {"format": 99, "what": "is not known yet"}
    with path.open("wb") as file:
        np.savez(file, **{**arrays, "trace": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)})
    with pytest.raises(TraceError, match=f"has trace format 99; this MemViz reads format {FORMAT}"):
        Trace.load(path)


def test_which_memory_is_meant() -> None:
    trace = TRACES["two texts"]
    assert trace.memory().kind == "encoder"
    assert trace.memory("cross").kind == "cross"
    with pytest.raises(TraceError, match=r"tiny left no “self” memory. This trace holds: encoder, decoder, cross"):
        trace.memory("self")


def test_what_it_is_called() -> None:
    assert repr(TRACES["recorded"]) == "<Trace “a b c” · 9 tokens · tiny · self 2×4>"
    assert repr(a_trace(memory_of(9)[0], text="x" * 40)).startswith("<Trace “" + "x" * 31 + "…” ·")
    assert repr(TRACES["two texts"]).endswith("encoder 2×4 + decoder 2×4 + cross 2×4>")
    assert INFO.label == "tiny"
    assert ModelInfo(name="tiny", quantisation="4-bit").label == "tiny (4-bit)"


def test_the_words_along_both_sides() -> None:
    text, output = "the cat", "a dog"
    source = (Token("the", 5, 0, 3, 0, False), Token("cat", 6, 4, 7, 1, False))
    target = (Token("a", 7, 0, 1, 0, False), Token("dog", 8, 2, 5, 1, False))
    start = Token("<s>", 1, 0, 0, 0, True)
    entered = (start, Token("a", 7, 0, 1, 1, False))

    def side(kind: str, queries: tuple[Token, ...], keys: tuple[Token, ...]) -> Memory:
        made, _ = memory_of(2, 2, kind=kind)
        return Memory(**{**vars(made), "queries": queries, "keys": keys})

    trace = a_trace(
        side("encoder", source, source), side("decoder", target, entered), side("cross", target, source),
        text=text, tokens=source, output=output, targets=target,
    )  # fmt: skip
    assert trace.words == words(source, text)
    assert [word.text for word in trace.target_words] == ["a", "dog"]
    assert [[word.text for word in side] for side in trace.sides("cross")] == [["a", "dog"], ["the", "cat"]]
    assert trace.sides("encoder") == (trace.words, trace.words)
    looked_at = trace.sides("decoder")[1]
    assert [tuple(word.tokens) for word in looked_at] == [(0,), (1,)]
    assert looked_at[1].text == "a"
