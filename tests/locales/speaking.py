"""What does a page say? Every text that Streamlit would send to the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from memviz.ui.shell.i18n import LANGUAGES

SILENT = {"id", "js_content", "css_content", "html_content", "code_text", "component_name", "page_script_hash", "icon"}

UNSEEN = {"meta", "template", "keys"}  # a Plotly figure's record for the files and its colours; names for Python alone


def said(app: AppTest) -> list[str]:
    """All texts on a page: labels, helps, placeholders, options, tables, figures, the data of components."""
    return [text for element in _elements(app._tree) for text in _strings(element)]


def _elements(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _elements(child)


def _strings(element: Any) -> Iterator[str]:
    proto = getattr(element, "proto", None)
    if isinstance(proto, Message):
        yield from _in_message(proto)
    if getattr(element, "type", "") == "arrow_data_frame":
        yield from map(str, element.value.columns)


def _in_message(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.name in SILENT:
            continue
        for one in value if not isinstance(value, str | bytes | Message) and isinstance(value, Iterable) else [value]:
            if isinstance(one, Message):
                yield from _in_message(one)
            elif isinstance(one, str):
                yield from _in_json(json.loads(one)) if one[:1] in "{[" and _is_json(one) else [one]


def _in_json(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in [value[key] for key in value if key not in UNSEEN] if isinstance(value, dict) else value:
            yield from _in_json(one)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def left(texts: Iterable[str], *, sources: Iterable[str]) -> set[tuple[str, str]]:
    """Which English sources still stand on the page, and where? Short ones as a whole, long ones by their parts."""
    texts = [re.sub(r"\s+|<br>", " ", text).replace("\\", "").strip() for text in texts]  # as it is read in markdown
    found = set()
    for source in set(sources) - set(LANGUAGES.values()):  # a page offers each language by its own name
        parts = [part.strip() for part, *_ in Formatter().parse(source)]
        long = [part for part in parts if len(part.split()) >= 3]
        for text in texts:
            if text == source or any(part in text for part in long):
                found.add((source, text[:120]))
    return found
