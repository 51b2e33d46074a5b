"""Where a file is, or would be: looked at, never touched."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path


def describe_place(path: Path, *, is_renamed: bool = False) -> str:
    """Say of a file that is to be appended to what is there now.

    Args:
        path: The file.
        is_renamed: Whether it is to be renamed one day, for which its folder must be writable.

    Raises:
        OSError: It could not be appended to, made or renamed; ``errno`` as trying it would give.
    """
    free = f"{shutil.disk_usage(path.parent).free / 1e9:.1f} GB are free"
    try:
        found = path.stat()
    except FileNotFoundError:
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
        return f"{path} is made when it is needed; {free}"
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if is_renamed and not os.access(path.resolve().parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return f"{path} has {found.st_size} bytes and is appended to; {free}"
