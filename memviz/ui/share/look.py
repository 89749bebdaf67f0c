"""What the page Look shows, to be taken along: numbers, a picture, Python."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image, ImageColor, PngImagePlugin

from memviz import tables
from memviz.figures import head_name
from memviz.figures import provenance as provenance_of
from memviz.figures.style import colours
from memviz.serving.ticket import Ticket
from memviz.ui.parts.look.heads import LookView
from memviz.ui.share.actions import offer_file, offer_settings_link
from memviz.ui.shell.i18n import t

TINT = ImageColor.getrgb(colours.BLUE)


def look_bar(view: LookView) -> None:
    """The small actions at the foot of the page. The picture itself leaves the machine only in the PNG."""
    row = st.container(horizontal=True, gap="small")
    offer_settings_link(row)
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        st.caption(t("The files name the picture by its hash; only the PNG holds the picture itself."))
        files = st.container(horizontal=True)
        ticket = Ticket(view)
        offer_file(files, "CSV", ticket, _csv, file="memviz-look.csv", mime="text/csv", key="export_csv")
        offer_file(files, "PNG", ticket, overlay_png, file="memviz-look.png", mime="image/png", key="export_png")
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(code(view), language="python")


def _csv(view: LookView) -> str:
    return tables.csv(weights_table(view))


def weights_table(view: LookView) -> pd.DataFrame:
    """Every patch with its weight in the head that is shown, and what it was made from."""
    rows, columns = np.indices(view.weights.shape)
    frame = pd.DataFrame({"row": rows.ravel(), "column": columns.ravel(), "weight": view.weights.ravel()})
    return frame.assign(**provenance(view))


def provenance(view: LookView) -> dict[str, str]:
    """Where the numbers come from; of the picture its hash."""
    fields = provenance_of(view.seen.trace)
    return {
        "model": fields.get("model", ""),
        "revision": fields.get("revision", ""),
        "MemViz": fields.get("MemViz", ""),
        "head": head_name(view.layer, view.head),
        "token": "[CLS]" if view.patch < 0 else str(view.patch),
        "direction": view.direction,
        "picture_sha256": hashlib.sha256(view.seen.content).hexdigest(),
    }


def overlay_png(view: LookView) -> bytes:
    """The picture with the patches of the head tinted, with its provenance inside."""
    image = Image.open(io.BytesIO(view.seen.jpeg)).convert("RGB")
    share = view.weights / max(float(view.weights.max()), 1e-12)
    mask = Image.fromarray((np.sqrt(share) * 0.8 * 255).astype(np.uint8)).resize(image.size, Image.Resampling.NEAREST)
    image.paste(Image.new("RGB", image.size, TINT), mask=mask)
    info = PngImagePlugin.PngInfo()
    for name, value in provenance(view).items():
        info.add_itxt(name, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def code(view: LookView) -> str:
    """The Python that repeats it."""
    row = f"pattern[{view.token}]" if view.direction == "looks" else f"pattern[:, {view.token}]"
    return f"""import memviz

trace = memviz.look({view.seen.name!r}, model={view.seen.trace.model.name!r})
pattern = trace.memory("self").pattern(layer={view.layer}, head={view.head})  # [query, key], [CLS] first
print({row}[{view.prefix}:].reshape({view.picture.rows}, {view.picture.columns}))
"""
