r"""The rows that PostgreSQL's COPY reads (its text format): a record's fields in order, then the payload.

Control characters are written as ``\u001b``, as in every format, so no text holds the NUL that PostgreSQL
refuses. Nor may a JSON document of its have one, or half a surrogate pair: there both become U+FFFD, the
character for what can't be shown. A time that no calendar has is ``infinity``; `t` tells the rest.

Source: PostgreSQL's manual, "COPY", file formats; "JSON types" for what ``jsonb`` refuses.
"""

from __future__ import annotations

import re

from tailer.sinks.formats.records import FIELDS, PAYLOAD, Notation, RecordFormat
from tailer.sinks.text import escaped

COLUMNS = (*FIELDS, PAYLOAD)
"""The columns, in the order of the rows."""

# An escape within a JSON text that no even number of backslashes comes before.
_REFUSED = re.compile(r"(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})")


def copy_text(text: str) -> str:
    """Write a text; of what is special to COPY only the backslash is left after the escaping."""
    return escaped(text).replace("\\", "\\\\")


def _payload(json: str) -> str:
    if not json:
        return "\t\\N"
    accepted = _REFUSED.sub(r"\1\\ufffd", json)
    return "\t" + accepted.replace("\\", "\\\\")


NOTATION = Notation("", "\n", "\t", key=lambda _field: "", text=copy_text, none="infinity", payload=_payload)


class CopyFormat(RecordFormat):
    """Renders rows for COPY."""

    def __init__(self) -> None:
        super().__init__(NOTATION, columns=True)
