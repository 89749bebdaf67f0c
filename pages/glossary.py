"""What do the numbers mean?"""

from memviz.ui.parts import glossary
from memviz.ui.shell import show

show.question(
    "glossary",
    "Every measure and every experiment that MemViz shows: the question it answers, its unit and formula or its cost, "
    "its source, and what it does not show.",
)
glossary.show_measures()
glossary.show_roles()
glossary.show_terms()
glossary.offer_download()
glossary.show_experiments()
