"""The journal's lock file: one owner at a time, known by pid and host."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tailer.errors import JournalLockedError

_LOOK_SECONDS = 0.5
"""How long a refused owner insists: whoever only looks (`owner_of`) has the lock for an instant, which a busy
machine may draw out."""


class Owner(NamedTuple):
    """What the lock file tells.

    Attributes:
        pid: Of the process that wrote it, ``None`` if it can't be read.
        host: Where that runs, ``None`` likewise.
        is_present: Whether the lock is held now; otherwise that process has ended.
    """

    pid: int | None
    host: str | None
    is_present: bool


@contextmanager
def locked(journal: Path) -> Iterator[None]:
    """Hold the lock ``<journal>.lock``; it ends with the process, however that ends.

    The file stays when the lock is given back: to unlink it would let two owners lock two files of one
    name. What a dead owner left inside is harmless, for the lock is the kernel's, not the text's.

    Raises:
        JournalLockedError: Another process has it.
        OSError: The file can't be opened or written.
    """
    path = journal.with_name(f"{journal.name}.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _take(fd):
            pid, host = _written(fd)
            owner = f"process {pid} on {host}" if pid is not None else "another process"
            raise JournalLockedError(
                f"the journal is in use by {owner} (lock {path}): stop it, or choose another journal"
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def owner_of(journal: Path) -> Owner | None:
    """Tell who owns a journal, or did last; ``None`` when nobody ever has.

    Raises:
        OSError: The lock file is there and can't be read.
    """
    try:
        fd = os.open(journal.with_name(f"{journal.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        is_free = _try(fd, fcntl.LOCK_SH)
        if is_free:
            fcntl.flock(fd, fcntl.LOCK_UN)
        return Owner(*_written(fd), is_present=not is_free)
    finally:
        os.close(fd)


def _take(fd: int) -> bool:
    """Take the lock for good; ``False`` when another process does not let go of it."""
    until = time.monotonic() + _LOOK_SECONDS
    while not (is_ours := _try(fd, fcntl.LOCK_EX)) and time.monotonic() < until:
        time.sleep(0.02)
    return is_ours


def _try(fd: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        return True
    return False


def _written(fd: int) -> tuple[int | None, str | None]:
    """Read pid and host; both or none."""
    pid, _, host = os.pread(fd, 300, 0).decode("utf-8", "replace").strip().partition(" ")
    return (int(pid), host) if pid.isdecimal() and pid.isascii() and host else (None, None)
