"""The files of a component: what a page of Streamlit, a page of its own and a notebook all draw with.

They stand with the app's components, in ``memviz/ui/components``, where their Python registers them with Streamlit.
Here they are read as files, so that whoever has no Streamlit draws with the very same.
"""

from __future__ import annotations

from pathlib import Path

from memviz.figures.style.colours import component_css

COMPONENTS = Path(__file__).parents[2] / "ui" / "components"


def read_sources(folder: Path) -> tuple[str, str, str]:
    """The markup, the style and the script of the component in this ``folder``, the shared parts first."""
    html, css, js = (_join(COMPONENTS, kind) + _join(folder, kind) for kind in ("html", "css", "js"))
    return html, component_css() + css, js


def _join(folder: Path, kind: str) -> str:
    """What stands in the files of this kind, one after the other?"""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob(f"*.{kind}")))


def as_utf8(text: str) -> str:
    """The text with "?" for what UTF-8 cannot hold: half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")
