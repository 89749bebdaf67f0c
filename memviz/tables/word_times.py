"""When was each word heard, as a table and as subtitles."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from memviz.measures import WordTime


def word_times_table(words: Sequence[WordTime], letters: Sequence[WordTime] = ()) -> pd.DataFrame:
    """One row for each of the ``words``: its text, start, end and the moment that is looked at most, in seconds.

    ``letters``: the same words by `measures.character_times`, as further columns; left out where there are others.
    """
    columns: dict[str, list[object]] = {
        "word": [word.text for word in words],
        "start": [round(word.start, 3) for word in words],
        "end": [round(word.end, 3) for word in words],
        "peak": [round(word.peak, 3) for word in words],
    }
    if letters and len(letters) == len(words):
        columns["start by letters"] = [round(word.start, 3) for word in letters]
        columns["end by letters"] = [round(word.end, 3) for word in letters]
    return pd.DataFrame(columns)


def srt(words: Sequence[WordTime]) -> str:
    """The ``words`` as subtitles in SubRip's format, one a cue; a word without length is shown for a hundredth."""
    cues = [
        f"{number}\n{_clock(word.start)} --> {_clock(max(word.end, word.start + 0.01))}\n{word.text.strip()}\n"
        for number, word in enumerate(words, 1)
    ]
    return "\n".join(cues)


def _clock(second: float) -> str:
    """Hours, minutes, seconds and thousandths: 00:01:02,500."""
    thousandths = round(second * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
