"""What does every head look at in a picture?"""

from memviz.ui import share
from memviz.ui.parts import look
from memviz.ui.shell import show

show.question(
    "look",
    "Each small square is one head: how it spreads its attention over the picture. Click a patch of the picture, and "
    "see what it looks at, or who looks at it.",
)
picture = look.choose_picture()
view = look.show_heads(picture)
show.caveat()
look.show_collectors(view)
covered = look.show_cover(view)
share.look_bar(view, covered)
look.model_line(view)
