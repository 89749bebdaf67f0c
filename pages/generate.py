"""Where does the next word come from?"""

from memviz.ui.parts import generation
from memviz.ui.shell import show

show.question(
    "generate",
    "A language model goes on with your prompt, token by token. The stronger a written word is tinted, the less the "
    "model expected it.",
)
trace, job = generation.generate_text()
word = generation.show_text(trace, job)
generation.show_branches(trace, job)
show.caveat()
show.model_line(trace)
