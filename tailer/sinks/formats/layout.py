"""How a pretty line shares out the columns of a terminal.

    2026-08-01 12:04:31.250+02  São Paulo warehouse - rack 3  warning   Leave  late 3h12m     from 92 columns
    2026-08-01 12:04:31+02  São Paul…ack 3  W  Leave  +3h12m                                  at 80
    12:04:31+02 São Pa…k 3 W Leave +3h12m                                                     at 60

1. Every known kind fits behind the name, with a late mark behind it: no such line is wrapped.
2. As the terminal narrows, first the name's column shrinks, then goes what can best be spared: decimals, the
   level's word (its initial stays, and its colour), the word "late", the year, half of the space between.
   The offset from UTC never goes.
3. The date goes last. Lines stand for themselves, for late events mix the days and lines are copied out of
   context; only where there is no room at all a date stands on a line of its own, whenever it changes.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tailer.kinds import LEVELS

LEVEL_CELLS = max(len(level) for level in LEVELS)
MAX_NAME_CELLS = 32
_KIND_CELLS = 27  # FinishRotateCryptKeySuccess, the longest kind of August 2026
_AGE_CELLS = 6  # 59m59s, 23h59m, 99d23h
_GOOD_NAME_CELLS = 12  # below it, names of one fleet are hard to tell apart
_MIN_NAME_CELLS = 4


class Layout(NamedTuple):
    """What a line shows, and how widely.

    Attributes:
        decimals: Whether milliseconds are shown.
        level: The level's word, or its initial.
        late: What stands before the age of a late event.
        date: With its year, without, or on a line of its own.
        gap: What stands between two columns.
        name_cells: The widest that the name's column may become.
    """

    decimals: bool = True
    level: Literal["word", "initial"] = "word"
    late: Literal["late ", "+"] = "late "
    date: Literal["full", "short", "apart"] = "full"
    gap: Literal["  ", " "] = "  "
    name_cells: int = MAX_NAME_CELLS


_STEPS = (
    Layout(),
    Layout(decimals=False),
    Layout(decimals=False, level="initial"),
    Layout(decimals=False, level="initial", late="+"),
    Layout(decimals=False, level="initial", late="+", date="short"),
    Layout(decimals=False, level="initial", late="+", date="short", gap=" "),
    Layout(decimals=False, level="initial", late="+", date="apart", gap=" "),
)


def choose(width: int | None, mark_cells: int) -> Layout:
    """Choose the fullest layout that leaves room for a good name.

    Args:
        width: Columns of the terminal, ``None`` if nobody knows: then everything is shown.
        mark_cells: Cells of the zone's offset.
    """
    if width is None:
        return _STEPS[0]
    left = [width - _cells(step, mark_cells) for step in _STEPS]
    fitting = (i for i, cells in enumerate(left) if cells >= _GOOD_NAME_CELLS)
    chosen = next(fitting, len(_STEPS) - 1)
    name_cells = min(max(left[chosen], _MIN_NAME_CELLS), MAX_NAME_CELLS)
    return _STEPS[chosen]._replace(name_cells=name_cells)


def _cells(step: Layout, mark_cells: int) -> int:
    """Count what a line takes besides the name, at most."""
    date = {"full": len("2026-08-01 "), "short": len("08-01 "), "apart": 0}[step.date]
    time = date + len("12:04:31") + (len(".250") if step.decimals else 0) + mark_cells
    level = LEVEL_CELLS if step.level == "word" else 1
    return time + level + _KIND_CELLS + len(step.late) + _AGE_CELLS + 4 * len(step.gap)
