"""The journal's lock file: one owner at a time, known by pid and host."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from tailer.errors import JournalLockedError


class LockFile:
    """An exclusive lock beside the journal; held while the file is open, so it ends with its process.

    The file stays when the lock is given back: to unlink it would let two owners lock two files of one
    name. What a dead owner left inside is harmless, for the lock is the kernel's, not the text's.

    Args:
        path: The journal's own path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.lock")
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and write pid and host inside.

        Raises:
            JournalLockedError: Another process has it.
            OSError: The file can't be opened or written.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        except BlockingIOError:
            owner = _owner(os.pread(fd, 300, 0))
            os.close(fd)
            raise JournalLockedError(
                f"the journal is in use by {owner} (lock {self.path}): stop it, or choose another journal"
            ) from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _owner(content: bytes) -> str:
    pid, _, host = content.decode("utf-8", "replace").strip().partition(" ")
    return f"process {pid} on {host}" if pid.isdigit() and host else "another process"
