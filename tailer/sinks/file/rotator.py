"""Puts a sink's file aside when it is time, and has what was put aside compressed and deleted.

Rules:

1. Nothing here ever stops events. What fails is reported and tried again with a batch that comes a minute
   later, then two, up to an hour.
2. Compression and deletion are done by a thread beside the one that writes. It is woken when the first batch
   goes to a file that is committed: after the start, and after each rotation. So is whatever failed.
3. When the sink is closed, the thread has `CLOSE_PATIENCE` to come to an end; then it gives up the file at
   hand, which the next start compresses.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.core.rotation import Retention, Rotation
from tailer.observe import Observer
from tailer.sinks.appended import AppendedFile
from tailer.sinks.file.archive import Archive
from tailer.sinks.file.reports import FileRotated, FilesDropped, RotationFailed
from tailer.sinks.file.upkeep import Patience, Upkeep
from tailer.sinks.filesystem import reason_of

CLOSE_PATIENCE: Seconds = 5.0
"""Time for about 200 MB, and half of what a sink has for closing."""


class Moment(NamedTuple):
    """The present, as a thread is told it: a clock belongs to the event loop.

    Attributes:
        wall: Epoch seconds.
        monotonic: Seconds that never step back.
    """

    wall: float
    monotonic: float


class Rotator:
    """What a file sink with rotation has besides its file. All methods block: use a thread.

    Args:
        name: The sink's.
        path: Its file.
        rotation: When the file is put aside.
        compressing: Whether files that were put aside are compressed.
        retention: How long they are kept.
        report: Takes reports, from any thread.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        rotation: Rotation,
        *,
        compressing: bool,
        retention: Retention,
        report: Observer,
    ) -> None:
        self._name = name
        self._path = path
        self._rotation = rotation
        self._compressing = compressing
        self._retention = retention
        self._report = report
        self._archive: Archive  # from the first `restore` on
        self._is_untidy = False
        self._turning = Patience()
        self._tidying = Patience()
        self._woken_at = Moment(0.0, 0.0)
        self._upkeep = Upkeep(self._tidy, f"tailer-{name}-upkeep")

    def restore(self) -> None:
        """Mend what a crash left of a rotation, before the file is opened; raises ``OSError``."""
        self.follow()
        self._archive.restore()

    def follow(self) -> None:
        """Note that the path leads to a file that is not committed yet, and maybe to another folder."""
        live = self._path.resolve()
        self._archive = Archive(live, compressing=self._compressing, retention=self._retention)
        self._is_untidy = True

    def turn(self, live: AppendedFile, more: int, now: Moment) -> AppendedFile | None:
        """Put the live file aside if it is time; give the new one, which is to be committed.

        Args:
            live: The file; all of it is committed.
            more: Bytes that are about to be written to it.
            now: The present.
        """
        is_due = self._rotation.is_due(live.length, more, live.written_at, now.wall)
        if not is_due or not self._turning.is_over(now.monotonic):
            return None
        try:
            fresh, name = self._archive.put_aside(live, now.wall)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not live.is_live:
                return None  # somebody else was quicker, or the folder is gone: the caller sees to that
            delay = self._turning.fail(now.monotonic)
            self._tell_failure(delay, f"can't be put aside: {reason_of(error)}")
            return None
        self._turning.succeed()
        self._is_untidy = True
        self._report(FileRotated(self._name, str(self._path), name, live.length))
        return fresh

    def settle(self, now: Moment) -> None:
        """Note that the live file is committed; let the thread begin if there is something to do."""
        self._archive.settle()
        has_work = self._compressing or self._retention != Retention()
        if has_work and self._is_untidy and self._tidying.is_over(now.monotonic):
            self._is_untidy = False
            self._woken_at = now
            self._upkeep.wake()

    def close(self) -> None:
        """End the thread; what it has not done is done after the next start."""
        self._upkeep.close(CLOSE_PATIENCE)

    def _tidy(self, should_stop: Callable[[], bool]) -> None:
        tidied = self._archive.tidy(self._woken_at.wall, should_stop)
        if tidied.deleted:
            self._report(FilesDropped(self._name, str(self._path), tidied.deleted))
        if not tidied.failed:
            self._tidying.succeed()
            return
        delay = self._tidying.fail(self._woken_at.monotonic)
        self._is_untidy = True
        more = len(tidied.failed) - 1
        self._tell_failure(delay, tidied.failed[0] + (f" (and {more} more)" if more else ""))

    def _tell_failure(self, delay: Seconds, what: str) -> None:
        self._report(RotationFailed(self._name, str(self._path), delay, what))
