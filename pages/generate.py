"""Where does the next word come from?"""

from memviz.ui import share
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
generation.show_passage(trace, job)
generation.show_cache(trace)
show.caveat()
share.bar(share.Generate(trace, job=job, word=word))
show.model_line(trace)
