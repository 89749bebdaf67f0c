"""The parts of the page Glossary: every measure, role and term, printed from where it is defined."""

from __future__ import annotations

import streamlit as st

import memviz
from memviz import tables
from memviz.measures import MEASURES, ROLES, Measure
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

GROUPS = {
    "read": "Read: where the model looks",
    "recall": "Recall: which earlier token does it fetch?",
    "forget": "Forget: how far back it looks",
    "cross": "Cross-attention: what was each word read from?",
}
TERMS = {
    "query": "the token that attends (looks): one row of a picture",
    "key": "the token that is attended to (looked at): one column",
    "value": "what is read from a key, in proportion to the weight",
    "head": "one attention pattern of a layer, which has several; written L5.H11 (layer 5, head 11, both from 0)",
    "pattern": (
        "all weights of one head on one text; every row sums to 1, and to less where the model has a learned sink, "
        "which takes the rest and is no token"
    ),
    "attention sink": (
        "a key that attention goes to (rests on) when there is nothing to look up: a special token, "
        "or a first token that collects weight"
    ),
    "register": (
        "a token without a place that a Vision Transformer is given to hold what concerns the whole picture; without "
        "it, large ones use patches of the background, which then collect attention (Darcet et al. 2023)"
    ),
    "no-speech probability": (
        "how likely Whisper finds it that nobody speaks; above 60 %, with a mean log-probability of its words below "
        "−1, what it writes was not heard (Radford et al. 2022)"
    ),
    "patch": "a square of a picture, by which a Vision Transformer reads it: its token",
    "surprisal": "−ln p of a token that was written: 0 where the model was sure of it, 2.3 at 10 %, 6.9 at 0.1 %",
    "temperature": (
        "what the logits are divided by before a token is drawn: 0 stands for the likeliest token, 1 for the model's "
        "own probabilities; above 1 they are flatter"
    ),
    "top-k": "only the k likeliest tokens may be drawn",
    "top-p": "only the likeliest tokens that make up the share p together may be drawn (nucleus sampling)",
    "KV cache": (
        "the keys and values of all tokens so far, kept while a decoder writes: 2 × layers × key-value heads × head "
        "dimension numbers a token"
    ),
    "eviction": "a rule by which a KV cache lets keys go: from a certain query on they are no longer seen",
    "heavy hitter": "a key that collected much attention so far, and stays in the cache for that (H2O)",
    "perplexity": "exp of the mean surprisal: over about how many tokens the model was undecided; lower is better",
    "control": "the same change made to something else: what an effect is compared with before anything is said of it",
    "knockout": "edges of attention that are cut: covered words cannot be looked at (attention knockout)",
    "ablation": "a head that is unplugged: what it writes is set to zero, or to its mean",
    "needle": "a sentence that is hidden in a long text and asked for at the end (needle in a haystack)",
    "embedding": "the vector of a token before a text is read, a row of the embedding table: the same in every text",
    "score": "query · key, scaled: how well the two fit, before the softmax; −∞ where a token may not look",
    "softmax": "what makes weights of the scores of a row: e to each score, over the sum of all of them",
    "output projection": "W_O, through which a head writes what it read into the vector of the token that looks",
    "residual": "the vector of a token as it was before a layer, to which what the layer writes is added",
    "logit lens": (
        "the hidden state after a layer, through the model's last norm and head: what it would say if it stopped there"
    ),
    "MLP": (
        "feed-forward network: what a layer does to each token besides attention; it looks at no other token, and much "
        "of what was learned in training is kept in its weights"
    ),
    "recurrent state": (
        "what a decoder without attention to its own words keeps of them: one number a unit, which fades"
    ),
    "hidden state": "the vector of a token after some layers: what the context made of its embedding",
    "corpus of texts": "many texts that one model reads, each by itself; a number of a corpus is a mean over its texts",
    "bootstrap interval": (
        "where the mean over other texts of this kind may lie: the texts are drawn again, with replacement, 1,000 times"
    ),
    "permutation test": (
        "how often two corpora would differ as much if it were chance which text belongs to which; with many heads, p "
        "is corrected (Holm, or Benjamini–Hochberg)"
    ),
    "function word": "a word of a closed class: article, pronoun, conjunction, preposition, auxiliary or particle",
    "frame": "a moment of a sound, of 20 ms in Whisper: one key of the memory that its encoder makes of the sound",
    "alignment heads": "heads of cross-attention that the makers of a model found to follow the sound, word by word",
    "path": (
        "the order of moments through which the words are followed: it goes on by words and by frames, never back, and "
        "collects the most attention (dynamic time warping)"
    ),
    "log-mel spectrogram": (
        "how loud each band of pitch is from moment to moment, on a logarithmic scale: what Whisper takes of a sound"
    ),
    "memory": "the keys and values that a text leaves behind, and that later tokens look up",
}


def show_measures() -> None:
    """All measures, by the question they belong to."""
    for group, title in GROUPS.items():
        st.header(t(title), anchor=False)
        for measure in MEASURES.values():
            if measure.group == group:
                _show_measure(measure)


def _show_measure(measure: Measure) -> None:
    with st.container(border=True, key=f"measure_{measure.name}"):
        st.subheader(t(measure.label), anchor=False)
        st.markdown(t(measure.question))
        st.latex(measure.formula)
        st.markdown(
            t("**Unit** {unit} · **range** {range} · **axes** {axes}", unit=t(measure.unit), range=_range(measure),
              axes=" × ".join(t(axis) for axis in measure.axes))
        )  # fmt: skip
        st.caption(f"{t(measure.caveat)}  \n{literal(t(measure.source))}")


def _range(measure: Measure) -> str:
    low = "−∞" if measure.low is None else f"{measure.low:g}"
    high = "∞" if measure.high is None else f"{measure.high:g}"
    return t("{low} to {high}", low=low, high=high)


def offer_download() -> None:
    """All measures as a table to take along."""
    st.download_button(
        t("All measures as CSV"),
        data=lambda: tables.csv(tables.measures_table().assign(MemViz=memviz.__version__)).encode("utf-8-sig"),
        file_name="memviz-measures.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def show_roles() -> None:
    """What the names of the roles mean."""
    st.header(t("Roles of heads, measured on the text at hand"), anchor=False)
    st.markdown("\n".join(f"- **{t(role)}**: {t(meaning)}" for role, meaning in ROLES.items()))


def show_experiments() -> None:
    """All experiments: what each asks, what it costs, who did it first, and what it does not show."""
    from memviz.experiments import EXPERIMENTS  # torch comes in with them: what stands above is drawn by then

    st.header(t("Experiments: what if something is taken away?"), anchor=False)
    for experiment in EXPERIMENTS.values():
        with st.container(border=True, key=f"experiment_{experiment.name}"):
            st.subheader(t(experiment.label), anchor=False)
            st.markdown(t(experiment.question))
            st.markdown(t("Cost, in readings: {cost}", cost=t(experiment.cost)))
            st.caption(f"{t(experiment.caveat)}  \n{literal(t(experiment.source))}")


def show_terms() -> None:
    """The words of the field that the pages use."""
    st.header(t("Terms"), anchor=False)
    st.markdown("\n".join(f"- **{t(term)}**: {t(meaning)}" for term, meaning in TERMS.items()))
