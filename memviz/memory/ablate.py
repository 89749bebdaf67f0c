"""Which heads write nothing?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from memviz.errors import TraceError
from memviz.memory.kinds import Kind, Place
from memviz.memory.places import is_integer
from memviz.note import Note


@dataclass(frozen=True)
class Ablate:
    """What if one head were unplugged? Its output is replaced before the output projection.

    layer, head   counted from 0
    by            "zero": it writes nothing; "mean": every token gets the mean of what the head wrote for all tokens of
                  this text, later ones included (a control that keeps the head's average contribution)
    kind          the memory it belongs to; ``None``: the model's own ("self"), or of an encoder-decoder "cross"

    The head's attention pattern is still that of the queries and keys which it got.
    Michel et al. 2019, Are Sixteen Heads Really Better than One?
    """

    layer: int
    head: int
    by: Literal["zero", "mean"] = "zero"
    kind: Kind | None = None

    def __post_init__(self) -> None:
        if not is_integer(self.layer) or not is_integer(self.head):
            raise TraceError(
                "A head to unplug is named by a layer and a head; this is layer {layer} and head {head}.",
                todo="Give whole numbers, such as Ablate(layer=5, head=3).",
                layer=repr(self.layer)[:80],
                head=repr(self.head)[:80],
            )
        if not isinstance(self.by, str) or self.by not in ("zero", "mean"):
            raise TraceError(
                "A head's output is replaced by “zero” or “mean”, not by {by}.",
                todo="Choose one of the two.",
                by=repr(self.by)[:80],
            )
        if self.kind is not None and not (isinstance(self.kind, str) and self.kind in get_args(Kind)):
            raise TraceError(
                "There is no memory of the kind {kind}.",
                todo="Choose one of: {kinds}.",
                kind=repr(self.kind)[:80],
                kinds=", ".join(get_args(Kind)),
            )
        object.__setattr__(self, "layer", int(self.layer))
        object.__setattr__(self, "head", int(self.head))

    def place(self, usual: Kind) -> Place:
        """The attention layer that is meant; ``usual`` is the memory where none is named."""
        return Place(self.kind or usual, self.layer)

    def check(self, *, layers: int, heads: int) -> None:
        """Raises `TraceError` for a layer or a head that the memory does not have, of ``layers`` and ``heads``."""
        for what, number, there in ((Note("layer"), self.layer, layers), (Note("head"), self.head, heads)):
            if not 0 <= number < there:
                raise TraceError(
                    "There is no {what} {number} to unplug: this memory has {there} of them.",
                    todo="They are counted from 0 to {last}.",
                    what=what,
                    number=number,
                    there=there,
                    last=there - 1,
                )
