"""The parts of the page Words: nearest words, a picture of a list of words, one word in two texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow
from memviz.models import trained
from memviz.progress import Progress
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts.compare import common_words
from memviz.ui.shell import runs, samples, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief, literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

LIST = "monday, tuesday, sunday, paris, london, france, seven, eight, nine, bank, river, money"
SYMBOLS = "Q, 7, M, B, X, K, 2, T, A, 5, R, 9"  # the list for models that were trained here, on symbols
COUNT = 12  # neighbours
MOST_WORDS = 60  # of a list
MOST_LETTERS = 64  # of a word


def show_words(first: Trace, second: Trace) -> WordsView | None:
    """The three parts; what the page leaves to be taken along, ``None`` where the neighbours could not be had."""
    usual = _usual_word(first, second)
    typed = st.text_input(
        t("Word"), max_chars=MOST_LETTERS, **state.url_bound("lookup", [usual], others=True), placeholder=usual
    )
    word = typed or usual
    nearest = show_neighbours(first, word)
    places = show_projection(first)
    named = word != usual or bool(common_words(first, second))  # without a word in common, nobody named the usual one
    drift = show_drift(first, second, word if named else None)
    if nearest is None:
        return None
    return WordsView(word, first.words, second.text, nearest, places, drift)


def _usual_word(first: Trace, second: Trace) -> str:
    """The word that the samples are about; of other texts the longest that both have, of several the last."""
    known, names = samples.two_texts(first.model.name)[0].word, common_words(first, second)
    return known if known in names or not names else max(reversed(names), key=len)


def show_neighbours(trace: Trace, word: str) -> pd.DataFrame | None:
    """The nearest words, beside the floor; ``None``, with a message, where there is none."""
    st.header(t("Before any text: the nearest words"), anchor=False)

    def run(reader: Reader, progress: Progress) -> pd.DataFrame:
        from memviz.embeddings import neighbours

        return neighbours(reader, word, COUNT)

    found = runs.experiment("neighbours", trace, word, run)
    if found is None:
        return None
    if not found.attrs["whole"]:
        pieces = " + ".join(piece.strip() for piece in found.attrs["pieces"])
        st.info(
            t(
                "“{word}” is not in this model's vocabulary: it is read as {pieces}. Shown are the neighbours of the "
                "mean of these pieces.",
                word=brief(word),
                pieces=literal(pieces),
            ),
            icon=":material/info:",
        )
    st.markdown(f"### {_nearest_statement(word, found, quote=brief)}")
    show.figure(neighbour_chart(word, found), key="neighbours")
    show.table(_named(found[["word", "cosine"]]), label="All neighbours as a table")
    show.caveat(
        "A cosine of two rows of the embedding table: the same in every text. What is near was used alike in training, "
        "opposites too."
    )
    return found


def _nearest_statement(word: str, found: pd.DataFrame, quote: Any = str) -> str:
    best = found.iloc[0] if len(found) else None
    if best is None:
        return t("No other word can be shown.")
    return t(
        "“{nearest}” stands nearest to “{word}”: cosine {cosine:.2f}. Two random tokens: {floor:.2f}, and 95 % of such "
        "pairs stay below {high:.2f}.",
        nearest=quote(best.word),
        word=quote(word),
        cosine=best.cosine,
        floor=found.attrs["floor"],
        high=found.attrs["floor_high"],
    )


def neighbour_chart(word: str, found: pd.DataFrame) -> Any:
    """The cosines as bars, with the floor as a line."""
    return figures.value_lines(
        found.word.tolist(),
        {t("cosine"): found.cosine.to_numpy()},
        unit=t("cosine"),
        across=t("nearest words"),
        bars=True,
        level=(t("95 % of random pairs"), found.attrs["floor_high"]),
        alt=t(
            "Bars of the cosines to “{word}”: {values}.",
            word=word,
            values=", ".join(f"{row.word} {row.cosine:.2f}" for row in found.itertuples()),
        ),
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"word": t("word"), "cosine": t("cosine")})


def show_projection(trace: Trace) -> pd.DataFrame | None:
    """A list of words on the plane where they differ most; ``None``, with a message, where there is none."""
    st.header(t("Before any text: how words lie to each other"), anchor=False)
    usual = SYMBOLS if trace.model.name.startswith(trained.PREFIX) else LIST
    line = st.text_input(
        t("Words, with commas between"), max_chars=600, **state.url_bound("list", [usual], others=True)
    )
    words = [part.strip()[:MOST_LETTERS] for part in (line or usual).replace("，", ",").split(",") if part.strip()]
    words = words[:MOST_WORDS]

    def run(reader: Reader, progress: Progress) -> pd.DataFrame:
        from memviz.embeddings import project

        return project(reader, words)

    found = runs.experiment("project", trace, tuple(words), run)
    if found is None:
        return None
    show.figure(projection_chart(found), key="projection")
    show.caveat(
        "The two directions in which these words differ most (PCA); their signs are fixed. Words that lie together "
        "here may be far apart in what the picture leaves out."
    )
    return found


def projection_chart(found: pd.DataFrame) -> Any:
    """The words as points."""
    share = figures.percent(found.attrs["explained"])
    return figures.places(
        found.word.tolist(),
        found.x.to_numpy(),
        found.y.to_numpy(),
        axes=(t("first component"), t("second component: the two show {share} of the variance", share=share)),
        alt=t("{count} words as points, by their first two principal components.", count=len(found)),
    )


def show_drift(first: Trace, second: Trace, word: str | None) -> np.ndarray | None:
    """How the two texts of the page pull one ``word`` apart, layer by layer; ``None``: nobody named one of both."""
    st.header(t("In two texts: the same word, layer by layer"), anchor=False)
    if word is None:
        st.info(t("These two texts have no word in common."), icon=":material/compare_arrows:")
        return None

    def run(reader: Reader, progress: Progress) -> np.ndarray:
        from memviz.embeddings import drift

        return drift(reader, word, first.text, second.text)

    found = runs.experiment("drift", first, (word, second.text), run)
    if found is None:
        return None
    st.markdown(f"### {_drift_statement(word, found, quote=brief)}")
    show.figure(drift_chart(word, found), key="drift")
    show.caveat(
        "A cosine compares directions only. How far apart any two words are differs from model to model: compare with "
        "a second pair of texts."
    )
    return found


def _drift_statement(word: str, found: np.ndarray, quote: Any = str) -> str:
    return t(
        "“{word}” begins at cosine {first:.2f} and ends at {last:.2f} after {layers} layers.",
        word=quote(word),
        first=found[0],
        last=found[-1],
        layers=len(found) - 1,
    )


def drift_chart(word: str, found: np.ndarray) -> Any:
    """The cosine by layer."""
    return figures.value_lines(
        [t("before"), *(f"L{layer}" for layer in range(len(found) - 1))],
        {t("cosine"): found},
        unit=t("cosine of both texts"),
        across=t("after layer"),
        alt=_drift_statement(word, found),
    )


@dataclass(frozen=True, eq=False)
class WordsView:
    """What the page shows, to be taken along; see `memviz.ui.parts.experiment.ForgetView`."""

    word: str
    words: tuple[Word, ...]
    other: str
    nearest: pd.DataFrame
    places: pd.DataFrame | None = None
    drift: np.ndarray | None = None
    covered: tuple[int, ...] = ()
    experiment: str = "neighbours"

    def texts(self) -> dict[str, str]:
        return {}

    def statement(self) -> str:
        drift = "" if self.drift is None else _drift_statement(self.word, self.drift)
        return f"{_nearest_statement(self.word, self.nearest)} {drift}".strip()

    def unit(self) -> str:
        return t("cosine")

    def table(self) -> pd.DataFrame:
        """The rows of each part: "neighbour" (word, cosine), "place" (word, x, y), "drift" (word, cosine, layer)."""
        parts = {"neighbour": self.nearest[["word", "cosine"]]}
        if self.places is not None:
            parts["place"] = self.places[["word", "x", "y"]]
        if self.drift is not None:
            drift = {"word": self.word, "cosine": self.drift, "layer": range(len(self.drift))}
            parts["drift"] = pd.DataFrame(drift)
        return pd.concat([frame.assign(part=name) for name, frame in parts.items()], ignore_index=True)

    def charts(self) -> list[Any]:
        charts = [neighbour_chart(self.word, self.nearest)]
        if self.places is not None:
            charts.append(projection_chart(self.places))
        return charts if self.drift is None else [*charts, drift_chart(self.word, self.drift)]

    def rows(self) -> list[SheetRow]:
        high = self.nearest.attrs["floor_high"]
        return [
            SheetRow(word, (Bar(max(cosine, 0.0), f"{cosine:.2f}"),), (high,))
            for word, cosine in zip(self.nearest.word, self.nearest.cosine, strict=True)
        ]

    def code(self) -> str:
        lines = [
            "import pandas\n",
            f"word = {self.word!r}",
            f"nearest = memviz.embeddings.neighbours(reader, word, k={COUNT})",
            "print(nearest, nearest.attrs)",
            'parts = [nearest[["word", "cosine"]].assign(part="neighbour")]',
        ]
        if self.places is not None:
            lines += [
                f"places = memviz.embeddings.project(reader, {self.places.word.tolist()!r})",
                'parts.append(places[["word", "x", "y"]].assign(part="place"))',
            ]
        if self.drift is not None:
            lines += [
                f"other = {self.other!r}",
                "drift = memviz.embeddings.drift(reader, word, text, other)",
                'layers = {"word": word, "cosine": drift, "layer": range(len(drift))}',
                'parts.append(pandas.DataFrame(layers).assign(part="drift"))',
            ]
        return "\n".join([*lines, "table = pandas.concat(parts, ignore_index=True)", "print(table)"]) + "\n"

    def fields(self) -> dict[str, str]:
        return {"word": self.word, "floor": f"{self.nearest.attrs['floor']:.4f}"}
