"""What does a Transformer remember? A course in steps."""

from memviz.ui import share
from memviz.ui.parts import lessons
from memviz.ui.shell import show

show.question(
    "lessons",
    "Look, predict, and only then see the numbers: each is measured on the text, by the model that stands there.",
)
lesson = lessons.choose_lesson()
text = lessons.show_task(lesson)
prediction = lessons.predict(lesson)
finding = lessons.reveal(lesson, text, prediction)
lessons.show_steps(lesson)
share.lesson_bar(share.LessonView(lesson, text, finding))
