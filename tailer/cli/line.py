"""One line at the bottom of a terminal that is written over, and goes without a trace."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO

from rich.cells import cell_len, set_cell_size

_ERASE = "\r\x1b[K"
_COLUMNS = 80  # where the terminal does not tell


class StatusLine:
    """The line; nothing is ever drawn where `is_possible` is false.

    Args:
        stream: stderr.
        term: What the environment calls the terminal.
        shared: Whether others may write to the terminal as well, whom nobody asks to wait.
    """

    def __init__(self, stream: TextIO, term: str, *, shared: bool = False) -> None:
        self._stream = stream
        self._shown = ""
        self.is_possible = not stream.closed and stream.isatty() and term != "dumb" and not shared

    def show(self, text: str) -> None:
        """Write the line, or write over it; cut where the terminal ends, so that it stays one line."""
        if self.is_possible and text != self._shown:
            columns = self._columns() - 3  # the last column would wrap, and "^C" must not either
            fitting = text if cell_len(text) <= columns else set_cell_size(text, columns - 1) + "…"
            self._write(f"{_ERASE}{fitting}")
            self._shown = text

    def hide(self) -> None:
        """Erase the line."""
        if self._shown:
            self._write(_ERASE)
            self._shown = ""

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a terminal that is gone needs no line
            self._stream.write(text)
            self._stream.flush()

    def _columns(self) -> int:
        try:
            return max(os.get_terminal_size(self._stream.fileno()).columns, 20)
        except OSError:
            return _COLUMNS
