"""The likeliest next words of a model that predicts, in the files of a page that shows them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from memviz import tables
from memviz.figures import provenance
from memviz.trace import Trace


def next_words_table(trace: Trace) -> pd.DataFrame:
    """All that the trace holds, likeliest first, and in columns beside it which model says so."""
    fields = provenance(trace)
    made = {name: fields.get(name, "") for name in ("model", "revision", "MemViz")}
    return tables.next_tokens_table(trace).assign(**made)


def next_words_arrays(trace: Trace) -> dict[str, Any]:
    """The same as arrays; none where the model does not predict."""
    frame = tables.next_tokens_table(trace)
    if frame.empty:
        return {}
    return {
        "next_tokens": frame["text"].to_numpy(str),
        "next_ids": frame["id"].to_numpy(),
        "next_probabilities": frame["probability"].to_numpy(),
    }


def next_words_code(trace: Trace) -> str:
    """The lines that print them; none where the model does not predict."""
    if not trace.next_tokens:
        return ""
    return "\nprint(memviz.tables.next_tokens_table(trace))  # what would come next, likeliest first\n"
