# ruff: noqa: S101 - a contract suite is made of assertions
"""The promises of `tailer.interfaces.Sink` as tests that any sink can be put through.

A sink's own test file subclasses `SinkContract` and gives it a fixture ``place``, which knows how to build
the sink and how to look at what its counterpart holds::

    class TestMySink(SinkContract):
        @pytest.fixture
        def place(self, tmp_path):
            return MyPlace(tmp_path)

pytest finds the rest. Needs pytest-asyncio in auto mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.interfaces import CheckableSink, Resume, Sink, WatermarkSink
from tailer.model import Batch, Event, Source, Watermark

_EPOCH = 1_785_585_600
_KINDS = ("Init", "Reconcile", "HaTransition")


class SinkPlace(Protocol):
    """Where a sink under test writes to; made anew for each test. All methods but `build` may block."""

    @property
    def exactly_once(self) -> bool:
        """Whether the sink promises that no event is held twice, even after a crash."""

    @property
    def can_fail_open(self) -> bool:
        """Whether there is a way for ``open`` to fail."""

    def build(self) -> Sink:
        """Build a sink for this place, as after a start of the process."""

    def held(self) -> Sequence[str]:
        """Give the ids of the events that the counterpart holds, in its order; watermarks are left out."""

    def fail(self) -> None:
        """Make the counterpart unavailable for ``write``, if possible in the middle of one."""

    def mend(self) -> None:
        """Make it available again."""

    def fail_open(self) -> None:
        """Make the counterpart unavailable for ``open``."""

    def mend_open(self) -> None:
        """Make it available again."""


def make_batch(first: int, last: int) -> Batch:
    """Make a batch of events numbered from `first` to `last`, both included, from two connectors."""
    return Batch([_make_event(number) for number in range(first, last + 1)])


def ids_of(*batches: Batch) -> list[str]:
    """Give the ids of all events in order."""
    return [event.id for batch in batches for event in batch.events]


def _forget(_state: bytes | None) -> None:
    """Commit nothing."""


async def deliver(sink: Sink, batch: Batch, commit: Callable[[bytes | None], None] = _forget) -> bytes | None:
    """Write a batch as the pipeline does; give the state to commit with it.

    Args:
        sink: An opened sink.
        batch: What to write.
        commit: Is given each state that the sink wants committed before it takes the batch.
    """
    return await _insist(partial(sink.write, batch), commit)


async def _insist(
    send: Callable[[], Awaitable[bytes | None]], commit: Callable[[bytes | None], None] = _forget
) -> bytes | None:
    """Send something again where the sink has moved."""
    while True:
        try:
            return await send()
        except SinkMovedError as moved:
            commit(moved.state)


def _make_event(number: int) -> Event:
    source = Source(
        "account", f"connector-{number % 2}", f"Büro {number % 2}", "serial", _EPOCH + number + 0.25
    )
    kind = _KINDS[number % len(_KINDS)]
    return Event(
        t=_EPOCH + number // 3, n=number, k=kind, a=_EPOCH + number, source=source, late=number % 5 == 0
    )


def _watermark(number: int) -> Watermark:
    source = Source("account", f"connector-{number}", f"Büro {number}", "serial", _EPOCH + number + 0.25)
    return Watermark(source, _EPOCH + number, _EPOCH + number, None)


class SinkContract:
    """What every sink promises. Subclass it and add the fixture ``place``, a `SinkPlace`.

    A place whose sink refuses watermarks by its options has an attribute ``has_watermarks`` that is false.
    """

    async def test_open_writes_nothing(self, place: SinkPlace) -> None:
        """Opening delivers nothing, neither at the first start nor at a later one."""
        sink = place.build()
        state = await sink.open(Resume(0, None))
        assert state is None or isinstance(state, bytes)
        assert not await _held(place)
        state = await deliver(sink, make_batch(1, 2))
        await sink.close()
        again = place.build()
        await again.open(Resume(2, state))
        await again.close()
        assert Counter(await _held(place)) <= Counter(ids_of(make_batch(1, 2)))

    async def test_batches_arrive_in_order(self, place: SinkPlace) -> None:
        """Every event of every batch is delivered once, in the order of the batches and within them."""
        batches = [make_batch(1, 5), make_batch(6, 6), make_batch(7, 300)]
        sink = place.build()
        await sink.open(Resume(0, None))
        for batch in batches:
            state = await deliver(sink, batch)
            assert state is None or isinstance(state, bytes)
        await sink.close()
        assert await _held(place) == ids_of(*batches)

    async def test_restart_goes_on(self, place: SinkPlace) -> None:
        """After a restart with the state of the last write, later batches follow, none lost or repeated."""
        first, second = make_batch(1, 4), make_batch(5, 9)
        held: list[str] = []
        sink = place.build()
        await sink.open(Resume(0, None))
        state = await deliver(sink, first)
        await sink.close()
        held.extend(await _held(place))
        sink = place.build()
        await sink.open(Resume(4, state))
        await deliver(sink, second)
        await sink.close()
        assert held == ids_of(first)
        assert [one for one in await _held(place) if one not in held] == ids_of(second)

    async def test_crash_before_the_first_commit(self, place: SinkPlace) -> None:
        """A batch that was written but not committed is written again, and held as often as promised."""
        await self._crash(place, [])

    async def test_crash_between_write_and_commit(self, place: SinkPlace) -> None:
        """The same, when batches were accepted before it: those are not touched."""
        await self._crash(place, [make_batch(1, 3), make_batch(4, 4)])

    async def _crash(self, place: SinkPlace, accepted: Sequence[Batch]) -> None:
        lost, later = make_batch(5, 8), make_batch(9, 9)
        sink = place.build()
        committed = [await sink.open(Resume(0, None))]
        for batch in accepted:
            committed.append(await deliver(sink, batch, committed.append))
        await deliver(sink, lost, committed.append)  # and the process dies: nobody stored what it returned
        await sink.close()
        sink = place.build()
        await sink.open(Resume(sum(len(batch.events) for batch in accepted), committed[-1]))
        await deliver(sink, lost)
        await deliver(sink, later)
        await sink.close()
        counts = Counter(await _held(place))
        assert set(counts) == set(ids_of(*accepted, lost, later))
        repeated = {one for one, count in counts.items() if count > 1}
        assert repeated <= (set() if place.exactly_once else set(ids_of(lost)))
        if place.exactly_once:
            assert await _held(place) == ids_of(*accepted, lost, later)

    async def test_write_again_after_unavailable(self, place: SinkPlace) -> None:
        """A batch that found the counterpart away is written again, and nothing of it is missing."""
        first, second = make_batch(1, 2), make_batch(3, 400)
        sink = place.build()
        await sink.open(Resume(0, None))
        await deliver(sink, first)
        await run_sync(place.fail)
        for _ in range(2):
            assert await _is_unavailable(deliver(sink, second))
        await run_sync(place.mend)
        await deliver(sink, second)
        await sink.close()
        counts = Counter(await _held(place))
        assert set(counts) == set(ids_of(first, second))
        if place.exactly_once:
            assert await _held(place) == ids_of(first, second)

    async def test_open_again_after_unavailable(self, place: SinkPlace) -> None:
        """A counterpart that is away at the start is opened when it is back."""
        _skip_if_always_open(place)
        sink = place.build()
        await run_sync(place.fail_open)
        for _ in range(2):
            assert await _is_unavailable(sink.open(Resume(0, None)))
        await run_sync(place.mend_open)
        await sink.open(Resume(0, None))
        await deliver(sink, make_batch(1, 2))
        await sink.close()
        assert await _held(place) == ids_of(make_batch(1, 2))

    async def test_check_tells_and_changes_nothing(self, place: SinkPlace) -> None:
        """A sink that can be checked says one sentence, or that it is unavailable; nothing is delivered."""
        sink = place.build()
        if not isinstance(sink, CheckableSink):
            pytest.skip("this sink can't be checked")
        said = await sink.check()
        assert said
        assert "\n" not in said
        assert not await _held(place)
        if place.can_fail_open:
            await run_sync(place.fail_open)
            with pytest.raises(SinkUnavailableError):
                await sink.check()

    async def test_watermarks_are_no_events(self, place: SinkPlace) -> None:
        """Between batches, before a crash and while the counterpart is away: no event is lost for them."""
        first, second = make_batch(1, 3), make_batch(4, 400)
        sink = place.build()
        if not isinstance(sink, WatermarkSink) or not getattr(place, "has_watermarks", True):
            pytest.skip("this sink knows no watermarks")
        send = partial(sink.mark, [_watermark(number) for number in range(400)])
        committed = [await sink.open(Resume(0, None))]
        await _insist(send, committed.append)  # and the process dies
        await sink.close()
        held: list[str] = []
        sink = place.build()
        assert isinstance(sink, WatermarkSink)
        send = partial(sink.mark, [_watermark(number) for number in range(400)])
        await sink.open(Resume(0, committed[-1]))
        for batch in (first, second):
            await deliver(sink, batch)
            await run_sync(place.fail)
            assert await _is_unavailable(_insist(send))
            await run_sync(place.mend)
            await _insist(send)
            held += ids_of(batch)
        await sink.close()
        assert [one for one in await _held(place) if one in set(held)] == held

    async def test_close_after_failed_open(self, place: SinkPlace) -> None:
        """A sink that could not be opened is closed like any other, and leaves nothing behind that blocks."""
        _skip_if_always_open(place)
        sink = place.build()
        await run_sync(place.fail_open)
        assert await _is_unavailable(sink.open(Resume(0, None)))
        await sink.close()
        await run_sync(place.mend_open)
        sink = place.build()
        await sink.open(Resume(0, None))
        await sink.close()
        assert not await _held(place)


async def _held(place: SinkPlace) -> list[str]:
    """Look at the counterpart from a thread, for a place may read files."""
    return list(await run_sync(place.held))


def _skip_if_always_open(place: SinkPlace) -> None:
    if not place.can_fail_open:
        pytest.skip("this sink can always be opened")


async def _is_unavailable(call: Awaitable[bytes | None]) -> bool:
    """Wait for a call and tell whether it found the counterpart away."""
    try:
        await call
    except SinkUnavailableError:
        return True
    return False
