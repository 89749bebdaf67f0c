"""How does an ONNX export of DINOv2 become a folder of transformers? Its weights get their own names back.

The linear weights of such a file carry the exporter's names (``onnx::MatMul_1966``) and stand transposed: the step
that uses them says which they are. The positions of [CLS] and of the patches stand apart, and the mask token, which
only training needs, is absent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from memviz.models.onnx_file import read_graph
from memviz.progress import Progress, no_progress

_BACKBONE = "backbone."
_SIZE = 224  # pixels on each side that a picture is given: 16 × 16 patches
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, with which DINOv2 was trained


def convert(folder: Path, *, into: Path, progress: Progress = no_progress) -> None:
    """Write the backbone in the ``.onnx`` file of a ``folder`` as a transformers folder. Raises `ModelFileError`."""
    from safetensors.numpy import save_file

    progress(0.1, "Converting, once")
    weights = backbone(next(folder.glob("*.onnx")))
    progress(0.6, "Saving")
    into.mkdir(parents=True, exist_ok=True)
    save_file(weights, into / "model.safetensors", metadata={"format": "pt"})
    positions = weights["embeddings.position_embeddings"].shape[1] - 1
    patch = weights["embeddings.patch_embeddings.projection.weight"].shape[-1]
    hidden = weights["embeddings.cls_token"].shape[-1]
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
    config = {
        "architectures": ["Dinov2Model"],
        "model_type": "dinov2",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "mlp_ratio": weights["encoder.layer.0.mlp.fc1.bias"].shape[0] // hidden,
        "image_size": round(positions**0.5) * patch,
        "patch_size": patch,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-6,
        "layerscale_value": 1.0,
        "qkv_bias": True,
        "use_swiglu_ffn": False,
    }
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": DEVIATION,
        "resample": 3,  # bicubic
        "size": {"height": _SIZE, "width": _SIZE},
    }
    for name, settings in (("config.json", config), ("preprocessor_config.json", processor)):
        (into / name).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def backbone(file: Path) -> dict[str, Any]:
    """The weights of the backbone by the names that `Dinov2Model` knows them by."""
    graph = read_graph(file)
    weights = {
        name.removeprefix(_BACKBONE): values for name, values in graph.weights.items() if name.startswith(_BACKBONE)
    }
    for node in graph.nodes:
        path = node.name.strip("/").split("/")
        if node.operation == "MatMul" and node.inputs[1] in graph.weights and path[0] == _BACKBONE.strip("."):
            weights[".".join([*path[1:-1], "weight"])] = graph.weights[node.inputs[1]].T
    hidden = weights["embeddings.cls_token"].shape[-1]
    of_cls, of_patches = _positions(graph.weights, hidden)
    weights["embeddings.position_embeddings"] = np.concatenate([of_cls, of_patches], axis=1)
    weights["embeddings.mask_token"] = np.zeros((1, hidden), dtype=np.float32)
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in weights.items()}


def _positions(weights: dict[str, np.ndarray], hidden: int) -> list[np.ndarray]:
    """The positions [1, count, hidden] of [CLS] and of the patches: the weights of that shape without a name."""
    nameless = [
        values
        for name, values in weights.items()
        if not name.startswith(_BACKBONE) and values.ndim == 3 and values.shape[::2] == (1, hidden)
    ]
    return sorted(nameless, key=lambda values: values.shape[1])[:2]
