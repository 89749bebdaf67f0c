"""What does this text remember?"""

from memviz.measures import sink_positions
from memviz.ui import share
from memviz.ui.parts import home, words
from memviz.ui.shell import frame, show

show.question(
    "What does this text remember?",
    "Point at a word. :blue[**Blue**] words are what it looks at; :orange[**orange**] words look at it. "
    "The stronger the colour, the more special the link.",
)
trace = frame.reading_of(in_front=True)
without = sink_positions(trace.memory()) if home.hide_sinks() else ()
word = words.panel(trace, without=without)
home.strongest(trace, without=without)
show.caveat()
home.doors()
share.bar(share.Home(trace, word=word, without=without))
show.model_line(trace)
