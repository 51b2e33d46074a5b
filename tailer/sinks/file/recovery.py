"""Cuts off what a crash left behind, wherever the file is by now."""

from __future__ import annotations

import os
from pathlib import Path

from tailer.sinks.appended import AppendedFile, FileState


def mend(live: AppendedFile, state: FileState, begin: bytes | None) -> str | None:
    """Cut the committed file to its committed length, be it the live one or one that was just renamed.

    Args:
        live: What the path leads to now; if it is another file, it is left as it is.
        state: What was committed last.
        begin: What every file of ours begins with; ``None`` if that can be anything.

    Returns:
        What an operator should know; ``None`` if all is as it should be.

    Raises:
        OSError: It can't be done.
    """
    finding = live.compare(state, begin)
    if finding == "same":
        live.cut(state.length)
        return None
    if finding == "shorter":
        return _shorter(live.length, state.length)
    renamed = _find_renamed(live.path, state)
    if renamed is None:
        return _GONE
    try:
        finding = renamed.compare(state, begin)
        if finding == "same":
            renamed.cut(state.length)
            return None
        if finding == "shorter":
            return f"renamed to {renamed.path.name}: {_shorter(renamed.length, state.length)}"
        return _GONE
    finally:
        renamed.close()


_GONE = "it is not the file that was written before, which is gone; it is appended to"


def _find_renamed(live: Path, state: FileState) -> AppendedFile | None:
    """Open the file that a state tells of under its present name, beside the live one; ``None`` if gone."""
    live = live.resolve()
    with os.scandir(live.parent) as entries:
        same = [entry for entry in entries if entry.inode() == state.inode]
        paths = [Path(entry.path) for entry in same if entry.is_file(follow_symlinks=False)]
    # A new live file may have got the old one's number.
    paths = [path for path in paths if path != live]
    return AppendedFile(paths[0], create=False) if paths else None


def _shorter(length: int, committed: int) -> str:
    return f"it has {length} bytes, {committed} were committed: someone cut it; it is appended to"
