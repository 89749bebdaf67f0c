"""Generate: from a prompt to what each written word was read from; settings, branches and what is in the way."""

from __future__ import annotations

import io
import json
import threading
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from memviz import Reader, figures, measures, tables
from memviz.errors import TraceError
from memviz.figures.charts.cache_lines import cache_kinds
from memviz.figures.style.colours import FULL_TINT, THEMES, hexadecimal, mixed, surprise_share
from memviz.generation import cache_bytes
from memviz.locales import dictionary
from memviz.serving import cache
from memviz.serving.cache import GenerationOptions
from memviz.ui.parts.generation import GenerationJob, writing_of
from memviz.ui.parts.generation.passage import answer_tokens, passage_sentences, read_passage
from memviz.ui.share import Generate
from memviz.ui.shell import i18n
from tests.locales.speaking import left, said
from tests.pages.crowd import Crowd, GoneError, until
from tests.pages.test_cache import patient, silent
from tests.pages.visiting import plain
from tests.reading.families import FAMILIES, tokenizer, words

pytestmark = pytest.mark.usefixtures("every_model_is_tiny")

PROMPT = words(12)


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A tiny causal model with random weights."""
    return Reader(FAMILIES["llama"].build(), tokenizer(FAMILIES["llama"].tokenizer), owned=True)


def drawing(here) -> dict:
    """What the words are drawn from."""
    (item,) = (
        item.proto for item in here.app.get("bidi_component") if item.proto.component_name.endswith("words_view")
    )
    return json.loads(item.mixed.json)


def test_a_prompt_is_continued_and_the_page_says_how(visit, reader) -> None:
    here = visit("generate", text=PROMPT, tokens="6")
    trace = reader.generate(PROMPT, 6)
    assert here.errors == []
    assert here.pictures == ["words_view", "chart"]
    drawn = drawing(here)
    assert drawn["words"] == [word.text for word in trace.words]
    assert [len(steps) for steps in drawn["steps"]] == [
        sum(token >= trace.written.start for token in word.tokens) for word in trace.words
    ]
    assert "6 tokens written" in plain(here.sentences)
    assert "the likeliest token at every step" in plain(here.sentences)


def test_the_rows_are_those_of_the_positions_that_predict(reader) -> None:
    trace = reader.generate(PROMPT, 6)
    memory, every = trace.memory(), trace.words
    rows, columns = measures.writing_links(memory, every)
    assert rows.weight.shape[0] == columns.weight.shape[0] == len(every)
    assert (rows.index[0] == -1).all(), "nothing predicts the first word"
    checked = 0
    for number, word in enumerate(every):
        for other, weight, layer, head in zip(
            rows.index[number], rows.weight[number], rows.layer[number], rows.head[number], strict=True
        ):
            if other < 0:
                continue
            before = [token - 1 for token in word.tokens]
            exact = memory.pattern(int(layer), int(head))[np.ix_(before, every[other].tokens)].sum(axis=1).mean()
            assert weight == pytest.approx(float(exact), abs=1e-5)
            checked += 1
    assert checked > 50
    for number in range(len(every)):
        for other, weight in zip(columns.index[number], columns.weight[number], strict=True):
            if other >= 0 and number in rows.index[other]:
                assert weight == pytest.approx(float(rows.weight[other][list(rows.index[other]).index(number)]))


def test_the_cache_is_measured_and_its_kinds_are_arithmetic(visit, reader) -> None:
    trace = reader.generate(PROMPT, 6)
    size = trace.cache
    assert size is not None
    shape = {"layers": size.layers, "head_dim": size.head_dim, "number_bytes": size.number_bytes}
    assert cache_bytes(size.tokens, kv_heads=size.kv_heads, **shape) == size.bytes, "as measured"
    kinds = {kind.kv_heads: kind for kind in cache_kinds(trace, window=5)}
    assert [kind.kv_heads for kind in cache_kinds(trace, window=5) if kind.is_own] == [size.kv_heads]
    assert cache_bytes(9, kv_heads=4, **shape) == 2 * 3 * 4 * 8 * 4 * 9
    assert cache_bytes(9, kv_heads=1, window=5, **shape) == 2 * 3 * 8 * 4 * 5
    assert kinds[1].bytes(size, 9) * trace.model.heads == kinds[4].bytes(size, 9)
    chart = figures.cache_lines(trace, window=5)
    dot = chart.data[-1]
    assert (dot.x[0], dot.y[0] * 1e6) == (size.tokens, pytest.approx(size.bytes))
    here = visit("generate", text=PROMPT, tokens="6")
    assert f"{size.bytes / 1e3:,.1f} kB" in plain(here.sentences)
    assert here.pictures == ["words_view", "chart"]


def test_the_table_has_every_token_that_was_written(reader) -> None:
    trace = reader.generate(PROMPT, 6)
    assert trace.generation is not None
    table = tables.written_table(trace)
    assert list(table["id"]) == [token.id for token in trace.tokens[trace.written]]
    np.testing.assert_allclose(table["logprob"], trace.logprobs[trace.written])
    np.testing.assert_array_equal(table["rank"], trace.generation.ranks)
    assert list(table["position"]) == list(range(trace.written.start, len(trace.tokens)))
    first = next(other for other in trace.steps[0] if other.id != table["id"][0])
    assert (table["alternative_1"][0], table["alternative_1_probability"][0]) == (
        first.text,
        pytest.approx(first.probability),
    )
    with pytest.raises(TraceError, match="wrote nothing"):
        tables.written_table(reader.read(PROMPT))


def test_a_branch_goes_on_from_another_token_and_the_way_back_stays(visit, reader) -> None:
    first = reader.generate(PROMPT, 6)
    other = next(item for item in first.steps[2] if item.id != first.tokens[first.written.start + 2].id)
    prefix = (*(token.id for token in first.tokens[first.written.start : first.written.start + 2]), other.id)
    branch = reader.generate(PROMPT, 6, prefix=prefix)
    assert [token.id for token in branch.tokens[branch.written][:3]] == list(prefix)
    assert branch.generation is not None
    assert branch.generation.prefix == 3
    assert branch.logprobs[branch.written.start + 2] == pytest.approx(np.log(other.probability), abs=1e-4)

    here = visit("generate", text=PROMPT, tokens="6", path=f"2.{other.id}")
    assert drawing(here)["words"] == [word.text for word in branch.words]
    assert here.address["path"] == f"2.{other.id}"
    assert "text" not in here.address
    here.press("branch_")
    assert drawing(here)["words"] == [word.text for word in first.words]
    assert "path" not in here.address
    made_up = visit("generate", text=PROMPT, tokens="6", path="2.99999-x.1")
    assert drawing(made_up)["words"] == [word.text for word in first.words]


def test_a_link_shows_the_same_and_the_code_writes_it_again(visit, reader, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "memviz.generate", lambda *inputs, model, **more: reader.generate(*inputs, **more), raising=False
    )
    here = visit("generate", text=PROMPT, tokens="6", temperature="0.7", seed="3", top_k="5", word="3")
    trace = reader.generate(PROMPT, 6, temperature=0.7, seed=3, top_k=5)
    assert drawing(here)["words"] == [word.text for word in trace.words]
    assert "drawn at temperature 0.7, seed 3" in plain(here.sentences)
    whole, bare = here.links
    link = dict(parse_qsl(urlsplit(whole).query))
    assert (link["text"], link["seed"], link["writer"]) == (PROMPT, "3", trace.model.name)
    assert "text" not in dict(parse_qsl(urlsplit(bare).query))
    exec(compile(next(item.value for item in here.app.code), "page", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == str(trace.output)
    assert (tmp_path / "memviz-generate.png").stat().st_size > 5_000


def test_every_file_holds_what_was_written(reader, monkeypatch) -> None:
    trace = reader.generate(PROMPT, 6)
    monkeypatch.setattr(
        "memviz.ui.parts.generation.links_of", lambda trace: measures.writing_links(trace.memory(), trace.words)
    )
    view = Generate(trace, job=GenerationJob(PROMPT, "smollm2", GenerationOptions(tokens=6)))
    with np.load(io.BytesIO(view.npz()), allow_pickle=False) as archive:
        np.testing.assert_allclose(archive["logprobs"], trace.logprobs[trace.written])
        assert json.loads(str(archive["provenance"]))["written"].startswith("6 tokens")
    surprise = writing_of(trace).surprise
    assert np.isnan(surprise).sum() == sum(word.tokens[-1] < trace.written.start for word in trace.words)
    svg = view.svg()
    strongest = int(np.nanargmax(surprise))
    tint = mixed(
        THEMES["light"].paper, THEMES["light"].surprise, FULL_TINT * float(surprise_share(surprise[strongest]))
    )
    assert hexadecimal(tuple(tint.tolist())) in svg
    assert len(view.png()) > 5_000
    assert '"legend"' in view.html()


def test_a_sentence_is_found_by_the_attention_to_it(reader) -> None:
    text = "The cat sat on a mat. Nobody remembers where dog went home. Was it tired? Because rain had"
    trace = reader.generate(text, 4)
    spans = passage_sentences(trace, text)
    assert [trace.text[start:end].strip() for start, end in spans] == [
        "The cat sat on a mat.",
        "Nobody remembers where dog went home.",
    ]
    reading = read_passage(trace, text)
    rows = [position - 1 for position in answer_tokens(trace)]
    keys = [place for place, token in enumerate(trace.tokens) if spans[1][0] <= token.start < token.end <= spans[1][1]]
    keys = [key for key in keys if key not in measures.sink_positions(trace.memory())]
    layer, head, share = reading.heads[1][0]
    assert share == pytest.approx(float(trace.memory().pattern(layer, head)[np.ix_(rows, keys)].sum(axis=1).mean()))
    every = sorted(
        float(trace.memory().pattern(at, which)[np.ix_(rows, keys)].sum(axis=1).mean())
        for at in range(3)
        for which in range(4)
    )
    assert reading.shares[1] == pytest.approx(np.mean(every[-5:]))


def test_what_was_stopped_is_kept_as_a_text_of_so_many_tokens_and_never_as_the_whole(reader) -> None:
    options = GenerationOptions(tokens=20)
    pieces: list[str] = []

    def stop(piece: str) -> bool:
        pieces.append(piece)
        return len(pieces) < 3

    early = cache.generate("tiny", PROMPT, options, on_wait=patient, progress=silent, on_token=stop)
    written = len(early.steps)
    assert written < 20
    shorter = GenerationOptions(tokens=written)
    assert cache.generate("tiny", PROMPT, shorter, on_wait=patient, progress=silent) is early
    origin = cache.origin(early)
    assert origin is not None
    assert origin.trace() is early
    cache.forget_traces()
    assert origin.trace().output == early.output
    whole = cache.generate("tiny", PROMPT, options, on_wait=patient, progress=silent)
    assert len(whole.steps) == 20
    assert whole.output.startswith(early.output)


def test_every_setting_is_another_text(reader) -> None:
    base = {"tokens": 3, "temperature": 1.0}
    settings = [{}, {"seed": 1}, {"top_k": 2}, {"top_p": 0.5}, {"tokens": 4}, {"stop": ("zz",)}, {"prefix": (9,)}]
    traces = [
        cache.generate("tiny", PROMPT, GenerationOptions(**{**base, **more}), on_wait=patient, progress=silent)
        for more in settings
    ]
    assert len({id(trace) for trace in traces}) == len(settings)
    again = cache.generate("tiny", PROMPT, GenerationOptions(**base), on_wait=patient, progress=silent)
    assert again is traces[0]


def test_who_leaves_in_the_middle_stops_the_writing_and_frees_the_place(reader) -> None:
    pieces: list[str] = []

    def leave(piece: str) -> bool:
        pieces.append(piece)
        raise GoneError

    with pytest.raises(GoneError):
        cache.generate("tiny", PROMPT, GenerationOptions(tokens=50), on_wait=patient, progress=silent, on_token=leave)
    assert len(pieces) == 1
    assert len(cache.RUNNING) == 0
    assert len(cache._traces) == 0


def test_two_who_write_at_once_do_not_mix_and_the_second_hears_its_place(reader) -> None:
    prompts = [words(12), words(14, seed=5)]
    alone = [reader.generate(prompt, 12).output for prompt in prompts]
    told: list[list[str]] = [[], []]
    waits: list[int] = []
    crowd, begun = Crowd(), threading.Event()

    def write(number: int) -> str | None:
        def take(piece: str) -> bool:
            told[number].append(piece)
            if number == 0 and not begun.is_set():
                begun.set()
                until(lambda: waits)
            return True

        return cache.generate(
            "tiny",
            prompts[number],
            GenerationOptions(tokens=12),
            on_wait=lambda wait: waits.append(wait.count),
            progress=silent,
            on_token=take,
        ).output

    crowd.send(lambda: write(0))
    assert begun.wait(30)
    crowd.send(lambda: write(1))
    assert crowd.join() == alone
    assert ["".join(pieces) for pieces in told] == alone
    assert set(waits) == {1}


def test_an_encoder_is_told_which_models_write(visit) -> None:
    here = visit("generate", text=PROMPT, writer="minilm")
    assert "it has no next word" in here.app.warning[0].value
    assert "take_smollm2" in [button.key for button in here.app.button]
    here.press("take_smollm2")
    assert here.pictures[0] == "words_view"
    there = visit("generate", text=PROMPT, writer="firefox-en-pt")
    assert "reads one text and writes another" in there.app.warning[0].value


@pytest.mark.parametrize("text", ["", "  \n "])
def test_without_a_prompt_the_page_says_what_to_do(visit, text: str) -> None:
    here = visit("generate", text=text)
    assert (here.errors, here.pictures) == ([], [])
    assert here.notes == ["Write a prompt above, or choose a sample, and the model goes on with it."]


def test_a_model_without_a_chat_template_says_so(visit) -> None:
    here = visit("generate", text=PROMPT, chat="true")
    assert "has no chat template" in plain(here.errors)


def test_a_prompt_that_fills_the_context_is_refused(visit, reader) -> None:
    here = visit("generate", text="the cat sat " * 400)
    assert "none are left to write" in plain(here.errors)
    assert here.pictures == []


def test_a_writing_that_was_stopped_says_so_after_a_reload(visit, reader) -> None:
    here = visit("generate", text=PROMPT, tokens="6", cut="3")
    trace = reader.generate(PROMPT, 3)
    assert drawing(here)["words"] == [word.text for word in trace.words]
    assert "You stopped it." in plain(here.sentences)
    here.press("write")
    assert "cut" not in here.address
    assert "6 tokens written" in plain(here.sentences)
    assert visit("generate", text=PROMPT, cut="0").notes == ["You stopped the writing before it began."]


def test_generate_draws_anew_only_where_it_draws(visit) -> None:
    here = visit("generate", text=PROMPT, tokens="6", temperature="1.0")
    here.press("write")
    assert here.state("seed") == 1
    assert here.address["seed"] == "1"
    greedy = visit("generate", text=PROMPT, tokens="6")
    greedy.press("write")
    assert greedy.state("seed") == 0


def test_the_page_speaks_chinese(visit) -> None:
    here = visit("generate", text=PROMPT, tokens="6", lang="zh")
    assert here.app.title[0].value == "下一个词从哪里来？"
    shown = [text for text in said(here.app) if text not in i18n.LANGUAGES.values()]
    sources = [text for text, chinese in dictionary("zh").items() if chinese != text]
    assert left(shown, sources=sources) == set()
    assert drawing(here)["labels"]["legend"] == "模型给出的概率"


def test_the_name_of_a_head_opens_heads_with_all_that_was_read(visit, reader, monkeypatch) -> None:
    """The component is the browser's: here it reports what a click on a head would."""
    from memviz.ui.parts.generation import text as part

    clicks = [(1, 2, 5)]

    def clicked(*_: object, on_open, **__: object) -> None:
        if clicks:
            on_open(*clicks.pop())

    monkeypatch.setattr(part, "words_view", clicked)
    here = visit("generate", text=PROMPT, tokens="8")
    assert here.errors == []
    trace = reader.generate(PROMPT, 8)
    assert "heads_grid" in here.pictures
    assert here.input == trace.text, "prompt and output"
    assert (here.state("layer"), here.state("head"), here.state("word")) == (1, 2, 5)
