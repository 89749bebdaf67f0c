"""What does a word mean before any context?"""

from memviz.ui import share
from memviz.ui.parts import vocabulary
from memviz.ui.shell import frame, show

show.question(
    "words",
    "Every token has a vector before a text is read: the same in every text. Then each layer mixes the context in.",
)
first, second = frame.read_two_texts()
finding = vocabulary.show_words(first, second)
if finding is None:
    share.link_bar(first, "words", (frame.OTHER,))
else:
    share.bar(share.Findings(first, finding, "words", second.text))
show.model_line(first)
