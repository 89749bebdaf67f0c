"""What changes with the text, the head or the model?"""

from memviz.ui import share
from memviz.ui.parts import compare, difference
from memviz.ui.shell import frame, show

show.question("compare", "One word in two texts, on one scale; or two patterns of attention, and where they differ.")
way = difference.choose_way()
if way == "word":
    first, second = frame.read_two_texts()
    view = compare.choose(first, second)
    compare.show_both(first, second, view)
    show.caveat()
    share.bar(share.Compare(first, second, view=view))
else:
    first, second = difference.read_both(way)
    found = difference.show_difference(way, first, second)
    if found is None:
        share.link_bar(first, "compare", (frame.OTHER,) if way == "texts" else ())
    else:
        share.bar(share.Findings(first, found, "compare", second.text if way == "texts" else ""))
show.model_line(first)
