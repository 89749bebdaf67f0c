"""What was read, in a notebook: it shows itself, and answers the pointer where anywidget is installed.

bundle         what a trace or a memory shows where a cell ends in it
words          a text word by word, with what each attends to, as a widget
cross          a sentence and its translation, joined by what was read from what, as a widget
overlay        a picture that was looked at, tinted where one head looks
use_language   in which language all this speaks: "en" or "zh"

The widgets are the very scripts of the app's pages: in JupyterLab, VS Code and Colab.
"""

from __future__ import annotations

from memviz.notebook.bundles import bundle
from memviz.notebook.language import use_language
from memviz.notebook.overlays import overlay
from memviz.notebook.views import cross, words

__all__ = ["bundle", "cross", "overlay", "use_language", "words"]
