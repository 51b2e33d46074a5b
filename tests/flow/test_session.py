from __future__ import annotations

import os
import signal
from types import TracebackType
from typing import Any, Self, cast

import anyio
import pytest

from tailer.app.exitcode import ExitCode
from tailer.app.run.life import DRAIN_TIMEOUT
from tailer.app.run.run import Run
from tailer.cli.session import Session, every
from tailer.errors import JournalError
from tests.flow.stage import FAKE_TIME

pytestmark = FAKE_TIME


class StagedRun:
    """A run that does what a test wants, and remembers what was done to it."""

    def __init__(
        self, *, enters_after: float = 0.0, drains_after: float = 1.0, error: Exception | None = None
    ) -> None:
        self.drained = anyio.Event()
        self.left = False
        self._enters_after = enters_after
        self._drains_after = drains_after
        self._error = error

    async def __aenter__(self) -> Self:
        await anyio.sleep(self._enters_after)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    async def serve(self) -> None:
        """Serve until drained, and then as long as the test wants."""
        if self._error is not None:
            raise self._error
        await self.drained.wait()
        await anyio.sleep(self._drains_after)

    def drain(self) -> None:
        """Begin to end."""
        self.drained.set()


def session_of(run: StagedRun, said: list[str] | None = None) -> Session:
    """A session of a staged run."""
    words = [] if said is None else said

    async def prepare() -> None:
        words.append("prepared")

    return Session(
        cast("Run", run),
        prepare,
        on_drain=lambda: words.append("drains"),
        on_leave=lambda: words.append("leaves"),
    )


async def conduct(session: Session, *signals: tuple[float, signal.Signals]) -> float:
    """Carry a session out, with signals at their times; return how long it took."""

    async def send() -> None:
        began = anyio.current_time()
        for at, number in signals:
            await anyio.sleep(began + at - anyio.current_time())
            session.take(number)
        await anyio.sleep_forever()

    began = anyio.current_time()
    await session.conduct(send)
    return anyio.current_time() - began


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.DONE)]
)
async def test_signal_drains(number: signal.Signals, code: ExitCode) -> None:
    """A signal drains the run, which ends when it has delivered; the exit code tells which signal it was."""
    run, said = StagedRun(drains_after=3.0), list[str]()
    session = session_of(run, said)
    assert await conduct(session, (5.0, number)) == pytest.approx(8.0)
    assert said == ["prepared", "drains"]
    assert session.exit_code(ExitCode.INCOMPLETE) == code


async def test_drain_is_cut_in_time() -> None:
    """A run that can't deliver is left before a container engine would kill it."""
    run = StagedRun(drains_after=10_000.0)
    assert await conduct(session_of(run), (5.0, signal.SIGTERM)) == pytest.approx(5.0 + DRAIN_TIMEOUT)
    assert run.left


async def test_signal_before_anything_was_read_ends_at_once() -> None:
    """While the API can't be asked yet there is nothing to drain."""
    run, said = StagedRun(enters_after=1000.0), list[str]()
    session = session_of(run, said)
    assert await conduct(session, (5.0, signal.SIGINT)) == pytest.approx(5.0)
    assert said == []
    assert session.exit_code(ExitCode.DONE) == ExitCode.INTERRUPTED


async def test_second_interrupt_leaves_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Ctrl-C does not wait for anything; another SIGTERM changes nothing."""
    codes: list[Any] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    said: list[str] = []
    session = session_of(StagedRun(drains_after=5.0), said)
    await conduct(session, (1.0, signal.SIGTERM), (2.0, signal.SIGTERM), (3.0, signal.SIGINT))
    assert said == ["prepared", "drains", "leaves"]
    assert codes == [ExitCode.INTERRUPTED]


async def test_error_ends_the_session_as_itself() -> None:
    """What breaks a run off comes out as the error that it is, and the run was left."""
    run = StagedRun(error=JournalError("disk"))
    with pytest.raises(JournalError, match="disk"):
        await conduct(session_of(run))
    assert run.left


async def test_run_that_ends_by_itself_keeps_its_exit_code() -> None:
    """Without a signal the outcome decides, and the tasks beside end with the run."""
    run, ticks = StagedRun(), list[float]()
    session = session_of(run)
    run.drained.set()
    await session.conduct(every(0.4, lambda: ticks.append(anyio.current_time())))
    assert len(ticks) == 2
    assert session.exit_code(ExitCode.INCOMPLETE) == ExitCode.INCOMPLETE
