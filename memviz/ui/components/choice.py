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
class Picked(Generic[Value]):
    """What the browser reported. ``click`` tells the same choice made twice from one made once."""

    value: Value
    click: int = 0


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """What is chosen now, and what both sides said last."""

    about: Hashable
    given: Value
    picked: Picked[Value] | None
    answer: Value
    sent: Value
    turn: int = 0

    def told(self, given: Value) -> Choice[Value]:
        """The choice after the page had its way; the browser will follow."""
        return replace(self, given=given, answer=given, sent=given, turn=self.turn + 1)


def settle(
    before: Choice[Value] | None, *, about: Hashable, given: Value, picked: Picked[Value] | None
) -> Choice[Value]:
    """What is chosen now?

    ``about`` names the thing chosen from: when it changes (another text, another model), an old
    click means nothing and the page's choice holds. ``picked`` is ``None`` before the first
    click and after the component was away.
    """
    if before is None:
        answer = given if picked is None else picked.value
        return Choice(about, given, picked, answer, answer)
    after = replace(before, about=about, given=given, picked=picked)
    if about != before.about or (picked is None and before.picked is not None):
        return after.told(given)
    if picked is not None and picked != before.picked:
        return replace(after, given=picked.value, answer=picked.value)  # the page will say it too, from now on
    if given not in (before.given, before.answer):
        return after.told(given)
    return after


def chosen(key: str, *, about: Hashable, given: Value, picked: Picked[Value] | None) -> Choice[Value]:
    """What is chosen now in the component with this key? Remembered for the next run."""
    slot = f"{key}:choice"
    choice = settle(st.session_state.get(slot), about=about, given=given, picked=picked)
    st.session_state[slot] = choice
    return choice
