"""A text that was continued, as a table: what was written at each step, how sure the model was, what else it could."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memviz.errors import TraceError
from memviz.trace import Trace


def written_table(trace: Trace) -> pd.DataFrame:
    """What was written, how likely was each token, and what could have been written instead?

    A row for each token that was written. Columns: ``position`` (in the text, from 0), ``token``, ``id``, ``logprob``
    (ln p; natural logarithm, at most 0), ``probability`` (0..1), ``rank`` (1 for the likeliest), ``entropy`` (nats),
    ``chosen_by`` (model, or person for the tokens of a prefix); and for each alternative, likeliest first,
    ``alternative_1`` and ``alternative_1_probability`` and so on. Raises `TraceError` where nothing was written.
    """
    generation = trace.generation
    if generation is None:
        raise TraceError("{model} wrote nothing here.", todo="Let it write: memviz.generate.", model=trace.model.name)
    tokens, logprobs = trace.tokens[trace.written], trace.logprobs[trace.written]
    columns = {
        "position": np.arange(trace.written.start, trace.written.stop),
        "token": [token.text for token in tokens],
        "id": [token.id for token in tokens],
        "logprob": logprobs,
        "probability": np.exp(logprobs),
        "rank": generation.ranks,
        "entropy": generation.entropies,
        "chosen_by": ["person" if number < generation.prefix else "model" for number in range(len(tokens))],
    }
    others = [
        [other for other in step if other.id != token.id] for step, token in zip(trace.steps, tokens, strict=True)
    ]
    for place in range(max(map(len, others), default=0)):
        candidates = [step[place] if place < len(step) else None for step in others]
        columns[f"alternative_{place + 1}"] = [candidate.text if candidate else None for candidate in candidates]
        columns[f"alternative_{place + 1}_probability"] = np.array(
            [candidate.probability if candidate else np.nan for candidate in candidates], dtype=np.float32
        )
    return pd.DataFrame(columns)
