"""From which moment of a sound was each word read?"""

from memviz.ui import share
from memviz.ui.parts import listen
from memviz.ui.shell import show

show.question(
    "listen",
    "Speak, or choose a sound, and the model writes what it hears. Click a word: it is played alone, and the moments "
    "that it was read from light up.",
)
heard = listen.choose_sound()
view = listen.show_sound(heard)
letters = listen.show_times(view)
again = listen.listen_again(view)
show.caveat()
share.listen_bar(share.Listen(view, letters, again))
listen.model_line(heard)
