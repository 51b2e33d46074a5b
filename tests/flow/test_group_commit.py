"""When transactions begin, what they carry, and what becomes of those that wait; in fake time."""

import asyncio

import pytest

from tailer.errors import FencedError, JournalError, JournalFullError
from tailer.interfaces import Claim, Commit, ReaderState
from tailer.journal.claims import Claims
from tailer.journal.group import HOLD_SECONDS, GroupCommit
from tailer.journal.store import Group
from tailer.testing.journal_contract import ACCOUNT, checkpoint, commit_of

pytestmark = pytest.mark.looptime

PACE = 1.0


class Desk:
    """A group commit whose transactions take `length` seconds and end as the test says."""

    def __init__(self, length: float = 0.0) -> None:
        self.claims = Claims()
        self.claim = self.claims.take("shard")
        self.begun: list[tuple[float, list[str], list[str]]] = []
        self.errors: list[BaseException | None] = []
        self._length = length
        self._loop = asyncio.get_running_loop()
        self.group = GroupCommit(self.claims, self._write, PACE)

    def poll(self, connector: str, weight: int = 1, claim: Claim | None = None) -> asyncio.Task[None]:
        """Start a commit with events."""
        commit = self.group.commit(claim or self.claim, commit_of(connector, [(1, 1)]), weight)
        return asyncio.create_task(commit)

    def hold(self, connector: str, through: float = 0.0) -> None:
        """Hand over a checkpoint without events."""
        self.group.hold(self.claim, Commit(ACCOUNT, connector, checkpoint(through=through)))

    @property
    def now(self) -> float:
        """Seconds of fake time."""
        return self._loop.time()

    def _write(self, group: Group) -> asyncio.Future[None]:
        names = [
            commit.connector if commit.segment else f"{commit.connector}:{commit.checkpoint.through:g}"
            for _, commit in group.commits
        ]
        self.begun.append((self.now, names, [name for name, _ in group.readers]))
        return self._loop.create_task(self._run(self.errors.pop(0) if self.errors else None))

    async def _run(self, error: BaseException | None) -> None:
        await asyncio.sleep(self._length)
        if error is not None:
            raise error


async def test_a_lone_commit_goes_at_once() -> None:
    """After a quiet time nothing waits for the pace."""
    desk = Desk()
    await desk.poll("a")
    await asyncio.sleep(PACE)
    await desk.poll("b")
    assert [time for time, *_ in desk.begun] == [0.0, PACE]


async def test_spending_waits_unless_it_is_to_go_at_once() -> None:
    """A record alone is worth no transaction for ten seconds, but one that a kill must not lose is."""
    desk = Desk()
    desk.group.keep("noc", b"first")
    await asyncio.sleep(HOLD_SECONDS - 1)
    assert desk.begun == []
    desk.group.keep("noc", b"second", at_once=True)
    await asyncio.sleep(1)
    desk.group.keep("noc", b"third")
    await asyncio.sleep(HOLD_SECONDS + 1)
    assert [time for time, *_ in desk.begun] == [HOLD_SECONDS - 1, 2 * HOLD_SECONDS]


async def test_under_load_transactions_are_paced() -> None:
    """What comes within the pace after a transaction's beginning waits and goes together."""
    desk = Desk()
    await desk.poll("a")
    polls = [desk.poll("b")]
    await asyncio.sleep(PACE / 2)
    polls.append(desk.poll("c"))
    await asyncio.gather(*polls)
    assert desk.begun == [(0.0, ["a"], []), (PACE, ["b", "c"], [])]


async def test_many_events_are_not_paced() -> None:
    """A commit that is worth its fsync goes as soon as the writer is free, and takes along who waits."""
    desk = Desk()
    await desk.poll("a")
    small = desk.poll("b")
    await asyncio.sleep(PACE / 4)
    await desk.poll("c", weight=1000)
    assert small.done()
    assert desk.begun == [(0.0, ["a"], []), (PACE / 4, ["b", "c"], [])]


async def test_newcomers_gather_while_a_transaction_runs() -> None:
    """While a transaction runs no other begins; the next takes all who came meanwhile."""
    desk = Desk(length=3 * PACE)
    first = desk.poll("a")
    await asyncio.sleep(PACE)
    rest = [desk.poll("b", weight=1000), desk.poll("c")]
    reader = asyncio.create_task(desk.group.commit_reader("r", ReaderState(), 0))
    await asyncio.gather(first, *rest, reader)
    assert desk.begun == [(0.0, ["a"], []), (3 * PACE, ["b", "c"], ["r"])]


async def test_a_transaction_has_a_bound() -> None:
    """More events than a transaction may carry are spread over several, in turn."""
    desk = Desk()
    await asyncio.gather(*(desk.poll(name, weight=30_000) for name in "abcde"))
    assert [names for _, names, _ in desk.begun] == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_held_checkpoint_goes_along() -> None:
    """A checkpoint without events goes with the next transaction, the latest of its connector only."""
    desk = Desk()
    desk.hold("a", 1)
    desk.hold("a", 2)
    desk.hold("b", 3)
    await desk.poll("c")
    assert desk.begun == [(0.0, ["c", "a:2", "b:3"], [])]


async def test_a_held_checkpoint_waits_ten_seconds_at_most() -> None:
    """If no transaction comes, the first that is held brings one about, for all."""
    desk = Desk()
    desk.hold("a", 1)
    await asyncio.sleep(HOLD_SECONDS - 1)
    desk.hold("b", 2)
    await asyncio.sleep(2)
    assert desk.begun == [(HOLD_SECONDS, ["a:1", "b:2"], [])]


async def test_events_supersede_a_held_checkpoint() -> None:
    """The held checkpoint of a connector whose events go is older than theirs, and is left out."""
    desk = Desk()
    desk.hold("a", 1)
    await desk.poll("a")
    await desk.group.flush()
    assert desk.begun == [(0.0, ["a"], [])]


async def test_flush_waits_for_what_runs_and_what_is_held() -> None:
    """A flush returns when the running transaction and the one with the held checkpoints have ended."""
    desk = Desk(length=PACE)
    poll = desk.poll("a")
    await asyncio.sleep(PACE / 2)
    desk.hold("b", 1)
    await desk.group.flush()
    assert poll.done()
    assert desk.begun == [(0.0, ["a"], []), (PACE, ["b:1"], [])]
    assert desk.now == 2 * PACE
    await desk.group.flush()
    assert desk.now == 2 * PACE


async def test_an_ended_claim_is_refused_alone() -> None:
    """Of a group only the commits of the ended claim fail; its held checkpoints are dropped."""
    desk = Desk()
    old = desk.claim
    desk.hold("held", 1)
    bad = desk.poll("bad", claim=old)
    await asyncio.sleep(0)
    desk.claim = desk.claims.take("shard")
    await desk.poll("good")
    with pytest.raises(FencedError):
        await bad
    await desk.group.flush()
    assert desk.begun == [(0.0, ["good"], [])]


async def test_an_empty_transaction_is_none() -> None:
    """If all that waits is refused, no transaction begins, and whoever flushes is told at once."""
    desk = Desk()
    desk.hold("held", 1)
    desk.claims.take("shard")
    await desk.group.flush()
    assert (desk.begun, desk.now) == ([], 0.0)


async def test_a_cancelled_caller_stores_nothing() -> None:
    """A call that is cancelled before its transaction begins is left out of it."""
    desk = Desk()
    await desk.poll("a")
    cancelled, other = desk.poll("b"), desk.poll("c")
    await asyncio.sleep(PACE / 2)
    cancelled.cancel()
    await other
    assert desk.begun == [(0.0, ["a"], []), (PACE, ["c"], [])]


async def test_a_call_cancelled_too_late_disturbs_nobody() -> None:
    """A call that is cancelled while its transaction runs is stored; the others get their answer."""
    desk = Desk(length=PACE)
    late, other = desk.poll("a"), desk.poll("b")
    await asyncio.sleep(PACE / 2)
    late.cancel()
    await other
    assert desk.begun == [(0.0, ["a", "b"], [])]


async def test_a_failure_is_told_to_everybody_in_it() -> None:
    """All of a failed transaction get the error, each its own with the same cause; the next one is free."""
    desk = Desk()
    error = JournalFullError("no room")
    error.__cause__ = OSError("disk")
    desk.errors = [error]
    outcomes = await asyncio.gather(desk.poll("a"), desk.poll("b"), return_exceptions=True)
    assert [str(one) for one in outcomes] == ["no room", "no room"]
    assert all(isinstance(one, JournalFullError) and one.__cause__ is error.__cause__ for one in outcomes)
    assert outcomes[0] is not outcomes[1]
    await desk.poll("a")


async def test_a_failure_gives_held_checkpoints_back() -> None:
    """Held checkpoints of a failed transaction are held again, but for newer ones, and tried later."""
    desk = Desk(length=PACE)
    desk.errors = [JournalFullError("no room")]
    desk.hold("a", 1)
    desk.hold("b", 1)
    failing = desk.poll("c")
    await asyncio.sleep(PACE / 2)
    desk.hold("b", 2)
    with pytest.raises(JournalFullError):
        await failing
    await asyncio.sleep(2 * HOLD_SECONDS)
    assert [(names, readers) for _, names, readers in desk.begun] == [
        (["c", "a:1", "b:1"], []),
        (["a:1", "b:2"], []),
    ]
    assert desk.begun[1][0] == PACE + HOLD_SECONDS


async def test_a_failing_timer_does_not_spin() -> None:
    """As long as held checkpoints can't be stored they are tried every ten seconds; a flush tells why."""
    desk = Desk()
    desk.errors = [JournalError("broken")] * 4
    desk.hold("a", 1)
    await asyncio.sleep(3.5 * HOLD_SECONDS)
    assert [time for time, *_ in desk.begun] == [HOLD_SECONDS, 2 * HOLD_SECONDS, 3 * HOLD_SECONDS]
    with pytest.raises(JournalError, match="broken"):
        await desk.group.flush()


async def test_whoever_waits_at_the_end_is_told() -> None:
    """When the journal stops, waiting calls end in an error and no timer is left."""
    desk = Desk()
    await desk.poll("a")
    waiting = desk.poll("b")
    desk.hold("c", 1)
    await asyncio.sleep(0)
    desk.group.stop()
    with pytest.raises(JournalError, match="closed"):
        await waiting
    await asyncio.sleep(2 * HOLD_SECONDS)
    assert len(desk.begun) == 1
