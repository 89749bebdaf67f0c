"""How little was each written word expected?"""

from __future__ import annotations

import numpy as np

from memviz.trace import Trace


def word_surprise(trace: Trace) -> np.ndarray:
    """How surprising was each word that the model wrote?

    float64 [word], nats, 0 and more: −ln p of its tokens, summed, as the model rated them before anything was drawn
    (surprisal; Shannon 1948). NaN for the words of the prompt, and for all words of a ``trace`` where nothing was
    written.
    """
    first = trace.written.start if trace.generation is not None else len(trace.tokens)
    positions = [[token for token in word.tokens if token >= first] for word in trace.words]
    return np.array([-float(trace.logprobs[tokens].sum()) if tokens else np.nan for tokens in positions])
