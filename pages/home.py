"""Which words does the model's attention connect?"""

from memviz.measures import sink_positions
from memviz.ui import share
from memviz.ui.parts import causal_check, home, next_words, words
from memviz.ui.shell import frame, show

home.introduce()
show.question(
    "home",
    "Choose a word. :blue[**Blue**] words are those it attends to, :orange[**orange**] words attend to it. "
    "The stronger the colour, the more specific the model's attention is to these two words.",
)
trace = frame.read_text(in_front=True)
without = sink_positions(trace.memory()) if home.choose_hiding() else ()
word = words.show_panel(trace, without=without)
home.show_pieces(trace)
causal_check.check_word(trace, words.first_word(trace, without) if word is None else word)
next_words.show_next_words(trace)
home.show_top_links(trace, without=without)
show.caveat()
home.show_doors()
share.bar(share.Home(trace, word=word, without=without))
show.model_line(trace)
