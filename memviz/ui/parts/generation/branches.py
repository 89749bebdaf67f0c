"""The ways in which a text went on: the original, and the branches that were tried."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.parts.generation.choices import GenerationJob, Path, put_path
from memviz.ui.shell import state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

BRANCHES = "branches"
WORDS = 4  # words that name a branch


@dataclass(frozen=True)
class Branch:
    """A way in which the text went on: where it leaves the one before it, how it begins there, how probable it is.

    logprob   the mean over its written tokens of ln p
    """

    path: Path
    name: str
    logprob: float


def show_branches(trace: Trace, job: GenerationJob) -> None:
    """The branches of this text that were seen in this session, as a small tree; nothing before there is one."""
    subject = replace(job, path=(), prefix=(), cut=None)
    if st.session_state.get(f"{BRANCHES}_of") != subject:
        st.session_state[BRANCHES] = {}
    st.session_state[f"{BRANCHES}_of"] = subject
    branches: dict[Path, Branch] = st.session_state[BRANCHES]
    branches[job.path] = _branch(trace, job)
    if len(branches) < 2 and not job.path:
        return
    st.subheader(t("Branches"), anchor=False)
    for path in sorted({(), *branches}):
        branch = branches.get(path)
        label = _label(branch) if branch is not None else t("The original text")
        row = st.container(horizontal=True, gap="small", vertical_alignment="center")
        if path:
            row.markdown("&emsp;" * len(path) + "↳", width="content")
        row.button(
            label,
            key=f"branch_{'-'.join(map(str, sum(path, ())))}",
            type="primary" if path == job.path else "secondary",
            on_click=_open,
            args=(path,),
        )
    st.caption(t("In brackets: the mean of ln p over the tokens that were written; nearer to 0 is more probable."))


def _open(path: Path) -> None:
    put_path(path)
    state.put_word(None)


def _branch(trace: Trace, job: GenerationJob) -> Branch:
    logprobs = trace.logprobs[trace.written]
    start = trace.written.start + (job.path[-1][0] if job.path else 0)
    text = trace.text[trace.tokens[start].start :] if start < len(trace.tokens) else ""
    first = " ".join(text.split()[:WORDS]) or printable(text or " ")
    return Branch(job.path, first, float(np.mean(logprobs)) if len(logprobs) else float("nan"))


def _label(branch: Branch) -> str:
    mean = f"{branch.logprob:.2f}".replace("-", "−")
    name = literal(branch.name)
    if not branch.path:
        return t("The original text: {name} … ({mean})", name=name, mean=mean)
    return t("{name} … ({mean})", name=name, mean=mean)
