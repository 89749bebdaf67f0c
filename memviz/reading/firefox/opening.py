"""How do the files of a Firefox model become an engine and a writer?"""

from __future__ import annotations

import torch

from memviz.errors import ModelFileError
from memviz.models import ModelFiles, marian_file
from memviz.reading.firefox.engine import FirefoxEngine
from memviz.reading.firefox.tokenizer import FirefoxTokenizer
from memviz.reading.firefox.weights import build
from memviz.reading.firefox.writer import FirefoxWriter
from memviz.trace import ModelInfo


def open_firefox(
    located: ModelFiles, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[FirefoxEngine, FirefoxWriter]:
    """The engine and the writer of a Firefox model; ``located`` says where its files are.

    Raises ``ModelFileError`` for files that are missing, broken or do not belong together, ``UnsupportedModelError``
    for another kind of Marian model.
    """
    files = marian_file.find(located.path, name=located.name)
    file = marian_file.read(files.model, name=located.name)
    model = build(file).to(device=device, dtype=dtype)
    source = FirefoxTokenizer(files.source, name=located.name)
    target = source if files.target == files.source else FirefoxTokenizer(files.target, name=located.name)
    for tokenizer, size in ((source, model.config.vocab_size), (target, model.config.target_vocab_size)):
        if len(tokenizer) > size:
            raise ModelFileError(
                "The vocabulary of {name} has {found:,} tokens, but the model knows {expected:,}.",
                todo="Put the vocabulary of this very model into its folder.",
                name=located.name,
                found=len(tokenizer),
                expected=size,
            )
    info = ModelInfo(
        name=located.name,
        revision=located.revision,
        quantisation=located.quantisation or ("8-bit weights, computed in float32" if file.quantised else ""),
        licence=located.licence,
    )
    engine = FirefoxEngine(model, source, info=info)
    return engine, FirefoxWriter(engine, target_tokenizer=target, languages=files.languages)
