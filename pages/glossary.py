"""What do the numbers mean?"""

from memviz.ui.parts import glossary
from memviz.ui.shell import show

show.question(
    "What do the numbers mean?",
    "Every measure that MemViz shows: the question it answers, its unit, formula, source, and what it does not show.",
)
glossary.measures()
glossary.roles()
glossary.words()
glossary.download()
