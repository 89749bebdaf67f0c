"""A classifier is trained on the screen, judged on lines that it never saw, tried, saved and opened again."""

from __future__ import annotations

import io
import json
import tempfile
import time
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz import figures
from memviz.errors import MemVizError, TrainingError
from memviz.figures import Bar, Curve, SheetRow, percent
from memviz.progress import Progress
from memviz.serving import cache
from memviz.training.examples import Examples
from memviz.ui.parts.training.lines import choose_lines
from memviz.ui.shell import frame, runs, show, state, uploads
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first training, when the page is already drawn
    from memviz.training.classifier import Classifier, Epoch

NAME = "classifier"
SHOWN = "classifier_of"  # the settings of the classifier that is shown
LAYERS = (0, 1, 2, 3)
EPOCHS = (3, 6, 12, 24)
DEFAULT_EPOCHS = 12
SEEDS = tuple(range(10))
OFTEN = 0.5  # seconds between two pictures of a training
MOST_UPLOAD = 64_000_000  # bytes of a saved classifier, unpacked
FILES = ("classifier.json", "classifier.safetensors")


@dataclass(frozen=True)
class Settings:
    """What a classifier was trained from; ``file`` names one that was opened again."""

    model: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    layers: int
    epochs: int
    seed: int
    file: str = ""

    @property
    def work(self) -> int:
        """About how much there is to do."""
        return len(self.texts) * (1 + self.layers * self.epochs)


@dataclass(frozen=True)
class ClassifierView:
    """A classifier in numbers; see `TrainView`."""

    sentence: str
    held_out: pd.DataFrame
    accuracy: float
    interval: tuple[float, float]
    majority: float
    figures: tuple[Any, ...]
    settings: Settings
    model: str

    def statement(self) -> str:
        return self.sentence

    def table(self) -> pd.DataFrame:
        return self.held_out

    def charts(self) -> list[Any]:
        return list(self.figures)

    def unit(self) -> str:
        return t("share of held-out lines that are right; the stroke is the 95 % interval")

    def rows(self) -> list[SheetRow]:
        return [
            SheetRow(t("classifier"), (Bar(self.accuracy, percent(self.accuracy), "blue"),), self.interval),
            SheetRow(t("majority class"), (Bar(self.majority, percent(self.majority), "muted"),)),
        ]

    def code(self) -> str:
        settings = self.settings
        if settings.file:
            return f"""from memviz.training import Classifier

classifier = Classifier.load("my-classifier")  # the folder of {settings.file!r}
print(classifier.statement())
print(classifier.confusion)
print(classifier.predict(["Where is the station?"]))
"""
        return f"""import memviz

texts = {list(settings.texts)!r}
labels = {list(settings.labels)!r}
classifier = memviz.train(
    texts, labels, model={settings.model!r}, layers={settings.layers}, epochs={settings.epochs}, seed={settings.seed}
)
print(classifier.statement())
print(classifier.confusion)
print(classifier.wrong)
classifier.held_out.to_csv("memviz-train.csv", index=False)
classifier.save("my-classifier")
"""

    def fields(self) -> dict[str, str]:
        return {
            "experiment": "classifier",
            "model": self.model,
            "layers trained": str(self.settings.layers),
            "epochs": str(self.settings.epochs),
            "seed": str(self.settings.seed),
            "lines": str(len(self.settings.texts)),
        }


def show_classifier() -> ClassifierView | None:
    """The classifier; ``None`` where none was trained yet."""
    st.markdown(
        t(
            "A head learns to tell labels apart from what an encoder makes of each line; the last layers may learn "
            "with it. A quarter of the lines is held out, and judges it."
        )
    )
    examples = choose_lines()
    _choose_and_train(examples)
    _reopen()
    settings: Settings | None = st.session_state.get(SHOWN)
    if settings is None:
        st.info(t("Press “Train”: the sample takes a few seconds."), icon=":material/play_circle:")
        return None
    classifier = cast("Classifier | None", cache.trained(NAME, settings))
    if classifier is None:
        classifier = _forgotten(settings)
    return None if classifier is None else _show(settings, classifier)


def _choose_and_train(examples: Examples | None) -> None:
    """Layers, epochs and seed, and the button; what stands there already stays until the new one is whole."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    layers = row.selectbox(
        t("Layers to train"), LAYERS, format_func=_layers_text, width=190, **state.url_bound("tuned", LAYERS)
    )
    epochs = row.selectbox(t("Epochs"), EPOCHS, width=110, **state.url_bound("epochs", EPOCHS, default=DEFAULT_EPOCHS))
    seed = row.selectbox(t("Random seed"), SEEDS, width=120, **state.url_bound("seed", SEEDS))
    pressed = row.button(
        t("Train"), type="primary", key="start_classifier", icon=":material/play_arrow:", disabled=examples is None
    )
    if not pressed or examples is None:
        return
    settings = Settings(frame.model_name(), examples.texts, examples.labels, int(layers), int(epochs), int(seed))
    if watch_classifier(settings) is not None:
        st.session_state[SHOWN] = settings


def _layers_text(count: int) -> str:
    if count == 0:
        return t("none, the head alone")
    return t("the last one") if count == 1 else t("the last {count}", count=count)


def _forgotten(settings: Settings) -> Classifier | None:
    """One that was let go: trained again, or a word that its file must be opened again."""
    if not settings.file:
        return watch_classifier(settings)
    st.info(t("This classifier was let go. Open its file again."), icon=":material/info:")
    return None


def watch_classifier(settings: Settings) -> Classifier | None:
    """The training, drawn while it runs, or what is remembered of it; ``None``, with a message, where it fails."""
    reader = runs.open_reader(settings.model)
    place = st.empty()
    drawing = _Drawing(place, settings.epochs)

    def run(progress: Progress) -> Classifier:
        from memviz.training import classifier

        return classifier.train(
            settings.texts,
            settings.labels,
            reader,
            settings.layers,
            epochs=settings.epochs,
            seed=settings.seed,
            on_epoch=drawing.take,
            progress=progress,
        )

    try:
        return runs.patiently(
            place,
            lambda: cache.train(
                NAME,
                settings,
                settings.work,
                run,
                on_wait=lambda wait: runs.on_wait(drawing.line)(wait),
                progress=drawing.tell,
            ),
        )
    except MemVizError as error:
        place.empty()
        show.problem(error)
        return None
    finally:
        place.empty()


class _Drawing:
    """A training while it runs. Moving on in the page ends it, and leaves the classifier that was there."""

    def __init__(self, place: DeltaGenerator, epochs: int) -> None:
        self._place, self._epochs, self._drawn = place, epochs, 0.0
        self._parts: tuple[DeltaGenerator, ...] = ()
        self._seen: list[Epoch] = []

    @property
    def line(self) -> DeltaGenerator:
        """Where it is said how far it is."""
        if not self._parts:
            box = self._place.container()
            line = box.empty()
            box.button(t("Stop"), key="stop_classifier", icon=":material/stop_circle:")
            self._parts = (line, box.empty())
        return self._parts[0]

    def tell(self, fraction: float, label: str) -> None:
        self.line.progress(min(max(fraction, 0.0), 1.0), text=t("Training"))

    def take(self, epoch: Epoch) -> None:
        self._seen.append(epoch)
        if time.monotonic() - self._drawn < OFTEN:
            return
        frame = pd.DataFrame(
            [(each.number, each.loss, each.held_out_loss, each.accuracy) for each in self._seen],
            columns=["epoch", "loss", "held_out_loss", "accuracy"],
        )
        assert self.line is not None
        self._parts[1].plotly_chart(
            _curves(frame, self._epochs),
            key=f"live_{time.monotonic_ns()}",
            width="stretch",
            config={"displaylogo": False},
        )
        self._drawn = time.monotonic()


def _curves(history: pd.DataFrame, epochs: int) -> Any:
    """Losses and accuracy over the epochs."""
    learnt = history[history["epoch"] > 0]
    curves = [
        Curve(t("loss, training lines"), learnt["epoch"].tolist(), learnt["loss"].tolist(), "orange"),
        Curve(t("loss, held-out lines"), history["epoch"].tolist(), history["held_out_loss"].tolist(), "orange", True),
        Curve(t("accuracy, held-out lines"), history["epoch"].tolist(), history["accuracy"].tolist(), "blue"),
    ]
    ends = "; ".join(f"{curve.name}: {curve.y[-1]:.2f}" for curve in curves if curve.y)
    return figures.learning_curves(
        curves,
        x_title=t("epoch"),
        y_title=t("loss in nats; accuracy as a share"),
        alt=t("Curves over the epochs. At the end: {values}.", values=ends),
        end=float(epochs),
    )


def _show(settings: Settings, classifier: Classifier) -> ClassifierView:
    """What came of it."""
    sentence = classifier.statement().render(t, literal)
    st.markdown(f"## {sentence}")
    low, high = classifier.interval
    row = st.container(horizontal=True, gap="large")
    row.metric(
        t("Held-out accuracy"),
        percent(classifier.accuracy),
        help=t("95 % interval (Wilson): {low} to {high}.", low=percent(low), high=percent(high)),
        width="content",
    )
    row.metric(t("Majority class"), percent(classifier.majority), width="content")
    row.metric(t("Learnt from"), t("{count} lines", count=classifier.learnt_from), width="content")
    row.metric(t("Unknown tokens"), percent(classifier.unknown), width="content")
    st.caption(
        t(
            "{model}. Layers that learnt: {layers}; {epochs} epochs, seed {seed}, {seconds:.1f} s.",
            model=literal(classifier.reader.info.name),
            layers=_layers_text(classifier.layers),
            epochs=int(classifier.history["epoch"].iloc[-1]),
            seed=classifier.seed,
            seconds=classifier.seconds,
        )
    )
    curves = _curves(classifier.history, settings.epochs)
    show.figure(curves, key="training_curves")
    charts = [curves, *_show_errors(classifier), *_show_change(classifier)]
    _try_out(classifier)
    _offer_file(settings)
    show.caveat(
        "Held-out lines of the same kind say nothing of other texts. A word that goes with a label by chance is learnt "
        "as readily as its meaning."
    )
    return ClassifierView(
        sentence=classifier.statement().render(t),
        held_out=classifier.held_out,
        accuracy=classifier.accuracy,
        interval=classifier.interval,
        majority=classifier.majority,
        figures=tuple(charts),
        settings=settings,
        model=classifier.reader.info.name,
    )


def _show_errors(classifier: Classifier) -> list[Any]:
    """Which labels are taken for which, and the lines that it gets wrong."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(f"### {t('Confusion matrix')}")
        said = "; ".join(
            f"{label} → {prediction}: {count}"
            for label, row in classifier.confusion.iterrows()
            for prediction, count in row.items()
            if count
        )
        chart = figures.confusion_map(
            classifier.confusion,
            x_title=t("predicted label"),
            y_title=t("true label"),
            alt=t("Confusion matrix of the held-out lines: {values}.", values=said),
        )
        show.figure(chart, key="confusion")
    with right:
        wrong = classifier.wrong
        st.markdown(f"### {t('Wrong lines: {count}', count=len(wrong))}")
        if wrong.empty:
            st.caption(t("Every held-out line was right."))
        else:
            st.dataframe(_named(wrong), hide_index=True, width="stretch", height=260)
    return [chart]


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of lines with columns in the reader's language."""
    names = {  # the text last: it is the longest, and what it was taken for is to be seen without scrolling
        "label": t("true label"),
        "prediction": t("predicted label"),
        "probability": t("probability"),
        "text": t("line of text"),
    }
    shown = frame[[name for name in names if name in frame]].copy()
    shown["probability"] = [percent(value) for value in shown["probability"]]
    return shown.rename(columns=names)


def _show_change(classifier: Classifier) -> list[Any]:
    """How far attention and weights of each layer went."""
    st.markdown(f"### {t('What training changed, layer by layer')}")
    if classifier.layers == 0:
        st.caption(t("Nothing in the model: all layers were frozen, and their attention changed by exactly 0."))
        return []
    charts = []
    for place, values, title, key in zip(
        st.columns(2, gap="large"),
        (classifier.attention_change, classifier.weight_change),
        (t("attention: 1 − cosine, before and after"), t("weights: length of the change / length")),
        ("attention_change", "weight_change"),
        strict=True,
    ):
        said = ", ".join(f"L{layer} {value:.2g}" for layer, value in enumerate(values))
        alt = t("Change in each layer: {values}.", values=said)
        charts.append(figures.layer_columns(values.tolist(), y_title=title, alt=alt))
        with place:
            show.figure(charts[-1], key=key)
    return charts


def _try_out(classifier: Classifier) -> None:
    """Another text: its label, and what the trained model looks at in it."""
    st.markdown(f"### {t('Try it on a text')}")
    text = st.text_input(
        t("A text of your own"), key="probe", placeholder=t("Type a line and press Enter"), persist_state="session"
    )
    if not text.strip():
        return
    try:
        row = classifier.predict(text).iloc[0]
        trace = classifier.read(text)
    except MemVizError as error:
        show.problem(error)
        return
    st.markdown(
        t(
            "**{label}**, with probability {probability}",
            label=literal(str(row["prediction"])),
            probability=percent(float(row["probability"])),
        )
    )
    others = [(label, percent(float(row[f"p({label})"]))) for label in classifier.labels]
    st.caption(" · ".join(f"{literal(label)} {share}" for label, share in others))
    memory = trace.memory("self")
    places = st.columns(4)
    layer = state.choose_layer(memory, place=places[0], key="probe_layer", default=memory.layers - 1)
    head = state.choose_head(memory, place=places[1], key="probe_head")
    show.figure(figures.pattern(memory, layer, head, title="", caption="", translate=t), key="probe_pattern")
    show.model_line(trace)


def _offer_file(settings: Settings) -> None:
    """The classifier as a file, which `_reopen` opens; the button holds its name alone."""
    st.download_button(
        t("Download the classifier"),
        data=partial(_zip, settings),
        file_name="memviz-classifier.zip",
        mime="application/zip",
        key="download_classifier",
        on_click="ignore",
        help=t("Safetensors and json: the head, the layers that were trained, and the numbers of this page."),
    )
    st.caption(
        t(
            "A classifier is tried on this page, and opened here again; the other pages read with models that have no "
            "label."
        )
    )


def _zip(settings: Settings) -> bytes:
    """The files of a classifier that is still remembered."""
    classifier = cast("Classifier | None", cache.trained(NAME, settings))
    if classifier is None:
        raise TrainingError("This classifier was let go.", todo="Train it again.")
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(out, "w") as archive:
        for file in sorted(classifier.save(folder).iterdir()):
            archive.write(file, file.name)
    return out.getvalue()


def _reopen() -> None:
    """A classifier that was saved before takes the place of the one that is shown."""
    with st.expander(t("Open a saved classifier"), icon=":material/folder_open:"):
        file = uploads.take(
            lambda: st.file_uploader(
                t("The file that this page gave you (.zip)"),
                type=["zip"],
                max_upload_size=MOST_UPLOAD // 1_000_000,
                key="classifier_file",
            )
        )
        if file is None or st.session_state.get("classifier_file_of") == file.file_id:
            return
        try:
            classifier = _opened(file.getvalue())
        except MemVizError as error:
            show.problem(error)
            return
    settings = Settings(
        classifier.reader.info.name,
        tuple(classifier.held_out["text"]),
        tuple(classifier.held_out["label"]),
        classifier.layers,
        int(classifier.history["epoch"].iloc[-1]),
        classifier.seed,
        file=f"{file.name} {file.file_id}",
    )
    cache.put_trained(NAME, settings, classifier)
    st.session_state["classifier_file_of"] = file.file_id
    st.session_state[SHOWN] = settings


def _opened(content: bytes) -> Classifier:
    """The classifier in a zip. Raises `TrainingError` for what is none, and what opening its model raises."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in FILES:
                    if archive.getinfo(name).file_size > MOST_UPLOAD:
                        raise ValueError("too large")
                    (Path(folder) / name).write_bytes(archive.read(name))
            model = str(json.loads((Path(folder) / FILES[0]).read_text(encoding="utf-8"))["model"])
        except (
            zipfile.BadZipFile,
            KeyError,
            ValueError,
            OSError,
            RuntimeError,
            NotImplementedError,
            TypeError,
        ) as error:
            raise TrainingError(
                "This file holds no classifier: {files} are not in it, or broken.",
                todo="Choose a file that this page gave you.",
                files=" + ".join(FILES),
            ) from error
        reader = runs.open_reader(model)
        from memviz.training import Classifier

        return Classifier.load(folder, model=reader)
