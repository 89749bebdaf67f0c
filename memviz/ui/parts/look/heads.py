"""Every head as a small picture, and one of them in full over the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz import measures
from memviz.figures import decimal, head_name, percent
from memviz.memory import Memory
from memviz.sources import Picture
from memviz.ui.components import heads_grid, picture_view
from memviz.ui.components.grid import LABELS
from memviz.ui.components.picture import LABELS as PICTURE_LABELS
from memviz.ui.parts.look.subject import Seen
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t, times
from memviz.ui.shell.markdown import literal

DIRECTIONS = {"looks": "what it looks at", "seen": "who looks at it"}
VALUES = {
    "weight": "raw weights",
    "value norm": "value norm",
    "rollout": "attention rollout, over all layers",
}
BY_VALUES = "look_values"  # in the session and in the address
TELLING = {
    ("weight", "looks"): "**{head}**: {token} looks most at {most}; {rest} of its attention rests on tokens without a "
    "place.",
    ("weight", "seen"): "**{head}**: {token} is looked at most by {most}.",
    ("value norm", "looks"): "**{head}**: into {token} most is written from {most} (value norm: the length of the "
    "vector that is written, ‖a·v·W_O‖).",
    ("value norm", "seen"): "**{head}**: {token} writes most into {most} (value norm: the length of the vector that is "
    "written, ‖a·v·W_O‖).",
    ("rollout", "looks"): "**Attention rollout**, over all layers and heads: at the end {token} holds most of {most}; "
    "{rest} is of tokens without a place.",
    ("rollout", "seen"): "**Attention rollout**, over all layers and heads: most of {token} is at the end in {most}.",
}
SCORES = ("entropy", "sink_share")
PATCH = "patch"


@dataclass(frozen=True, eq=False)
class LookView:
    """What the page shows.

    seen              the picture and its reading
    layer, head       the head in full
    patch             the patch that was chosen, row by row; −1 for [CLS]
    direction         "looks": what it looks at; "seen": who looks at it
    weights           float [row, column] of the picture
    values            what they are: "weight", "value norm", or the "rollout" over all layers, which is of no head
    """

    seen: Seen
    layer: int
    head: int
    patch: int
    direction: str
    weights: np.ndarray
    values: str = "weight"

    @property
    def name(self) -> str:
        """What is shown over the picture: the head, or the rollout over all of them."""
        return t("Attention rollout") if self.values == "rollout" else head_name(self.layer, self.head)

    @property
    def picture(self) -> Picture:
        source = self.seen.trace.source
        assert isinstance(source, Picture)
        return source

    @property
    def prefix(self) -> int:
        """How many tokens without a place stand before the patches?"""
        return len(self.picture.units) - self.picture.rows * self.picture.columns

    @property
    def token(self) -> int:
        """The chosen token's number."""
        return 0 if self.patch < 0 else self.prefix + self.patch


def show_heads(seen: Seen) -> LookView:
    """All heads, and one over the picture; a click on either chooses for the whole page."""
    memory = seen.trace.memory()
    picture = seen.trace.source
    assert isinstance(picture, Picture)
    count = picture.rows * picture.columns
    patch = _chosen_patch(count)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    choice = row.segmented_control(
        t("Show"),
        list(DIRECTIONS),
        format_func=lambda name: t(DIRECTIONS[name]),
        required=True,
        **state.url_bound("direction", DIRECTIONS),
    )
    direction = choice or next(iter(DIRECTIONS))
    values = _choose_values(memory, row)
    first = len(picture.units) - count
    token = 0 if patch < 0 else first + patch
    shape = (picture.rows, picture.columns)
    maps = _maps(memory, token, direction, first, values).reshape(memory.layers, memory.heads, *shape)
    overview, detail = st.columns([1, 1], gap="large")
    with overview:
        layer, head = _show_grid(memory, maps)
    with detail:
        weights = maps[layer, head]
        rows = memory.pattern(layer, head)
        if values == "rollout":
            rows = measures.rollout(memory)
            weights = (rows[token] if direction == "looks" else rows[:, token])[first:].reshape(shape)
        view = LookView(seen, layer, head, patch, direction, weights, values)
        _show_picture(view)
    _tell(view, float(rows[token, :first].sum()))
    return view


def _chosen_patch(count: int) -> int:
    """The number of the chosen patch, from the session or the address; −1 for [CLS]."""
    number = state.whole_number(state.get(PATCH))
    return number if number is not None and number < count else -1


def _choose_values(memory: Memory, place: DeltaGenerator) -> str:
    """Weights, or what else can be shown of this memory?"""
    known = memory.summary.value_norm.shape[-1] > 0
    names = [name for name in VALUES if known or name != "value norm"]
    return place.selectbox(
        t("Values"), names, format_func=lambda name: t(VALUES[name]), width=300, **state.url_bound(BY_VALUES, names)
    )


def _maps(memory: Memory, token: int, direction: str, first: int, values: str) -> np.ndarray:
    """float [layer, head, patch]: what each head gives from, or to, one token; or writes, as value norms."""
    maps = np.empty((memory.layers, memory.heads, len(memory.keys) - first), dtype=np.float32)
    for layer, head in np.ndindex(memory.layers, memory.heads):
        written = values == "value norm"
        pattern = measures.value_norm(memory, layer, head) if written else memory.pattern(layer, head)
        maps[layer, head] = (pattern[token] if direction == "looks" else pattern[:, token])[first:]
    return maps


def _show_grid(memory: Memory, maps: np.ndarray) -> tuple[int, int]:
    default = (memory.layers - 1, 0)
    largest = maps.max(axis=(2, 3), keepdims=True)
    thumbnails = (np.sqrt(maps / np.where(largest > 0, largest, 1)) * 255).astype(np.uint8)
    scores = {"entropy": measures.known_mean(measures.entropy(memory), axis=2)}
    head, _ = heads_grid(
        thumbnails,
        scores=scores,
        roles=None,  # they are measured on tokens that stand in one row
        labels={name: t(text) for name, text in LABELS.items()},
        score_labels={name: t(measures.MEASURES[name].label) for name in scores},
        selected=state.get_head(memory, default),
        range_note=t("Each square is one head on the whole picture; its full colour is its own strongest patch."),
        key="grid_picture",
    )
    state.put_head(*head, default)
    return head


def _show_picture(view: LookView) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    opacity = row.slider(t("Opacity"), 0, 100, 80, step=5, format="%d %%", key="opacity", persist_state="session")
    threshold = row.slider(
        t("Threshold"),
        0,
        95,
        10,
        step=5,
        format="%d %%",
        key="threshold",
        persist_state="session",
        help=t("Patches below this share of the strongest are not tinted."),
    )
    patch = picture_view(
        view.seen.jpeg,
        view.weights,
        selected=view.patch,
        labels={name: t(text) for name, text in PICTURE_LABELS.items()},
        opacity=opacity / 100,
        threshold=threshold / 100,
        share=view.values != "value norm",
        key="picture_view",
    )
    if patch != view.patch:
        state.put(PATCH, "" if patch < 0 else str(patch))
        st.rerun()
    if view.patch >= 0 and st.button(t("Choose [CLS]"), key="choose_cls", help=t("The token for the whole picture.")):
        state.put(PATCH, "")
        st.rerun()


def _tell(view: LookView, rest: float) -> None:
    """The head in words: the alternative to its picture. ``rest``: what the token gives to those without a place."""
    name = "[CLS]" if view.patch < 0 else place_name(view, view.patch)
    strongest = np.argsort(-view.weights.ravel(), kind="stable")[:3]
    written = view.values == "value norm"
    most = t("; ").join(
        f"{place_name(view, int(place))} ({decimal(number, digits=2) if written else percent(number)})"
        for place, number in ((place, float(view.weights.ravel()[place])) for place in strongest)
    )
    values = {"head": head_name(view.layer, view.head), "token": literal(name), "most": literal(most)}
    st.markdown(t(TELLING[view.values, view.direction], rest=percent(rest), **values))
    if view.values == "rollout":
        st.caption(
            t(
                "Rollout multiplies the mean attention of the layers, half of each kept as residual (Abnar & Zuidema "
                "2020). It assumes that layers only average. The small squares still show single heads, by their "
                "weights."
            )
        )


def show_collectors(view: LookView) -> None:
    """Where attention collects: of every layer the share of [CLS], and the patch that gets most."""
    collected = measures.times_even(view.seen.trace.memory())
    frame = collectors_table(collected, view)
    patches = collected[:, view.prefix :]
    layer, patch = (int(number) for number in np.unravel_index(patches.argmax(), patches.shape))
    count = int((patches.max(axis=0) > measures.COLLECTS).sum())
    values = {
        "place": literal(place_name(view, patch)),
        "layer": f"L{layer}",
        "times": times(float(patches.max())),
        "count": count,
        "limit": f"{measures.COLLECTS:.0f}",
    }
    st.header(t("Where attention collects"), anchor=False)
    if view.prefix:
        first = int(collected[:, 0].argmax())
        cls = t(
            "[CLS] gets up to **{times}** an even share of a layer's attention, in {layer}. ",
            times=times(float(collected[first, 0])),
            layer=f"L{first}",
        )
    else:
        cls = ""
    st.markdown(
        cls
        + t(
            "Of the patches {place} gets most: **{times}** an even share, in {layer}. {count} patches get more than "
            "{limit} times an even share in some layer.",
            **values,
        )
    )
    st.caption(
        t(
            "An even share is what each would get if all looked evenly. In large models such patches lie in the "
            "background and hold what concerns the whole picture (Darcet et al. 2023, registers); whether these do is "
            "not shown here."
        )
    )
    _show_collected(view, patches[layer].reshape(view.picture.rows, view.picture.columns), layer)
    show.table(frame, label="Where attention collects, layer by layer")


def _show_collected(view: LookView, collected: np.ndarray, layer: int) -> None:
    """The patches that collect attention in one layer, over the picture; a click chooses one for the whole page."""
    place, _ = st.columns(2, gap="large")
    with place:
        patch = picture_view(
            view.seen.jpeg,
            collected,
            selected=view.patch,
            labels={name: t(text) for name, text in PICTURE_LABELS.items()},
            opacity=0.8,
            threshold=0.1,
            share=False,
            key="collectors_view",
        )
        st.caption(
            t("How many times an even share each patch gets in {layer}: a click chooses it above.", layer=f"L{layer}")
        )
    if patch != view.patch:
        state.put(PATCH, "" if patch < 0 else str(patch))
        st.rerun()


def collectors_table(collected: np.ndarray, view: LookView) -> pd.DataFrame:
    """Of every layer: how many times an even share [CLS] gets, and which patch gets most, and how much."""
    patches = collected[:, view.prefix :]
    return pd.DataFrame(
        {
            t("layer"): [f"L{layer}" for layer in range(len(collected))],
            "[CLS]": [times(float(row[0])) if view.prefix else "–" for row in collected],
            t("patch that gets most"): [place_name(view, int(row.argmax())) for row in patches],
            t("times an even share"): [times(float(row.max())) for row in patches],
        }
    )


def place_name(view: LookView, patch: int) -> str:
    """Where a patch lies, in words."""
    row, column = divmod(patch, view.picture.columns)
    return t("row {row}, column {column}", row=row + 1, column=column + 1)


def model_line(view: LookView) -> None:
    """Which model looked, and how long it took."""
    model = view.seen.trace.model
    line = t(
        "{name} · {layers} layers × {heads} heads · {rows} × {columns} patches · {device}, {precision} · read in "
        "{seconds:.2f} s",
        name=literal(model.name),
        layers=model.layers,
        heads=model.heads,
        rows=view.picture.rows,
        columns=view.picture.columns,
        device=model.device,
        precision=model.precision,
        seconds=view.seen.trace.seconds.get("total", 0.0),
    )
    st.caption(line)
