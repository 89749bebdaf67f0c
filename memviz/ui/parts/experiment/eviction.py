"""A cache that holds only so many keys: which words are in it still, at every step, and what that costs."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, decimal, percent
from memviz.figures.style import colours
from memviz.memory.edges import NEVER
from memviz.progress import Progress
from memviz.tokens import Word, printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import caveat_of, on_request
from memviz.ui.shell import runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import CacheCurve

RULES = {
    "none": "all keys stay",
    "window": "the latest keys alone (window)",
    "sinks 1": "the first token and the latest keys",
    "sinks 4": "the first 4 tokens and the latest keys (StreamingLLM)",
    "heavy hitters": "the keys that collected most attention, and the latest (H2O)",
}
SIZES = (8, 16, 32, 64, 128, 256, 512)
SIZE = 32  # keys, to begin with
CURVE_SIZES = (16, 64, 256)  # keys, in the curve
FIRST_WORDS, NEAR_WORDS, LATER_WORDS = 30, 300, 40  # of a long text that are shown around the step
COLUMNS = {
    "token": "token",
    "position": "position",
    "first": "gone for the first time at",
    "last": "gone everywhere at",
    "alive": "share of caches that hold it",
}


@dataclass(frozen=True)
class CacheView:
    """A text that was read under a rule, and, where it was asked for, the curve of perplexities; see `ForgetView`.

    trace   the reading with the whole past
    under   the reading under the rule, which keeps so many keys (``size``)
    """

    trace: Trace
    under: Trace
    rule: str
    size: int
    curve: CacheCurve | None = None

    @property
    def experiment(self) -> str:
        return "perplexity_by_cache"

    @property
    def words(self) -> Sequence[Word]:
        return self.trace.words

    @property
    def covered(self) -> tuple[int, ...]:
        """The words that are gone at the end of the text."""
        shares = alive_shares(self.under, len(self.under.tokens) - 1)
        return tuple(number for number, word in enumerate(self.words) if not shares[list(word.tokens)].any())

    def texts(self) -> dict[str, str]:
        return {}

    def statement(self) -> str:
        return self._cost() if self.curve is None else curve_sentence(self.curve)

    def _cost(self) -> str:
        return cost_sentence(self.trace, self.under, self.rule, self.size)

    def unit(self) -> str:
        return t("perplexity: exp(−mean log p) of the tokens of the text")

    def table(self) -> pd.DataFrame:
        return keys_table(self.under, len(self.under.tokens) - 1) if self.curve is None else self.curve.table()

    def charts(self) -> list[Any]:
        return [] if self.curve is None else [curve_chart(self.curve, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        if self.curve is None:
            both = ((t(RULES["none"]), self.trace, "blue"), (t(RULES[self.rule]), self.under, "orange"))
            return [_row(name, perplexity(trace), colour) for name, trace, colour in both]
        rows = [_row(t(RULES["none"]), self.curve.full, "blue")]
        for policy, values in zip(self.curve.policies, self.curve.perplexity.tolist(), strict=True):
            rows += [
                _row(f"{size} · {t(RULES[policy])}", value, "orange")
                for size, value in zip(self.curve.sizes, values, strict=True)
                if not np.isnan(value)
            ]
        return rows

    def code(self) -> str:
        from memviz.experiments.cache import eviction_of

        rule = eviction_of(self.rule, self.size)
        lines = f"trace = reader.read(text, eviction=memviz.{rule!r})\n"
        lines += "memory = trace.memory()\nprint(memory.expiry)  # from which query on a key is gone\n"
        if self.curve is None:
            expired = '"gone": memory.expiry.min(axis=(0, 1))'
            texts = '"token": [token.text for token in trace.tokens]'
            return f"{lines}import pandas\n\ntable = pandas.DataFrame({{{texts}, {expired}}})\n"
        return lines + (
            f"result = memviz.experiments.perplexity_by_cache(reader, text, sizes={list(self.curve.sizes)})\n"
            "table = result.table()\nprint(table)\n"
        )

    def fields(self) -> dict[str, str]:
        return {"cache": f"{self.rule}, {self.size} keys"}


def show_cache(trace: Trace) -> CacheView | None:
    """A rule, the text with what is in the cache at each step, and the curve; ``None`` while no rule is chosen."""
    if trace.memory().kind != "self" or not trace.memory().causal:
        st.info(
            t(
                "{model} does not continue texts: it has no cache that grows while it writes. Choose a language model "
                "such as SmolLM2.",
                model=literal(trace.model.name),
            )
        )
        return None
    rule, size = _choose_rule()
    if rule == "none":
        st.info(t("Choose a rule above: now all keys stay, as in the model itself."), icon=":material/touch_app:")
        return None
    under = run_eviction(trace, rule, size)
    if under is None:
        return None
    st.markdown(f"## {cost_sentence(trace, under, rule, size)}")
    step = _choose_step(under)
    if step is not None:
        st.html(cache_html(under, step))
        st.caption(_legend(under, step))
        show.table(_localised(keys_table(under, step)), label="Every key as a table")
    return CacheView(trace, under, rule, size, _show_curve(trace))


def _choose_rule() -> tuple[str, int]:
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="large")
    rule = left.selectbox(
        t("Which keys stay?"),
        list(RULES),
        format_func=lambda name: t(RULES[name]),
        **state.url_bound("rule", RULES, default="window"),
    )
    size = right.select_slider(
        t("Keys that the cache holds"), SIZES, disabled=rule == "none", **state.url_bound("room", SIZES, default=SIZE)
    )
    return rule, int(size)


def _choose_step(under: Trace) -> int | None:
    """At which token is the cache looked at? ``None`` for a text of one token."""
    last = len(under.tokens) - 1
    if last < 1:
        return None
    return int(
        st.slider(
            t("Step: the token that looks, counted from 0"),
            0,
            last,
            **state.url_bound("at", range(last + 1), default=last),
        )
    )


def run_eviction(trace: Trace, rule: str, size: int) -> Trace | None:
    """The reading of the text under a rule; ``None``, with a message, where it cannot be."""

    def run(reader: Reader, progress: Progress) -> Trace:
        from memviz.experiments.cache import eviction_of

        return reader.read(trace.text, eviction=eviction_of(rule, size), progress=progress)

    return runs.experiment("eviction", trace, (rule, size), run)


def perplexity(trace: Trace) -> float:
    """exp(−mean log p) of all tokens but the first; NaN for a model that predicts none."""
    logprobs = trace.logprobs[1:]
    return float(np.exp(-np.mean(logprobs, dtype=np.float64))) if len(logprobs) else float("nan")


def cost_sentence(trace: Trace, under: Trace, rule: str, size: int) -> str:
    """What the rule costs on this text, in one sentence."""
    if size >= len(under.tokens):
        return t(
            "This text has {tokens} tokens, and the cache holds {size}: nothing is let go. Too short to say.",
            tokens=len(under.tokens),
            size=size,
        )
    before, after = perplexity(trace), perplexity(under)
    if np.isnan(before) or np.isnan(after):
        return t("This model predicts no next token, so that there is no perplexity to compare.")
    return t(
        "With {size} keys in the cache, {rule}, the perplexity of this text goes from **{before}** to **{after}**.",
        size=size,
        rule=t(RULES[rule]),
        before=decimal(before),
        after=decimal(after),
    )


def alive_shares(under: Trace, step: int) -> np.ndarray:
    """The share of layers and key-value heads whose cache holds each key when a token looks: float64 [key]."""
    return np.asarray(under.memory().alive(step).mean(axis=(0, 1)))


def keys_table(under: Trace, step: int) -> pd.DataFrame:
    """One row a key: token, position, where it is gone first and everywhere (empty: never), and what holds it now."""
    expiry = under.memory().expiry
    assert expiry is not None
    low, high = expiry.min(axis=(0, 1)), expiry.max(axis=(0, 1))
    count = len(under.tokens)

    def known(values: np.ndarray) -> np.ndarray:
        return np.where((values == NEVER) | (values >= count), np.nan, values)

    return pd.DataFrame(
        {
            "token": [token.text for token in under.tokens],
            "position": range(count),
            "first": known(low),
            "last": known(high),
            "alive": alive_shares(under, step),
        }
    )


def _localised(frame: pd.DataFrame) -> pd.DataFrame:
    shown = frame.assign(alive=[percent(share) for share in frame["alive"]])
    for name in ("first", "last"):
        shown[name] = ["–" if np.isnan(value) else str(int(value)) for value in frame[name]]
    shown.columns = [t(COLUMNS[name]) for name in shown.columns]
    return shown


def cache_html(under: Trace, step: int) -> str:
    """The text at a step: what the cache holds is tinted, what is gone is struck through. Texts are never trusted."""
    shares, words = alive_shares(under, step), under.words
    now = next((number for number, word in enumerate(words) if step in word.tokens), len(words) - 1)
    blue = colours.css("blue")
    parts = []
    for number in _shown_words(now, len(words)):
        if number is None:
            parts.append("<i>…</i>")
            continue
        word = words[number]
        past = [token for token in word.tokens if token <= step]
        share = float(shares[past].mean()) if past else 0.0
        kind = "now" if number == now else "later" if not past else "gone" if share == 0 else "kept"
        tint = f"background: color-mix(in srgb, {blue} {round(12 + 38 * share)}%, transparent)"
        style = f' style="{tint}"' if kind in ("kept", "now") and share else ""
        space = "<br>" * int(word.newline) + (" " if word.space or word.newline else "")
        parts.append(f'{space}<bdi class="{kind}"{style}>{html.escape(printable(word.text))}</bdi>')
    return f'<p class="memviz-cache" data-step="{step}">{"".join(parts)}</p>'


def _shown_words(now: int, count: int) -> list[int | None]:
    """The words that are shown around the one that looks; ``None`` where some are left out."""
    begin, end = max(0, now - NEAR_WORDS), min(count, now + LATER_WORDS)
    first = list(range(min(begin, FIRST_WORDS)))
    shown: list[int | None] = [*first, *([None] if begin > len(first) else []), *range(begin, end)]
    return shown if end == count else [*shown, None]


def _legend(under: Trace, step: int) -> str:
    shares = alive_shares(under, step)[: step + 1]
    line = t(
        "When token {step} looks, the cache holds **{held}** of {all} keys. Tinted: held; struck through: gone; pale: "
        "not read yet.",
        step=step,
        held=decimal(float(shares.sum()), digits=0),
        all=step + 1,
    )
    if (under.memory().expiry is not None) and len(np.ravel(under.memory().expiry[..., :1])) > 1:  # type: ignore[index]
        line += " " + t(
            "Each layer and key-value head decides by itself: the stronger the tint, the more of them hold it."
        )
    return line


def _show_curve(trace: Trace) -> CacheCurve | None:
    """The perplexity by rule and size; ``None`` where nobody asked for it, or it cannot be."""
    st.subheader(t("What does each rule cost?"), anchor=False)
    settings = (trace.model.name, trace.text)
    cost = t("The text is read once for every rule and size: about a dozen readings.")
    if not on_request("curve", t("Compare the rules"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> CacheCurve:
        from memviz.experiments import perplexity_by_cache

        return perplexity_by_cache(reader, trace.text, sizes=CURVE_SIZES, progress=progress)

    curve = runs.experiment("perplexity_by_cache", trace, None, run)
    if curve is not None:
        st.markdown(curve_sentence(curve))
        show.figure(curve_chart(curve), key="curve_chart")
        show.caveat(caveat_of("perplexity_by_cache"))
    return curve


def curve_sentence(curve: CacheCurve) -> str:
    """The perplexities at one size, the largest that is at most an eighth of the text, beside the whole past."""
    fitting = [place for place, size in enumerate(curve.sizes) if size <= max(curve.tokens / 8, curve.sizes[0])]
    column = fitting[-1]
    values = [
        f"{t(RULES[policy])}: **{decimal(float(line[column]))}**"
        for policy, line in zip(curve.policies, curve.perplexity, strict=True)
        if not np.isnan(line[column])
    ]
    return t(
        "With {size} keys in the cache the perplexity is, by rule, {values}; with the whole past **{full}**. One text "
        "of {tokens} tokens: another may differ.",
        size=curve.sizes[column],
        values="; ".join(values),
        full=decimal(curve.full),
        tokens=curve.tokens,
    )


def curve_chart(curve: CacheCurve, **options: Any) -> Any:
    """The lines of perplexities."""
    return figures.perplexity_lines(
        curve,
        [t(RULES[policy]) for policy in curve.policies],
        **({"title": "", "caption": ""} | options),
        translate=t,
    )


def _row(name: str, value: float, colour: Any) -> SheetRow:
    return SheetRow(name, () if np.isnan(value) else (Bar(value, decimal(value), colour),))
