"""Which words are written the second time, and which are not any more?"""

from __future__ import annotations

from difflib import SequenceMatcher

from memviz.trace import Trace
from memviz.ui.shell.markdown import literal


def word_changes(before: Trace, after: Trace) -> tuple[str, str]:
    """(the words of the first output that are gone, those of the second that are new), as Markdown; "" for none."""
    sides = [[word for word in part.target_words if not word.special] for part in (before, after)]
    first, second = ([word.text for word in words] for words in sides)
    steps = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    pieces = (
        [sides[0][start:end] for name, start, end, _, _ in steps if name != "equal"],
        [sides[1][start:end] for name, _, _, start, end in steps if name != "equal"],
    )
    lost, new = (
        " … ".join(literal("".join(" " * word.space + word.text for word in words)) for words in side if words)
        for side in pieces
    )
    return lost, new
