"""Tiny Firefox models, made here: random weights in Marian's binary format, and a sentencepiece vocabulary."""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path

import numpy as np

CONFIG = """\
dec-cell: ssru
dec-depth: 2
dim-vocabs:
  - 32000
  - 32000
enc-depth: 2
tied-embeddings-all: true
transformer-decoder-autoreg: rnn
transformer-ffn-activation: relu
transformer-heads: 4
transformer-postprocess: dan
transformer-preprocess: ""
type: transformer
version: v1.9.56
"""
WIDTH, INNER, HEADS, LAYERS, PIECES = 16, 24, 4, 2, 50
FLOAT32, INT8, INTGEMM8 = 0x0404, 0x0101, 0x4101
CORPUS = [
    "the cat sat on the mat because it was tired .", "a dog and a bird live in the old house .",
    "o gato preto bebe leite frio .", "minha irmã vive em uma pequena casa branca .", "she gave him a red book .",
]  # fmt: skip


def weights(vocabulary: int, *, seed: int = 230) -> dict[str, np.ndarray]:
    """Random weights of a whole network by Marian's names: matrices are [in, out], the embeddings [token, width].

    Drawn so that attention is far from uniform and gates are open and closed; with the seed given, the model writes
    several different tokens, comes to an end, and writes something else when source words are covered.
    """
    rng = np.random.default_rng(seed)

    def matrix(*shape: int, scale: float = 1.2) -> np.ndarray:
        return rng.normal(0, scale / np.sqrt(shape[0]), shape).astype(np.float32)

    def vector(size: int, *, around: float = 0.0, scale: float = 0.3) -> np.ndarray:
        return (around + rng.normal(0, scale, (1, size))).astype(np.float32)

    items = {"decoder_ff_logit_out_b": vector(vocabulary, scale=0.1)}
    items["decoder_ff_logit_out_b"][0, 0] += 4.0  # towards an end
    for side, block in (("encoder", "self"), ("decoder", "context")):
        more = 1.0 if side == "encoder" else 2.0
        for layer in range(1, LAYERS + 1):
            name = f"{side}_l{layer}"
            for letter in "qkvo":
                scale = 2.5 * (more if letter == "o" else 1.0)
                items[f"{name}_{block}_W{letter}"] = matrix(WIDTH, WIDTH, scale=scale)
                items[f"{name}_{block}_b{letter}"] = vector(WIDTH)
            items |= {f"{name}_ffn_W1": matrix(WIDTH, INNER), f"{name}_ffn_b1": vector(INNER)}
            items |= {f"{name}_ffn_W2": matrix(INNER, WIDTH, scale=3 * more), f"{name}_ffn_b2": vector(WIDTH)}
            norms = [f"{block}_Wo", "ffn_ffn"]
            if side == "decoder":
                items |= {f"{name}_rnn_W": matrix(WIDTH, WIDTH, scale=2.4), f"{name}_rnn_bf": vector(WIDTH)}
                items[f"{name}_rnn_Wf"] = matrix(WIDTH, WIDTH, scale=3.0)
                norms.append("rnn_ffn")
            for norm in norms:
                items[f"{name}_{norm}_ln_scale"] = vector(WIDTH, around=1.0)
                items[f"{name}_{norm}_ln_bias"] = vector(WIDTH)
    return {"Wemb": rng.normal(0, 0.5, (vocabulary, WIDTH)).astype(np.float32), **items}


def marian_bytes(items: dict[str, np.ndarray], *, config: str | None = CONFIG, quantised: bool = True) -> bytes:
    """A Marian file of these items; ``quantised`` writes matrices as 8-bit numbers, transposed, and embeddings not."""
    blobs: list[tuple[str, int, tuple[int, ...], bytes]] = []
    for name, array in items.items():
        if quantised and name.rsplit("_", 1)[-1].startswith("W"):
            turned = array if name.endswith("Wemb") else array.T
            numbers, multiplier = quantise(turned)
            blobs.append((name, INTGEMM8, array.shape, numbers.tobytes() + struct.pack("<f", multiplier)))
        else:
            blobs.append((name, FLOAT32, array.shape, np.ascontiguousarray(array, "<f4").tobytes()))
    if config is not None:
        text = config.encode() + b"\0"
        blobs.append(("special:model.yml", INT8, (len(text),), text))
    return packed(blobs)


def quantise(array: np.ndarray) -> tuple[np.ndarray, float]:
    """(int8 numbers, what they were multiplied by)."""
    multiplier = float(np.float32(127 / np.abs(array).max()))
    return np.round(array * multiplier).astype(np.int8), multiplier


def rounded(array: np.ndarray) -> np.ndarray:
    """The array as it is after being quantised and read again."""
    numbers, multiplier = quantise(array)
    return numbers.astype(np.float32) * np.float32(1 / np.float32(multiplier))


def packed(blobs: list[tuple[str, int, tuple[int, ...], bytes]], *, version: int = 1) -> bytes:
    """A Marian file of (name, type, shape, bytes), each blob padded to 256 bytes but the last."""
    padded = [blob + b"\0" * (-len(blob) % 256) for *_, blob in blobs[:-1]] + [blob for *_, blob in blobs[-1:]]
    out = io.BytesIO()
    out.write(struct.pack("<QQ", version, len(blobs)))
    for (name, kind, shape, _), blob in zip(blobs, padded, strict=True):
        out.write(struct.pack("<QQQQ", len(name.encode()) + 1, kind, len(shape), len(blob)))
    for name, *_ in blobs:
        out.write(name.encode() + b"\0")
    for _, _, shape, _ in blobs:
        out.write(struct.pack(f"<{len(shape)}i", *shape))
    padding = -(out.tell() + 8) % 256
    out.write(struct.pack("<Q", padding) + b"\0" * padding)
    out.writelines(padded)
    return out.getvalue()


@cache
def vocabulary(size: int = PIECES, *, reverse: bool = False) -> bytes:
    """A sentencepiece vocabulary of so many pieces, </s> first as in Marian; ``reverse`` gives other ids."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line[::-1] if reverse else line for line in CORPUS * 3]),
        model_writer=model,
        vocab_size=size,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def firefox_folder(path: Path, *, quantised: bool = True, seed: int = 230, pair: str = "enpt") -> Path:
    """A whole model in a folder, with one vocabulary for both languages."""
    path.mkdir(parents=True, exist_ok=True)
    (path / f"model.{pair}.intgemm.alphas.bin").write_bytes(
        marian_bytes(weights(PIECES, seed=seed), quantised=quantised)
    )
    (path / f"vocab.{pair}.spm").write_bytes(vocabulary())
    return path
