"""A file that is only appended to, and that can be found and cut back after a crash.

Rules:

1. A file is known by its inode number and a digest of the last 4 KiB before its committed length. The inode
   alone is not enough, for a new file readily gets the number of a deleted one; the device number is left
   out, for it changes with a reboot.
2. Where nothing was committed yet there is nothing to digest: then the file counts as the same if it is empty
   or begins like a file of ours.
3. Only a file that is the same is cut, and only what lies beyond its committed length. A file is never
   made longer but by appending.
4. What is appended is on the disk (fsync) when `append` returns; after a failure the file is cut back, at
   once or, where that fails as well, by `repair` before the next append.
5. A file is locked (flock) while it is open: two writers would cut each other's lines.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from tailer.sinks.filesystem import copy_access, lock, sync_folder

_TAIL_BYTES = 4096


class FileState(msgspec.Struct, frozen=True):
    """What is committed of a file.

    Attributes:
        inode: Its inode number.
        length: Bytes of it that are accepted.
        digest: Of the last 4 KiB before `length`, hexadecimal.
    """

    inode: int
    length: int
    digest: str


Finding = Literal["same", "shorter", "other"]
"""What an opened file is to a committed state: the same file, the same but cut, or another one."""


class AppendedFile:
    """An open file; its end is known from the moment of opening on. All methods block: use a thread.

    Args:
        path: The file; made with mode 0600 if it does not exist and `create` is set.
        create: Whether it may be made.

    Attributes:
        path: Where it was opened.
        length: Bytes that it has, up to which it is written.
        written_at: When it was last written, wall time, as the file system knew at the opening.

    Raises:
        OSError: It can't be opened, is no regular file, or another writer holds it (EWOULDBLOCK).
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        # Without O_NONBLOCK, opening a named pipe could wait for ever.
        self._number = os.open(path, flags | os.O_NONBLOCK, 0o600)
        self._torn = False
        self._was_renamed = False
        self.length = 0
        self._tail = b""
        try:
            _refuse_special(self._number)
            lock(self._number)
            self.measure()
            self.written_at = os.fstat(self._number).st_mtime
            if create:
                sync_folder(path.resolve().parent)
        except OSError:
            os.close(self._number)
            raise

    @property
    def state(self) -> FileState:
        """What to commit: this file, up to its present end."""
        return FileState(os.fstat(self._number).st_ino, self.length, _digest(self._tail))

    @property
    def ends_within_line(self) -> bool:
        """Whether the last line is not ended, so that the next record would be glued to it."""
        return bool(self._tail) and not self._tail.endswith(b"\n")

    def compare(self, state: FileState, begin: bytes | None) -> Finding:
        """Tell what this file is to a committed state.

        Args:
            state: What was committed.
            begin: What every file of ours begins with; ``None`` if that can be anything.
        """
        if os.fstat(self._number).st_ino != state.inode:
            return "other"
        if self.length < state.length:
            return "shorter"
        if _digest(self._read_tail(state.length)) != state.digest:
            return "other"
        if state.length or self.length == 0:
            return "same"
        looks_alike = begin is not None and begin.startswith(self._read(0, len(begin)))
        return "same" if looks_alike else "other"

    def copy_access(self, former: AppendedFile) -> None:
        """Let those who may read another file read this one as well; raises ``OSError``."""
        copy_access(os.fstat(former._number), self._number)

    def cut(self, length: int) -> None:
        """Drop what lies beyond a length, durably; raises ``OSError``."""
        self._cut(length)
        self.measure()

    def measure(self) -> None:
        """Take the present end as the place to append to."""
        self.length = os.fstat(self._number).st_size
        self._tail = self._read_tail(self.length)

    @property
    def was_changed(self) -> bool:
        """Whether someone else has cut or lengthened the file since."""
        return os.fstat(self._number).st_size != self.length

    @property
    def is_live(self) -> bool:
        """Whether the path still leads here; not after a rename."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._number))
        except OSError:
            return False

    @property
    def is_lost(self) -> bool:
        """Whether nobody may ever read what was appended last: the file was renamed just before, and is gone.

        Whoever renames a file that holds the data already, and then compresses and removes it, has read it.
        """
        return self._was_renamed and os.fstat(self._number).st_nlink == 0

    def append(self, data: bytes) -> None:
        """Write data at the end, durably and whole or not at all; `repair` comes first after a failure.

        Raises:
            OSError: The file has its former length again, or gets it from `repair`.
        """
        self._torn = True
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._number, rest) :]
            self._was_renamed = not self.is_live
            os.fsync(self._number)
        except OSError:
            with contextlib.suppress(OSError):
                self.repair()
            raise
        self._torn = False
        self.length += len(data)
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def repair(self) -> None:
        """Cut off what a failed `append` left, if that could not be done at once; raises ``OSError``."""
        if self._torn:
            self._cut(self.length)
            self._torn = False

    def close(self) -> None:
        """Let go of the file and its lock."""
        os.close(self._number)

    def _cut(self, length: int) -> None:
        # A file that someone else has cut further must not be lengthened: ftruncate would fill it with zeros.
        if os.fstat(self._number).st_size > length:
            os.ftruncate(self._number, length)
            os.fsync(self._number)

    def _read_tail(self, length: int) -> bytes:
        start = max(0, length - _TAIL_BYTES)
        return self._read(start, length - start)

    def _read(self, start: int, length: int) -> bytes:
        return os.pread(self._number, length, start)


def _digest(tail: bytes) -> str:
    return blake2b(tail, digest_size=16).hexdigest()


def _refuse_special(number: int) -> None:
    if not stat.S_ISREG(os.fstat(number).st_mode):
        raise OSError(errno.EINVAL, "it is no regular file; name one")
