"""JSON Lines: one JSON object an event, compact, the rest of Unicode as it is."""

from __future__ import annotations

from tailer.sinks.formats.records import PAYLOAD, Notation, RecordFormat
from tailer.sinks.text import json_text

NOTATION = Notation(
    "{", "}\n", ",", key='"{}":'.format, text=json_text, none="null", payload=f',"{PAYLOAD}":{{}}'.format
)


class JsonlFormat(RecordFormat):
    """Renders JSON Lines."""

    def __init__(self) -> None:
        super().__init__(NOTATION)
