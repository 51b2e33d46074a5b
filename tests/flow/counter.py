"""One delivery with all that it needs, and nothing of a run around it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from tailer.errors import SinkUnavailableError
from tailer.interfaces import DeadLetter, DeadLetters
from tailer.model import Event
from tailer.observe import Report
from tailer.pipeline.board import Board
from tailer.pipeline.delivery import Delivery
from tailer.pipeline.reader import Reader, ReaderOptions
from tailer.pipeline.room import Room
from tailer.pipeline.tally import Tally
from tailer.testing.fake_clock import FakeClock
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import START, KeptJournal, commit, segment


class Counter:
    """A delivery with everything around it, over a journal that outlives it."""

    def __init__(
        self,
        journal: KeptJournal,
        sink: RecordingSink,
        *,
        max_events: int = 2,
        dead: DeadLetters | None = None,
        wanted: Callable[[Event], bool] | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.journal = journal
        self.sink = sink
        self.board = Board()
        self.reports: list[Report] = []
        options = ReaderOptions(
            name="sink", order="arrival", hold=7.0, max_held=100, max_events=max_events, wanted=wanted
        )
        reader = Reader(
            journal, self.board, options, clock=self.clock, api_now=self.clock.wall, tally=Tally()
        )
        self.delivery = Delivery(
            sink,
            reader,
            self.board,
            clock=self.clock,
            observe=self.reports.append,
            random=lambda: 0.5,
            room=Room(self.clock, self.reports.append),
            dead=dead,
        )

    async def deliver(self, *, to_the_end: bool = True) -> None:
        """Run; by itself it ends when all is delivered."""
        await self.delivery.reader.open()
        if to_the_end:
            self.board.finish(all_read=True)
        await self.delivery.run()


async def filled(count: int = 10) -> KeptJournal:
    """Make a journal with so many events, and no reader."""
    journal = KeptJournal()
    claim = await journal.claim("principal")
    await journal.commit(claim, commit(segment([(START + i, 0) for i in range(count)])))
    return journal


def times(sink: RecordingSink) -> list[float]:
    """Give what the sink took, as seconds after `START`."""
    return [event.t - START for event in sink.events]


class LetterList:
    """Dead letters in a list, which outlives the runs of a test and can be full.

    Attributes:
        letters: All that was added and not removed, repeats included.
        refusals: So many calls of `add` fail before one works again.
    """

    where = "a list"

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.refusals = 0

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep, or be full."""
        if self.refusals:
            self.refusals -= 1
            raise SinkUnavailableError("the list is full")
        self.letters += letters

    async def read(self) -> list[DeadLetter]:
        """Give the last of each sink and event."""
        return list({(one.sink, one.event.id): one for one in self.letters}.values())

    async def remove(self, sink: str, ids: Collection[str]) -> None:
        """Forget."""
        self.letters = [one for one in self.letters if one.sink != sink or one.event.id not in ids]

    @property
    def times(self) -> list[float]:
        """What is in it, as seconds after `START`, without repeats."""
        return sorted({one.event.t - START for one in self.letters})
