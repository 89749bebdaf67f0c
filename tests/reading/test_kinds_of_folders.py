"""Folders of kinds that people bring: opened by `memviz.load`, and exact beside the same weights in transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from cases import OUTPUTS, patterns
from families import SEQ2SEQ, T5, Family, tokenizer, words
from senses import whisper

import memviz
from memviz.errors import ReadingError, UnsupportedModelError
from memviz.reading import Reader

ENCODERS = {
    **{f"{kind}EncoderModel": (T5, "end") for kind in ("T5", "MT5", "UMT5")},
    **{f"{kind}ForTokenClassification": (T5, "end") for kind in ("T5", "MT5", "UMT5")},
    "DPRQuestionEncoder": ({}, "pair"),
    "DPRContextEncoder": ({}, "pair"),
}
HEADS = ("ForSequenceClassification", "ForQuestionAnswering")
BOTH_SIDES = {
    **{f"{kind}{head}": SEQ2SEQ for kind in ("Bart", "MBart") for head in HEADS},
    **{f"{kind}{head}": T5 for kind in ("T5", "MT5", "UMT5") for head in HEADS},
}


def saved(family: Family, path: Path) -> Path:
    family.build().save_pretrained(path)
    tokenizer(family.tokenizer).save_pretrained(path)
    return path


def own_patterns(family: Family, ids: list[int]) -> dict[str, np.ndarray]:
    """What the model gives away by itself for these tokens, with no decoder input: it finds that itself."""
    model = family.build()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        outputs = model(input_ids=torch.tensor([ids]), output_attentions=True)
    layers = {kind: getattr(outputs, name, None) for kind, name in OUTPUTS.items()}
    return {kind: torch.cat(each).numpy() for kind, each in layers.items() if each}


@pytest.mark.parametrize("architecture", ENCODERS)
def test_an_encoder_alone(architecture: str, tmp_path: Path) -> None:
    family = Family(architecture, *ENCODERS[architecture])
    reader = memviz.load(str(saved(family, tmp_path)))
    assert (type(reader.model).__name__, reader.info.kind) == (architecture, "encoder-only")
    assert (reader.info.method, reader.info.layers, reader.info.heads) == ("recorded", 3, 4)
    trace = reader.read(words(60))
    own = own_patterns(family, [token.id for token in trace.tokens])
    assert list(trace.memories) == list(own) == ["self"]
    assert np.abs(patterns(trace) - own["self"]).max() <= 1e-5
    with pytest.raises(ReadingError, match="is no encoder-decoder model"):
        reader.translate("the cat")


@pytest.mark.parametrize("kind", ["T5", "MT5", "UMT5"])
def test_the_encoder_out_of_the_file_of_a_whole_model(kind: str, tmp_path: Path) -> None:
    """Only ``architectures`` says that the decoder is not wanted."""
    import json

    family = Family(f"{kind}ForConditionalGeneration", T5, "end")
    path = saved(family, tmp_path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "architectures": [f"{kind}EncoderModel"]}))
    reader = memviz.load(str(path))
    assert reader.info.kind == "encoder-only"
    trace, whole = reader.read(words(40)), Reader(family.build(), tokenizer("end")).read(words(40), "a dog")
    assert np.abs(patterns(trace) - patterns(whole, "encoder")).max() <= 1e-6


def test_an_encoder_that_somebody_holds() -> None:
    family = Family("T5EncoderModel", T5, "end")
    trace = Reader(family.build(), tokenizer("end")).read(words(40))
    own = own_patterns(family, [token.id for token in trace.tokens])
    assert np.abs(patterns(trace) - own["self"]).max() <= 1e-5


def test_the_reader_of_dpr_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"DPRReader is not opened: .*below its head.*DPR's encoders"):
        memviz.load(str(saved(Family("DPRReader", {}, "pair"), tmp_path)))


@pytest.mark.parametrize("architecture", BOTH_SIDES)
def test_a_model_that_reads_the_text_on_both_sides(architecture: str, tmp_path: Path) -> None:
    family = Family(architecture, BOTH_SIDES[architecture], "end")
    reader = memviz.load(str(saved(family, tmp_path)))
    assert (type(reader.model).__name__, reader.info.method) == (architecture, "recorded")
    trace = reader.read(words(60))
    own = own_patterns(family, [token.id for token in trace.tokens])
    assert set(trace.memories) == set(own) == {"encoder", "decoder", "cross"}
    for kind, weights in own.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-5, kind
    assert [token.id for token in trace.targets] == [token.id for token in trace.tokens]
    assert [key.id for key in trace.memory("decoder").keys][1:] == [token.id for token in trace.targets][:-1]
    assert np.isnan(trace.logprobs).all()


@pytest.mark.parametrize("architecture", [f"{kind}{head}" for kind in ("Bart", "MBart") for head in HEADS])
def test_what_the_decoder_reads_first(architecture: str, tmp_path: Path) -> None:
    """BART the token that its settings name, mBART the last token of the text: its language."""
    family = Family(architecture, {**SEQ2SEQ, "decoder_start_token_id": 7}, "end")
    trace = memviz.load(str(saved(family, tmp_path))).read(words(20))
    assert trace.memory("decoder").keys[0].id == (trace.tokens[-1].id if architecture.startswith("MBart") else 7)
    own = own_patterns(family, [token.id for token in trace.tokens])
    assert all(np.abs(patterns(trace, kind) - own[kind]).max() <= 1e-5 for kind in own)


@pytest.mark.parametrize("architecture", ["BartForSequenceClassification", "T5ForQuestionAnswering"])
def test_a_pair_on_both_sides(architecture: str, tmp_path: Path) -> None:
    family = Family(architecture, BOTH_SIDES[architecture], "end")
    trace = memviz.load(str(saved(family, tmp_path))).read("the cat sat on a mat", "nobody remembers the old dog")
    ids = tokenizer("end")("the cat sat on a mat", "nobody remembers the old dog").input_ids
    assert [token.id for token in trace.tokens] == ids
    assert (trace.text, trace.pair) == ("the cat sat on a mat", "nobody remembers the old dog")
    own = own_patterns(family, ids)
    assert all(np.abs(patterns(trace, kind) - own[kind]).max() <= 1e-5 for kind in own)


def test_what_rates_a_text_writes_none(tmp_path: Path) -> None:
    reader = memviz.load(str(saved(Family("BartForSequenceClassification", SEQ2SEQ, "end"), tmp_path)))
    with pytest.raises(ReadingError, match="without the part that chooses words"):
        reader.translate("the cat")


SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
PATCHES = {"image_size": 48, "patch_size": 16}


def other_model(kind: str) -> transformers.PreTrainedModel:
    """A tiny model that reads no texts."""
    if kind == "whisper":
        return whisper()
    if kind == "wav2vec2":
        speech = {"conv_dim": (8, 8), "conv_kernel": (3, 3), "conv_stride": (2, 2), "num_feat_extract_layers": 2}
        positions = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
        return transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**SIZES, **speech, **positions))
    if kind == "clip":
        two = {"text_config": {**SIZES, "vocab_size": 50}, "vision_config": {**SIZES, **PATCHES}}
        return transformers.CLIPModel(transformers.CLIPConfig(**two))
    vision = {
        "clip_vision_model": "CLIPVision",
        "siglip_vision_model": "SiglipVision",
        "vit": "ViT",
        "dinov2": "Dinov2",
    }
    config = getattr(transformers, f"{vision[kind]}Config")(**SIZES, **PATCHES)
    return getattr(transformers, f"{vision[kind]}Model")(config)


@pytest.mark.parametrize("with_tokenizer", [True, False])
@pytest.mark.parametrize(
    ("kind", "what", "where"),
    [
        ("whisper", "reads sounds, not texts", "memviz.Reader(model, processor).transcribe(samples, rate)"),
        ("wav2vec2", "reads sounds, not texts", "Whisper"),
        ("vit", "reads pictures, not texts", "memviz.Reader(model, image_processor).look(image)"),
        ("dinov2", "reads pictures, not texts", "memviz.Reader(model, image_processor).look(image)"),
        ("clip_vision_model", "reads pictures, not texts", "memviz.Reader(model, image_processor).look(image)"),
        ("siglip_vision_model", "reads pictures, not texts", "memviz.Reader(model, image_processor).look(image)"),
        (
            "clip",
            "one for texts and one for pictures",
            "memviz.Reader(model.vision_model, image_processor).look(image)",
        ),
    ],
)
def test_what_reads_no_texts_says_where_it_is_read(
    kind: str, what: str, where: str, with_tokenizer: bool, tmp_path: Path
) -> None:
    other_model(kind).save_pretrained(tmp_path)
    if with_tokenizer:
        tokenizer("end").save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModelError) as refused:
        memviz.load(str(tmp_path))
    assert what in str(refused.value)
    assert where in str(refused.value)
