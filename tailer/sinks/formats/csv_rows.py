r"""CSV as RFC 4180 has it: a header, commas, lines ended by CR LF, fields in quotes where they need them.

Control characters are written as ``\u000a``, so a row is always one line. A time without a text is empty.
What a spreadsheet takes for a formula is left as it is: this is for programs, which want a name as it is.
"""

from __future__ import annotations

import re

from tailer.sinks.formats.records import FIELDS, PAYLOAD, Notation, RecordFormat
from tailer.sinks.text import escaped

_SPECIAL = re.compile('[",]|^ | $')  # some readers drop spaces around a bare field


def csv_text(text: str) -> str:
    """Write a field, quoted if need be."""
    safe = escaped(text)
    return '"{}"'.format(safe.replace('"', '""')) if _SPECIAL.search(safe) else safe


def _payload(payload: str) -> str:
    return f",{csv_text(payload)}"


NOTATION = Notation("", "\r\n", ",", key=lambda _field: "", text=csv_text, none="", payload=None)


class CsvFormat(RecordFormat):
    """Renders CSV.

    Args:
        payloads: Whether rows have a last column for the payload, empty where there is none. It is asked for,
            as a file can't have rows of two lengths.
    """

    def __init__(self, *, payloads: bool = False) -> None:
        fields = (*FIELDS, PAYLOAD) if payloads else FIELDS
        notation = NOTATION._replace(payload=_payload) if payloads else NOTATION
        super().__init__(notation, f"{','.join(fields)}\r\n".encode(), columns=payloads)
