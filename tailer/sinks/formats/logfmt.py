"""logfmt: ``key=value`` pairs with spaces between, for people with grep and for Loki's ``| logfmt``.

A text is quoted as JSON where a bare one could be read in another way: if it is empty, holds white space,
``=``, ``"`` or something that must be escaped, or looks like ``null``, which stands for a time without a text
(the rules of go-logfmt, the most used reader and writer).
"""

from __future__ import annotations

import re

from tailer.sinks.formats.records import PAYLOAD, Notation, RecordFormat
from tailer.sinks.text import escaped, json_text

_BARE = re.compile(r'[^\s="]+')
_NONE = "null"


def logfmt_text(text: str) -> str:
    """Write a value, quoted if need be."""
    is_bare = _BARE.fullmatch(text) is not None and text != _NONE and escaped(text) == text
    return text if is_bare else json_text(text)


def _payload(payload: str) -> str:
    return f" {PAYLOAD}={logfmt_text(payload)}"


NOTATION = Notation("", "\n", " ", key="{}=".format, text=logfmt_text, none=_NONE, payload=_payload)


class LogfmtFormat(RecordFormat):
    """Renders logfmt."""

    def __init__(self) -> None:
        super().__init__(NOTATION)
