"""The page Formula: how does one look-up work, in numbers?

choices     which memory, layer, head and token
steps       each step of a look-up, with its formula and its numbers
numbers     how a number, a vector and a table of keys are written
recurrent   the same for a memory that looks nothing up, and fades
"""

from memviz.trace import Trace
from memviz.ui.parts.formula.choices import choose_kind, offer_numbers, read_text
from memviz.ui.parts.formula.recurrent import RecurrentView, show_recurrent
from memviz.ui.parts.formula.steps import LookUpView, show_attention

__all__ = ["LookUpView", "RecurrentView", "offer_numbers", "read_text", "show_look_up"]


def show_look_up(trace: Trace) -> LookUpView | RecurrentView | None:
    """One look-up of the text, step by step; ``None``, with a message, where it cannot be shown."""
    kind = choose_kind(trace)
    return show_recurrent(trace) if kind == "recurrent" else show_attention(trace, kind)
