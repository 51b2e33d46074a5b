"""The journal's lock file: one owner at a time, known by pid and host."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tailer.errors import JournalLockedError


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
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalLockedError(
                f"the journal is in use by {_owner(fd)} (lock {path}): stop it, or choose another journal"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _owner(fd: int) -> str:
    pid, _, host = os.pread(fd, 300, 0).decode("utf-8", "replace").strip().partition(" ")
    return f"process {pid} on {host}" if pid.isdigit() and host else "another process"
