"""Taking a view along: a link that restores it, files with their provenance inside, and Python that repeats it."""

from memviz.ui.share.actions import Shared, bar, link_bar, training_bar
from memviz.ui.share.compare import Compare
from memviz.ui.share.corpus import corpus_bar
from memviz.ui.share.findings import Findings
from memviz.ui.share.formula import Formula
from memviz.ui.share.generate import Generate
from memviz.ui.share.heads import Heads
from memviz.ui.share.home import Home
from memviz.ui.share.lesson import LessonView, lesson_bar
from memviz.ui.share.listen import Listen, listen_bar
from memviz.ui.share.look import look_bar
from memviz.ui.share.recall import Recall
from memviz.ui.share.training import Training
from memviz.ui.share.translate import Translate

__all__ = [
    "Compare",
    "Findings",
    "Formula",
    "Generate",
    "Heads",
    "Home",
    "LessonView",
    "Listen",
    "Recall",
    "Shared",
    "Training",
    "Translate",
    "bar",
    "corpus_bar",
    "lesson_bar",
    "link_bar",
    "listen_bar",
    "look_bar",
    "training_bar",
]
