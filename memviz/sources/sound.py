"""A sound, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Frame:
    """One slot of a model's memory of a sound: a moment from ``start`` to ``end``, in seconds.

    ``text`` is what a person sees of it, ``word`` the running number of the moment that it belongs to.
    """

    geometry: ClassVar[Literal["line"]] = "line"

    text: str
    start: float
    end: float
    word: int
    special: bool = False


@dataclass(frozen=True)
class Sound:
    """What was heard.

    rate      samples a second
    samples   how many there were
    units     the frames that the model made of it, and of the silence that it was filled up with
    """

    role: ClassVar[str] = "sound"

    rate: int
    samples: int
    units: tuple[Frame, ...]

    @property
    def seconds(self) -> float:
        """How long is it?"""
        return self.samples / self.rate

    @classmethod
    def of(cls, samples: int, rate: int, *, frames: int, window: float, start: float = 0.0) -> Sound:
        """The sound of so many ``samples`` at a ``rate``, that a model sees as so many ``frames`` of a ``window``.

        ``window`` is how many seconds all frames have together. Frames behind the end of the sound are special: they
        hold nothing but the silence that was added. ``start`` is where the sound begins in a longer one, in seconds.
        """
        length = window / frames
        units = tuple(
            Frame(
                text=f"{start + number * length:.2f} s",
                start=start + number * length,
                end=start + (number + 1) * length,
                word=number,
                special=number * length >= samples / rate,
            )
            for number in range(frames)
        )
        return cls(rate, samples, units)
