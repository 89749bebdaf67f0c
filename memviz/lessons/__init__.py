"""A course in steps: what to look at, what to predict, and the numbers that show who was right.

    lesson = memviz.lessons.LESSONS["password"]
    finding = lesson.measure(lesson.subject(), lesson.text, no_progress)
    finding.statement, lesson.options[finding.answer]

One decorated function is one lesson (`registry`). Every number, and which option is right, is computed on the text.
"""

from __future__ import annotations

from memviz.lessons import attention, evidence, knowledge, training, translation, words  # each files its lessons
from memviz.lessons.registry import FILED, Finding, Lesson, Row

COURSE = (
    *("words", "heads", "sinks", "induction", "password", "first_token"),
    *("alignment", "recurrence", "two_memories", "recital", "fine_tuning", "birth"),
)
"""The lessons in their order."""
LESSONS: dict[str, Lesson] = {name: FILED[name] for name in COURSE}

__all__ = [
    "COURSE",
    "LESSONS",
    "Finding",
    "Lesson",
    "Row",
    "attention",
    "evidence",
    "knowledge",
    "training",
    "translation",
    "words",
]
