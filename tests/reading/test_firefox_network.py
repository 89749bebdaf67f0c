"""The network of a tiny Firefox model, held against its equations and against transformers' encoder."""

from __future__ import annotations

import functools
import itertools
import operator
from pathlib import Path

import numpy as np
import pytest
import torch
from firefox_checks import marian_encoder, patterns, stepwise
from naive_firefox import run

import memviz
from memviz import Ablate, Forget, Trace
from memviz.errors import ModelFileError, UnsupportedModelError
from memviz.reading import Reader
from tests.models import tiny_marian
from tests.models.tiny_marian import CONFIG, HEADS, LAYERS, PIECES, firefox_folder, marian_bytes, vocabulary, weights

TEXT = "the cat sat on the mat ."
TARGET = "o gato preto bebe leite ."


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return memviz.load(str(firefox_folder(tmp_path_factory.mktemp("firefox") / "tiny", quantised=False)))


def ids(reader: Reader, text: str) -> list[int]:
    return reader.tokenizer(text)["input_ids"]


def folder_of(path: Path, content: bytes) -> str:
    path.mkdir()
    (path / "model.enpt.bin").write_bytes(content)
    (path / "vocab.enpt.spm").write_bytes(vocabulary())
    return str(path)


def without(items: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {other: array for other, array in items.items() if other != name}


def milder(items: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Queries and keys made smaller: where scores run up to a hundred, single precision is not exact to 1e-5."""
    return {name: array * np.float32(0.7) if name[-2:] in ("Wq", "Wk") else array for name, array in items.items()}


@pytest.fixture(scope="module")
def mild(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    content = marian_bytes(milder(weights(PIECES)), quantised=False)
    return memviz.load(folder_of(tmp_path_factory.mktemp("firefox") / "mild", content))


def test_everything_is_as_the_equations_say(mild: Reader) -> None:
    trace = mild.translate(TEXT, target=TARGET)
    target = [token.id for token in trace.targets]
    truth = run(milder(weights(PIECES)), ids(mild, TEXT), target, heads=HEADS, layers=LAYERS)
    np.testing.assert_allclose(patterns(trace.memory("encoder")), np.stack(truth.encoder), atol=1e-5)
    np.testing.assert_allclose(patterns(trace.memory("cross")), np.stack(truth.cross), atol=1e-5)
    np.testing.assert_allclose(trace.recurrent.gates, np.stack(truth.gates), atol=1e-5)
    np.testing.assert_allclose(trace.recurrent.states, np.stack(truth.states), atol=1e-5)
    logprobs = truth.logits - np.log(np.exp(truth.logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(trace.logprobs, logprobs[np.arange(len(target)), target], atol=2e-5)
    assert patterns(trace.memory("cross")).std() > 0.05, "else nothing could be told apart"


def held_to_the_equations(trace: Trace, **changes: object) -> None:
    """Are patterns, states and probabilities those of the equations with the same changes?"""
    source, target = ([token.id for token in side] for side in (trace.tokens, trace.targets))
    truth, plain = (
        run(milder(weights(PIECES)), source, target, heads=HEADS, layers=LAYERS, **how) for how in (changes, {})
    )
    assert np.abs(truth.logits - plain.logits).max() > 1e-2, "it matters"
    np.testing.assert_allclose(patterns(trace.memory("encoder")), np.stack(truth.encoder), atol=1e-5)
    np.testing.assert_allclose(patterns(trace.memory("cross")), np.stack(truth.cross), atol=1e-5)
    np.testing.assert_allclose(trace.recurrent.states, np.stack(truth.states), atol=1e-5)
    logprobs = truth.logits - np.log(np.exp(truth.logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(trace.logprobs, logprobs[np.arange(len(target)), target], atol=2e-5)


@pytest.mark.parametrize("target", [None, TARGET], ids=["written", "given"])
@pytest.mark.parametrize(
    "parts",
    [
        [([1], None, None, None), ([0, 3], [0], [2], None)],
        [([2], [1], [0, 3], None), ([4], [1], [3], [0, 2])],
        [([1], None, [1], None), ([1], [0], None, [1]), ([5], None, None, [2])],
    ],
    ids=["a layer more", "a head twice", "three"],
)
def test_a_union_forgets_what_the_equations_lack(mild: Reader, parts: list[tuple], target: str | None) -> None:
    forget = functools.reduce(
        operator.or_, (Forget(keys, layers=layers, heads=heads, queries=rows) for keys, layers, heads, rows in parts)
    )
    trace = mild.translate(TEXT, target=target, forget=forget)
    cut = np.zeros((LAYERS, HEADS, len(trace.targets), len(trace.tokens)), dtype=bool)
    for keys, *places in parts:
        everything = [range(size) for size in cut.shape[:3]]
        for edge in itertools.product(
            *(part if part is not None else every for part, every in zip(places, everything, strict=True)), keys
        ):
            cut[edge] = True
    held_to_the_equations(trace, cut=cut)
    assert (patterns(trace.memory("cross"))[cut] == 0).all()


@pytest.mark.parametrize(
    "ablations",
    [
        [Ablate(0, 1)],
        [Ablate(1, 0), Ablate(1, 3), Ablate(0, 2)],
        [Ablate(1, 2, kind="encoder")],
        [Ablate(0, 3, by="mean", kind="encoder"), Ablate(0, 0)],
    ],
    ids=["one", "three", "encoder", "mean and zero"],
)
@pytest.mark.parametrize("target", [None, TARGET], ids=["written", "given"])
def test_a_head_that_writes_nothing_is_missing_in_the_equations(
    mild: Reader, ablations: list[Ablate], target: str | None
) -> None:
    trace = mild.translate(TEXT, target=target, ablate=ablations)
    held_to_the_equations(trace, replaced={(one.kind or "cross", one.layer, one.head): one.by for one in ablations})


def test_the_likeliest_tokens_of_every_step(mild: Reader) -> None:
    trace = mild.translate(TEXT)
    written = [token.id for token in trace.targets]
    logits = run(milder(weights(PIECES)), ids(mild, TEXT), written, heads=HEADS, layers=LAYERS).logits
    assert written == logits.argmax(axis=1).tolist()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for step, row in zip(trace.steps, shares, strict=True):
        order = np.argsort(-row)[: len(step)]
        assert [one.id for one in step] == order.tolist()
        np.testing.assert_allclose([one.probability for one in step], row[order], atol=1e-5)
    assert len(trace.steps[0]) == 10


def test_quantised_weights_are_the_rounded_ones(tmp_path: Path) -> None:
    reader = memviz.load(folder_of(tmp_path / "tiny", marian_bytes(milder(weights(PIECES)))))
    rounded = {
        name: tiny_marian.rounded(array) if name.rsplit("_", 1)[-1].startswith("W") else array
        for name, array in milder(weights(PIECES)).items()
    }
    trace = reader.translate(TEXT, target="o gato .")
    truth = run(rounded, ids(reader, TEXT), [t.id for t in trace.targets], heads=HEADS, layers=LAYERS)
    np.testing.assert_allclose(patterns(trace.memory("cross")), np.stack(truth.cross), atol=1e-5)
    assert reader.info.quantisation == "8-bit weights, computed in float32"


def test_the_encoder_is_that_of_transformers(mild: Reader) -> None:
    source = torch.tensor([ids(mild, TEXT)])
    with torch.inference_mode():
        theirs = marian_encoder(mild)(input_ids=source, output_attentions=True)
        ours = mild.model.encoder(source)
    np.testing.assert_allclose(ours, theirs.last_hidden_state, atol=1e-5)
    own = np.stack([layer[0].numpy() for layer in theirs.attentions])
    np.testing.assert_allclose(patterns(mild.read(TEXT).memory("encoder")), own, atol=1e-5)


def test_step_by_step_is_the_same_as_all_at_once(reader: Reader) -> None:
    trace = reader.translate(TEXT)
    cross, states = stepwise(reader, ids(reader, TEXT), [token.id for token in trace.targets])
    np.testing.assert_allclose(patterns(trace.memory("cross")), cross, atol=1e-5)
    np.testing.assert_allclose(trace.recurrent.states, states, atol=1e-5)


def test_tables_of_their_own_for_source_target_and_output(tmp_path: Path) -> None:
    items = weights(PIECES)
    shared, rng = items.pop("Wemb"), np.random.default_rng(5)
    source, target = rng.normal(0, 0.4, (2, *shared.shape)).astype(np.float32)
    output = rng.normal(0, 0.4, shared.shape).astype(np.float32)
    items |= {"encoder_Wemb": source, "decoder_Wemb": target, "decoder_ff_logit_out_W": output.T}
    reader = memviz.load(folder_of(tmp_path / "apart", marian_bytes(items, quantised=False)))
    assert reader.model.config.target_vocab_size == PIECES
    np.testing.assert_array_equal(reader.model.encoder.embedding.table, source.T)
    np.testing.assert_array_equal(reader.model.decoder.embedding.table, target.T)
    np.testing.assert_array_equal(reader.model.output.table, output.T)
    assert reader.translate(TEXT, target="o gato .").memory("cross").layers == LAYERS


def test_one_table_for_all_is_held_once(reader: Reader) -> None:
    model = reader.model
    assert model.output.table.data_ptr() == model.encoder.embedding.table.data_ptr()
    assert model.decoder.embedding.table.data_ptr() == model.encoder.embedding.table.data_ptr()


def test_two_vocabularies(tmp_path: Path) -> None:
    folder = firefox_folder(tmp_path / "two", pair="enzh")
    (folder / "vocab.enzh.spm").rename(folder / "srcvocab.enzh.spm")
    (folder / "trgvocab.enzh.spm").write_bytes(vocabulary(reverse=True))
    reader = memviz.load(str(folder))
    assert reader.languages == ("en", "zh")
    assert reader.writer.target_tokenizer is not reader.tokenizer
    trace = reader.translate("the cat .", target=".tac eht")
    assert [token.id for token in trace.targets] == reader.writer.target_tokenizer(".tac eht")["input_ids"]
    assert [token.id for token in trace.tokens] == reader.tokenizer("the cat .")["input_ids"]
    free = reader.translate("the cat .")
    assert free.output == reader.writer.target_tokenizer.decode([token.id for token in free.targets])


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("dec-cell: ssru", "dec-cell: gru"), ("type: transformer", "type: s2s"),
        ("transformer-decoder-autoreg: rnn", "transformer-decoder-autoreg: self-attention"),
        ("transformer-postprocess: dan", "transformer-postprocess: da"),
        ('transformer-preprocess: ""', "transformer-preprocess: n"),
        ("transformer-ffn-activation: relu", "transformer-ffn-activation: swish"),
        ("type: transformer", "transformer-rnn-projection: true\ntype: transformer"),
        ("dec-cell: ssru\n", ""),
        ("type: transformer", "transformer-ffn-depth: 3\ntype: transformer"),
        ("type: transformer", "transformer-decoder-ffn-depth: 1\ntype: transformer"),
        ("type: transformer", "transformer-postprocess-emb: dn\ntype: transformer"),
        ("type: transformer", "transformer-tied-layers: [1, 1]\ntype: transformer"),
        ("type: transformer", "transformer-tied-layers:\n  - 1\n  - 1\ntype: transformer"),
    ],
)  # fmt: skip
def test_another_kind_of_marian_model_is_refused(tmp_path: Path, setting: str, other: str) -> None:
    content = marian_bytes(weights(PIECES), config=CONFIG.replace(setting, other))
    with pytest.raises(UnsupportedModelError, match="another kind of Marian model") as error:
        memviz.load(folder_of(tmp_path / "other", content))
    assert error.value.values["setting"] in setting + other


USUAL = [
    "transformer-tied-layers: []", "transformer-ffn-depth: 2", "transformer-decoder-ffn-depth: 0",
    "transformer-decoder-ffn-depth: 2", "transformer-postprocess-emb: d", 'transformer-postprocess-emb: ""',
]  # fmt: skip


@pytest.mark.parametrize("setting", USUAL)
def test_settings_that_change_nothing_are_no_other_kind(tmp_path: Path, setting: str) -> None:
    content = marian_bytes(weights(PIECES), config=f"{CONFIG}{setting}\n")
    assert memviz.load(folder_of(tmp_path / "usual", content)).translate(TEXT).output


PARTS = {
    "a third map": {"encoder_l1_ffn_W3": (16, 16), "encoder_l1_ffn_b3": (1, 16)},
    "a norm of the embeddings": {"encoder_emb_ln_scale": (1, 16), "encoder_emb_ln_bias": (1, 16)},
    "another unit": {"decoder_l1_rnn_Wx": (16, 16)},
    "a second table": {"encoder_Wemb": (PIECES, 16)},
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_nothing_is_known_of_is_refused(tmp_path: Path, name: str) -> None:
    parts = {item: np.ones(shape, np.float32) for item, shape in PARTS[name].items()}
    folder = folder_of(tmp_path / "other", marian_bytes(weights(PIECES) | parts))
    with pytest.raises(UnsupportedModelError, match="another kind of Marian model") as error:
        memviz.load(folder)
    assert error.value.values["item"] in parts


@pytest.mark.parametrize("setting", ["enc-depth", "dec-depth"])
@pytest.mark.parametrize("number", [1, 3])
def test_another_number_of_layers_than_the_settings_say(tmp_path: Path, setting: str, number: int) -> None:
    config = CONFIG.replace(f"{setting}: {LAYERS}", f"{setting}: {number}")
    folder = folder_of(tmp_path / "other", marian_bytes(weights(PIECES), config=config))
    with pytest.raises(ModelFileError, match=f"it has {LAYERS} layers, but its settings say {setting}: {number}"):
        memviz.load(folder)


def test_the_ranges_of_activations_are_no_part(tmp_path: Path) -> None:
    ranges = {f"{name}_QuantMultA": np.ones((1, 1), np.float32) for name in ("Wemb", "encoder_l1_self_Wq", "none")}
    content = marian_bytes(weights(PIECES) | ranges)
    assert memviz.load(folder_of(tmp_path / "alphas", content)).translate(TEXT).output


def test_a_decoder_may_be_wider_than_its_encoder(tmp_path: Path) -> None:
    items, rng = milder(weights(PIECES)), np.random.default_rng(3)
    for layer in range(1, LAYERS + 1):
        items[f"decoder_l{layer}_ffn_W1"] = rng.normal(0, 0.3, (16, 40)).astype(np.float32)
        items[f"decoder_l{layer}_ffn_b1"] = rng.normal(0, 0.3, (1, 40)).astype(np.float32)
        items[f"decoder_l{layer}_ffn_W2"] = rng.normal(0, 0.3, (40, 16)).astype(np.float32)
    config = f"{CONFIG}transformer-decoder-dim-ffn: 40\n"
    reader = memviz.load(folder_of(tmp_path / "wide", marian_bytes(items, config=config, quantised=False)))
    trace = reader.translate(TEXT, target="o gato .")
    truth = run(items, ids(reader, TEXT), [token.id for token in trace.targets], heads=HEADS, layers=LAYERS)
    np.testing.assert_allclose(patterns(trace.memory("cross")), np.stack(truth.cross), atol=1e-5)


def test_weights_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    items = weights(PIECES)
    narrow = {**items, "encoder_l2_self_Wk": np.ones((16, 12))}
    heads = marian_bytes(items, config=CONFIG.replace("transformer-heads: 4", "transformer-heads: 7"))
    for number, (content, said) in enumerate(
        [
            (marian_bytes(without(items, "decoder_l1_rnn_W")), r"decoder_l1_rnn_W is missing"),
            (marian_bytes(without(items, "Wemb")), r"Wemb is missing"),
            (marian_bytes(narrow), r"encoder\.layers\.1\.attention\.key\.weight has the shape \(12, 16\)"),
            (heads, r"7 heads"),
            (marian_bytes(items, config=CONFIG.replace("heads: 4", "heads: " + "9" * 5_000)), r"9{20} heads"),
            (marian_bytes(items, config=CONFIG.replace("heads: 4", "heads: ４")), r"４ heads"),
            (marian_bytes({**items, "encoder_l999999999_x": np.ones((1, 4))}), r"names layer 999999999, and has"),
            (marian_bytes({**items, "decoder_l" + "9" * 300 + "_x": np.ones((1, 4))}), r"names layer 9+, and has"),
            (marian_bytes(weights(40)), r"vocabulary of .* has 50 tokens, but the model knows 40"),
        ]
    ):
        with pytest.raises(ModelFileError, match=said):
            memviz.load(folder_of(tmp_path / str(number), content))


def test_a_broken_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = firefox_folder(tmp_path / "tiny")
    for content in (b"", b"hello", vocabulary()[:200]):
        (folder / "vocab.enpt.spm").write_bytes(content)
        with pytest.raises(ModelFileError, match=r"vocab\.enpt\.spm of the Firefox model .* cannot be read"):
            memviz.load(str(folder))


def test_the_layers_can_be_taken_apart(reader: Reader) -> None:
    for layer in range(LAYERS):
        taken = reader.decompose(TEXT, layer)
        assert (taken.shape, taken.kind) == ("post-norm", "encoder")
        assert taken.error < 1e-5
