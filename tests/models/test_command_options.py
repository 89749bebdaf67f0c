"""``python -m memviz read|translate`` with options: the right text, head and file; what is advised exists there."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_marian import CONFIG, PIECES, firefox_folder, marian_bytes, weights

import memviz
from memviz.command.advice import IN_OPTIONS, advice
from memviz.command.main import main, parser
from memviz.errors import ReadingError, TraceError

ROOT = Path(memviz.__file__).parents[1]
TEXT = "the cat sat on the mat"
SENTENCES = "the cat sat .\na dog ."


@pytest.fixture
def bert(make_model) -> str:
    return str(make_model("BertForMaskedLM", "bert"))


@pytest.fixture
def firefox(tmp_path: Path) -> str:
    folder = firefox_folder(tmp_path / "tiny")
    config = f"{CONFIG}transformer-guided-alignment-layer: last\n"
    next(folder.glob("model.*.bin")).write_bytes(marian_bytes(weights(PIECES), config=config))
    return str(folder)


def read_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


def test_a_pair_is_read_with_the_text(bert: str, capsys) -> None:
    assert main(["read", TEXT, "--pair", "the dog", "--model", bert, "--json"]) == 0
    fields = read_json(capsys)
    trace = memviz.load(bert).read(TEXT, "the dog")
    assert (fields["text"], fields["pair"]) == (TEXT, "the dog")
    assert fields["tokens"] == [token.text for token in trace.tokens]


def test_one_head(bert: str, capsys) -> None:
    assert main(["read", TEXT, "--model", bert, "--layer", "1", "--head", "0", "--top", "3"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    trace = memviz.load(bert).read(TEXT)
    weight = trace.memory().pattern(1, 0)[1:-1, 1:-1]
    assert {row[4] for row in rows} == {"L1.H0"}
    assert [float(row[2]) for row in rows] == sorted((float(row[2]) for row in rows), reverse=True)
    best = weight.max(axis=1).max()
    assert float(rows[0][2]) <= float(f"{best:.2f}")
    other = [word.text for word in trace.words if not word.special]
    for word, remembers, shown, _, _ in rows:
        shares = [
            f"{weight[query, key]:.2f}"
            for query in range(6) for key in range(6) if (other[query], other[key]) == (word, remembers)
        ]  # fmt: skip
        assert shown in shares


@pytest.mark.parametrize("arguments", [["--layer", "0"], ["--head", "0"]])
@pytest.mark.parametrize("command", ["read", "translate"])
def test_a_head_is_named_by_both_numbers(command: str, arguments: list[str], capsys, monkeypatch) -> None:
    monkeypatch.setattr(memviz, "load", lambda *names, **options: pytest.fail("it opened a model first"))
    assert main([command, "x", *arguments]) == 2
    assert "Give both: --layer 5 --head 3" in capsys.readouterr().err


@pytest.mark.parametrize(("layer", "head"), [("2", "0"), ("0", "2"), ("-1", "0")])
def test_a_head_that_is_not_there(layer: str, head: str, bert: str, capsys) -> None:
    assert main(["read", TEXT, "--model", bert, "--layer", layer, "--head", head]) == 2
    assert "It has layers 0 to 1 and heads 0 to 1." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("window", "text", "part"),
    [
        ("0:3", "the cat sat", "characters 0 to 11 of 22"),
        ("2:4", "sat on", "characters 8 to 14 of 22"),
        ("4", "the mat", "characters 15 to 22 of 22"),
        (":2", "the cat", "characters 0 to 7 of 22"),
        ("0", TEXT, None),
    ],
)
def test_a_window(window: str, text: str, part: str | None, bert: str, capsys) -> None:
    assert main(["read", TEXT, "--model", bert, "--window", window, "--json"]) == 0
    fields = read_json(capsys)
    assert (fields["text"], fields["provenance"].get("part")) == (text, part)
    assert main(["read", TEXT, "--model", bert, "--window", window]) == 0
    assert (f"note: Only a part of the text was read: {part}." in capsys.readouterr().out) == (part is not None)


def test_a_window_behind_the_end(bert: str, capsys) -> None:
    assert main(["read", TEXT, "--model", bert, "--window", "9"]) == 2
    assert "The text has no token 9" in capsys.readouterr().err


@pytest.mark.parametrize("window", ["x", "3:3", "4:2", "-1", "1:2:3"])
def test_no_window(window: str, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["read", "x", f"--window={window}"])
    assert "--window" in capsys.readouterr().err


def test_a_text_that_is_too_long_can_be_read_as_advised(bert: str, capsys) -> None:
    long = "the cat " * 600
    assert main(["read", long, "--model", bert]) == 2
    error = capsys.readouterr().err
    advised = re.findall(r"--window (\d+)", error)
    assert len(advised) == 2, error
    for start in advised:
        assert main(["read", long, "--model", bert, "--window", start]) == 0


def test_a_table_and_the_whole_reading(bert: str, tmp_path: Path, capsys) -> None:
    read = ["read", TEXT, "--model", bert, "--layer", "1", "--head", "1", "--out"]
    for name in ("head.csv", "trace.npz"):
        assert main([*read, str(tmp_path / name)]) == 0
        assert capsys.readouterr().err == f"written to {tmp_path / name}\n"
    trace = memviz.load(bert).read(TEXT)
    frame, fields = memviz.tables.read_csv(
        (tmp_path / "head.csv").read_text("utf-8"), (tmp_path / "head.csv-metadata.json").read_text("utf-8")
    )
    assert (fields["layer"], fields["head"]) == ("1", "1")
    pattern = trace.memory().pattern(1, 1)
    assert np.allclose(frame.pivot(index="query", columns="key", values="weight"), pattern, atol=1e-7)
    saved = memviz.Trace.load(tmp_path / "trace.npz")
    assert np.array_equal(saved.memory().pattern(1, 1), pattern)
    assert main(["read", TEXT, "--model", bert, "--out", str(tmp_path / "links.csv")]) == 0
    words = {word.text for word in trace.words}
    links, _ = memviz.tables.read_csv((tmp_path / "links.csv").read_text("utf-8"))
    assert set(links["word_text"]) | set(links["other_text"]) <= words
    assert set(links["head"]) == {0, 1}
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("command", ["words", "head", "translation"])
def test_pictures_by_their_ending(command: str, bert: str, firefox: str, tmp_path: Path) -> None:
    arguments = {
        "words": ["read", TEXT, "--model", bert],
        "head": ["read", TEXT, "--model", bert, "--layer", "1", "--head", "0"],
        "translation": ["translate", SENTENCES, "--model", firefox, "--sentence", "2"],
    }[command]
    for ending in ("png", "svg", "html", "PNG"):
        assert main([*arguments, "--out", str(tmp_path / f"x.{ending}")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "x.PNG").read_bytes() == (tmp_path / "x.png").read_bytes()
    svg, page = ((tmp_path / f"x.{ending}").read_text("utf-8") for ending in ("svg", "html"))
    drawn = "".join(re.findall(r">([^<]+)<", svg))
    assert svg.startswith("<svg")
    assert ("dog" if command == "translation" else "mat") in drawn
    assert ("L1.H0" if command == "head" else "") in page
    assert page.count("<figure>") == {"words": 2, "head": 3, "translation": 3}[command]


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        ("x.pdf", "Choose one of: .csv, .npz, .png, .svg, .html."),
        ("x", "ends with no kind of file"),
        ("away/x.csv", "There is no folder"),
        ("folder.csv", "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_model_is_opened(
    file: str, answer: str, tmp_path: Path, capsys, monkeypatch
) -> None:
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.setattr(memviz, "load", lambda *names, **options: pytest.fail("it opened a model first"))
    assert main(["read", "x", "--out", str(tmp_path / file)]) == 2
    assert answer in capsys.readouterr().err


def test_a_full_disk_is_one_sentence(bert: str, tmp_path: Path, capsys, monkeypatch) -> None:
    def write_bytes(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert main(["read", TEXT, "--model", bert, "--out", str(tmp_path / "x.csv")]) == 2
    assert capsys.readouterr().err.endswith("x.csv cannot be written (No space left on device).\n")
    assert list(tmp_path.glob("x.csv*")) == []


def test_a_translation_as_json_and_as_a_table(firefox: str, tmp_path: Path, capsys) -> None:
    file = tmp_path / "x.csv"
    assert main(["translate", SENTENCES, "--model", firefox, "--json", "--out", str(file)]) == 0
    fields = read_json(capsys)
    trace = memviz.load(firefox).translate(SENTENCES)
    assert fields["output"] == trace.output
    assert {row["sentence"] for row in fields["alignment"]} == {1, 2}
    words = [word.text for part in trace.parts for word in part.target_words if not word.special]
    assert [row["target_word"] for row in fields["alignment"]] == words
    frame, _ = memviz.tables.read_csv(file.read_text("utf-8"))
    assert len(frame) == sum(len(part.target_words) for part in trace.parts)


def test_one_head_of_a_translation_and_one_sentence(firefox: str, capsys) -> None:
    translate = ["translate", SENTENCES, "--model", firefox, "--json"]
    assert main([*translate, "--layer", "0", "--head", "1", "--sentence", "2"]) == 0
    fields = read_json(capsys)
    part = memviz.load(firefox).translate(SENTENCES).parts[1]
    expected = memviz.tables.alignment_table(part.memory("cross"), part.sides("cross"), layer=0, head=1)
    assert {(row["layer"], row["head"], row["sentence"]) for row in fields["alignment"]} == {(0, 1, 2)}
    own = expected["weight"][[not word.special for word in part.target_words]]
    assert np.allclose([row["weight"] for row in fields["alignment"]], own, atol=1e-6)
    assert main([*translate, "--sentence", "3"]) == 2
    assert "The text has 2 sentences" in capsys.readouterr().err


def test_a_picture_of_several_sentences_says_which_option_chooses(firefox: str, tmp_path: Path, capsys) -> None:
    assert main(["translate", SENTENCES, "--model", firefox, "--out", str(tmp_path / "x.png")]) == 2
    assert "Choose one of them: --sentence 1 to 2." in capsys.readouterr().err


def test_languages_and_tasks_reach_the_model(firefox: str, capsys, monkeypatch) -> None:
    heard: dict = {}

    class Reader:
        def __init__(self) -> None:
            self.tasks = {"summarise": "summarize:"}

        def translate(self, text: str, target: str | None, **options: object) -> None:
            heard.update(options)
            raise ReadingError("Heard.")

    monkeypatch.setattr(memviz, "load", lambda name, **options: heard.update(options) or Reader())
    assert main(["translate", "x", "--languages", "en", "fr", "--task", "summarise", "--device", "cpu"]) == 2
    assert (heard["languages"], heard["task"], heard["device"]) == (("en", "fr"), "summarize:", "cpu")
    main(["translate", "x", "--task", "say it:"])
    assert heard["task"] == "say it:"


def test_languages_that_a_model_does_not_have(firefox: str, capsys) -> None:
    assert main(["translate", "x", "--model", firefox, "--languages", "en", "xx"]) == 2
    assert "Leave --languages out, or choose another --model." in capsys.readouterr().err


# -- what an error advises ----------------------------------------------------------------------------

IN_PYTHON = re.compile(
    r"`|\w=|memviz\.|trace\.|Reader\(|\w\(\w|\[\w|\|,|window of the text|CPU|float32|unplug|Shorten the (text|second)"
    r"|Pass |rows or columns|Type or paste|^Leave it out|Leave the layer"
)
"""Advice that is given in arguments, or in what a page offers."""

ELSEWHERE = {
    "models/": "these are the names of calls in somebody's own program, where such a folder is made",
    "memory/": "no option forgets, evicts or unplugs",
    "reading/engine/held.py": "a reader is made by `load` here",
    "reading/engine/inputs.py": "texts are read, not tokens",
    "reading/texts.py": "texts are read, not tokens",
    "reading/decompose.py": "no option decomposes",
    "reading/questions.py": "no option asks what would be if something were changed",
    "reading/pictures.py": "texts are read, not pictures",
    "reading/sounds.py": "texts are read, not sounds",
    "reading/writing/request.py": "no option forgets or unplugs",
    "reading/writing/translate.py": "no option forgets",
    "training/": "no option trains",
    "experiments/words.py": "no option asks a question",
    "serving/": "whoever runs a server reads it",
    "figures/": "the command gives every figure what fits it",
    "measures/": "the command gives every measure what fits it",
    "tables/": "the command gives every table what fits it",
    "sources/": "texts are read, not sounds or pictures",
    "tokens/spelling.py": "an argument is a text",
    "tokens/word.py": "the command gives every side its own words",
    "tokens/pieces.py": "two languages are named",
    "trace.py": "no option loads a trace",
    "notebook/": "no option draws in a notebook",
    "ui/": "pages",
}
"""Where advice stays as it is, since no option leads there, and why."""


def advised() -> Iterator[tuple[str, str]]:
    """(file, advice) of every error of the library."""
    for file in sorted((ROOT / "memviz").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "todo" and isinstance(node.value, ast.Constant):
                yield str(file.relative_to(ROOT / "memviz")), node.value.value


def test_advice_in_arguments_has_options_instead() -> None:
    every = list(advised())
    assert len(every) > 100
    open_ones = [
        f"{file}: {todo}"
        for file, todo in every
        if IN_PYTHON.search(todo) and todo not in IN_OPTIONS and not file.startswith(tuple(ELSEWHERE))
    ]
    assert not open_ones, "\n".join(open_ones)
    assert set(IN_OPTIONS) <= {todo for _, todo in every}, "advice that nobody gives"


def test_options_that_are_advised_exist() -> None:
    commands = parser()._subparsers._group_actions[0].choices
    options = {option for command in commands.values() for option in command._option_string_actions}
    named = {option for text in IN_OPTIONS.values() for option in re.findall(r"--[a-z]+", text)}
    assert len(named) > 8
    assert named <= options


def test_advice_is_filled_in() -> None:
    error = ReadingError("{name} may be {largest:,} at most.", todo="Leave it out.", name="beam", largest=100)
    assert advice(error) == "beam may be 100 at most. Leave --beam out, or choose another number."
    assert advice(TraceError("No.", todo="Check the path.")) == "No. Check the path."


def test_a_beam_that_is_too_wide_is_answered_in_options(firefox: str, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the cat ."))
    assert main(["translate", "-", "--model", firefox, "--beam", "101"]) == 2
    assert "Leave --beam out, or choose another number." in capsys.readouterr().err
