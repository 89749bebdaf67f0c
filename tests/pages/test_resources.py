"""Resources: every number is measured or worked out from what was published; the button forgets what it says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

import memviz
from memviz.progress import no_progress
from memviz.serving import cache
from memviz.serving.gate import nobody_waits
from memviz.ui.shell import privacy

pytestmark = pytest.mark.models

SECRET = "The dog ran because Zanzibar was happy."


def said(here) -> str:
    return "\n".join(here.sentences).replace("\\", "").replace("\u00a0", " ")


def test_the_numbers_are_those_of_the_model_and_of_the_reading(visit, minilm) -> None:
    from memviz.models import locate, open_model

    here = visit("resources", model="minilm", text=SECRET)
    assert here.errors == []
    own, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    parameters = sum(value.numel() for value in own.state_dict().values() if value.dtype == torch.float32)
    assert minilm.parameters == parameters
    assert minilm.weight_bytes == 4 * parameters
    assert f"{parameters / 1e6:.1f}M" in said(here)
    count = len(tokenizer(SECRET)["input_ids"])
    dense = 6 * 12 * count * count * 4
    trace = minilm.read(SECRET)
    assert f"reading of {count} tokens keeps {trace.nbytes / 1e3:.1f} kB" in said(here)
    assert f"would take {dense / 1e3:.1f} kB" in said(here)
    assert here.pictures == ["chart"]
    compile(here.app.code[0].value if here.app.code else "pass", "code", "exec")


def test_the_button_forgets_the_text_everywhere(visit) -> None:
    other = visit("home", model="minilm", text="Somebody else reads this.")
    here = visit("home", model="minilm", text=SECRET)
    here.go("resources")
    kept = [key for store in (cache._traces, cache._experiments, cache._searches) for key in store]
    assert any(SECRET in key for key in kept)
    here.text = None  # nothing is typed any more
    here.press("forget_texts")
    kept = [key for store in (cache._traces, cache._experiments, cache._searches) for key in store]
    assert not any(SECRET in part for key in kept for part in key)
    assert any(other.text in key for key in kept), "what others read stays"
    assert any("Forgotten" in box.value for box in here.app.success)
    assert "Zanzibar" not in repr(here.app.session_state)
    payload = here._payloads("address_bar")[0]
    assert payload["forgets"] is True
    assert "Zanzibar" not in repr(payload)
    assert here.address.get("model", "minilm") == "minilm"
    here._run()
    assert here._payloads("address_bar")[0]["forgets"] is False
    assert not here.app.success


def test_where_the_text_goes_is_said_of_a_cluster_too(visit, minilm, monkeypatch) -> None:
    here = visit("resources", model="minilm", text=SECRET)
    assert any("To no other machine" in said for said in here.sentences)
    monkeypatch.setattr(cache, "runs_here", lambda: False)
    here._run()
    assert any("To the cluster where the models run" in said for said in here.sentences)
    assert not any("To no other machine" in said for said in here.sentences)


def test_what_is_kept_is_noted_for_whoever_asked(minilm) -> None:
    mine, yours = cache.Asker(), cache.Asker()
    for asker, text in ((mine, "One dog."), (yours, "Two cats.")):
        with cache.asked_by(asker):
            cache.read("minilm", text, None, on_wait=nobody_waits, progress=no_progress)
            cache.ask("minilm", repr, key=("asked", text), on_wait=nobody_waits, progress=no_progress)
    assert cache.forget_asked(mine) == 2
    assert cache.forget_asked(mine) == 0
    kept = [*cache._traces, *cache._answers]
    assert not any("One dog." in key for key in kept)
    assert sum("Two cats." in key for key in kept) == 2
    assert len(yours.keys) == 2


def test_the_button_lets_go_of_uploaded_files(visit, monkeypatch) -> None:
    manager = MemoryUploadedFileManager("upload")
    for session in ("mine", "yours"):
        manager.add_file(session, UploadedFileRec("1", "lines.csv", "text/csv", SECRET.encode()))
    context = SimpleNamespace(uploaded_file_mgr=manager, session_id="mine")
    here = visit("resources", model="minilm", text=SECRET)
    monkeypatch.setattr(privacy, "get_script_run_ctx", lambda: context)
    here.press("forget_texts")
    assert manager.get_files("mine", ["1"]) == []
    assert len(manager.get_files("yours", ["1"])) == 1, "what others uploaded stays"


def test_larger_models_by_their_published_configurations() -> None:
    """The bytes a token that others print: 128 KiB for Llama 3 8B, 4.5 MiB for GPT-3 (Pope et al. 2022 count alike)."""
    known = memviz.costs.KNOWN
    assert known["Llama 3 8B"].cache_bytes(1) == 128 * 1024
    assert known["Llama 3 70B"].cache_bytes(1) == 320 * 1024
    assert known["GPT-3"].cache_bytes(1) == 4.5 * 1024**2
    assert known["GPT-3"].weight_bytes == 350e9
    assert known["GPT-2 XL"].dense_bytes(1024) == 48 * 25 * 1024**2 * 2
    frame = memviz.costs.table(1000)
    assert list(frame["model"]) == list(known)
    assert frame["cache_bytes"][1] == 1000 * 128 * 1024
    assert frame["operations"][3] == pytest.approx(2 * 175e9 * 1000)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("GPT-2 XL", {"n_embd": 1600}),
        ("Llama 3 8B", {"hidden_size": 4096, "intermediate_size": 14336}),
        ("Llama 3 70B", {"hidden_size": 8192, "intermediate_size": 28672}),
        ("Llama 3 405B", {"hidden_size": 16384, "intermediate_size": 53248}),
    ],
)
def test_a_larger_model_that_is_built_as_published_has_as_many_parameters(name: str, shape: dict[str, int]) -> None:
    """Without its weights: on torch's device for shapes alone. The widths are published too, and stand here only."""
    import transformers

    known = memviz.costs.KNOWN[name]
    width = next(iter(shape.values()))
    assert known.heads * known.head_dim == width
    if name.startswith("GPT"):
        assert known.kv_heads == known.heads
        config = transformers.GPT2Config(n_layer=known.layers, n_head=known.heads, **shape)
    else:
        config = transformers.LlamaConfig(
            vocab_size=128_256,
            num_hidden_layers=known.layers,
            num_attention_heads=known.heads,
            num_key_value_heads=known.kv_heads,
            head_dim=known.head_dim,
            **shape,
        )
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    assert model.num_parameters() == known.parameters


def test_a_reading_in_parts_and_a_translation_count_everything(minilm) -> None:
    trace = memviz.translate("The black cat drinks cold milk.", model="firefox-en-pt")
    cost = memviz.costs.reading(trace)
    assert cost.tokens == len(trace.tokens) + len(trace.targets)
    sizes = {kind: (m.layers, m.heads, len(m.queries), len(m.keys)) for kind, m in trace.memories.items()}
    assert sizes["encoder"][:2] == (6, 8)
    source, target = len(trace.tokens), sizes["cross"][2]
    assert cost.dense_bytes == 4 * (6 * 8 * source * source + 2 * 8 * target * source)
    assert cost.bytes == trace.nbytes
