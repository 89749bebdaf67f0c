"""What the model would say next: the likeliest tokens with their probabilities, on any page of a text."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from memviz.figures import percent
from memviz.figures.style import colours
from memviz.tokens import printable
from memviz.trace import Candidate, Trace
from memviz.ui.shell.i18n import t

QUESTION = "Which word would come next?"
COUNT = 5  # tokens that are shown: what follows them is seldom likely


def show_next_words(trace: Trace, *, count: int = COUNT) -> None:
    """Which word would come next? The likeliest tokens as bars; nothing where a model does not predict the next."""
    candidates = trace.next_tokens[:count]
    if not candidates:
        return
    st.subheader(t(QUESTION), anchor=False)
    st.html(_bars(candidates))
    st.caption(
        t(
            "What the model finds likeliest after the last token it read: {count} tokens with their probabilities. "
            "A token may be only a part of a word.",
            count=len(candidates),
        )
    )


def numbers(trace: Trace, *, count: int = COUNT) -> dict[str, pd.DataFrame]:
    """The same as a table under its question, for a file; none where a model does not predict the next token."""
    candidates = trace.next_tokens[:count]
    if not candidates:
        return {}
    shares = [percent(candidate.probability) for candidate in candidates]
    return {t(QUESTION): pd.DataFrame({t("token"): labels(candidates), t("probability"): shares})}


def labels(candidates: Sequence[Candidate]) -> list[str]:
    """How is each token written? Without the space before it, except where two would look alike."""
    plain = [printable(candidate.text.strip() or candidate.text or " ") for candidate in candidates]
    times = Counter(plain)
    exact = [printable(candidate.text.replace(" ", "␣") or " ") for candidate in candidates]
    return [whole if times[text] > 1 else text for text, whole in zip(plain, exact, strict=True)]


def _bars(candidates: Sequence[Candidate]) -> str:
    """A list, likeliest first: the token, a bar as long as its probability, the number. Tokens are never trusted."""
    blue = colours.css("blue")
    rows = [
        f"<li><bdi>{html.escape(label)}</bdi>"
        f'<span aria-hidden="true"><i style="width: {candidate.probability:.2%}; background: {blue}"></i></span>'
        f"<b>{percent(candidate.probability)}</b></li>"
        for label, candidate in zip(labels(candidates), candidates, strict=True)
    ]
    return f'<ol class="memviz-next">{"".join(rows)}</ol>'
