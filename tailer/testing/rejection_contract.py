# ruff: noqa: S101 - a contract suite is made of assertions
"""The promises of `tailer.interfaces.Sink` about events that can never be accepted, for sinks that reject.

A sink's test file subclasses this suite beside the one for all sinks, and its place learns one thing more::

    class TestMySink(SinkContract, RejectionContract):
        @pytest.fixture
        def place(self, tmp_path):
            return MyPlace(tmp_path)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkRejectedError
from tailer.interfaces import Resume, Sink
from tailer.model import Batch, Event
from tailer.testing.sink_contract import SinkPlace, deliver, ids_of, make_batch


class RejectingPlace(SinkPlace, Protocol):
    """A place whose counterpart can refuse single events for ever."""

    def reject(self, ids: Collection[str]) -> None:
        """Let the counterpart refuse exactly these events from now on, and take all others; may block."""


class _Handed(NamedTuple):
    """What came of a batch: the ids of what was rejected, and the state to commit."""

    rejected: list[str]
    state: bytes | None


class RejectionContract:
    """What a sink promises that rejects events. Subclass it and add the fixture ``place``."""

    @pytest.mark.parametrize("culprits", [(1,), (40,), (7, 8, 30), range(1, 41)], ids=len)
    async def test_all_others_are_accepted(self, place: RejectingPlace, culprits: Sequence[int]) -> None:
        """Whatever is rejected of a batch, the rest of it is held once, in its order."""
        batch = make_batch(1, 40)
        poison = [one for number in culprits for one in ids_of(make_batch(number, number))]
        await run_sync(place.reject, poison)
        sink = place.build()
        state = await sink.open(Resume(0, None))
        handed = await _hand_over(place, sink, batch, state)
        await sink.close()
        assert handed.rejected == poison
        assert await _held(place) == [one for one in ids_of(batch) if one not in poison]

    async def test_later_batches_follow(self, place: RejectingPlace) -> None:
        """A rejection changes nothing for the batches after it, nor for a restart with its state."""
        first, second, third = make_batch(1, 4), make_batch(5, 8), make_batch(9, 12)
        poison = ids_of(make_batch(2, 2), make_batch(6, 6))
        await run_sync(place.reject, poison)
        sink = place.build()
        handed = await _hand_over(place, sink, first, await sink.open(Resume(0, None)))
        handed = await _hand_over(place, sink, second, handed.state)
        await sink.close()
        sink = place.build()
        state = await sink.open(Resume(8, handed.state))
        await _hand_over(place, sink, third, state)
        await sink.close()
        assert await _held(place) == [one for one in ids_of(first, second, third) if one not in poison]

    async def test_a_crash_after_a_rejection(self, place: RejectingPlace) -> None:
        """What was not committed is written and rejected again; the rest is held as often as promised."""
        batch = make_batch(1, 6)
        await run_sync(place.reject, ids_of(make_batch(3, 3)))
        sink = place.build()
        state = await sink.open(Resume(0, None))
        await _hand_over(place, sink, batch, state)  # and the process dies: nobody stored the state
        await sink.close()
        sink = place.build()
        state = await sink.open(Resume(0, state))
        handed = await _hand_over(place, sink, batch, state)
        await sink.close()
        held = await _held(place)
        assert handed.rejected == ids_of(make_batch(3, 3))
        assert set(held) == {*ids_of(batch)} - {*handed.rejected}
        assert not place.exactly_once or len(held) == len(set(held))

    async def test_what_was_rejected_may_be_accepted_later(self, place: RejectingPlace) -> None:
        """An event that the counterpart takes at last is like any other; nothing remembers its rejection."""
        alone, other = make_batch(1, 1), make_batch(2, 2)
        await run_sync(place.reject, ids_of(alone))
        sink = place.build()
        state = await sink.open(Resume(0, None))
        for _ in range(2):
            handed = await _hand_over(place, sink, alone, state)
            assert handed.rejected == ids_of(alone)
            state = handed.state
        state = (await _hand_over(place, sink, other, state)).state
        await run_sync(place.reject, ())
        handed = await _hand_over(place, sink, alone, state)
        await sink.close()
        assert handed.rejected == []
        assert await _held(place) == ids_of(other, alone)


async def _hand_over(place: RejectingPlace, sink: Sink, batch: Batch, state: bytes | None) -> _Handed:
    """Write a batch as the pipeline does: in smaller parts, where the sink can't tell what it rejects."""
    waiting: list[Sequence[Event]] = [batch.events]
    rejected: list[str] = []
    while waiting:
        events = waiting.pop()
        before = await _held(place)
        try:
            state = await deliver(sink, Batch(events))
        except SinkRejectedError as error:
            if error.rejected or len(events) == 1:
                reasons = error.rejected or {0: str(error)}
                assert all(0 <= index < len(events) for index in reasons)
                assert all(reasons.values())
                rejected += [events[index].id for index in sorted(reasons)]
                state = error.state if error.rejected else state
            else:
                assert await _held(place) == before, "a sink that names nothing must take nothing"
                middle = len(events) // 2
                waiting += [events[middle:], events[:middle]]
    assert state is None or isinstance(state, bytes)
    return _Handed(rejected, state)


async def _held(place: SinkPlace) -> list[str]:
    return list(await run_sync(place.held))
