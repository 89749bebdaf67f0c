"""The page Facts: what did a model know before it read?

choices     which experiment, on which text, and which models can be asked
lens        what every layer would say
conflict    what the text says against what the weights say
recital     a text that may be known by heart, beside an invented one
networks    in which layers the feed-forward networks (MLPs) at a word matter
entities    names, dates and places as memory
"""

from memviz.trace import Trace
from memviz.ui.parts.experiment import ForgetView
from memviz.ui.parts.experiment.subject import ANSWER
from memviz.ui.parts.facts.choices import choose_view, read_text
from memviz.ui.parts.facts.conflict import CONTEXT, FACT, show_conflict
from memviz.ui.parts.facts.entities import show_entities
from memviz.ui.parts.facts.lens import show_lens
from memviz.ui.parts.facts.networks import show_networks
from memviz.ui.parts.facts.recital import INVENTED, show_recital

__all__ = ["BOXES", "choose_view", "read_text", "show_view"]

_SHOWS = {
    "lens": show_lens,
    "conflict": show_conflict,
    "heart": show_recital,
    "mlps": show_networks,
    "entities": show_entities,
}

BOXES: dict[str, tuple[str, ...]] = {
    "lens": (ANSWER,),
    "conflict": (CONTEXT, FACT),
    "heart": (INVENTED,),
    "mlps": (ANSWER,),
    "entities": (),
}
"""In which boxes each experiment is told more than the text."""


def show_view(name: str, trace: Trace) -> ForgetView | None:
    """The experiment of this name on the text of a trace; ``None`` where there is nothing yet to take along."""
    view: ForgetView | None = _SHOWS[name](trace)
    return view
