"""What one text shows, many texts prove: a model reads a corpus, and what every head does is kept as numbers.

    results = memviz.corpus.run("reviews.csv", model="minilm", out="atlas")
    results.means("previous_token")                 # mean and 95 % interval of every head
    results.extremes("induction", layer=3, head=1)  # the texts behind a number
    memviz.corpus.compare(results, memviz.corpus.Results.open("other"), "entropy")

`run` reads, `Results` answers, `COLUMNS` says what is kept of every text and head.
"""

from memviz.corpus.columns import COLUMNS, Column, TextSummary, summarise
from memviz.corpus.folder import Counts, Folder
from memviz.corpus.results import Extreme, Results, compare
from memviz.corpus.runs import OnPace, Pace, run
from memviz.corpus.statistics import Correction, Difference, Interval, adjusted, bootstrap, permutation_test

__all__ = [
    "COLUMNS",
    "Column",
    "Correction",
    "Counts",
    "Difference",
    "Extreme",
    "Folder",
    "Interval",
    "OnPace",
    "Pace",
    "Results",
    "TextSummary",
    "adjusted",
    "bootstrap",
    "compare",
    "permutation_test",
    "run",
    "summarise",
]
