"""Makes a format by its name, and checks what people write to choose one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Annotated, Literal, TypeAlias, assert_never

from msgspec import Meta

from tailer.config.words import name_of, nearest_of, quoted
from tailer.sinks.formats.chosen import ChosenField, ChosenFormat
from tailer.sinks.formats.csv_rows import NOTATION as CSV
from tailer.sinks.formats.csv_rows import CsvFormat
from tailer.sinks.formats.fields import SHOWABLE
from tailer.sinks.formats.format import Format
from tailer.sinks.formats.highlight import HighlightedFormat
from tailer.sinks.formats.jsonl import NOTATION as JSONL
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.logfmt import NOTATION as LOGFMT
from tailer.sinks.formats.logfmt import LogfmtFormat
from tailer.sinks.formats.pretty import PrettyFormat, Width
from tailer.sinks.formats.records import PAYLOAD, Notation, RecordFormat
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.zones import Zone

FormatName: TypeAlias = Literal["pretty", "jsonl", "logfmt", "csv", "template"]
"""What a format is called in options."""


NOTATIONS: Mapping[str, Notation] = {"jsonl": JSONL, "logfmt": LOGFMT, "csv": CSV}
"""The formats whose fields can be chosen."""


def why_no_fields(name: str) -> str | None:
    """Say why the fields of a format can't be chosen; ``None``: they can."""
    if name in NOTATIONS:
        return None
    return f'are for the formats {", ".join(NOTATIONS)}; write format = "jsonl", or leave them out'


def read_template(raw: object) -> str:
    """Read a template's text; raises ``ValueError`` with what is wrong with it."""
    if not isinstance(raw, str):
        raise ValueError(f"must be a template, not {name_of(raw)}")  # noqa: TRY004 - as readers do
    TemplateFormat(raw)
    return raw


Template: TypeAlias = Annotated[str, Meta(extra={"read": read_template, "expected": "a template"})]
"""A field that holds a template, checked when it is read."""


def read_pattern(raw: object) -> re.Pattern[str]:
    """Read a regular expression; raises ``ValueError`` with what is wrong with it."""
    if not isinstance(raw, str):
        raise ValueError(f"must be a regular expression, not {name_of(raw)}")  # noqa: TRY004 - as readers do
    try:
        return re.compile(raw)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{quoted(raw)} is no regular expression: {error}") from None


def read_showable(raw: object) -> str:
    """Read the name of a field that pretty lines can show; raises ``ValueError`` with the nearest."""
    if not isinstance(raw, str):
        raise ValueError(f"must be a field, not {name_of(raw)}")  # noqa: TRY004 - as readers do
    if raw not in SHOWABLE:
        raise ValueError(f"there is no field {quoted(raw)} to show; {nearest_of(raw, SHOWABLE)}")
    return raw


def _read_expression(raw: object) -> str:
    return read_pattern(raw).pattern


Expression: TypeAlias = Annotated[
    str, Meta(extra={"read": _read_expression, "expected": "a regular expression"})
]
"""A field that holds a regular expression, checked when it is read."""

Showable: TypeAlias = Annotated[str, Meta(extra={"read": read_showable, "expected": "a field"})]
"""A field that names a field of an event."""


def check_template(name: str, template: str | None) -> None:
    """Make sure that a template is there where one is used, and only there.

    Args:
        name: The format's name, or "auto", which goes with both.
        template: Its text, if any.

    Raises:
        ValueError: One sentence.
    """
    if name == "template" and template is None:
        raise ValueError("format template needs a template, such as {time} {name} {k}")
    if template is not None and name not in {"template", "auto"}:
        raise ValueError(f"a template is for format template, not for {name}")


def check_show(name: str, show: Sequence[str]) -> None:
    """Make sure that fields are only shown where that is possible.

    Args:
        name: The format's name, or "auto", which becomes pretty.
        show: Fields, of `tailer.sinks.formats.fields.SHOWABLE`.

    Raises:
        ValueError: One sentence.
    """
    if name == "csv":
        if set(show) - {PAYLOAD}:
            raise ValueError(f"show is for format pretty; csv has all but {PAYLOAD}, which it can show")
    elif show and name not in {"auto", "pretty"}:
        raise ValueError(f"show is for format pretty, and {PAYLOAD} for csv; the others have all fields")


def make_format(
    name: FormatName,
    *,
    template: str = "",
    zone: Zone = UTC,
    color: bool = False,
    width: Width = lambda: None,
    show: Sequence[str] = (),
    highlight: Sequence[re.Pattern[str]] = (),
    fields: Sequence[ChosenField] = (),
) -> Format:
    """Make a format.

    Args:
        name: Which.
        template: For "template": its text.
        zone: Of times in pretty and template lines; those of the others are UTC.
        color: Whether pretty and template lines may have colours.
        width: For "pretty": columns of the terminal, at present.
        show: For "pretty": more fields, of `tailer.sinks.formats.fields.SHOWABLE`; for "csv": the payload.
        highlight: What is marked in pretty and template lines that have colours.
        fields: For those of `NOTATIONS`: only these, in this order; empty: all.

    Raises:
        ValueError: The template is wrong; one sentence.
    """
    if fields and name in NOTATIONS:
        return ChosenFormat(NOTATIONS[name], fields)
    match name:
        case "jsonl":
            return JsonlFormat()
        case "logfmt":
            return LogfmtFormat()
        case "csv":
            return CsvFormat(payloads=PAYLOAD in show)
        case "pretty":
            lines: Format = PrettyFormat(color=color, width=width, zone=zone, show=show)
        case "template":
            lines = TemplateFormat(template, zone=zone, color=color)
        case _:
            assert_never(name)
    return HighlightedFormat(lines, highlight) if color and highlight else lines


def beginning_of(lines: Format) -> bytes | None:
    """Tell what every file of a format begins with, ``None`` if that can be anything."""
    return lines.beginning if isinstance(lines, RecordFormat | ChosenFormat) else None
