"""The files that one live file became when it was put aside: named, compressed, and deleted in the end.

Rules:

1. Only what bears a name of this live file's own is touched (see `tailer.core.rotation`), and only regular
   files: whatever else lies in the folder belongs to others.
2. A file is put aside in three steps: its new name is reserved by an empty file, so that no file is ever
   overwritten; the live file is renamed to it; a new live file, made under a hidden name with the access
   rights of the former, gets the path. A crash leaves the first step's empty file, or no live file; both are
   mended by `restore`.
3. `tidy` runs beside the thread that writes. What was put aside last is left alone until the new live file
   is committed (`settle`): before that, a crash makes the committed file be looked for.
4. What can't be done for one file is done for the others all the same, and tried again by the next `tidy`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tailer.core.rotation import COMPRESSED, Retention, RotatedNames
from tailer.sinks.appended import AppendedFile
from tailer.sinks.file.compression import compress, hidden_name
from tailer.sinks.filesystem import reason_of, sync_folder


class Tidied(NamedTuple):
    """What a `tidy` has done.

    Attributes:
        deleted: Names of the files that had had their time, the oldest first.
        failed: A sentence for each thing that could not be done.
    """

    deleted: list[str]
    failed: list[str]


@dataclass(slots=True)
class _Aside:
    """A file that was put aside; while it is being compressed it has two names."""

    names: list[str] = field(default_factory=list)
    written_at: float = 0.0
    size: int = 0


class Archive:
    """What was put aside of one live file. All methods block: use a thread.

    Args:
        live: The live file; no link.
        compressing: Whether files are compressed.
        retention: Which files are deleted.
    """

    def __init__(self, live: Path, *, compressing: bool, retention: Retention) -> None:
        self._live = live
        self._folder = live.parent
        self._compressing = compressing
        self._retention = retention
        self._names = RotatedNames(live.stem, live.suffix)
        self._hidden = hidden_name(live)
        self._unsettled = -1

    def put_aside(self, live: AppendedFile, now: float) -> tuple[AppendedFile, str]:
        """Rename the live file, and make a new one in its place.

        Args:
            live: The live file; it stays open.
            now: Wall time.

        Returns:
            The new live file, empty, and what the former is called now.

        Raises:
            OSError: It can't be done. Perhaps no file is live now; what is in `live` is safe.
        """
        if self._hidden.exists() and not _is_empty(self._hidden):
            raise OSError(errno.EEXIST, f"{self._hidden.name} is in the way; move it elsewhere")
        fresh = AppendedFile(self._hidden)
        try:
            fresh.copy_access(live)
            aside = self._reserve(now)
            self._rename(aside)
        except OSError:
            fresh.close()
            raise
        fresh.path = live.path
        return fresh, aside.name

    def settle(self) -> None:
        """Note that the live file is committed, so that all that was put aside is needed no longer."""
        self._unsettled = -1

    def restore(self) -> None:
        """Mend what a crash left of `put_aside`; no `tidy` may run. Raises ``OSError``."""
        if _is_empty(self._hidden):
            if self._live.exists():
                os.unlink(self._hidden)  # noqa: PTH108 - as above
            else:
                os.rename(self._hidden, self._live)  # noqa: PTH104 - as above
        for aside in self._scan().values():
            if not aside.size:
                self._delete(aside)

    def tidy(self, now: float, should_stop: Callable[[], bool]) -> Tidied:
        """Delete what has had its time, compress the rest.

        Args:
            now: Wall time.
            should_stop: Asked again and again; once it is true, what is not done is left for the next time.
        """
        tidied = Tidied([], [])
        try:
            aside = self._scan()
            aside.pop(self._unsettled, None)
            self._remove_pieces()
        except OSError as error:
            tidied.failed.append(f"its folder can't be tidied: {reason_of(error)}")
            return tidied
        for stamp in self._retention.expired({stamp: one.written_at for stamp, one in aside.items()}, now):
            one = aside.pop(stamp)
            try:
                tidied.deleted.extend(self._delete(one))
            except OSError as error:
                tidied.failed.append(f"{one.names[0]} can't be deleted: {reason_of(error)}")
        if self._compressing:
            tidied.failed.extend(self._compress(aside, should_stop))
        return tidied

    def _compress(self, aside: dict[int, _Aside], should_stop: Callable[[], bool]) -> Iterator[str]:
        """Compress files, the oldest first; give a sentence for each that can't be."""
        for stamp in sorted(aside):
            name = self._names.name_of(stamp)
            if name not in aside[stamp].names:
                continue
            try:
                if should_stop() or not compress(self._folder / name, should_stop):
                    return
            except OSError as error:
                yield f"{name} can't be compressed: {reason_of(error)}"

    def _reserve(self, now: float) -> Path:
        """Make an empty file under the next name, which nobody else can make then."""
        self._unsettled = self._names.next_stamp(self._scan(), now)
        aside = self._folder / self._names.name_of(self._unsettled)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return aside

    def _rename(self, aside: Path) -> None:
        """Give the live file its new name, and the new file the live one's."""
        try:
            os.rename(self._live, aside)  # noqa: PTH104 - as every call that a crash may part
        except OSError:
            os.unlink(aside)  # noqa: PTH108 - as above
            raise
        os.rename(self._hidden, self._live)  # noqa: PTH104 - as above
        sync_folder(self._folder)

    def _scan(self) -> dict[int, _Aside]:
        """Look for all that was put aside, by the time in its name; raises ``OSError``."""
        found: dict[int, _Aside] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                stamp = self._names.stamp_of(entry.name)
                if stamp is None or not entry.is_file(follow_symlinks=False):
                    continue
                with suppress(FileNotFoundError):  # somebody deletes by hand
                    status = entry.stat(follow_symlinks=False)
                    aside = found.setdefault(stamp, _Aside())
                    aside.names.append(entry.name)
                    aside.written_at = max(aside.written_at, status.st_mtime)
                    aside.size += status.st_size
        return found

    def _remove_pieces(self) -> None:
        """Remove what a compression left that did not come to its end; raises ``OSError``."""
        with os.scandir(self._folder) as entries:
            hidden = [entry.name for entry in entries if entry.name[:1] == "." and entry.name[-4:] == ".new"]
        for name in hidden:
            if name.endswith(f"{COMPRESSED}.new") and self._names.stamp_of(name[1:-4]) is not None:
                os.unlink(self._folder / name)  # noqa: PTH108 - as above

    def _delete(self, aside: _Aside) -> list[str]:
        for name in aside.names:
            os.unlink(self._folder / name)  # noqa: PTH108 - as above
        return aside.names


def _is_empty(path: Path) -> bool:
    """Tell whether a file is there and has nothing in it."""
    return path.is_file() and not path.stat().st_size
