"""What files in a folder need of the operating system so that they survive a crash and others' hands."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

_REASONS = {
    errno.ENOENT: "its folder does not exist; make it",
    errno.ENOTDIR: "its folder is no folder; correct the path",
    errno.EACCES: "no permission; allow this user to write there",
    errno.EPERM: "no permission; allow this user to write there",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the disk quota is used up; make room",
    errno.EWOULDBLOCK: "another sink or process writes to it; give each its own file",
}


def reason_of(error: OSError) -> str:
    """Say why a file can't be used, and what to do."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: new ones, changed ones, removed ones."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems can't, and need not
            raise
    finally:
        os.close(number)


def lock(number: int) -> None:
    """Keep other writers of ours away from an open file; raises ``OSError`` (EWOULDBLOCK) if one holds it."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise
        # Some network file systems have no locks; there, one writer a file is the user's promise.


def copy_access(former: os.stat_result, number: int) -> None:
    """Let those who may read a file read the one that takes its place, and nobody else.

    Args:
        former: What is known of the file.
        number: The open file in its place.
    """
    mode = former.st_mode & 0o777
    present = os.fstat(number)
    if (present.st_uid, present.st_gid) != (former.st_uid, former.st_gid):
        try:
            os.fchown(number, former.st_uid, former.st_gid)
        except PermissionError:
            mode &= 0o707  # the group is another one
    with suppress(PermissionError):  # some file systems have no rights; a new file is for its owner alone
        os.fchmod(number, mode)
