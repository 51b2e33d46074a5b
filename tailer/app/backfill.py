"""A backfill's place and progress: what makes it resumable, and how far it is.

Rules:

1. Beside the output lies a folder with a journal and the *job*: what was asked for, its times resolved. It
   goes when the backfill is over, in one step, so that it is there or not.
2. The same command finds the folder and goes on. Another command for the same output is refused, and so is
   an output that exists without such a folder: it is somebody's.
3. The job is written when the connectors are known and before anything is read. A folder without one belongs
   to a backfill that never began.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from tailer.app.run.outcome import Outcome, outcome_of
from tailer.app.run.run import Run
from tailer.core.advance import holes_of
from tailer.core.outlook import time_left
from tailer.core.progress import Gap
from tailer.errors import ConfigError
from tailer.sinks.filesystem import reason_of, sync_folder

_JOB = "job.json"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a backfill is about.

    Attributes:
        words: What was typed, by flag, as far as it decides what is in the output.
        start: Where the span begins, API time.
        end: Where it ends, exclusive.
    """

    words: dict[str, str]
    start: float
    end: float


class Place:
    """The folder beside the output.

    Args:
        output: The file, or the folder of files, that is to be written.
        is_folder: Which of the two.
    """

    def __init__(self, output: Path, *, is_folder: bool) -> None:
        self._output = output
        self._is_folder = is_folder
        self.folder = output / ".backfill" if is_folder else output.with_name(output.name + ".backfill")

    @property
    def journal(self) -> Path:
        """Where the journal lies."""
        return self.folder / "journal.db"

    def take(self, words: dict[str, str]) -> Job | None:
        """Make the folder; return the job of a backfill that was begun and is to go on.

        Args:
            words: As `Job` has them.

        Raises:
            ConfigError: The output is somebody's, was begun by another command, or can't be made.
        """
        try:
            job = self._read()
            if job is None:
                self._check_is_new()
                self.folder.mkdir(mode=0o700, parents=self._is_folder, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--out: {self._output} can't be used: {reason_of(error)}") from error
        if job is not None and job.words != words:
            changed = sorted(name for name in job.words | words if job.words.get(name) != words.get(name))
            then = ", ".join(f"{name} {job.words.get(name) or 'left out'}" for name in changed)
            raise ConfigError(
                f"--out: {self._output} was begun with {then}; the same command goes on with it. To begin"
                f" anew, delete it and {self.folder}"
            )
        return job

    def keep(self, job: Job) -> None:
        """Write the job down, durably."""
        draft = self.folder / f"{_JOB}.new"
        draft.write_bytes(msgspec.json.encode(job))
        draft.rename(self.folder / _JOB)
        sync_folder(self.folder)

    def abandon(self) -> None:
        """Remove the folder of a backfill that never began, and the output's if it is empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._is_folder:
            with suppress(OSError):
                self._output.rmdir()

    def clear(self) -> None:
        """Remove the folder, as the output is whole; what can't be removed is in nobody's way."""
        aside = self.folder.with_name(self.folder.name + ".done")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            self.folder.rename(aside)
            sync_folder(self.folder.parent)
        except OSError as error:
            raise ConfigError(
                f"--out: {self._output} is written, but {self.folder} can't be removed: {reason_of(error)}"
            ) from error
        shutil.rmtree(aside, ignore_errors=True)

    def _read(self) -> Job | None:
        path = self.folder / _JOB
        try:
            return msgspec.json.decode(path.read_bytes(), type=Job)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"--out: {path} can't be read; to begin anew, delete {self.folder} and {self._output}"
            ) from error

    def _check_is_new(self) -> None:
        """See that nobody's files would be written to; raises ``OSError`` too."""
        if self._is_folder:
            found = self._output.exists() and any(
                path.name not in {self.folder.name, f"{self.folder.name}.done"}
                for path in self._output.iterdir()
            )
            if found:
                raise ConfigError(f"--out: {self._output} is not empty; name a new folder, or an empty one")
        elif self._output.exists():
            raise ConfigError(f"--out: {self._output} exists already; name a new file, or move it aside")


class Progress(NamedTuple):
    """How far a backfill is.

    Attributes:
        share: Part of the asked time that is read or known to be unreadable, over all connectors, in [0, 1].
        events: New events in this process.
        rate: Events a second in this process.
        spent: Requests of the present window of the budget.
        allowed: Requests that the window allows us.
        left: Seconds that are left; ``None`` when nothing can be said yet.
    """

    share: float
    events: int
    rate: float
    spent: int
    allowed: int
    left: float | None


class Meter:
    """Tells the progress of a run that sweeps; made when its connectors are known.

    Args:
        run: Entered.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._began_at = run.clock.monotonic()
        self._before = self._accounted()
        self._requests = run.requests

    def read(self) -> Progress:
        """Look at it now."""
        run = self._run
        now = run.clock.monotonic()
        elapsed = max(now - self._began_at, 0.001)
        accounted, whole = self._accounted(), self._asked()
        budgets = [crowd.budget for crowd in {fleet.crowd for fleet in run.fleets}]
        spent, allowed = sum(one.spent(now) for one in budgets), sum(one.allowed for one in budgets)
        return Progress(
            share=accounted / whole if whole else 1.0,
            events=run.tally.events,
            rate=run.tally.events / elapsed,
            spent=spent,
            allowed=allowed,
            left=time_left(
                done=accounted - self._before,
                left=whole - accounted,
                elapsed=elapsed,
                requests=run.requests - self._requests,
                spare=max(0, allowed - spent),
                rate=sum(one.rate for one in budgets),
            ),
        )

    def _accounted(self) -> float:
        """Sum up the seconds that are read or known to be unreadable."""
        pollers = self._run.pollers
        return sum(one.checkpoint.covered.size + one.checkpoint.gap_spans.size for one in pollers)

    def _asked(self) -> float:
        return sum(max(0.0, _end_of(self._run) - int(one.checkpoint.origin)) for one in self._run.pollers)


class Missing(NamedTuple):
    """A gap, and the name of its connector."""

    name: str
    gap: Gap


class Verdict(NamedTuple):
    """What became of a backfill.

    Attributes:
        outcome: Of the run; its gaps are all there are, those of earlier runs included.
        missing: All gaps.
        is_read: Whether all that can be read is, and is written.
    """

    outcome: Outcome
    missing: Sequence[Missing]
    is_read: bool

    @property
    def is_complete(self) -> bool:
        """Whether the output holds every event of the asked span that the API showed."""
        return self.is_read and not self.missing and not self.outcome.set_aside


def verdict_of(run: Run) -> Verdict:
    """Judge a run that sweeps, after its end."""
    missing = [Missing(one.connector.name, gap) for one in run.pollers for gap in one.checkpoint.gaps]
    outcome = msgspec.structs.replace(outcome_of(run), gaps=len(missing))
    is_written = all(one.reader.backlog == 0 for one in run.deliveries)
    return Verdict(outcome, missing, is_written and not outcome.stopped and _is_read(run))


def job_of(run: Run, words: dict[str, str]) -> Job:
    """Resolve what was asked for, once the connectors are known."""
    return Job(
        words=words,
        start=min((one.checkpoint.origin for one in run.pollers), default=0.0),
        end=_end_of(run),
    )


def _is_read(run: Run) -> bool:
    end = int(_end_of(run))
    return not any(holes_of(one.checkpoint, end) for one in run.pollers)


def _end_of(run: Run) -> float:
    return max((fleet.pacing.until or 0.0 for fleet in run.fleets), default=0.0)
