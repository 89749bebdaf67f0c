"""An induction head is born on the screen, beside a control of one layer that cannot have one."""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz import figures
from memviz.errors import MemVizError
from memviz.figures import Bar, Curve, SheetRow, head_name
from memviz.models import trained
from memviz.progress import Progress, progress_within
from memviz.serving import cache
from memviz.ui.shell import address, frame, navigation, runs, show, state
from memviz.ui.shell.i18n import t

if TYPE_CHECKING:  # torch comes in with the first training, when the page is already drawn
    from memviz.training.induction import Checkpoint, Induction, Unplugged

SEEDS = tuple(range(10))
STEPS = (600, 1000, 2000)
HEADS = 4
AHEAD = 8  # symbols that are left to the model to say, on other pages
RUN = "run"  # in the address: the training was started
SHOWN = "induction_of"  # the settings of the training that is shown
OFTEN = 0.7  # seconds between two pictures of a training
HIGHEST = 5.0  # nats on the vertical axis
COSTS = {2: 1.0, 1: 0.6}  # how long a step takes, by the number of layers
BOTH = tuple(COSTS)

Settings = tuple[int, int]  # seed, steps


@dataclass(frozen=True)
class InductionView:
    """A birth, in numbers; see `TrainView`."""

    sentence: str
    numbers: pd.DataFrame
    born: tuple[float, float]
    control: tuple[float, float]
    figures: tuple[Any, ...]
    seed: int
    steps: int
    unplugged: tuple[tuple[int, int], ...]
    model: str

    def statement(self) -> str:
        return self.sentence

    def table(self) -> pd.DataFrame:
        return self.numbers

    def charts(self) -> list[Any]:
        return list(self.figures)

    def unit(self) -> str:
        return t("loss per symbol, in nats")

    def rows(self) -> list[SheetRow]:
        def row(name: str, value: float, colour: Any) -> SheetRow:
            return SheetRow(name, (Bar(value, f"{value:.2f}", colour),))

        return [
            row(t("2 layers, second copy"), self.born[1], "blue"),
            row(t("1 layer, second copy"), self.control[1], "orange"),
            row(t("2 layers, first copy"), self.born[0], "muted"),
            row(t("1 layer, first copy"), self.control[0], "muted"),
        ]

    def code(self) -> str:
        unplug = ""
        if self.unplugged:
            unplug = (
                f"loss = born.unplug({list(self.unplugged)})\n"
                "print(loss.before.second_copy_loss, loss.after.second_copy_loss)\n"
            )
        return f"""import memviz
from memviz.training import induction

born = induction.train(layers=2, seed={self.seed}, steps={self.steps})
control = induction.train(layers=1, seed={self.seed}, steps={self.steps})
print(born.statement(control))
{unplug}born.table().to_csv("memviz-train.csv", index=False)
born.save("my-induction-head")
trace = memviz.read(born.text, model="./my-induction-head")
print(memviz.measures.induction(trace.memory("self")))
"""

    def fields(self) -> dict[str, str]:
        return {
            "experiment": "induction",
            "model": self.model,
            "seed": str(self.seed),
            "steps": str(self.steps),
            "unplugged": ", ".join(head_name(*head) for head in self.unplugged),
        }


def show_induction() -> InductionView | None:
    """The birth; ``None`` before it."""
    st.markdown(
        t(
            "A Transformer of two layers of attention, and nothing else, is trained from nothing on random symbols "
            "that repeat. The **first copy** cannot be known. The **second copy** can: whoever finds the last time the "
            "symbol stood there, and looks at what came next, knows it. The control has one layer."
        )
    )
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    seed = row.selectbox(t("Random seed"), SEEDS, width=120, **state.url_bound("seed", SEEDS))
    steps = row.selectbox(
        t("Training steps"), STEPS, format_func=lambda count: f"{count:,}", width=140, **state.url_bound("steps", STEPS)
    )
    pressed = row.button(t("Start training"), type="primary", key="start_induction", icon=":material/play_arrow:")
    settings = (int(seed), int(steps))
    results = None
    if pressed or (address.get(RUN) and SHOWN not in st.session_state):
        address.put(RUN, "1")
        results = watch_birth(settings)
        if results is not None:  # who stops it, or meets an error, keeps what stood there
            st.session_state[SHOWN] = settings
    if SHOWN not in st.session_state:
        st.info(
            t("Press “Start training”: it takes less than a minute on a machine that is not busy."),
            icon=":material/play_circle:",
        )
        return None
    settings = st.session_state[SHOWN]
    results = results or watch_birth(settings)
    return None if results is None else _show(settings, *results)


def watch_birth(settings: Settings) -> tuple[Induction, Induction] | None:
    """Both trainings, drawn while they run, or what is remembered of them; ``None``, with a message, if they fail."""
    place = st.empty()
    drawing = _Drawing(place, settings[1])
    share = COSTS[2] / sum(COSTS.values())
    parts = {2: (0.0, share), 1: (share, 1.0)}
    try:
        born, control = (
            runs.patiently(place, partial(_train_layers, layers, settings, drawing, parts[layers])) for layers in BOTH
        )
    except MemVizError as error:
        place.empty()
        show.problem(error)
        return None
    place.empty()
    return born, control


def _train_layers(layers: int, settings: Settings, drawing: _Drawing, part: tuple[float, float]) -> Induction:
    """One training, or what is remembered of it."""
    seed, steps = settings

    def run(progress: Progress) -> Induction:
        from memviz.training import induction

        return induction.train(
            layers, seed, steps, on_checkpoint=lambda checkpoint: drawing.take(layers, checkpoint), progress=progress
        )

    return cache.train(
        f"induction {layers}",
        settings,
        int(steps * COSTS[layers]),
        run,
        on_wait=lambda wait: runs.on_wait(drawing.line)(wait),
        progress=progress_within(drawing.tell, *part),
    )


class _Drawing:
    """A training while it runs: the curves so far, and the patterns of the heads. Moving on in the page ends it."""

    def __init__(self, place: DeltaGenerator, steps: int) -> None:
        self._place, self._steps, self._drawn = place, steps, 0.0
        self._parts: tuple[DeltaGenerator, ...] = ()
        self._seen: dict[int, list[Checkpoint]] = {layers: [] for layers in BOTH}

    @property
    def line(self) -> DeltaGenerator:
        """Where it is said how far it is."""
        if not self._parts:
            box = self._place.container()
            line = box.empty()
            box.button(t("Stop"), key="stop_induction", icon=":material/stop_circle:")
            self._parts = (line, box.empty(), box.empty())
        return self._parts[0]

    def tell(self, fraction: float, label: str) -> None:
        if time.monotonic() - self._drawn > OFTEN / 3:
            self.line.progress(min(max(fraction, 0.0), 1.0), text=t("Training"))

    def take(self, layers: int, checkpoint: Checkpoint) -> None:
        self._seen[layers].append(checkpoint)
        if time.monotonic() - self._drawn < OFTEN:
            return
        assert self.line is not None  # the places are there
        _, curves, patterns = self._parts
        drawing = _curves({count: _columns(seen) for count, seen in self._seen.items() if seen}, end=self._steps)
        curves.plotly_chart(drawing, key=f"live_{time.monotonic_ns()}", width="stretch", config={"displaylogo": False})
        if layers == max(BOTH):
            pictures = (255 * np.sqrt(checkpoint.patterns)).round().astype(np.uint8)
            caption = t("All heads of the two layers, after {step} steps", step=checkpoint.step)
            patterns.image(figures.thumbnails_png(pictures), caption=caption)
        self._drawn = time.monotonic()


Columns = tuple[Sequence[float], Sequence[float], Sequence[float]]


def _columns(checkpoints: Sequence[Checkpoint]) -> Columns:
    """Steps, losses of the first copy, losses of the second."""
    return (
        [each.step for each in checkpoints],
        [each.first_copy_loss for each in checkpoints],
        [each.second_copy_loss for each in checkpoints],
    )


def _curves(columns: dict[int, Columns], *, end: int, mark: float | None = None) -> Any:
    """The losses of both copies, for each number of layers."""
    curves, ends = [], []
    names = {
        2: (t("2 layers, second copy"), t("2 layers, first copy")),
        1: (t("1 layer, second copy"), t("1 layer, first copy")),
    }
    for layers, (steps, first, second) in columns.items():
        colour: Any = "blue" if layers == 2 else "orange"
        curves.append(Curve(names[layers][0], steps, second, colour))
        curves.append(Curve(names[layers][1], steps, first, colour, dashed=True))
        ends.append(f"{names[layers][0]}: {second[-1]:.2f}")
    return figures.learning_curves(
        curves,
        x_title=t("training steps"),
        y_title=t("loss per symbol, in nats"),
        alt=t("Curves of the loss over the training steps. At the end: {values}.", values="; ".join(ends)),
        end=end,
        highest=HIGHEST,
        mark=mark,
    )


def _show(settings: Settings, born: Induction, control: Induction) -> InductionView:
    """What came of it: what is said, the curves, every checkpoint, what a head is worth."""
    sentence = born.statement(control).render(t)
    st.markdown(f"## {sentence}")
    steps = born.steps.tolist()
    checkpoint = st.select_slider(
        t("Checkpoint: after how many steps?"), steps, value=steps[-1], key=f"checkpoint_{settings}"
    )
    number = steps.index(checkpoint)
    columns = {
        each.layers: (each.steps.tolist(), each.first_copy_loss.tolist(), each.second_copy_loss.tolist())
        for each in (born, control)
    }
    curves = _curves(columns, end=settings[1], mark=float(checkpoint))
    show.figure(curves, key="loss_curves")
    scores = _score_curves(born, mark=float(checkpoint))
    show.figure(scores, key="score_curves")
    st.markdown(f"### {t('Every head after {step} steps', step=checkpoint)}")
    chart = _patterns(born, number)
    show.figure(chart, key="checkpoint_patterns")
    st.caption(
        t(
            "Rows are queries (they look), columns are keys (they are looked at); the sequence is {symbols} symbols, "
            "twice. The stripe of an induction head lies one step below the half: what came after the same symbol.",
            symbols=len(born.sequence) // 2,
        )
    )
    unplugged = _unplug(born, number)
    _open_elsewhere(born)
    show.table(born.table(), label="Losses and scores of every checkpoint")
    st.caption(
        t(
            "A toy: {count:,} weights and random symbols. That such heads form early, and together with in-context "
            "learning, was found in large models too (Olsson et al. 2022); this page does not show that.",
            count=born.weights.shape[1],
        )
    )
    return InductionView(
        sentence=sentence,
        numbers=pd.concat([born.table(), control.table()], ignore_index=True),
        born=(float(born.first_copy_loss[-1]), float(born.second_copy_loss[-1])),
        control=(float(control.first_copy_loss[-1]), float(control.second_copy_loss[-1])),
        figures=(curves, scores, chart),
        seed=born.seed,
        steps=settings[1],
        unplugged=unplugged,
        model=born.name,
    )


def birth_charts(born: Induction, control: Induction) -> tuple[Any, Any]:
    """The losses of both over the steps, and all heads of the two layers at the end."""
    columns = {
        each.layers: (each.steps.tolist(), each.first_copy_loss.tolist(), each.second_copy_loss.tolist())
        for each in (born, control)
    }
    return _curves(columns, end=int(born.steps[-1])), _patterns(born, len(born.steps) - 1)


def _score_curves(born: Induction, *, mark: float) -> Any:
    """The best score of each kind in each layer."""
    steps = born.steps.tolist()
    curves = [
        Curve(t("induction score, best head of L1"), steps, born.induction[:, 1].max(-1).tolist(), "blue"),
        Curve(t("induction score, best head of L0"), steps, born.induction[:, 0].max(-1).tolist(), "blue", dashed=True),
        Curve(t("previous-token score, best head of L0"), steps, born.previous_token[:, 0].max(-1).tolist(), "green"),
    ]
    ends = "; ".join(f"{curve.name}: {curve.y[-1]:.2f}" for curve in curves)
    return figures.learning_curves(
        curves,
        x_title=t("training steps"),
        y_title=t("mean weight"),
        alt=t("Curves of the scores over the training steps. At the end: {values}.", values=ends),
        end=steps[-1],
        highest=1.0,
        mark=mark,
    )


def _patterns(born: Induction, number: int) -> Any:
    """All heads at a checkpoint."""
    notes = [
        [
            t(
                "ind {induction}, prev {previous}",
                induction=f"{born.induction[number, layer, head]:.2f}",
                previous=f"{born.previous_token[number, layer, head]:.2f}",
            )
            for head in range(HEADS)
        ]
        for layer in range(born.layers)
    ]
    said = "; ".join(f"{head_name(*head)} {notes[head[0]][head[1]]}" for head in np.ndindex(born.layers, HEADS))
    return figures.checkpoint_patterns(
        born.patterns[number],
        born.sequence,
        notes,
        x_title=t("key"),
        y_title=t("query"),
        alt=t("Heatmaps of all heads after {step} steps: {values}.", step=int(born.steps[number]), values=said),
    )


def _unplug(born: Induction, number: int) -> tuple[tuple[int, int], ...]:
    """Heads are unplugged at a checkpoint: what the losses and the scores are then."""
    heads = list(np.ndindex(born.layers, HEADS))
    chosen = st.multiselect(
        t("Unplug heads"),
        heads,
        format_func=lambda head: head_name(*head),
        placeholder=t("Choose heads that are to write nothing"),
        key="unplug_heads",
        persist_state="session",
    )
    if not chosen:
        return ()
    loss = born.unplug(chosen, checkpoint=number)
    names = ", ".join(head_name(*head) for head in loss.heads)
    st.markdown(
        t(
            "Without {heads} the second copy costs **{after}** nats a symbol instead of {before}; the first "
            "{first_after} instead of {first}.",
            heads=names,
            after=f"{loss.after.second_copy_loss:.2f}",
            before=f"{loss.before.second_copy_loss:.2f}",
            first=f"{loss.before.first_copy_loss:.2f}",
            first_after=f"{loss.after.first_copy_loss:.2f}",
        )
    )
    st.dataframe(_score_table(loss), hide_index=True, width="stretch")
    return loss.heads


def _score_table(loss: Unplugged) -> pd.DataFrame:
    """Both scores of every head, with all heads and without those."""
    columns = {
        t("induction score"): loss.before.induction,
        t("induction score without them"): loss.after.induction,
        t("previous-token score"): loss.before.previous_token,
        t("previous-token score without them"): loss.after.previous_token,
    }
    heads = list(np.ndindex(*loss.before.induction.shape))
    names = {t("Head"): [head_name(*head) for head in heads]}
    return pd.DataFrame(names | {name: [f"{scores[head]:.2f}" for head in heads] for name, scores in columns.items()})


def _open_elsewhere(born: Induction) -> None:
    """The trained model, on the page Heads and as files."""
    row = st.container(horizontal=True, gap="small")
    pressed = row.button(
        t("Open the trained model in Heads"),
        key="open_in_heads",
        icon=":material/grid_on:",
        on_click=_take_along,
        args=(born,),
    )
    if pressed:
        navigation.open_page("heads")
    row.download_button(
        t("Download the model"),
        data=partial(_zip, born.save),
        file_name=f"{born.name}.zip",
        mime="application/zip",
        key="download_induction",
        on_click="ignore",
        help=t("A folder of safetensors and json, which memviz.load and transformers open."),
    )


def _take_along(born: Induction) -> None:
    """The trained model, and the sequence that it was measured on, for the pages that read and the one that writes.

    Its last symbols are left out: what comes next is asked for on some pages, and a text with it has to fit.
    """
    name = trained.keep(born.name, born.save)
    for box in (frame.MODEL, frame.WRITER):
        st.session_state[box] = name
        state.hold(box)
    st.session_state[frame.TEXT], st.session_state[frame.PAIR] = " ".join(born.sequence[:-AHEAD]), ""
    st.session_state.pop(frame.LAST_SEEN, None)


def _zip(save: Any) -> bytes:
    """The files of a folder in one."""
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w") as archive:
        for file in sorted(Path(save(folder)).iterdir()):
            archive.write(file, file.name)
    return out.getvalue()
