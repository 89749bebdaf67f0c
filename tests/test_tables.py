"""Tables: every number in its row, and files that give back exactly what went in."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memviz import measures, tables
from memviz.errors import MeasureError, TraceError
from tests.memories import NASTY, memory_of, tokens, words_of

TEXT = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat"], special=(0,))
MEMORY, TRUTH = memory_of(TEXT, heads=3)
PROVENANCE = {"model": "tiny", "shows": 'weights # of "head" 1', "猫": "a, b"}
HARD = [
    *NASTY, "#", "#x", "a#b", '"q"', "''", "'q", "a,b", "x\ny", "x\r\ny", "\r", "\x00", "a\x00b", "=1+1", "+1", "-",
    "@a", "＝1", "NA", "null", "nan", "None", "n/a", "#N/A", "", "007", "1e5", "-inf", "true", "FALSE", "3.10", " lead",
    "trail ", "\ttab", "\\", "\\n", "\xa0x", "\ufeffbom", "1,5", ";", "e\u0301", "a" * 5000,
]  # fmt: skip


def test_tidy_puts_every_number_into_its_row() -> None:
    values = np.arange(2 * 3 * 6 * 6, dtype=np.float32).reshape(2, 3, 6, 6)
    frame = tables.tidy(values, ("layer", "head", "query", "key"), MEMORY, name="weight")
    assert list(frame.columns) == ["layer", "head", "query", "key", "query_token", "key_token", "weight"]
    assert len(frame) == values.size
    for _, row in frame.sample(40, random_state=0).iterrows():
        assert row.weight == values[row.layer, row["head"], row.query, row.key]
        assert row.query_token == TEXT[row.query].text
        assert row.key_token == TEXT[row.key].text
    assert frame.weight.dtype == np.float32


def test_tidy_of_distances_has_no_texts() -> None:
    frame = tables.tidy(measures.distance(MEMORY), ("layer", "head", "distance"), MEMORY)
    assert list(frame.columns) == ["layer", "head", "distance", "value"]
    assert frame.distance.max() == len(TEXT) - 1


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((2, 3), ("layer", "query")),
        ((2, 3), ("head", "layer")),
        ((2, 3), ("layer", "column")),
        ((2,), ("layer", "head")),
        ((6, 6), ("query", "query")),
    ],
)
def test_an_array_that_does_not_fit_its_axes_is_refused(shape: tuple[int, ...], axes: tuple[str, ...]) -> None:
    with pytest.raises(MeasureError, match=r"does not fit the axes .* from layer, head, query, key, distance"):
        tables.tidy(np.zeros(shape), axes, MEMORY)


def test_a_table_that_helps_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.frames, "ROWS", 35)
    with pytest.raises(MeasureError, match="A table of 36 rows is too long"):
        tables.pattern_table(MEMORY, 0, 0)
    assert len(tables.pattern_table(MEMORY, 0, 0, rows=[1])) == 6


@pytest.mark.parametrize("name", sorted(measures.MEASURES))
def test_every_measure_is_a_table(name: str) -> None:
    measure = measures.MEASURES[name]
    where = {"layer": 1, "head": 2} if measure.of_one_head else {}
    memory = replace(MEMORY, kind="cross") if measure.group == "cross" else MEMORY
    frame = tables.measure_table(name, memory, **where)
    values = measure.compute(memory, **where)
    np.testing.assert_array_equal(frame[name].to_numpy(), values.ravel())
    assert frame.attrs == {"label": measure.label, "unit": measure.unit, "caveat": measure.caveat}
    if where:
        assert (frame.layer == 1).all()
        assert (frame["head"] == 2).all()


def test_a_measure_can_be_narrowed_down() -> None:
    frame = tables.measure_table("received", MEMORY, layer=1, key=[-1, 2])
    assert frame.key.tolist() == [5, 2] * 3
    assert frame.key_token.tolist() == ["cat", "un"] * 3
    expected = measures.received(MEMORY)[1][:, [5, 2]]
    np.testing.assert_array_equal(frame.received.to_numpy(), expected.ravel())
    assert len(tables.measure_table("received", MEMORY, key=slice(0, 2), head=0, layer=[0])) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"name": "entropi"}, MeasureError, "no measure “entropi”. Choose one of: entropy,"),
        ({"name": "lift"}, MeasureError, "“Lift” is measured in one head. Say which: layer=… and head=…."),
        ({"name": "entropy", "key": 1}, MeasureError, "no axis “key”. It has: layer, head, query."),
        ({"name": "entropy", "query": 99}, TraceError, "no position 99"),
        ({"name": "lift", "layer": 0, "head": 9}, TraceError, "no head L0.H9"),
    ],
)
def test_what_cannot_be_is_said(call: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tables.measure_table(memory=MEMORY, **call)


@pytest.mark.parametrize("dense", [False, True])
def test_the_weights_of_a_head(dense: bool) -> None:
    memory, truth = memory_of(TEXT, dense=dense)
    frame = tables.pattern_table(memory, 1, 2, rows=slice(2, 4), cols=[5, -6], name="weight")
    assert frame["query"].tolist() == [2, 2, 3, 3]
    assert frame["key"].tolist() == [5, 0, 5, 0]
    np.testing.assert_allclose(frame.weight, truth[1, 2][2:4][:, [5, 0]].ravel(), atol=1e-6)
    whole = tables.pattern_table(memory, 1, 2)
    np.testing.assert_allclose(whole.value, truth[1, 2].ravel(), atol=1e-6)
    masked = tables.pattern_table(memory, 1, 2, rows=np.array([True, False, False, False, False, False]))
    assert masked["query"].unique().tolist() == [0]


def test_links_best_first() -> None:
    words = words_of(TEXT)
    remembers, _ = measures.links(MEMORY, words, words, layer=1, head=2)
    frame = tables.links_table(remembers, words, words)
    first = frame[(frame.word == 2) & (frame["rank"] == 0)].iloc[0]
    row = np.mean([[sum(TRUTH[1, 2][q, list(k.tokens)]) for k in words] for q in words[2].tokens], axis=0)
    row[2] = 0
    assert first.other == row.argmax()
    assert first.weight == pytest.approx(row.max(), abs=1e-5)
    assert (first.word_text, first.other_text) == ("unbelievable", words[row.argmax()].text)
    assert (first.layer, first["head"]) == (1, 2)
    assert (frame.weight > 0).all()


def test_csv_gives_back_every_text_and_number() -> None:
    values = np.random.default_rng(0).normal(size=len(HARD)).astype(np.float32)
    values[3] = np.nan
    frame = pd.DataFrame({"key": range(len(HARD)), "key_token": HARD, "value": values})
    back, said = tables.read_csv(tables.csv(frame), tables.metadata(frame, PROVENANCE, file="a.csv"))
    assert back.key_token.tolist() == HARD
    np.testing.assert_array_equal(back.value.to_numpy(np.float32), values)
    assert said == PROVENANCE


def test_the_metadata_name_the_file_its_columns_and_where_it_comes_from() -> None:
    frame = pd.DataFrame({"key": [1], "key_token": ["cat"], "weight": np.float32([0.5])})
    content = json.loads(tables.metadata(frame, PROVENANCE, file="memviz-heads.csv"))
    assert (content["@context"], content["url"]) == ("http://www.w3.org/ns/csvw", "memviz-heads.csv")
    assert content["tableSchema"]["columns"] == [
        {"name": "key", "datatype": "integer"},
        {"name": "key_token", "datatype": "string"},
        {"name": "weight", "datatype": "double"},
    ]
    assert {note["name"]: note["value"] for note in content["notes"]} == PROVENANCE


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_pandas_reads_it_and_one_apostrophe_undoes_the_guard(as_file: bool, mark: str) -> None:
    text = mark + tables.csv(pd.DataFrame({"key_token": HARD}))
    file = io.BytesIO(text.encode()) if as_file else io.StringIO(text)
    back = pd.read_csv(file)
    assert list(back.columns) == ["key_token"]
    assert back.key_token.str.removeprefix("'").tolist() == HARD


@pytest.mark.parametrize("texts", [["1", "2"], ["true", "false"], ["NA", "NA"], ["#", "#"], ["1.5", "nan"]])
def test_a_column_of_numbers_that_are_texts_stays_texts(texts: list[str]) -> None:
    back, _ = tables.read_csv(tables.csv(pd.DataFrame({"key_token": texts, "n": [1.5, 2.5]})))
    assert back.key_token.tolist() == texts
    assert back.n.tolist() == [1.5, 2.5]


def test_no_cell_can_be_a_formula_and_plain_words_stay_plain() -> None:
    frame = pd.DataFrame({"key_token": [*HARD, "cat", "猫"]})
    text = tables.csv(frame)
    cells = pd.read_csv(io.StringIO(text)).key_token.tolist()
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))]
    assert cells[-2:] == ["cat", "猫"]
    assert '"apostrophes"' in tables.metadata(frame, {}, file="a.csv")
    assert '"apostrophes"' not in tables.metadata(pd.DataFrame({"key_token": ["cat"]}), {}, file="a.csv")
    assert tables.csv(pd.DataFrame({"key_token": ["cat"]})) == '"key_token"\n"cat"\n'


def test_provenance_stands_on_one_line() -> None:
    frame = pd.DataFrame({"value": [1.5]})
    text = tables.csv(frame)
    assert text == '"value"\n1.5\n'
    metadata = tables.metadata(frame, {"a\nb": "one\r\ntwo\n=cmd"}, file="a.csv")
    assert tables.read_csv(text, metadata)[1] == {"a⏎b": "one⏎two⏎=cmd"}


def test_csv_changes_nothing_that_was_given() -> None:
    frame = pd.DataFrame({"key_token": ["=1"], "value": [1.0]})
    tables.csv(frame)
    assert frame.key_token.tolist() == ["=1"]


def test_npz_gives_back_arrays_and_provenance_without_pickle() -> None:
    arrays = {"weights": MEMORY.pattern(0, 0), "keys": NASTY, "file": np.arange(3), "a.b": np.zeros((0, 2))}
    data = tables.npz(arrays, PROVENANCE)
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        assert set(file.files) == {*arrays, "provenance"}
        np.testing.assert_array_equal(file["weights"], MEMORY.pattern(0, 0))
        assert file["keys"].tolist() == list(NASTY)
        assert file["a.b"].shape == (0, 2)
        assert json.loads(str(file["provenance"])) == PROVENANCE
    assert data == tables.npz(arrays, PROVENANCE)


@pytest.mark.parametrize("arrays", [{"x": np.array([{}, None])}, {"provenance": np.zeros(2)}])
def test_npz_takes_no_objects_and_keeps_its_own_name(arrays: dict) -> None:
    with pytest.raises(MeasureError, match="cannot be written"):
        tables.npz(arrays, PROVENANCE)


def test_the_strongest_weights_are_the_largest_of_the_head_in_order() -> None:
    memory, weights = MEMORY, MEMORY.pattern(1, 0)
    table = tables.top_weights_table(weights, memory, count=7)
    assert table["weight"].tolist() == sorted(weights.ravel().tolist(), reverse=True)[:7]
    for row in table.itertuples():
        assert weights[row.query, row.key] == row.weight
        assert (row.query_token, row.key_token) == (memory.queries[row.query].text, memory.keys[row.key].text)
    assert len(tables.top_weights_table(weights, memory, count=10**6)) == weights.size


def test_the_table_of_measures_has_a_row_for_each_and_survives_csv() -> None:
    frame, _ = tables.read_csv(tables.csv(tables.measures_table()))
    assert frame["name"].tolist() == list(measures.MEASURES)
    assert frame["formula"].tolist() == [one.formula for one in measures.MEASURES.values()]
