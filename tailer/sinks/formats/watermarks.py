"""Watermarks as JSON Lines, records of our own among those of the events; and as rows of a table.

The records have an event's fields that make sense for them, `id` first, so that whoever reads the file can
treat all lines alike and tell these by their kind. `time` is that of `whole_through`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tailer.model import Watermark
from tailer.sinks.text import MinuteTexts, json_text

KIND = "tailer.Watermark"
"""The `k` of these records; the API's own kinds have no point in them."""

NEEDS_JSONL = 'need format = "jsonl", written out: they are records among those of the events'
"""Why another format has none."""


COLUMNS = (
    *("account", "connector", "name", "serial"),
    *("read_through", "whole_through", "settled_through", "seen"),
)
"""Of a table that has a row for each connector; the first two are its key."""


def id_of(one: Watermark) -> str:
    """Give the id of a connector's records; no event has such a one."""
    return f"{one.ref}/watermark"


def render_watermarks(watermarks: Iterable[Watermark]) -> bytes:
    """Render a line for each, UTF-8."""
    times = MinuteTexts("T")
    return "".join(_render(one, times) for one in watermarks).encode()


def is_watermark(line: bytes) -> bool:
    """Tell whether a line is such a record."""
    try:
        return msgspec.json.decode(line, type=_Marked).k == KIND
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _render(one: Watermark, times: MinuteTexts) -> str:
    source = one.source
    settled = "null" if one.settled_through is None else one.settled_through
    return (
        f'{{"id":{json_text(id_of(one))},'
        f'"time":"{times.second(one.whole_through)}Z",'
        f'"account":{json_text(source.account)},"connector":{json_text(source.connector)},'
        f'"name":{json_text(source.name)},"serial":{json_text(source.serial)},"k":"{KIND}",'
        f'"read_through":{one.read_through},"whole_through":{one.whole_through},'
        f'"settled_through":{settled},"seen":{source.seen:.3f}}}\n'
    )


class _Marked(msgspec.Struct, frozen=True):
    """What tells such a record from all others."""

    k: str
