"""What the page Look shows, to be taken along: numbers, pictures, Python."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image, ImageColor, PngImagePlugin

from memviz import figures, tables
from memviz.figures import head_name
from memviz.figures import provenance as provenance_of
from memviz.figures.style import colours
from memviz.ui.parts.look import LookView, PatchesView
from memviz.ui.parts.look.heads import place_name
from memviz.ui.share.actions import offer_files, offer_settings_link
from memviz.ui.share.experiment_files import ExperimentFiles
from memviz.ui.shell.i18n import language_tag, t

TINT = ImageColor.getrgb(colours.BLUE)
QUESTION = "What does every head look at in a picture?"


def look_bar(view: LookView, covered: PatchesView | None = None) -> None:
    """The small actions at the foot of the page: a link, the files of the head, and of what was ``covered``."""
    row = st.container(horizontal=True, gap="small")
    offer_settings_link(
        row,
        done=t(
            "Copied. The link holds the settings, and no picture of yours: a sample opens, a file must be chosen again."
        ),
        viewer=view.seen.trace.model.name,
    )
    note = t("The files name the picture by its hash; PNG, SVG and HTML hold the picture itself, too.")
    offer_files(Look(view), row, note=note)
    if covered is not None:
        title = t("Export what was covered")
        offer_files(CoveredPatches(covered), row, title=title, note=t("No file holds the picture."), key="covered_")


@dataclass(frozen=True)
class Look:
    """The head that is shown, over its picture."""

    view: LookView
    name: str = "look"

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return weights_table(self.view), provenance(self.view)

    def npz(self) -> bytes:
        return tables.npz({"weights": self.view.weights}, provenance(self.view))

    def png(self) -> bytes:
        return overlay_png(self.view)

    def svg(self) -> str:
        return overlay_svg(self.view)

    def html(self) -> str:
        return figures.html(
            [],
            drawings=[overlay_svg(self.view)],
            title=t(QUESTION),
            intro=_title(self.view),
            provenance=provenance(self.view),
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        return code(self.view)


@dataclass(frozen=True)
class CoveredPatches(ExperimentFiles):
    """What covering patches did."""

    view: PatchesView
    name: str = "look-covered"

    @property
    def numbers(self) -> PatchesView:
        return self.view

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from: as of the picture, but of no head."""
        fields = provenance(self.view.look)
        for name in ("head", "token", "direction"):
            fields.pop(name)
        return fields | {"experiment": "cover_patches", "unit": self.view.unit(), **self.view.fields()}

    def title(self) -> str:
        return t("What if it could not look there?")

    def arrays(self) -> Mapping[str, np.ndarray]:
        result = self.view.result
        return {
            "covered": np.array(result.covered),
            "effect": np.array(result.effect),
            "controls": np.array(result.runs),
            "control_effects": result.control_effects,
        }

    def code(self) -> str:
        return self.view.code()


def weights_table(view: LookView) -> pd.DataFrame:
    """Every patch with its weight in the head that is shown: rows and columns from 1, as on the page."""
    rows, columns = np.indices(view.weights.shape) + 1
    return pd.DataFrame(
        {"row": rows.ravel(), "column": columns.ravel(), view.values.replace(" ", "_"): view.weights.ravel()}
    )


def provenance(view: LookView) -> dict[str, str]:
    """Where the numbers come from; of the picture its hash."""
    fields = provenance_of(view.seen.trace)
    return {
        "model": fields.get("model", ""),
        "revision": fields.get("revision", ""),
        "MemViz": fields.get("MemViz", ""),
        "head": "all, over all layers" if view.values == "rollout" else head_name(view.layer, view.head),
        "token": "[CLS]" if view.patch < 0 else "row {}, column {}".format(*_place(view)),
        "values": view.values,
        "direction": view.direction,
        "picture_sha256": hashlib.sha256(view.seen.content).hexdigest(),
    }


def _place(view: LookView) -> tuple[int, int]:
    """(row, column) of the chosen patch, from 1."""
    row, column = divmod(view.patch, view.picture.columns)
    return row + 1, column + 1


def overlay_png(view: LookView) -> bytes:
    """The picture with the patches of the head tinted, with its provenance inside."""
    image = Image.open(io.BytesIO(view.seen.jpeg)).convert("RGB")
    mask = Image.fromarray((_shares(view) * 255).astype(np.uint8)).resize(image.size, Image.Resampling.NEAREST)
    image.paste(Image.new("RGB", image.size, TINT), mask=mask)
    info = PngImagePlugin.PngInfo()
    for name, value in provenance(view).items():
        info.add_itxt(name, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def overlay_svg(view: LookView) -> str:
    """The same as a drawing: the picture inside, a rectangle for each patch, its provenance as JSON."""
    width, height = Image.open(io.BytesIO(view.seen.jpeg)).size
    rows, columns = view.weights.shape
    across, down = width / columns, height / rows
    patches = "".join(
        f'<rect x="{column * across:.2f}" y="{row * down:.2f}" width="{across:.2f}" height="{down:.2f}" '
        f'fill-opacity="{share:.3f}"><title>{row + 1}·{column + 1}: {view.weights[row, column]:.5f}</title></rect>'
        for (row, column), share in np.ndenumerate(_shares(view))
    )
    jpeg = base64.b64encode(view.seen.jpeg).decode("ascii")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(_title(view))}"><title>{escape(_title(view))}</title>'
        f"<metadata>{escape(json.dumps(provenance(view), ensure_ascii=False))}</metadata>"
        f'<image href="data:image/jpeg;base64,{jpeg}" width="{width}" height="{height}"/>'
        f'<g fill="rgb{TINT[:3]}">{patches}</g></svg>\n'
    )


def _shares(view: LookView) -> np.ndarray:
    """How opaque the tint of each patch is."""
    shares: np.ndarray = np.sqrt(view.weights / max(float(view.weights.max()), 1e-12)) * 0.8
    return shares


def _title(view: LookView) -> str:
    """What is seen, in one line."""
    token = "[CLS]" if view.patch < 0 else place_name(view, view.patch)
    text = "{head}: what {token} looks at" if view.direction == "looks" else "{head}: who looks at {token}"
    title = t(text, head=view.name, token=token)
    return f"{title} · {t('value norm')}" if view.values == "value norm" else title


def code(view: LookView) -> str:
    """The Python that repeats it."""
    row = f"pattern[{view.token}]" if view.direction == "looks" else f"pattern[:, {view.token}]"
    pattern = {
        "weight": f"memory.pattern({view.layer}, {view.head})",
        "value norm": f"memviz.measures.value_norm(memory, {view.layer}, {view.head})",
        "rollout": "memviz.measures.rollout(memory)",
    }[view.values]
    return f"""import memviz

trace = memviz.look({view.seen.name!r}, model={view.seen.trace.model.name!r})
memory = trace.memory("self")
pattern = {pattern}  # [query, key], [CLS] first
print({row}[{view.prefix}:].reshape({view.picture.rows}, {view.picture.columns}))
"""
