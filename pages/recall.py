"""What does this word remember, and who remembers it?"""

from memviz.ui import share
from memviz.ui.parts import causal_check, recall, words
from memviz.ui.shell import frame, show

show.question(
    "recall",
    "Choose a word. Its card lists the words it attends to, with which weight, and whether that is specific to "
    "this word.",
)
trace = frame.read_text()
view = recall.choose_view(trace)
word = words.show_panel(trace, without=view.without, layer=view.layer, head=view.head)
word = words.first_word(trace, view.without) if word is None else word
causal_check.check_word(trace, word, head=recall.own_head(trace, view))
recall.show_card(trace, view, word=word)
recall.show_received(trace, view)
recall.show_distance(trace, view)
show.caveat()
share.bar(share.Recall(trace, view=view, word=word))
show.model_line(trace)
