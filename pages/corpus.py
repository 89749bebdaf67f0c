"""What does every head do, over many texts?"""

from memviz.ui import share
from memviz.ui.parts import corpus
from memviz.ui.shell import show

show.question(
    "corpus",
    "One text shows what a head can do; many texts show what it does. Every number is a mean over texts, with an "
    "interval, and leads back to the texts behind it.",
)
results = corpus.choose_results()
view = corpus.show_atlas(results)
corpus.show_head(view)
corpus.show_contrast(view)
show.caveat()
share.corpus_bar(view)
