"""Connectors that can't be read beside healthy ones: whose trouble it is, and who notices."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import pytest

from tailer.app.exitcode import ExitCode
from tailer.app.outcome import outcome_of
from tailer.cli.live import check_words
from tailer.core.budget import Budget
from tailer.errors import (
    ApiError,
    AuthError,
    ConfigError,
    ConnectorGoneError,
    RateLimitedError,
    ServerError,
    TransportError,
    WireFormatError,
)
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorParked,
    ConnectorResumed,
    ListingFailed,
    PollFailed,
    TokenRenewed,
)
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import LISTING, Row
from tests.flow.stage import FAKE_TIME, START, KeptJournal, Stage, keys, keys_of, steady

pytestmark = FAKE_TIME

FORBIDDEN = AuthError("not allowed", status=403)
GONE = ConnectorGoneError("not found", status=404)
MALFORMED = WireFormatError("no items")


def slow_down() -> RateLimitedError:
    """A 429; each is an error of its own, as it learns whose it is."""
    return RateLimitedError("slow down", retry_after=1, status=429)


def asked_at(stage: Stage, connector: str, since: float = 0) -> list[float]:
    """Tell when polls of a connector began, in seconds after the start."""
    return [
        one.at - START
        for one in stage.source.asked
        if one.connector == connector and one.request.cursor is None and one.at - START >= since
    ]


def longest_wait(times: list[float]) -> float:
    """Give the longest time between two."""
    return max(later - earlier for earlier, later in pairwise(times))


async def test_five_that_can_not_be_read_cost_the_healthy_ones_two_short_pauses() -> None:
    """403, 404, hanging, malformed and 429 for ever: the others keep their interval, in global order too."""
    healthy = {f"c{number}": steady(600) for number in range(4)}
    bad = ["forbidden", "gone", "hanging", "malformed", "throttled"]
    stage = Stage({**{name: steady(0) for name in bad}, **healthy})
    stage.source.trouble(FORBIDDEN, connector="forbidden")
    stage.source.trouble(GONE, connector="gone")
    stage.source.hang("hanging")
    stage.source.trouble(MALFORMED, connector="malformed")
    stage.source.trouble(slow_down(), connector="throttled")
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=604, order="global")

    for name in healthy:
        times = asked_at(stage, name)
        assert longest_wait(times) < 5 + 3  # refused with "wait for a second", and as a probe once more
        assert sum(later - earlier > 5.2 for earlier, later in pairwise(times)) <= 2
    assert sorted(keys(sink.events)) == keys_of(healthy)
    assert [event.t for event in sink.events] == sorted(event.t for event in sink.events)
    parked = {poller.connector.id for poller in run.pollers if poller.is_parked}
    assert parked == {"forbidden", "gone", "throttled"}
    assert len(stage.source.listings) <= 6  # at the start, every five minutes, and for the forbidden one
    assert all(len(asked_at(stage, name)) < 20 for name in bad)


async def test_many_that_are_refused_at_once_ask_for_one_listing() -> None:
    """A hundred third refusals, one List Connectors; the hundred are parked and the others unaffected."""
    bad = {f"b{number}": steady(0) for number in range(100)}
    stage = Stage({**bad, "good": steady(200)}, polling={"discover": 10_000.0})
    stage.source.trouble(FORBIDDEN, connectors=bad)

    run = await stage.serve(RecordingSink(), seconds=40)

    assert len(stage.source.listings) == 2
    assert sum(poller.is_parked for poller in run.pollers) == 100
    assert [report.tries for report in stage.said(ConnectorParked)].count(1) == 100
    assert longest_wait(asked_at(stage, "good")) < 5.2


async def test_parked_ones_leave_the_budget_to_the_others() -> None:
    """Each is tried less than twice an hour in the end, and the interval is fitted to those that are read."""
    bad = {f"b{number}": steady(0) for number in range(200)}
    stage = Stage({**bad, "good": steady(0)}, budget=Budget(share=0.8, reserve=0.1))
    stage.source.trouble(GONE, connectors=bad)

    run = await stage.serve(RecordingSink(), seconds=3 * 3600)

    tries = sum(one.at - START > 2 * 3600 for one in stage.source.asked if one.connector != "good")
    assert 200 <= tries < 2 * 200
    assert run.fleets[0].pacing.interval == 5
    assert longest_wait(asked_at(stage, "good", since=3600)) < 6


async def test_a_thousand_that_are_parked_together_do_not_eat_the_budget() -> None:
    """Once all were asked, which takes five minutes of budget, the one that can be read has its interval."""
    bad = {f"b{number}": steady(0) for number in range(1000)}
    stage = Stage({**bad, "good": steady(0)}, budget=Budget(share=0.8, reserve=0.1))
    stage.source.trouble(GONE, connectors=bad)

    await stage.serve(RecordingSink(), seconds=1500)

    assert longest_wait(asked_at(stage, "good", since=700)) < 6


async def test_a_throttle_that_says_403_is_over_soon_after_its_end() -> None:
    """All are refused for two minutes while listing works: nobody stays parked, and nothing is lost."""
    rows = {f"c{number}": steady(300) for number in range(20)}
    stage = Stage(rows)
    stage.source.trouble(FORBIDDEN, connectors=rows, start=START + 30, end=START + 150)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=310)

    assert len(stage.said(ConnectorResumed)) == 20
    assert not any(poller.is_parked for poller in run.pollers)
    assert all(min(asked_at(stage, name, since=150)) < 150 + 60 for name in rows)
    assert sorted(keys(sink.events)) == keys_of(rows)


@pytest.mark.parametrize("remaining", [500_000, None])
@pytest.mark.parametrize("retry_after", [1, None])
async def test_one_that_is_always_throttled_pauses_the_others_once(
    remaining: int | None, retry_after: float | None
) -> None:
    """Whether or not headers tell that quota remains; its tries in parking pause nobody."""
    rows = {f"c{number}": steady(0) for number in range(3)}
    stage = Stage({"bad": [], **rows}, budget=Budget(share=1.0, reserve=0.0, quota=1_000_000))
    stage.source.remaining = remaining
    error = RateLimitedError("slow down", retry_after=retry_after, status=429)
    stage.source.trouble(error, connector="bad", start=START + 30)
    sink = RecordingSink()

    await stage.serve(sink, seconds=1200)

    times = asked_at(stage, "c1")
    waits = [later - earlier for earlier, later in pairwise(times) if later - earlier > 5.2]
    # without any word of how long, and of what remains, Cloudflare's block has to be waited for
    pause = retry_after or (30 if remaining else 300)
    assert len(waits) <= 1
    assert sum(waits) <= pause + 5
    assert len(asked_at(stage, "bad", since=60)) >= 3
    assert stage.said(ConnectorParked)


async def test_a_limit_of_all_pauses_all() -> None:
    """Where everybody is refused nobody is parked for it: the principal waits, with one probe at a time."""
    rows = {f"c{number}": steady(400) for number in range(6)}
    stage = Stage(rows)
    stage.source.trouble(
        RateLimitedError("slow down", retry_after=20, status=429), start=START + 30, end=START + 200
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=420)

    assert stage.said(ConnectorParked) == []
    assert sum(30 < one.at - START < 200 for one in stage.source.asked) < 12
    assert sorted(keys(sink.events)) == keys_of(rows)


@pytest.mark.parametrize("remaining", [500_000, None])
@pytest.mark.parametrize("retry_after", [60, None])
async def test_a_crossing_is_met_by_what_was_under_way_and_then_by_single_probes(
    remaining: int | None, retry_after: float | None
) -> None:
    """Though headers deny it, and it lasts for longer than they say, nobody else asks or is parked."""
    budget = Budget(share=1.0, reserve=0.0, quota=1_000_000)
    stage = Stage({f"c{number}": [] for number in range(8)}, latency=0.7, budget=budget)
    stage.source.remaining = remaining
    error = RateLimitedError("slow down", retry_after=retry_after, status=429)
    stage.source.trouble(error, start=START + 100, end=START + 400)

    await stage.serve(RecordingSink(), seconds=430)

    refused = sorted(one.at - START for one in stage.source.asked if 100 <= one.at - START < 400)
    herd = [at for at in refused if at < refused[0] + 0.7]
    assert 1 < len(herd) <= stage.source.most_at_once
    pause = retry_after or (30 if remaining else 300)
    probes = refused[len(herd) :]
    assert all(later - earlier >= pause for earlier, later in pairwise([herd[-1], *probes]))
    assert len(probes) <= 3
    assert stage.said(ConnectorParked) == []


async def test_a_vanished_connector_goes_on_as_soon_as_it_is_listed_again() -> None:
    """It is parked while it is unknown; what came meanwhile is caught up on, with coverage intact."""
    rows = {"c1": steady(4000), "c2": steady(400)}
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, end=START + 3500)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=4010)

    assert len(asked_at(stage, "c1", since=3400)) > 60
    assert min(asked_at(stage, "c1", since=3500)) < 3500 + 60 + 6
    assert run.pollers[0].checkpoint.covered.missing(START, START + 4000) == []
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert len(stage.said(ConnectorResumed)) == 1


async def test_one_that_is_no_longer_listed_is_parked_though_its_polls_succeed() -> None:
    """After two listings; it is tried now and then, and when it is back its absence is read again."""
    back = START + 3500
    rows = {
        "c1": [*steady(97), *[Row(START + t, 0, visible_at=back) for t in range(110, 3500, 40)]],
        "c2": steady(400, every=10),
    }
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, end=back, is_listed_only=True)
    sink = RecordingSink()

    run = await stage.serve(sink, seconds=4010)

    assert len(asked_at(stage, "c1", since=240)) - len(asked_at(stage, "c1", since=3500)) < 10
    assert "List Connectors does not have it" in stage.said(ConnectorParked)[0].reason
    assert len(stage.said(ConnectorResumed)) == 1
    found = [event.seen for event in sink.events if event.connector == "c1" and event.t >= START + 110]
    assert max(found) - back < 180
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert run.pollers[0].checkpoint.covered.missing(START, START + 4000) == []


async def test_one_that_brings_events_though_it_is_not_listed_is_read_on() -> None:
    """A listing that is wrong costs no event its time."""
    rows = {"c1": steady(400, every=10)}
    stage = Stage(rows, polling={"discover": 60.0})
    stage.source.vanish("c1", start=START + 100, is_listed_only=True)
    sink = RecordingSink()

    await stage.serve(sink, seconds=4010)

    assert sorted(keys(sink.events)) == keys_of(rows)
    assert not stage.said(ConnectorParked)
    assert longest_wait(asked_at(stage, "c1")) < 6


async def test_two_that_hang_do_not_block_a_third_slow_one() -> None:
    """One that timed out once waits for its next turn half a minute, about, and is in time from then on."""
    rows = {"c1": steady(300), "h1": [], "h2": []}
    stage = Stage(rows)
    for name in ("h1", "h2"):
        stage.source.hang(name)
    stage.source.trouble(
        TransportError("late", timed_out=True), connector="c1", delay=30.0, start=START + 40, times=1
    )
    sink = RecordingSink()

    await stage.serve(sink, seconds=310)

    assert longest_wait(asked_at(stage, "c1")) < 30 + 10 + 30 + 1
    assert longest_wait(asked_at(stage, "c1", since=120)) < 5.2
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_refused_credentials_stop_the_account_until_they_work() -> None:
    """Nothing of it is polled, List Connectors is asked now and then, and afterwards nothing is missing."""
    rows = {f"c{number}": steady(650, every=3) for number in range(4)}
    stage = Stage(rows, journal=KeptJournal())
    stage.source.trouble(FORBIDDEN, start=START + 100, end=START + 1000)
    sink = RecordingSink()

    await stage.serve(sink, seconds=2010)

    (stopped,) = [report for report in stage.said(AccountStopped) if report.tries == 1]
    assert (stopped.account, stopped.connectors, stopped.delay) == ("account", 4, 30)
    refused = [one for one in stage.source.asked if START + 100 <= one.at < START + 1000]
    assert len(refused) <= 3 * 4
    assert max(one.at for one in refused) < START + 150
    assert len(stage.said(AccountStopped)) <= 8
    (resumed,) = stage.said(AccountResumed)
    assert resumed.stopped > 800
    assert sorted(keys(sink.events)) == keys_of(rows)
    assert stage.said(ConnectorParked) == []


async def test_a_stopped_account_is_shown_with_its_reason_and_its_next_try() -> None:
    """Whoever looks at the fleet learns which accounts are stopped, why, and when they are tried again."""
    stage = Stage({"c1": steady(10)})
    stage.source.trouble(FORBIDDEN, start=START + 10)
    run = stage.run()
    async with run:
        run.start()
        await stage.clock.sleep(60)
        (fleet,) = run.fleets
        assert fleet.stopped == {"account": FORBIDDEN}
        (poller,) = run.pollers
        now = stage.clock.monotonic()
        assert now < fleet.listed_next_at["account"] == poller.due_at < now + 60
        assert (poller.error, poller.is_stopped, poller.is_parked) == (FORBIDDEN, True, False)


async def test_a_renewed_token_is_used_at_once() -> None:
    """A stopped account looks at its token's file every ten seconds, and goes on with what it finds."""
    rows = {f"c{number}": steady(400) for number in range(3)}
    stage = Stage(rows)
    sink = RecordingSink()
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(50)
            stage.source.refuse_token(FORBIDDEN)
            stage.source.token_in_file = ConfigError("token file /run/token can't be read: No such file")
            await stage.clock.sleep(150)
            assert run.fleets[0].stopped
            assert "No such file" in stage.said(AccountStopped)[-1].reason
            stage.source.token_in_file = "second"
            await stage.clock.sleep(15)
            assert not run.fleets[0].stopped
            await stage.clock.sleep(200)
            run.drain()

    assert len(stage.said(TokenRenewed)) == 1
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_a_token_that_was_renewed_before_it_is_refused_stops_nothing() -> None:
    """Refusals of the old one lead to the new one in its file, and count no more."""
    rows = {f"c{number}": steady(200) for number in range(3)}
    stage = Stage(rows)
    stage.source.token_in_file = "second"
    sink = RecordingSink()
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(50)
            stage.source.refuse_token(FORBIDDEN)
            await stage.clock.sleep(160)
            run.drain()

    assert stage.said(AccountStopped) == stage.said(ConnectorParked) == []
    assert len(stage.said(TokenRenewed)) == 1
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_a_refusal_that_was_under_way_when_the_token_was_renewed_parks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was the old token's, though it is the third of its connector and listings succeed by then."""
    monkeypatch.setattr("random.random", lambda: 0.5)  # all are refused, and try again, side by side
    rows = {f"c{number}": steady(200) for number in range(3)}
    stage = Stage(rows, latency=3.0)
    stage.source.trouble(connector="c2", delay=1.0)
    stage.source.token_in_file = "second"
    sink = RecordingSink()
    asyncio.get_running_loop().call_later(50, stage.source.refuse_token, FORBIDDEN)
    await stage.serve(sink, seconds=240)

    (renewed,) = (index for index, one in enumerate(stage.reports) if isinstance(one, TokenRenewed))
    assert [one.connector for one in stage.reports[:renewed] if isinstance(one, PollFailed)].count("c2") == 2
    assert stage.said(AccountStopped) == stage.said(ConnectorParked) == []
    assert sorted(keys(sink.events)) == keys_of(rows)


async def test_a_listing_that_was_under_way_when_the_token_was_renewed_stops_nothing() -> None:
    """Two accounts are listed with the old token at once: the first renews it, the second asks again."""
    stage = Stage({"c1": steady(200)}, polling={"discover": 60.0})
    (account,) = stage.config.accounts
    other = msgspec.structs.replace(account, id="other")
    stage.config = msgspec.structs.replace(stage.config, accounts=(account, other))
    stage.source.trouble(connector=LISTING, delay=20.0, start=START + 50, end=START + 110)
    stage.source.token_in_file = "second"
    sink = RecordingSink()
    asyncio.get_running_loop().call_later(55, stage.source.refuse_token, FORBIDDEN)
    await stage.serve(sink, seconds=240)

    assert len(stage.said(TokenRenewed)) == 1
    assert stage.said(AccountStopped) == stage.said(ConnectorParked) == []
    assert sorted(keys(sink.events)) == keys_of({"c1": steady(200)})


async def test_a_listing_that_fails_parks_and_stops_nobody() -> None:
    """Where List Connectors gives no answer nobody knows whose the refusals are; they are tried on."""
    stage = Stage({"bad": [], "good": steady(200)})
    stage.source.trouble(FORBIDDEN, connector="bad")
    stage.source.trouble(
        ServerError("HTTP 500", status=500), connector=LISTING, start=START + 1, end=START + 400
    )

    run = await stage.serve(RecordingSink(), seconds=399)

    assert stage.said(ConnectorParked) == stage.said(AccountStopped) == []
    assert stage.said(ListingFailed)
    assert run.pollers[0].failures > 4
    assert longest_wait(asked_at(stage, "good")) < 5.2


async def test_a_listing_that_is_refused_alone_stops_nobody() -> None:
    """As long as connectors are read their account is not stopped; it is listed again later."""
    stage = Stage({"c1": steady(900)}, polling={"discover": 60.0})
    stage.source.trouble(FORBIDDEN, connector=LISTING, start=START + 30, end=START + 500)
    stage.source.add("new", steady(50, start=600), listed_from=START + 400)
    sink = RecordingSink()

    await stage.serve(sink, seconds=910)

    assert stage.said(AccountStopped) == []
    assert stage.said(ListingFailed)
    assert longest_wait(asked_at(stage, "c1")) < 5.2
    assert len(asked_at(stage, "new")) > 10


async def test_an_account_without_connectors_is_stopped_by_a_refused_listing() -> None:
    """Nothing else could tell that its token has to be renewed."""
    stage = Stage({}, polling={"discover": 60.0})
    stage.source.add("new", steady(50, start=300), listed_from=START + 250)
    stage.source.trouble(FORBIDDEN, start=START + 30, end=START + 200)
    sink = RecordingSink()

    await stage.serve(sink, seconds=1000)

    assert len(stage.said(AccountResumed)) == 1
    assert len(sink.events) == 50


@pytest.mark.parametrize("error", [FORBIDDEN, ServerError("HTTP 500", status=500)])
async def test_an_account_that_fails_at_the_start_does_not_stop_the_others(error: ApiError) -> None:
    """It is tried again, and read from the moment at which the run began."""
    stage = Stage({"c1": steady(100)})
    other = stage.add_account("other", {"o1": steady(900)})
    other.trouble(error, end=START + 400)
    sink = RecordingSink()
    run = stage.run()
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        assert [*run.fleets[1].stopped] == ["other"]
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await stage.clock.sleep(90)
            assert len(sink.events) > 80
            await stage.clock.sleep(820)
            run.drain()

    assert stage.said(AccountStopped)[0].connectors == 0
    assert len(stage.said(AccountResumed)) == 1
    assert sorted(keys(sink.events)) == sorted(keys_of({"c1": steady(100), "o1": steady(900)}))


async def test_only_when_every_account_is_refused_the_start_fails() -> None:
    """Credentials that nobody accepts are the user's mistake; nothing is told twice."""
    stage = Stage({"c1": steady(100)})
    stage.source.trouble(FORBIDDEN)
    stage.add_account("other", {}).trouble(AuthError("invalid token", status=401))

    with pytest.raises(AuthError):
        await stage.serve(RecordingSink(), seconds=10)

    assert stage.reports == []


async def test_a_start_insists_while_one_account_may_come_back() -> None:
    """One account refused and the other away: the second is waited for, then the first is stopped."""
    stage = Stage({"c1": steady(100, start=100)})
    stage.source.trouble(ServerError("HTTP 500", status=500), end=START + 60)
    stage.add_account("other", {}).trouble(FORBIDDEN)
    sink = RecordingSink()

    await stage.serve(sink, seconds=300)

    assert stage.said(ListingFailed)
    assert {report.account for report in stage.said(AccountStopped)} == {"other"}
    assert len(sink.events) == 100


async def finished(stage: Stage, sink: RecordingSink) -> Any:
    """Let a run end by itself; give its outcome."""
    return outcome_of(await stage.finish(sink))


async def test_a_finite_run_names_the_account_that_was_refused() -> None:
    """What could be read is delivered; the exit code says that it is not all."""
    stage = Stage({"c1": steady(10, start=-100)})
    stage.add_account("other", {"o1": steady(5)}).trouble(FORBIDDEN)
    sink = RecordingSink()

    outcome = await finished(stage, sink)

    assert len(sink.events) == 10
    assert [one.account for one in outcome.stopped] == ["other"]
    assert outcome.exit_code is ExitCode.INCOMPLETE
    assert stage.said(AccountStopped)[0].delay is None
    assert stage.clock.monotonic() < 60


async def test_a_finite_run_whose_account_is_stopped_ends() -> None:
    """Credentials that are refused on the way end it soon, with the code for that if nothing was read."""
    stage = Stage({f"c{number}": steady(10, start=-100) for number in range(30)})
    stage.source.trouble(FORBIDDEN, start=START + 0.01)

    outcome = await finished(stage, RecordingSink())

    assert len(outcome.unread) == 30
    assert [one.account for one in outcome.stopped] == ["account"]
    assert outcome.exit_code is ExitCode.UNAUTHORIZED
    assert stage.clock.monotonic() < 60
    assert len(stage.source.asked) <= 3 * 30


async def test_a_span_that_ends_later_ends_in_time_however_long_a_connector_is_parked() -> None:
    """A parked connector and a stopped account are tried at the end of the asked span, not later."""
    stage = Stage({"c1": steady(100), "gone": []})
    stage.source.trouble(GONE, connector="gone")
    stage.add_account("other", {"o1": []}).trouble(FORBIDDEN, start=START + 100)
    sink = RecordingSink()
    run = stage.run(str(START), until=str(START + 1900))
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        await run.serve()

    assert 1900 <= stage.clock.monotonic() < 1930
    assert len(sink.events) == 100


async def test_a_word_may_mean_a_connector_of_an_account_that_was_not_listed() -> None:
    """A word that means nothing is a mistake only where all connectors are known."""
    stage = Stage({"c1": []})
    async with stage.run() as run:
        with pytest.raises(ConfigError, match="c2"):
            check_words(("c2",), run)
    stage.add_account("other", {}).trouble(FORBIDDEN)
    async with stage.run() as run:
        check_words(("c2",), run)
