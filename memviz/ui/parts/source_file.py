"""A picture or a sound: a sample, a file, or what a device of the browser takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from memviz.ui.shell import address, state, uploads

MEDIA = Path(__file__).parents[1] / "media"


@dataclass(frozen=True)
class FileChoice:
    """Where a source may come from, in the reader's language.

    box       the name of the choice in the address, and of the place that it comes from: ``<box>_from``
    label     what is chosen, and where a sample is: what that is called
    places    by name: "sample" first, then a file, then the device
    samples   by name, each a file of `MEDIA` with this ``suffix``; ``credit`` says where they come from
    takes     by place: the widget that gives a file
    hints     by place: what to do while there is none; ``icon`` stands before it
    """

    box: str
    label: tuple[str, str]
    places: Mapping[str, str]
    samples: Mapping[str, str]
    suffix: str
    credit: str
    takes: Mapping[str, Callable[[], Any]]
    hints: Mapping[str, str]
    icon: str


def choose_file(choice: FileChoice) -> tuple[bytes, str]:
    """(the bytes of the file, its name); stops the page, and says what to do, where there is none yet."""
    place = st.segmented_control(
        choice.label[0],
        list(choice.places),
        format_func=choice.places.__getitem__,
        required=True,
        **state.url_bound(f"{choice.box}_from", choice.places),
    )
    if place is None or place not in choice.takes:
        sample = st.segmented_control(
            choice.label[1],
            list(choice.samples),
            format_func=choice.samples.__getitem__,
            required=True,
            label_visibility="collapsed",
            **state.url_bound(choice.box, choice.samples),
        )
        st.caption(choice.credit)
        name = f"{sample}{choice.suffix}"
        return (MEDIA / name).read_bytes(), name
    file = uploads.take(choice.takes[place])
    if file is None:
        st.info(choice.hints[place], icon=choice.icon)
        address.end_page()
    return file.getvalue(), file.name
