"""Requests of one principal that wait for its budget: their order, their patience, their end."""

from __future__ import annotations

import math

import anyio
import pytest

from tailer.api.gate import Gate
from tailer.core.budget import Budget
from tailer.core.purpose import Purpose
from tailer.errors import UnsentError
from tailer.testing.fake_clock import FakeClock
from tests.flow.stage import FAKE_TIME

pytestmark = FAKE_TIME


class Counter:
    """A gate with requests that are answered after a while.

    Attributes:
        gone: What was sent, in order, with the time since the beginning.
    """

    def __init__(self, *, quota: int = 10, window: float = 100.0) -> None:
        self.clock = FakeClock()
        self.gate = Gate(Budget(share=1.0, reserve=0.0, quota=quota, window=window))
        self.gone: list[tuple[str, float]] = []
        self._began = self.clock.monotonic()

    async def ask(
        self, name: str, purpose: Purpose = Purpose.LIVE, takes: float = 0.1, until: float = math.inf
    ) -> None:
        """Send a request when it is its turn, and get its answer."""
        sent = await self.gate.enter(name, purpose, self.clock, until)
        self.gone.append((name, sent - self._began))
        await self.clock.sleep(takes)
        self.gate.budget.observe(sent, None, self.clock.monotonic())
        self.gate.budget.succeeded(sent)
        self.gate.stir(self.clock)

    @property
    def names(self) -> list[str]:
        """What was sent, in order."""
        return [name for name, _ in self.gone]


async def test_who_waits_goes_by_purpose() -> None:
    """Given a stop, the requests that came meanwhile go in the order of their purposes."""
    counter = Counter(quota=1000)
    counter.gate.budget.pause(10.0, counter.clock.monotonic())
    async with anyio.create_task_group() as group:
        for purpose in reversed(Purpose):
            group.start_soon(counter.ask, purpose.label, purpose)
            group.start_soon(counter.ask, f"{purpose.label} again", purpose)
            await counter.clock.sleep(1.0)
    firsts = [purpose.label for purpose in Purpose]
    assert counter.names == [name for first in firsts for name in (first, f"{first} again")]
    assert counter.gone[0][1] == 10.0


async def test_who_has_waited_long_enough_goes_without() -> None:
    """Given no room until a request's time is over, it is not sent, and holds up nobody behind it."""
    counter = Counter(quota=1)
    await counter.ask("first")
    began = counter.clock.monotonic()
    async with anyio.create_task_group() as group:
        group.start_soon(counter.ask, "second")
        with pytest.raises(UnsentError):
            await counter.ask("impatient", until=began + 30.0)
        assert counter.clock.monotonic() == pytest.approx(began + 30.0, abs=0.01)
    assert counter.names == ["first", "second"]


async def test_what_may_go_at_once_goes_however_late_it_is() -> None:
    """Given room, nobody asks how long a request would have waited."""
    counter = Counter()
    await counter.ask("late", until=counter.clock.monotonic() - 5.0)
    assert counter.names == ["late"]


async def test_answers_call_the_next() -> None:
    """In the dark the next one goes as soon as the one before is answered, not at the next look."""
    counter = Counter()
    async with anyio.create_task_group() as group:
        for name in "abcd":
            group.start_soon(counter.ask, name)
    assert counter.names == list("abcd")
    assert [at for _, at in counter.gone] == pytest.approx([0.0, 0.1, 0.2, 0.3])


async def test_who_hangs_holds_up_the_next_for_two_seconds() -> None:
    """A request that is slow is no sign of a block."""
    counter = Counter()
    async with anyio.create_task_group() as group:
        group.start_soon(counter.ask, "slow", Purpose.LIVE, 30.0)
        group.start_soon(counter.ask, "next")
    assert [at for _, at in counter.gone] == pytest.approx([0.0, 2.0])


async def test_a_live_request_overtakes_one_that_sleeps() -> None:
    """Given a backfill that waits for the window, a live request that comes later goes first."""
    counter = Counter(quota=1)
    await counter.ask("spent")
    async with anyio.create_task_group() as group:
        group.start_soon(counter.ask, "backfill", Purpose.BACKFILL)
        await counter.clock.sleep(50.0)
        group.start_soon(counter.ask, "live")
    assert counter.gone == [
        ("spent", 0.0),
        ("live", pytest.approx(100.0)),
        ("backfill", pytest.approx(200.0)),
    ]


async def test_who_gives_up_lets_the_next_one_look() -> None:
    """A request that is cancelled while it has its turn leaves nobody asleep."""
    counter = Counter(quota=1)
    await counter.ask("spent")
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(counter.ask, "patient", Purpose.BACKFILL)
            await counter.clock.sleep(1.0)
            with anyio.move_on_after(5.0):
                await counter.ask("hasty")
        assert not scope.cancelled_caught
    assert counter.names == ["spent", "patient"]
    assert counter.gone[-1][1] == pytest.approx(100.0)


async def test_bursts_of_other_purposes_never_delay_live_requests() -> None:
    """Given polls that are planned, each goes at once, however much is to be read again or filled."""
    counter = Counter(quota=1000, window=100.0)
    counter.gate.budget.planned = 5.0
    waits: list[float] = []

    async def poll() -> None:
        asked = counter.clock.monotonic()
        sent = await counter.gate.enter("poll", Purpose.LIVE, counter.clock)
        waits.append(sent - asked)
        counter.gate.budget.observe(sent, None, counter.clock.monotonic())

    async with anyio.create_task_group() as group:
        for number in range(2000):
            purpose = Purpose.REVISIT if number % 2 else Purpose.BACKFILL
            group.start_soon(counter.ask, purpose.label, purpose)
        for _ in range(1000):
            await counter.clock.sleep(0.2)
            await poll()
        group.cancel_scope.cancel()
    assert max(waits) <= 0.2
    assert len(counter.gone) > 700
