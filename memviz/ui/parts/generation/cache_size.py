"""The cache that grows with the text: what it takes, and what it would take in another kind of attention."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures.charts.cache_lines import MEGABYTE, cache_kinds
from memviz.trace import Trace
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t

WINDOWS = (16, 32, 64, 128, 256, 512, 1024, 2048)


def show_cache(trace: Trace) -> None:
    """How much memory do the keys and values of this text take? Nothing where nothing was measured."""
    cache = trace.cache
    if cache is None:
        return
    st.header(t("How much memory does the past take?"), anchor=False)
    st.markdown(
        t(
            "To write the next token, the model keeps a key and a value of every token before it: the **KV cache**. "
            "Here it holds {tokens} tokens, **{bytes}**, measured: {each} for every token, which is "
            "2 × {layers} layers × {kv_heads} key-value heads × {head_dim} numbers × {number_bytes} bytes.",
            tokens=f"{cache.tokens:,}",
            bytes=_size(cache.bytes),
            each=_size(cache.bytes_per_token),
            layers=cache.layers,
            kv_heads=cache.kv_heads,
            head_dim=cache.head_dim,
            number_bytes=cache.number_bytes,
        )
    )
    picture, numbers = st.columns(2, gap="large")
    with numbers:
        window = st.select_slider(
            t("Window, in tokens"),
            WINDOWS,
            help=t("A cache that lets go of everything but the last so many tokens."),
            **state.url_bound("cache_window", WINDOWS, default=64),
        )
        st.table(cache_table(trace, window), border="horizontal", hide_index=True)
        st.caption(
            t(
                "MHA: every head has keys and values of its own. MQA: all heads of a layer share one. GQA: groups of "
                "heads share one. By arithmetic, for a model of this size; what it would write then is not said."
            )
        )
    with picture:
        show.figure(figures.cache_lines(trace, window=window, title="", caption="", translate=t), key="cache")


def cache_table(trace: Trace, window: int) -> pd.DataFrame:
    """Each kind of cache, and what it takes: of a token, of this text, of a full context."""
    cache = trace.cache
    assert cache is not None
    kinds = cache_kinds(trace, window=window, translate=t)
    columns = {
        t("kind"): [kind.name for kind in kinds],
        t("this text"): [_size(kind.bytes(cache, cache.tokens)) for kind in kinds],
    }
    if trace.model.context:
        full = t("{tokens} tokens", tokens=f"{trace.model.context:,}")
        columns[full] = [_size(kind.bytes(cache, trace.model.context)) for kind in kinds]
    return pd.DataFrame(columns)


def _size(count: int) -> str:
    """So many bytes, as they are read: 46.1 kB, 3.4 MB."""
    if count < MEGABYTE:
        return f"{count / 1e3:,.1f} kB"
    return f"{count / MEGABYTE:,.1f} MB"
