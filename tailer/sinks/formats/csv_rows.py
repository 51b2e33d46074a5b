r"""CSV as RFC 4180 has it: a header, commas, lines ended by CR LF, fields in quotes where they need them.

Control characters are written as ``\u000a``, so a row is always one line. A time without a text is empty.
What a spreadsheet takes for a formula is left as it is: this is for programs, which want a name as it is.
"""

from __future__ import annotations

import re

from tailer.sinks.formats.records import FIELDS, Notation, RecordFormat
from tailer.sinks.text import escaped

_SPECIAL = re.compile('[",]|^ | $')  # some readers drop spaces around a bare field


def csv_text(text: str) -> str:
    """Write a field, quoted if need be."""
    safe = escaped(text)
    return '"{}"'.format(safe.replace('"', '""')) if _SPECIAL.search(safe) else safe


NOTATION = Notation("", "\r\n", ",", key=lambda _field: "", text=csv_text, none="")


class CsvFormat(RecordFormat):
    """Renders CSV."""

    def __init__(self) -> None:
        super().__init__(NOTATION, f"{','.join(FIELDS)}\r\n".encode())
