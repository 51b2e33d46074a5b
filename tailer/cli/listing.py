"""Short lists for stdout: a table on a terminal, JSON Lines into a pipe."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TextIO, TypeAlias

import msgspec
from rich.cells import cell_len, set_cell_size

from tailer.sinks.text import escaped

Output: TypeAlias = Literal["auto", "table", "jsonl"]

_GAP = 2
_LEAST_LAST = 20  # columns below which wrapping the last cell would only make it worse


class Row(NamedTuple):
    """One line of a list.

    Attributes:
        record: Its JSON object.
        cells: Its texts in the table, one for each title.
    """

    record: Mapping[str, object]
    cells: Sequence[str]


def write_rows(titles: Sequence[str], rows: Sequence[Row], output: Output, stream: TextIO) -> None:
    """Write a list.

    Args:
        titles: Of the table's columns. The last column is wrapped where the terminal is narrow.
        rows: In this order.
        output: What it looks like; "auto" looks at the stream.
        stream: Where data goes: stdout.
    """
    if output == "jsonl" or (output == "auto" and not stream.isatty()):
        stream.writelines(json_line(row.record) for row in rows)
    else:
        table = [titles, *([escaped(cell) for cell in row.cells] for row in rows)]
        stream.writelines(f"{line}\n" for line in aligned(table, columns_of(stream)))
    stream.flush()


def json_line(record: Mapping[str, object] | msgspec.Struct) -> str:
    """Write a JSON object as a line that can't do anything to a terminal."""
    return f"{escaped(msgspec.json.encode(record).decode())}\n"


def aligned(table: Sequence[Sequence[str]], columns: int | None) -> list[str]:
    """Lay out the cells; nothing is cut, what is too long for the terminal goes on below.

    Words of the last column are wrapped; an id is none, so the cells for which there is no room at all
    get an indented line of their own.
    """
    if columns is not None and _is_crowded(table, columns):
        return _folded(table, columns)
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)][:-1]
    indent = sum(width + _GAP for width in widths)
    room = None if columns is None or columns - indent < _LEAST_LAST else columns - indent
    lines: list[str] = []
    for *cells, last in table:
        texts = [set_cell_size(cell, width + _GAP) for cell, width in zip(cells, widths, strict=True)]
        first, *others = [last] if room is None else textwrap.wrap(last, room) or [""]
        lines.append(("".join(texts) + first).rstrip())
        lines += [" " * indent + other for other in others]
    return lines


def _is_crowded(table: Sequence[Sequence[str]], columns: int) -> bool:
    """Tell whether something in the last column would be broken within a word."""
    others = sum(max(map(cell_len, column)) + _GAP for column in [*zip(*table, strict=True)][:-1])
    longest = max(cell_len(word) for *_, last in table for word in (last.split() or [""]))
    return longest > columns - others and longest >= _LEAST_LAST


def _folded(table: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Lay out as many columns as there is room for, and the others of each row below them."""
    widths = [max(map(cell_len, column)) + _GAP for column in zip(*table, strict=True)]
    fitting = sum(total - _GAP <= columns for total in accumulate(widths)) or 1
    lines: list[str] = []
    for cells in table:
        texts = [set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("".join(texts[:fitting]).rstrip())
        lines.append("    " + "".join(texts[fitting:]).rstrip())
    return lines


def columns_of(stream: TextIO) -> int | None:
    """Ask the terminal for its width; ``None`` for a file, or where it does not know."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
