"""What did the decoder read to write this word?"""

from memviz.ui import share
from memviz.ui.parts import causal_check, translation
from memviz.ui.shell import show

show.question(
    "translate",
    "Above (or on the left) the source, below (or on the right) its translation. Hover or tap a word: "
    ":blue[**blue**] links are what a target word was read from, :orange[**orange**] links what was written from "
    "a source word.",
)
trace, job = translation.translate_text()
part = translation.choose_sentence(trace)
view = translation.choose_view(part, job)
pinned = translation.show_graph(view)
causal_check.check_source_word(view, job, pinned)
covered_run = translation.compare_covered(view, job, pinned=pinned)
translation.show_details(view)
show.caveat("A link says what was read when a word was written, not why it was chosen.")
share.bar(share.Translate(trace, view=view, job=job, pinned=pinned, covered_run=covered_run))
show.model_line(part)
