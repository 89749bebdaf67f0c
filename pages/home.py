"""What does this text remember?"""

from memviz.measures import sink_positions
from memviz.ui import share
from memviz.ui.parts import home, words
from memviz.ui.shell import frame, show

show.question(
    "home",
    "Hover or tap a word. :blue[**Blue**] words are those it attends to (looks at); :orange[**orange**] words "
    "attend to it. The stronger the colour, the more specific the link is to this word.",
)
trace = frame.read_text(in_front=True)
without = sink_positions(trace.memory()) if home.choose_hiding() else ()
word = words.show_panel(trace, without=without)
home.show_top_links(trace, without=without)
show.caveat()
home.show_doors()
share.bar(share.Home(trace, word=word, without=without))
show.model_line(trace)
