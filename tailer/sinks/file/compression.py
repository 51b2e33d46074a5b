"""Compresses a file durably: at every instant its content is there, whole, under one of two names.

Rules:

1. ``x`` is compressed to ``.x.gz.new``, synced, renamed to ``x.gz``, and the new name is synced; only then is
   ``x`` removed. A crash leaves ``x`` alone, or ``x`` beside a whole ``x.gz``, and maybe a hidden piece.
2. Where ``x.gz`` is there already and holds what ``x`` holds, what is left to do is to remove ``x``. Where it
   holds something else, both stay as they are.
3. Access rights and the time of the last write go over to ``x.gz``.
"""

from __future__ import annotations

import errno
import gzip
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tailer.core.rotation import COMPRESSED
from tailer.sinks.filesystem import copy_access, lock, sync_folder

_CHUNK_BYTES = 256 * 1024
"""Read at once; a few milliseconds of work, which is how long `should_stop` may go unheard."""

_LEVEL = 6
"""gzip's own default: its best costs twice the time for a percent or two of such records."""


def compress(path: Path, should_stop: Callable[[], bool]) -> bool:
    """Put ``path.gz`` in the place of a file.

    Args:
        path: A file that nobody writes to any more.
        should_stop: Asked again and again; once it is true the work is given up.

    Returns:
        Whether it is done.

    Raises:
        OSError: It can't be done; the file is still there.
    """
    target = path.with_name(path.name + COMPRESSED)
    with _opened(path, os.O_RDONLY) as source:
        lock(source.fileno())
        if target.exists():
            is_done = _is_same(source, target, should_stop)
        else:
            is_done = _write(source, path, target, should_stop)
    if is_done:
        os.unlink(path)  # noqa: PTH108 - as all calls that a crash may part
    return is_done


def _write(source: BinaryIO, path: Path, target: Path, should_stop: Callable[[], bool]) -> bool:
    """Write the compressed file under a hidden name, then give it its own."""
    hidden = hidden_name(target)
    status = os.fstat(source.fileno())
    try:
        with _opened(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW) as out:
            copy_access(status, out.fileno())
            with gzip.GzipFile(path.name, "wb", _LEVEL, out, status.st_mtime) as packer:
                while chunk := source.read(_CHUNK_BYTES):
                    if should_stop():
                        break
                    packer.write(chunk)
            if not chunk:
                out.flush()
                os.utime(out.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
                os.fsync(out.fileno())
        if not chunk:
            os.rename(hidden, target)  # noqa: PTH104 - as above
            sync_folder(path.parent)
            return True
    except OSError:
        with suppress(OSError):
            os.unlink(hidden)  # noqa: PTH108 - as above
        raise
    os.unlink(hidden)  # noqa: PTH108 - as above
    return False


def _is_same(source: BinaryIO, target: Path, should_stop: Callable[[], bool]) -> bool:
    """Compare a file with its compressed form; ``False`` when told to stop.

    Raises:
        OSError: They differ, or one can't be read.
    """
    try:
        with gzip.open(target) as unpacker:
            while chunk := source.read(_CHUNK_BYTES):
                if should_stop():
                    return False
                if unpacker.read(len(chunk)) != chunk:
                    raise _different(target)
            if unpacker.read(1):
                raise _different(target)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _different(target) from error
    return True


def hidden_name(target: Path) -> Path:
    """Tell where a file is made before it gets its name."""
    return target.with_name(f".{target.name}.new")


def _different(target: Path) -> OSError:
    return OSError(errno.EEXIST, f"{target.name} is there and holds something else; move one of the two away")


def _opened(path: Path, flags: int) -> BinaryIO:
    return os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o600), "rb" if flags == os.O_RDONLY else "wb")
