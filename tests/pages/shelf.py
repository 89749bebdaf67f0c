"""A folder of local models: one that opens, and several that must not."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

from tests.models.tiny_models import small_config, word_tokenizer


class Bomb:
    """A pickle that would leave a file behind when it is opened."""

    def __reduce__(self):
        return (open, ("bomb-went-off", "w"))


def stocked(shelf: Path) -> Path:
    """The folder, filled: good, pickle, remote, corrupt, cut and bare."""
    import torch
    import transformers

    torch.manual_seed(0)
    for name in ("good", "pickle", "remote", "corrupt", "cut", "bare"):
        transformers.BertForMaskedLM(small_config("bert")).save_pretrained(shelf / name)
        if name != "bare":
            word_tokenizer().save_pretrained(shelf / name)
    (shelf / "pickle" / "model.safetensors").unlink()
    (shelf / "pickle" / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    config = json.loads((shelf / "remote" / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.MineConfig", "AutoModel": "mine.Mine"}}
    (shelf / "remote" / "config.json").write_text(json.dumps(config))
    (shelf / "remote" / "mine.py").write_text("open('remote-code-ran', 'w')")
    whole = (shelf / "corrupt" / "model.safetensors").read_bytes()
    (shelf / "corrupt" / "model.safetensors").write_bytes(b"\xff" * 64 + whole[64:])
    (shelf / "cut" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    return shelf
