"""Patches are covered: how far the vector of the picture moves then, and how far when as many others are covered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, decimal
from memviz.figures.charts.cover_bars import PATCHES, Row
from memviz.progress import Progress
from memviz.ui.components import patches_view
from memviz.ui.components.picture import LABELS
from memviz.ui.parts.experiment.view import on_request, plain
from memviz.ui.parts.look.heads import LookView
from memviz.ui.shell import address, runs, show, state
from memviz.ui.shell.i18n import t

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import CoverPatches

COVERED = "patches"  # in the session and in the address: the numbers of the covered patches
COVERED_OF = "patches_of"  # the model and the picture that they belong to
STRONGEST = 16  # patches of the head that are covered by one button
COLUMNS = {"role": "what was covered", "patches": "which patches (row·column)", "effect": "1 − cosine"}
ROLES = {"nothing": "nothing", "covered": "the chosen patches", "control": "others instead"}
CAVEAT = "Patches next to the covered ones may show the same: a small effect does not mean unused."


@dataclass(frozen=True, eq=False)
class PatchesView:
    """What covering patches did, as the page shows it; see `memviz.ui.share.look`."""

    look: LookView
    result: CoverPatches

    def statement(self) -> str:
        return plain(cover_sentence(self.result))

    def unit(self) -> str:
        if self.look.prefix:
            return t("1 − cosine to the vector of the unchanged picture (its [CLS] after the last layer)")
        return t("1 − cosine to the vector of the unchanged picture (the mean of its patches after the last layer)")

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [cover_chart(self.result, unit=self.unit(), title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        effect = self.result.effect
        bars = (Bar(0.0, decimal(0.0, digits=3), "blue"), Bar(effect, decimal(effect, digits=3), "orange"))
        return [SheetRow(t("the vector"), bars, tuple(self.result.control_effects.tolist()))]

    def fields(self) -> dict[str, str]:
        return {"covered": f"patches {list(self.result.covered)}", "seed": str(self.result.seed)}

    def code(self) -> str:
        return f"""import memviz

reader = memviz.load({self.look.seen.trace.model.name!r})
result = memviz.experiments.cover_patches(reader, {self.look.seen.name!r}, {list(self.result.covered)})
print(result.effect, result.control, result.range, result.verdict)
table = result.table()
"""


def show_cover(view: LookView) -> PatchesView | None:
    """The picture to be covered, and what that did; ``None`` where nothing was asked for, or it failed."""
    st.header(t("What if it could not look there?"), anchor=False)
    st.markdown(
        t(
            "Click patches to cover them, or draw a rectangle with the mouse: no other patch, and no [CLS], can look "
            "at them then. How much does the vector of the picture change?"
        )
    )
    covered = _choose(view)
    count = view.picture.rows * view.picture.columns
    if not covered:
        st.info(t("No patch is covered yet."), icon=":material/touch_app:")
        return None
    if len(covered) == count:
        st.info(t("Every patch is covered: leave one or more."), icon=":material/touch_app:")
        return None
    subject = _subject(view)
    label = t("Cover {count} of {all} patches", count=len(covered), all=count)
    if not on_request("cover_patches", label, (subject, covered), cost=t("about 20 readings of the picture")):
        return None

    def run(reader: Reader, progress: Progress) -> CoverPatches:
        from memviz.experiments import cover_patches

        return cover_patches(reader, view.seen.content, covered, progress=progress)

    result = runs.experiment_on("cover_patches", subject[0], subject[1], covered, run)
    if result is None:
        return None
    finding = PatchesView(view, result)
    st.markdown(f"### {cover_sentence(result)}")
    show.figure(cover_chart(result, unit=finding.unit()), key="patches_chart")
    frame = result.table()
    frame["role"] = [t(ROLES[role]) for role in frame["role"]]
    frame["effect"] = [decimal(effect, digits=3) for effect in frame["effect"]]
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="All patches that were covered instead")
    show.caveat(CAVEAT)
    return finding


def _choose(view: LookView) -> tuple[int, ...]:
    """The covered patches, after what was clicked in this run."""
    covered = get_covered(view)
    row = st.container(horizontal=True, gap="small")
    name, most = view.name, strongest(view.weights)
    row.button(
        t("Cover the {count} strongest patches of {head}", count=len(most), head=name),
        key="cover_strongest",
        on_click=_take,
        args=(view, most),
    )
    row.button(t("Uncover all"), key="uncover", on_click=_take, args=(view, ()), disabled=not covered, type="tertiary")
    after = patches_view(
        view.seen.jpeg,
        rows=view.picture.rows,
        columns=view.picture.columns,
        covered=covered,
        labels={name: t(text) for name, text in LABELS.items()},
        key="patches_view",
    )
    if after != covered:
        put_covered(view, after)
    return after


def strongest(weights: np.ndarray) -> tuple[int, ...]:
    """The patches with the largest weights, by number; at most a quarter of the picture."""
    count = max(1, min(STRONGEST, weights.size // 4))
    return tuple(sorted(int(place) for place in np.argsort(-weights.ravel(), kind="stable")[:count]))


def _take(view: LookView, covered: Sequence[int]) -> None:
    put_covered(view, covered)


def _subject(view: LookView) -> tuple[str, str]:
    """(the model, the picture by its hash)"""
    return view.seen.trace.model.name, hashlib.sha256(view.seen.content).hexdigest()


def get_covered(view: LookView) -> tuple[int, ...]:
    """The patches of this picture that are covered, from the session or the address; none when it is another now."""
    address.bind(COVERED)
    subject = _subject(view)
    if st.session_state.setdefault(COVERED_OF, subject) != subject:
        put_covered(view, ())
    if COVERED not in st.session_state:
        numbers = (state.whole_number(part) for part in (address.get(COVERED) or "").split("."))
        st.session_state[COVERED] = tuple(sorted({number for number in numbers if number is not None}))
    count = view.picture.rows * view.picture.columns
    return tuple(number for number in st.session_state[COVERED] if number < count)


def put_covered(view: LookView, covered: Sequence[int]) -> None:
    """Remembers which patches of this picture are covered, and puts them into the address."""
    st.session_state[COVERED_OF] = _subject(view)
    st.session_state[COVERED] = tuple(covered)
    address.put(COVERED, ".".join(map(str, covered)))


def cover_sentence(result: CoverPatches) -> str:
    """What is said of the result: the effect, what covering others did, and whether it is more than that."""
    low, high = (decimal(value, digits=3) for value in result.range)
    values = {"count": len(result.covered), "effect": decimal(result.effect, digits=3), "runs": len(result.runs)}
    first = t(
        "Covering {count} of {all} patches changed the vector of the picture by **{effect}** (1 − cosine).",
        all=result.picture.rows * result.picture.columns,
        **values,
    )
    if result.verdict == "few":
        return f"{first} {t('There are too few other places to compare with.')}"
    others = (
        "The same shape at {runs} other places changed it by **{low}** to **{high}**."
        if result.moved
        else "As many patches elsewhere, drawn {runs} times, changed it by **{low}** to **{high}**."
    )
    verdict = (
        "That is more than any of them did."
        if result.verdict == "beyond"
        else "That is no more than others did: it says nothing of these patches in particular."
    )
    return f"{first} {t(others, low=low, high=high, **values)} {t(verdict)}"


def cover_chart(result: CoverPatches, *, unit: str, **options: Any) -> Any:
    """The bars of the effect and of the controls."""
    names = result.table()["patches"].tolist()[2:]
    return figures.cover_bars(
        [Row(t("the vector"), 0.0, result.effect)],
        kind="vector",
        unit=unit,
        controls=result.control_effects,
        control_names=names,
        wording=PATCHES,
        translate=t,
        **({"title": "", "caption": ""} | options),
    )
