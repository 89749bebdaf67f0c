"""What does this word remember, and who remembers it?"""

from memviz.ui import share
from memviz.ui.parts import recall, words
from memviz.ui.shell import frame, show

show.question(
    "What does this word remember, and who remembers it?",
    "Choose a word. Its card lists the words it looks at, how much, and whether that look is special to it.",
)
trace = frame.reading_of()
view = recall.choose_view(trace)
word = words.panel(trace, without=view.without, layer=view.layer, head=view.head)
recall.card(trace, view, word=word)
recall.received(trace, view)
recall.forgetting(trace, view)
show.caveat()
share.bar(share.Recall(trace, view=view, word=word))
show.model_line(trace)
