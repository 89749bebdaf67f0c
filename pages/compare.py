"""What does the same word look at in two texts?"""

from memviz.ui import share
from memviz.ui.parts import compare
from memviz.ui.shell import frame, show

show.question("compare", "One word, one attention head, one scale: what changes with the text around the word?")
first, second = frame.read_two_texts()
view = compare.choose(first, second)
compare.show_both(first, second, view)
show.caveat()
share.bar(share.Compare(first, second, view=view))
show.model_line(first)
