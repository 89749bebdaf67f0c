"""The page Forget: what changes when something is taken away?

view        which experiment, and what of it can be taken along
subject     the text, the words that are covered, the heads that are unplugged, the answer that is asked for
cover       what covering words did, beside what covering others did
eviction    what a cache that lets keys go still holds, and what that costs
unplug      what unplugging heads did, and which heads read an answer off the text
needle      whether a sentence is found in a long text
agreement   whether rankings of the words agree with taking them away
"""

from memviz.trace import Trace
from memviz.ui.parts.experiment.agreement import show_agreement
from memviz.ui.parts.experiment.cover import RELAYS, cover_sentence, run_cover, show_words
from memviz.ui.parts.experiment.eviction import show_cache
from memviz.ui.parts.experiment.needle import USUAL, show_needle
from memviz.ui.parts.experiment.subject import ANSWER, put_subject, read_text
from memviz.ui.parts.experiment.unplug import PART, STAND_IN, run_unplug, show_heads, unplug_sentence
from memviz.ui.parts.experiment.view import ForgetView, choose_view

__all__ = [
    "BOXES",
    "RELAYS",
    "STAND_IN",
    "ForgetView",
    "choose_view",
    "cover_sentence",
    "put_subject",
    "read_text",
    "run_cover",
    "run_unplug",
    "show_view",
    "unplug_sentence",
]

_SHOWS = {
    "words": show_words,
    "cache": show_cache,
    "heads": show_heads,
    "needle": show_needle,
    "agreement": show_agreement,
}

BOXES: dict[str, tuple[str, ...]] = {
    "words": (ANSWER,),
    "cache": (),
    "heads": (ANSWER, PART),
    "needle": tuple(USUAL),
    "agreement": (ANSWER,),
}
"""In which boxes each experiment is told more than the text."""


def show_view(name: str, trace: Trace) -> ForgetView | None:
    """The experiment of this name on the text of a trace; ``None`` where there is nothing yet to take along."""
    return _SHOWS[name](trace)
