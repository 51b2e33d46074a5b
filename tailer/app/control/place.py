"""Where the control socket lies, and how both sides get hold of it. Everything here may block for a moment.

1. The socket is ``<journal>.sock``, beside the journal itself, whatever links lead to that.
2. It is made with mode 0600, not changed to it afterwards: there is no moment at which others may connect.
3. Who listens holds the journal's lock, so a socket that is found there was left by a dead process and is
   replaced. One that somebody answers on, or a file that is no socket, is left alone all the same.
4. The kernel takes paths of some hundred bytes. A longer one is reached through an open folder, where the
   system shows open files as paths (Linux); then only the file's name must be that short.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tailer.core.durations import Seconds
from tailer.errors import ControlError, NoDaemonError

MAX_PATH_BYTES = 103
"""Bytes of a path that every system's ``sun_path`` holds with its end: 108 on Linux, 104 on BSD and macOS."""

_BACKLOG = 64


def socket_of(journal: Path) -> Path:
    """Give the path of the control socket of a journal."""
    place = journal.resolve()
    return place.with_name(f"{place.name}.sock")


def listen(path: Path) -> socket.socket:
    """Make a socket that listens at `path`, readable and writable by this user only.

    Call it before there are threads that make files of another mode: the process's umask is narrowed for a
    moment.

    Raises:
        ControlError: It can't be made, or something else lies there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        with _short(path) as address:
            before = os.umask(0o177)
            try:
                listener.bind(address)
            finally:
                os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ControlError(f"the control socket {path} can't be made: {_reason(error)}") from error
    except BaseException:
        listener.close()
        raise
    return listener


def remove(path: Path) -> None:
    """Remove the socket of a listener that is about to close; it may be gone already."""
    path.unlink(missing_ok=True)


def connect(path: Path, timeout: Seconds) -> socket.socket:
    """Connect to a daemon; `timeout` is for this and for every later wait.

    Raises:
        NoDaemonError: Nobody listens there.
        ControlError: It can't be told, or this user may not.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        with _short(path) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            raise NoDaemonError(f"no daemon runs: nobody listens at {path}") from error
        hint = "; use the account that the daemon runs as" if isinstance(error, PermissionError) else ""
        raise ControlError(f"the daemon at {path} can't be asked: {_reason(error)}{hint}") from error
    return connection


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on; raises `ControlError` for anything else that lies there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"the control socket {path} can't be made: a file of that name is no socket")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe, _short(path) as address:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody listens, and is busy
    raise ControlError(f"the control socket {path} can't be made: another process listens there")


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give an address of the path that the kernel takes (rule 4), valid inside the context.

    Raises:
        OSError: There is none.
    """
    address = os.fspath(path)
    if len(os.fsencode(address)) <= MAX_PATH_BYTES:
        yield address
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        address = f"/proc/self/fd/{folder}/{path.name}"
        if len(os.fsencode(address)) > MAX_PATH_BYTES or not Path(f"/proc/self/fd/{folder}").exists():
            raise OSError(f"its path has more than {MAX_PATH_BYTES} bytes; give the journal a shorter one")
        yield address
    finally:
        os.close(folder)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
