"""Tables and arrays as files that say where they come from.

Text in CSV: token texts are anything a person typed, so a spreadsheet could take one for a formula
(``=…``, ``+…``, ``-…``, ``@…``), and a program for a number, a truth value or a missing one (``7``,
``true``, ``NA``). Such texts, and those that begin with white space or an apostrophe, get one
apostrophe put before them; all others stay as they are. Taking one leading apostrophe off every
text gives back exactly what was there; `read_csv` does so.
"""

from __future__ import annotations

import csv as rules
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memviz.errors import MeasureError
from memviz.tokens import printable

_FORMULA = tuple("=+-@＝＋－＠")
_MISSING = {"", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na"}
_MISSING |= {"nan", "none", "null", "true", "false"}
_GUARD = "a text that begins with ' had it put before, lest it be taken for a formula, a number or a gap"


def csv(frame: pd.DataFrame) -> str:
    """The table ``frame`` as plain CSV: a row of column names, then the rows; ``pd.read_csv(file)`` opens it.

    Where it comes from stands in a file beside it, see `metadata`. All text is quoted, so that a quote, a comma or a
    line break inside a token survives. Texts that could be taken for something else have an apostrophe before them
    (see the top of this module); `read_csv` takes it off.
    """
    return _guarded_frame(frame).to_csv(index=False, quoting=rules.QUOTE_NONNUMERIC, lineterminator="\n")


def metadata(frame: pd.DataFrame, provenance: Mapping[str, str], *, file: str) -> str:
    """What is a table, and where does it come from? For ``<file>-metadata.json`` beside the ``file`` that `csv` wrote.

    JSON as "CSV on the Web" has it (W3C 2015): ``url`` is the name of the file, ``tableSchema`` has the name and kind
    of every column of the table ``frame``, ``notes`` the ``provenance`` by name. Where texts have an apostrophe before
    them, a note says so.
    """
    notes = {_line(name): _line(value) for name, value in provenance.items()}
    if not _guarded_frame(frame).equals(frame):
        notes["apostrophes"] = _GUARD
    columns = [{"name": name, "datatype": _kind(frame[name])} for name in frame.columns]
    content = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": file,
        "tableSchema": {"columns": columns},
        "notes": [{"name": name, "value": value} for name, value in notes.items()],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def read_csv(text: str, metadata: str = "") -> tuple[pd.DataFrame, dict[str, str]]:
    """The table of a file that `csv` wrote, every text exactly as it was, and the provenance from its ``metadata``."""
    frame = pd.read_csv(io.StringIO(text.removeprefix("\ufeff")))
    for name in _text_columns(frame):
        frame[name] = [cell.removeprefix("'") if isinstance(cell, str) else cell for cell in frame[name].tolist()]
    notes = {note["name"]: note["value"] for note in json.loads(metadata)["notes"]} if metadata else {}
    notes.pop("apostrophes", None)
    return frame, notes


def _guarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    result = frame.copy()
    for name in _text_columns(frame):
        result[name] = [_guarded(cell) if isinstance(cell, str) else cell for cell in frame[name].tolist()]
    return result


def _kind(column: pd.Series) -> str:
    """The kind of a column, as XML Schema calls it."""
    if pd.api.types.is_integer_dtype(column.dtype):
        return "integer"
    return "double" if pd.api.types.is_numeric_dtype(column.dtype) else "string"


def _text_columns(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name].dtype)]


def _guarded(text: str) -> str:
    """The text, with an apostrophe before it where a program could take it for something else."""
    bare = text.lstrip()
    odd = bare != text or text.startswith(("'", *_FORMULA)) or text.lower() in _MISSING
    return f"'{text}" if odd or _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _line(text: str) -> str:
    """The text on one line, with nothing in it that could not be seen."""
    return printable(str(text))


def npz(arrays: Mapping[str, Any], provenance: Mapping[str, str]) -> bytes:
    """``arrays`` by name as the bytes of one ``.npz`` file, with where they come from inside, and no pickle.

    ``numpy.load(file)`` opens it; ``json.loads(str(file["provenance"]))`` is the provenance. Lists
    of texts become arrays of text. The same arrays give the same bytes. Raises `MeasureError` for
    an array of Python objects, and for one that is called "provenance".
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, value in {**arrays, "provenance": json.dumps(dict(provenance), ensure_ascii=False)}.items():
            array = np.asarray(value)
            if array.dtype.hasobject or (name == "provenance" and name in arrays):
                raise MeasureError(
                    "The array “{name}” cannot be written.",
                    todo="Give numbers or texts, and another name than “provenance”.",
                    name=name,
                )
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            part = io.BytesIO()
            np.lib.format.write_array(part, array, allow_pickle=False)
            file.writestr(entry, part.getvalue())
    return out.getvalue()
