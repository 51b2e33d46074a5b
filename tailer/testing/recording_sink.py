"""A sink that remembers everything and fails when it is told to.

As a transactional sink does, it gives the length of what it holds as its state, and cuts itself back to the
committed length when it is opened again; so one object may live through several runs, as a file would::

    sink = RecordingSink()
    sink.lose_answers(1)  # takes the next batch, and says that it did not
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tailer.errors import SinkClosedError, SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Watermark


class RecordingSink:
    """A list of batches behind the three verbs of `tailer.interfaces.Sink`.

    Args:
        transactional: Whether it cuts itself back to its committed state when opened. If not, it keeps what
            it has, as a printer would, and what was not committed is written twice.

    Attributes:
        batches: What was taken, batch by batch.
        marks: The watermarks that were taken, each with the number of batches before it.
        resumes: What each `open` was given.
        closed: How often it was closed.
    """

    def __init__(self, *, transactional: bool = True) -> None:
        self.batches: list[Sequence[Event]] = []
        self.marks: list[tuple[int, Watermark]] = []
        self.resumes: list[Resume] = []
        self.closed = 0
        self._transactional = transactional
        self._accepted = 0
        self._refused_opens = 0
        self._refused_writes = 0
        self._lost_answers = 0
        self._closes_after: int | None = None
        self._is_rejected: Callable[[Event], bool] = _none
        self._names_rejected = True
        self._free = asyncio.Event()
        self._free.set()

    @property
    def events(self) -> list[Event]:
        """All events that were taken, in order."""
        return [event for batch in self.batches for event in batch]

    def refuse_opens(self, times: int) -> None:
        """Be unavailable for the next `times` opens."""
        self._refused_opens = times

    def refuse_writes(self, times: int) -> None:
        """Be unavailable for the next `times` writes; nothing of them is taken."""
        self._refused_writes = times

    def lose_answers(self, times: int) -> None:
        """Take the next `times` batches, but fail all the same: the answer got lost on its way."""
        self._lost_answers = times

    def reject(self, is_rejected: Callable[[Event], bool], *, named: bool = True) -> None:
        """Never take certain events, from now on.

        Args:
            is_rejected: Tells which; ``lambda _: False`` ends it.
            named: Whether it says which, and takes the others of a batch. If not, it takes nothing of a batch
                that has one of them.
        """
        self._is_rejected = is_rejected
        self._names_rejected = named

    def close_after(self, batches: int) -> None:
        """Be gone for good, as a closed pipe, once so many batches were taken."""
        self._closes_after = batches

    def block(self) -> None:
        """Let writes wait until `unblock`."""
        self._free.clear()

    def unblock(self) -> None:
        """Let writes through again."""
        self._free.set()

    async def open(self, resume: Resume) -> bytes | None:
        """Cut back to the committed state; give the present one."""
        self.resumes.append(resume)
        if self._refused_opens:
            self._refused_opens -= 1
            raise SinkUnavailableError("the recording sink was told to refuse")
        if self._transactional:
            del self.batches[int(resume.state or b"0") :]
        return self._accept()

    async def write(self, batch: Batch) -> bytes | None:
        """Take a batch, unless told otherwise; give the state that vouches for it."""
        await self._free.wait()
        if self._closes_after is not None and len(self.batches) >= self._closes_after:
            raise SinkClosedError("the recording sink was told to be gone")
        if self._refused_writes:
            self._refused_writes -= 1
            raise SinkUnavailableError("the recording sink was told to refuse")
        if self._transactional:
            del self.batches[self._accepted :]
        rejected = {
            index: f"the recording sink was told to reject {event.id}"
            for index, event in enumerate(batch.events)
            if self._is_rejected(event)
        }
        if rejected and not self._names_rejected:
            raise SinkRejectedError("the recording sink was told to reject something")
        taken = [event for index, event in enumerate(batch.events) if index not in rejected]
        self.batches += [taken] if taken else []
        if self._lost_answers:
            self._lost_answers -= 1
            raise SinkUnavailableError("the recording sink was told to lose its answer")
        state = self._accept()
        if rejected:
            raise SinkRejectedError("the recording sink rejected some", rejected=rejected, state=state)
        return state

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Take watermarks, unless told to refuse writes."""
        if self._refused_writes:
            self._refused_writes -= 1
            raise SinkUnavailableError("the recording sink was told to refuse")
        self.marks += [(len(self.batches), one) for one in watermarks]
        return self._accept()

    async def close(self) -> None:
        """Count; everything is kept for whoever wants to look."""
        self.closed += 1

    def _accept(self) -> bytes:
        self._accepted = len(self.batches)
        return str(self._accepted).encode()


def _none(_event: Event) -> bool:
    return False
