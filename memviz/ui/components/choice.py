"""Who chose last, the person in the browser or the page in Python?

The browser reports what was clicked; the page may name another choice (from the address bar,
from a select box). The newest wins. The browser is told only of a choice it does not know:
``turn`` then grows. So an echo of a click changes nothing, and nothing large is sent again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import streamlit as st

Value = TypeVar("Value")


@dataclass(frozen=True)
class Report(Generic[Value]):
    """What the browser reported. ``click`` tells the same choice made twice from one made once."""

    value: Value
    click: int = 0


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """What is chosen now, and what both sides said last.

    subject      the thing chosen from
    page_value   what the page said last
    report       what the browser said last
    value        what is chosen now
    sent_value   what the browser was told last, in this ``turn``
    """

    subject: Hashable
    page_value: Value
    report: Report[Value] | None
    value: Value
    sent_value: Value
    turn: int = 0

    def follow_page(self, page_value: Value) -> Choice[Value]:
        """The choice after the page had its way; the browser will follow."""
        return replace(self, page_value=page_value, value=page_value, sent_value=page_value, turn=self.turn + 1)


def settle(
    before: Choice[Value] | None, *, subject: Hashable, page_value: Value, report: Report[Value] | None
) -> Choice[Value]:
    """What is chosen now?

    ``subject`` names the thing chosen from: when it changes (another text, another model), an old
    click means nothing and the page's choice holds. ``report`` is ``None`` before the first
    click and after the component was away.
    """
    if before is None:
        value = page_value if report is None else report.value
        return Choice(subject, page_value, report, value, value)
    after = replace(before, subject=subject, page_value=page_value, report=report)
    if subject != before.subject or (report is None and before.report is not None):
        return after.follow_page(page_value)
    if report is not None and report != before.report:
        return replace(after, page_value=report.value, value=report.value)  # the page will say it too, from now on
    if page_value not in (before.page_value, before.value):
        return after.follow_page(page_value)
    return after


def choose(key: str, *, subject: Hashable, page_value: Value, report: Report[Value] | None) -> Choice[Value]:
    """What is chosen now in the component with this key? Remembered for the next run."""
    slot = f"{key}:choice"
    choice = settle(st.session_state.get(slot), subject=subject, page_value=page_value, report=report)
    st.session_state[slot] = choice
    return choice
