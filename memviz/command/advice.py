"""What can be done about a refusal on the command line? What the library advises, in options instead of arguments."""

from __future__ import annotations

from memviz.errors import MemVizError
from memviz.note import Note

IN_OPTIONS = {
    'Choose two of its language codes, such as languages=("en", "fr").': (
        "Choose two of its language codes: --languages en fr, for example."
    ),
    'Give both, such as languages=("en", "fr").': "Give both: --languages en fr, for example.",
    "Leave `languages` out, or choose another model.": "Leave --languages out, or choose another --model.",
    "Leave `languages` out, or choose a task.": "Leave --languages out, or choose a --task.",
    "Leave `task` out, or choose a model such as t5-small.": "Leave --task out, or choose --model t5-small.",
    "Leave it out.": "Leave --{name} out, or choose another number.",
    "Choose an encoder-decoder such as firefox-en-pt or t5-small, or use `read`.": (
        "Choose an encoder-decoder such as firefox-en-pt or t5-small, or use: python -m memviz read."
    ),
    "Give it the text to write as `target`.": "Give it the text to write with --target.",
    "Choose one of them: trace.parts[0] to trace.parts[{last}].": "Choose one of them: --sentence 1 to {count}.",
    "Read its beginning, or choose another window of the text.": (
        "Read the part of it that fits: --window 0, or from token 500 on: --window 500."
    ),
    "Choose another window of the text, or another model.": "Choose another --window of the text, or another --model.",
    "Shorten the text, or choose another model.": "Read a part of it with --window, or choose another --model.",
    "Shorten the text, choose a smaller model, or raise MEMVIZ_MEMORY_GB.": (
        "Read a part of it with --window, choose a smaller --model, or raise MEMVIZ_MEMORY_GB."
    ),
    "Shorten the text, choose a smaller model, or read on the CPU.": (
        "Read a part of it with --window, choose a smaller --model, or add --device cpu."
    ),
    "Choose a smaller model, or open it on the CPU.": "Choose a smaller --model, or add --device cpu.",
    "Its weights may be broken, or too large for half precision: fetch it again, or open it in float32.": (
        "Its weights may be broken, or too large for half precision: fetch it again, or add --precision float32."
    ),
    "Shorten the second sentence.": "Shorten the second text, --pair.",
    "Choose fewer layers, heads, rows or columns.": "Read a part of the text with --window, or write an .npz.",
    "Choose the model from before the pruning, and unplug these heads instead.": (
        "Choose the model from before the pruning."
    ),
    "Use `translate`, or choose a language model such as smollm2.": (
        "Use: python -m memviz translate. Or choose a language model with --model smollm2."
    ),
    "Choose a language model such as smollm2.": "Choose a language model with --model smollm2.",
    "Leave it out, or give a share such as 0.9.": "Leave --top-p out, or give a share: --top-p 0.9.",
    "Give a prompt that it can continue.": "Leave --chat out, or choose another --model.",
    "Type or paste at least one word.": "Give at least one word.",
}
"""What the library advises, and what to do instead where there are only options."""


def advice(error: MemVizError) -> str:
    """What happened, and what to do about it here? One line."""
    todo = IN_OPTIONS.get(error.todo, error.todo)
    return " ".join(Note(part, error.values).render() for part in (error.happened, todo) if part)


class CommandError(Exception):
    """What was asked for on the command line cannot be done; the message says why and what to do."""
