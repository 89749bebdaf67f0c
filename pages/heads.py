"""Which heads do what?"""

from memviz.ui import share
from memviz.ui.parts import causal_check, formula, heads, next_words
from memviz.ui.shell import frame, show

show.question(
    "heads",
    "Each small square is one head on the whole text: rows are queries (they look), columns are keys (they are "
    "looked at). Roles are measured on this text. Choose a head to see it in full.",
)
trace = frame.read_text(growing=True)
heads.show_sentence(trace)
memory = heads.choose_memory(trace)
overview, detail = show.two_columns(trace, pictures=heads.picture_count())
with overview:
    heads.show_grid(memory)
with detail:
    view = heads.choose_view(trace, memory)
    heads.show_view(trace, view)
    formula.offer_numbers(trace, view)
    causal_check.check_head(trace, view)
heads.show_numbers(trace, view)
next_words.show_next_words(trace)
show.caveat()
share.bar(share.Heads(trace, view=view))
show.model_line(trace)
