"""A text that is not ours is shown as it is: nothing in it becomes a link."""

from __future__ import annotations

import re

from memviz.ui.shell.markdown import literal
from tests.pages.visiting import unmarked

LINKS = re.compile(r"https?://|www\.|[-.\w+]+@[-\w]+\.", re.IGNORECASE)  # what GitHub's markdown makes links of
TEXT = "see http://www.apache.org/licenses/, WWW.x.org, HTTPS://y.z and ann@b.org"


def test_no_address_in_a_text_becomes_a_link() -> None:
    assert len(LINKS.findall(TEXT)) >= 4
    shown = unmarked(literal(TEXT))
    assert LINKS.findall(shown) == []
    assert shown.replace("\u2060", "") == TEXT
