from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tailer.app.library import checked_time, make_journal, open_tail
from tailer.app.tail import READER, Tail, follow_events
from tailer.config.options import Config, JournalOptions
from tailer.core.ordering import Order
from tailer.errors import ConfigError, JournalError, ServerError
from tailer.journal.memory import MemoryJournal
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME


@asynccontextmanager
async def tailing(
    stage: Stage, start: str = "now", *, follow: bool = True, order: Order = "connector"
) -> AsyncIterator[Tail]:
    """Open a tail on a stage."""
    async with follow_events(stage.run(start, follow=follow), order) as tail:
        yield tail


async def take(tail: Tail, count: int) -> list[Event]:
    """Iterate until so many events have come, and break off: the last one is not acknowledged."""
    taken: list[Event] = []
    async with aclosing(tail.events()) as events:
        async for event in events:
            taken.append(event)
            if len(taken) == count:
                break
    return taken


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every test leaves as many threads as there were."""
    threads = threading.enumerate()
    yield
    assert threading.enumerate() == threads


async def test_events_come_in_order_until_a_finite_span_ends() -> None:
    """The loop ends by itself when all of a finite span was given out."""
    rows = {"c1": steady(50, start=-60), "c2": steady(50, start=-59)}
    async with tailing(Stage(rows), "1h", follow=False, order="global") as tail:
        taken = [event async for event in tail.events()]
        again = [event async for event in tail.events()]

    assert keys(taken) == sorted(keys_of(rows), key=lambda key: (key[1], key[0]))
    assert again == []


async def test_a_break_keeps_the_place() -> None:
    """A later loop begins with the event that was not acknowledged, within one batch and over many."""
    rows = {"c1": steady(40)}
    async with tailing(Stage(rows)) as tail:
        first = await take(tail, 1)
        second = await take(tail, 15)
        third = await take(tail, 26)

    assert second[0] is first[-1]
    assert third[0] is second[-1]
    assert keys([*second, *third[1:]]) == keys_of(rows)


async def test_only_acknowledged_events_are_accepted() -> None:
    """After a new start, the event at which the loop broke off comes again, and none before it."""
    rows = {"c1": steady(40)}
    stage = Stage(rows, journal=KeptJournal())
    async with tailing(stage) as tail:
        first = await take(tail, 17)
    async with tailing(stage) as tail:
        second = await take(tail, 24)
    async with tailing(stage) as tail:
        third = await take(tail, 1)

    assert keys([*first[:-1], *second]) == keys_of(rows)
    assert third == second[-1:]


async def test_filtered_events_are_passed_over() -> None:
    """Events of kinds that nobody wants are neither seen nor do they stop the loop."""
    stage = Stage(
        {"c1": [row._replace(k="Init" if row.t % 7 == 0 else "Noise") for row in steady(70)]}, kinds=("Init",)
    )
    async with tailing(stage) as tail:
        taken = await take(tail, 10)

    assert {event.k for event in taken} == {"Init"}


async def test_giving_up_the_wait_loses_nothing() -> None:
    """A time limit around the next event cancels the wait; the next loop goes on, and leaving works."""
    rows = {"c1": steady(10, every=30)}
    stage = Stage(rows, journal=KeptJournal())
    taken: list[Event] = []
    async with tailing(stage) as tail:
        while len(taken) < 5:
            with anyio.move_on_after(7):
                async for event in tail.events():
                    taken.append(event)  # noqa: PERF401 - what came before the cancellation counts
        with anyio.move_on_after(7):
            await take(tail, 2)
    async with tailing(stage) as tail:
        taken += await take(tail, 5)

    assert keys(taken) == keys_of(rows)


async def test_leaving_leaves_nothing_behind() -> None:
    """After a break out of the loop and out of the context no task is left."""
    before = asyncio.all_tasks()
    async with tailing(Stage({"c1": steady(100)})) as tail:
        async for event in tail.events():
            if event.t > START + 20:
                break
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before


async def test_an_error_of_the_callers_own_leaves_as_itself() -> None:
    """What the caller raises is not wrapped into a group."""

    async def fail() -> None:
        async with tailing(Stage({"c1": steady(100)})) as tail:
            async for _ in tail.events():
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_cancelling_whoever_iterates_is_a_cancellation() -> None:
    """A cancelled task ends as cancelled, with its tail closed."""
    stage = Stage({"c1": steady(5)})

    async def endless() -> None:
        async with tailing(stage) as tail:
            async for _ in tail.events():
                pass

    task = asyncio.create_task(endless())
    await asyncio.sleep(60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("attribute", ["commit_errors", "ambiguous_errors"])
async def test_polling_that_breaks_off_is_raised_by_the_loop(attribute: str) -> None:
    """Whoever waits for events gets the `JournalError` itself, there where they wait, and may handle it."""
    journal = KeptJournal()
    async with tailing(Stage({"c1": steady(100)}, journal=journal)) as tail:
        taken = await take(tail, 10)
        getattr(journal, attribute).append(JournalError("disk on fire"))
        with pytest.raises(JournalError, match="disk on fire"):
            await take(tail, 90)
        with pytest.raises(JournalError, match="disk on fire"):
            await take(tail, 90)

    assert len(taken) == 10


async def test_an_acknowledgement_that_fails_is_raised_by_the_loop() -> None:
    """The error of the reader's own commit leaves loop and context as itself."""
    journal = KeptJournal()

    async def iterate() -> None:
        async with tailing(Stage({"c1": steady(100)}, journal=journal)) as tail:
            await take(tail, 10)
            journal.reader_errors += [JournalError("disk on fire")] * 2
            await take(tail, 90)

    with pytest.raises(JournalError, match="disk on fire"):
        await iterate()


async def test_a_failure_that_nobody_saw_is_raised_at_the_end() -> None:
    """Who does not iterate while polling breaks off is told on leaving; their own work is not cancelled."""
    journal = KeptJournal()
    worked: list[bool] = []

    async def work() -> None:
        async with tailing(Stage({"c1": steady(100)}, journal=journal)) as tail:
            await take(tail, 10)
            journal.commit_errors.append(JournalError("disk on fire"))
            await asyncio.sleep(60)
            worked.append(True)

    with pytest.raises(JournalError, match="disk on fire"):
        await work()
    assert worked


async def test_an_api_that_fails_at_the_start_of_a_finite_span_is_raised() -> None:
    """Entering raises the `ApiError` itself."""
    stage = Stage({"c1": []})
    stage.source.trouble(ServerError("HTTP 500", status=500))
    with pytest.raises(ServerError):
        async with tailing(stage, follow=False):
            pass


async def test_an_acknowledgement_that_was_cancelled_is_made_good_on_leaving() -> None:
    """A commit that was cut off half-way is committed again when the tail is closed."""
    journal = KeptJournal()
    stage = Stage({"c1": steady(10, start=-20)}, journal=journal)
    blocked = asyncio.Event()
    ordinary = journal.commit_reader

    async def stuck(*_: object) -> None:
        blocked.set()
        await asyncio.sleep(1000)

    async with tailing(stage, "1m", follow=False) as tail:
        await take(tail, 1)
        journal.commit_reader = stuck  # type: ignore[assignment]
        with anyio.move_on_after(100):
            await take(tail, 11)
        assert blocked.is_set()
        journal.commit_reader = ordinary  # type: ignore[method-assign]

    state = await journal.load_reader(READER)
    assert state is not None
    assert state.offset == 10
    assert state.highest == {"account/c1": (START - 11, 0)}


def test_a_time_that_is_none_is_refused() -> None:
    """A mistake names the argument."""
    assert checked_time("since", None) is None
    assert checked_time("since", "10m") == "10m"
    with pytest.raises(ConfigError, match="since: "):
        checked_time("since", "yesterday-ish")


@pytest.mark.parametrize(
    ("path", "kind"), [(None, MemoryJournal), (":memory:", MemoryJournal), (Path("tailer.db"), SqliteJournal)]
)
def test_the_journal_is_the_one_that_was_configured(path: Path | None, kind: type) -> None:
    """In memory unless a file is named."""
    config = Config(accounts=(), journal=JournalOptions(path=path), folder=Path())
    assert isinstance(make_journal(config), kind)


async def test_opening_needs_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, the mistake is named and nothing is started."""
    for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="CLOUDFLARE_API_TOKEN"):
        async with open_tail(account="a" * 32):
            pass
    with pytest.raises(ConfigError, match="until: "):
        async with open_tail(account="a" * 32, token="t", until="soon"):
            pass
