"""The picture that is looked at: uploaded, taken by the camera, or a sample."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from memviz.errors import MemVizError
from memviz.serving import cache
from memviz.sources import picture_as_jpeg
from memviz.trace import Trace
from memviz.ui.parts.source_file import FileChoice, choose_file
from memviz.ui.shell import address, frame, runs, show
from memviz.ui.shell.i18n import t

SAMPLES = {"cat": "A cat", "coffee": "A cup of coffee", "rocket": "A rocket"}
PLACES = {"sample": "a sample", "upload": "a file", "camera": "the camera"}
FORMATS = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture and its reading.

    content   the bytes of its file
    name      what its file or sample is called
    jpeg      the picture as it is shown, upright
    trace     what the model looked at
    """

    content: bytes
    name: str
    jpeg: bytes
    trace: Trace


def choose_picture() -> Seen:
    """The picture and its reading; stops the page with a message where there is none."""
    frame.tell_other_kind("vision")
    content, name = _choose_file()
    try:
        jpeg = picture_as_jpeg(content)
    except MemVizError as error:
        show.problem(error)
        address.end_page()
    model = frame.sense_name("vision")
    trace = runs.sense(model, lambda callbacks: cache.look(model, content, None, **callbacks))
    show.notes(trace)
    return Seen(content, name, jpeg, trace)


def _choose_file() -> tuple[bytes, str]:
    """(the bytes of the file, its name)"""
    return choose_file(
        FileChoice(
            box="picture",
            label=(t("Picture"), t("Sample")),
            places={name: t(place) for name, place in PLACES.items()},
            samples={name: t(sample) for name, sample in SAMPLES.items()},
            suffix=".jpg",
            credit=t("Public domain (CC0), from scikit-image."),
            takes={
                "upload": lambda: st.file_uploader(t("A picture"), type=FORMATS, key="picture_file"),
                "camera": lambda: st.camera_input(t("Take a picture"), key="picture_camera"),
            },
            hints={
                "upload": t("Choose a picture: it stays on the machine that runs MemViz."),
                "camera": t(
                    "Take a picture, or choose a file or a sample where the browser has no camera or may not use it."
                ),
            },
            icon=":material/image:",
        )
    )
