"""An account that is refused as a whole is stopped alone, and goes on when it is let in again."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import msgspec
import pytest

from tailer.app.exitcode import ExitCode
from tailer.app.run.outcome import outcome_of
from tailer.cli.live import check_words
from tailer.errors import (
    ApiError,
    AuthError,
    ConfigError,
    ConnectorGoneError,
    ServerError,
    WireFormatError,
)
from tailer.observe import (
    AccountResumed,
    AccountStopped,
    ConnectorParked,
    ListingFailed,
    PollFailed,
    TokenRenewed,
)
from tailer.testing.recording_sink import RecordingSink
from tailer.testing.scripted_source import LISTING
from tests.flow.stage import (
    FAKE_TIME,
    START,
    KeptJournal,
    Stage,
    asked_at,
    keys,
    keys_of,
    longest_wait,
    steady,
)

pytestmark = FAKE_TIME

FORBIDDEN = AuthError("not allowed", status=403)
GONE = ConnectorGoneError("not found", status=404)
MALFORMED = WireFormatError("no items")


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
