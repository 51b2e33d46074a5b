import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from tailer.app.probe import probing
from tailer.app.probe.probe import MAX_REQUESTS, Asker, Sample
from tailer.app.probe.probing import Probed, probe
from tailer.app.probe.traits import NAMES, NO_BUDGET, TOO_FEW, TOO_MANY, Trait, Value, trait
from tailer.clock import SystemClock
from tailer.config.document import from_document
from tailer.errors import ApiError, AuthError, ConfigError, RateLimitedError, ServerError
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import serve

BUSY = SimulatorOptions(
    seed=3, connectors=2, rate=3.0, history=7200.0, late_share=0.05, late_by=60.0, quota=100_000
)

EPOCH = 1_790_000_000

USUAL: dict[str, Value] = {
    "rate_headers": True,
    "float_numbers": False,
    "order": "asc",
    "default_limit": 100,
    "filter_on": "t",
    "bounds": "closed",
    "no_cursor": False,
    "cursor_end": "absent",
    "empty_pages": False,
    "overlapping_pages": False,
    "count": "page",
    "refuse_future": False,
    "unknown_kind": "empty",
    "unknown_connector": "404",
    "over_limit": "lower",
    "max_limit": 1000,
    "retention": None,
    "max_width": None,
}
"""What the simulator does unless it is told otherwise."""


async def probed(
    options: Mapping[str, object], wanted: str | None = None, token: str | None = None
) -> Probed:
    """Probe a simulator, whose history is always the same; the requests that it has seen are those told."""
    began = time.monotonic()
    simulated = msgspec.structs.replace(BUSY, **options)
    async with serve(simulated, lambda: EPOCH + time.monotonic() - began) as server:
        environ = {"CLOUDFLARE_BASE_URL": server.base_url, "CLOUDFLARE_API_TOKEN": token or server.token}
        config = from_document({"accounts": [{"id": server.account}]}, Path("/"), environ)
        found = await probe(config, wanted, SystemClock())
        assert server.stats.requests == found.requests
        assert found.requests <= MAX_REQUESTS + 1  # and the listing
        assert server.stats.crossings == 0
        return found


def values(found: Probed) -> dict[str, Value]:
    """What was found, by name."""
    assert tuple(one.name for one in found.traits) == NAMES
    return {one.name: one.value for one in found.traits}


@pytest.mark.parametrize(
    ("options", "different"),
    [
        ({}, {}),
        ({"order": "desc"}, {"order": "desc"}),
        ({"order": "shuffled"}, {"order": "shuffled"}),
        ({"bounds": "open"}, {"bounds": "open"}),
        ({"bounds": "half-open"}, {"bounds": "half-open"}),
        ({"bounds": "half-open-end", "fractional": True}, {"bounds": "half-open-end"}),
        ({"filter_on": "a", "bounds": "half-open"}, {"filter_on": "a", "bounds": "half-open"}),
        ({"cursor_end": "null", "count": "total"}, {"cursor_end": "null", "count": "total"}),
        ({"cursor_end": "empty", "order": "desc"}, {"cursor_end": "empty", "order": "desc"}),
        ({"cursor_end": "repeated"}, {"cursor_end": "repeated"}),
        ({"empty_pages": True}, {"empty_pages": True}),
        ({"overlapping_pages": True, "order": "desc"}, {"overlapping_pages": True, "order": "desc"}),
        (
            {"no_cursor": True, "default_limit": 50, "max_limit": 200},
            {
                "no_cursor": True,
                "cursor_end": None,
                "empty_pages": None,
                "overlapping_pages": None,
                "default_limit": 50,
                "max_limit": 200,
            },
        ),
        ({"default_limit": 20, "max_limit": 100}, {"default_limit": 20, "max_limit": 100}),
        ({"over_limit": "refuse"}, {"over_limit": "refuse"}),
        ({"over_limit": "refuse", "max_limit": 777}, {"over_limit": "refuse", "max_limit": 777}),
        ({"refuse_limit": True}, {"over_limit": "refuse-all", "max_limit": None}),
        ({"float_numbers": True, "rate_headers": False}, {"float_numbers": True, "rate_headers": False}),
        (
            {"refuse_future": True, "unknown_kind": "refuse"},
            {"refuse_future": True, "unknown_kind": "refuse"},
        ),
        ({"unknown_connector": "403"}, {"unknown_connector": "403"}),
        ({"unknown_connector": "400"}, {"unknown_connector": "400"}),
        ({"unknown_connector": "empty"}, {"unknown_connector": "empty"}),
        ({"retention": 7200.0}, {"retention": 7200.0}),
        ({"retention": 30 * 86_400.0}, {"retention": 30 * 86_400.0}),
        ({"max_width": 86_400.0}, {"max_width": 86_400.0}),
        ({"max_width": 900.0}, {"max_width": 900.0, "max_limit": None, "over_limit": None}),
        (
            {"max_width": 7 * 86_400.0, "retention": 90 * 86_400.0},
            {"max_width": 7 * 86_400.0, "retention": 90 * 86_400.0},
        ),
        ({"big_n": True, "sequence": "agent", "gzip": True}, {}),
        ({"clock_offset": -300.0, "refuse_future": True}, {"refuse_future": True}),
    ],
    ids=str,
)
async def test_what_is_printed_is_what_the_api_does(
    options: dict[str, object], different: dict[str, Value]
) -> None:
    """Each trait that the simulator is given is found, and no other is touched by it."""
    assert values(await probed(options)) == {**USUAL, **different}


@pytest.mark.parametrize("rate", [0.0, 0.0005])
async def test_few_events_tell_little_and_that_is_said(rate: float) -> None:
    """Without events nothing is claimed that only events can show; all else is measured."""
    found = await probed({"rate": rate, "history": 3600.0, "max_width": 86_400.0})
    known = values(found)
    unknown = {"order", "default_limit", "filter_on", "count", "cursor_end", "no_cursor", "max_limit"}
    assert {name for name in unknown if known[name] is not None} == set()
    assert known["max_width"] == 86_400.0
    assert known["refuse_future"] is False
    assert {one.words for one in found.traits if one.name in {"order", "count"}} == {TOO_FEW}


async def test_end_with_a_cursor_is_not_taken_for_a_cut_page() -> None:
    """Where every page has a cursor, only the next page shows whether one was all there is."""
    known = values(await probed({"rate": 0.003, "cursor_end": "repeated"}))
    assert known["cursor_end"] == "repeated"
    assert known["default_limit"] is None
    assert known["max_limit"] is None


async def test_too_many_events_at_one_time_tell_nothing_wrong() -> None:
    """An event that is not on the first pages of its second may be on later ones: nothing is claimed."""
    crowded = {"rate": 60.0, "history": 300.0, "connectors": 1, "max_width": 60.0}
    found = await probed({**crowded, "default_limit": 3, "no_cursor": True})
    assert values(found)["bounds"] is None
    assert {one.words for one in found.traits if one.name == "bounds"} == {TOO_MANY}


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ServerError("The API failed"), {"refuse_future", "unknown_kind", "unknown_connector"}),
        (
            RateLimitedError("The API asks to slow down"),
            {"refuse_future", "unknown_kind", "unknown_connector", "over_limit", "max_limit"},
        ),
    ],
)
async def test_failure_loses_no_more_than_it_must(
    error: ApiError, lost: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is kept; after a failure other steps go on, but none when the API is to be spared."""

    async def fail(_asker: Asker, _sample: Sample) -> AsyncIterator[Trait]:
        yield trait("refuse_future", False)
        raise error

    steps = [(fail, names) if "refuse_future" in names else (step, names) for step, names in probing.STEPS]
    monkeypatch.setattr(probing, "STEPS", steps)
    found = await probed({})
    assert values(found)["bounds"] == "closed"
    assert {one.name for one in found.traits if one.words.startswith("not measured: The API")} >= (
        lost - {"refuse_future"}
    )
    assert values(found)["refuse_future"] is False
    assert (values(found)["max_limit"] is None) == ("max_limit" in lost)


async def test_odd_limits_are_found_closely() -> None:
    """Limits that nobody would guess are found to a hundredth, within the requests that are allowed."""
    found = values(await probed({"retention": 50_000.0, "max_width": 12_345.0, "max_limit": 500}))
    retention, width = found["retention"], found["max_width"]
    assert isinstance(retention, float)
    assert isinstance(width, float)
    assert retention == pytest.approx(50_000, rel=0.02)
    assert width == pytest.approx(12_345, rel=0.02)


async def test_spent_requests_leave_the_rest_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the requests don't reach, that is said, and what was found before is kept."""
    monkeypatch.setattr("tailer.app.probe.probe.MAX_REQUESTS", 20)
    found = await probed({"retention": 50_000.0, "order": "desc"})
    assert found.requests <= 21
    assert values(found)["order"] == "desc"
    assert {one.name for one in found.traits if one.words == NO_BUDGET} == {"retention", "max_width"}


async def test_connector_can_be_chosen() -> None:
    """The one that was named is asked, though another is busier; a typo is a mistake."""
    name = (await probed({})).connector.name
    async with serve(BUSY) as server:
        names = {one.notes or one.serial for one in server.world.listed(time.time())}
    (other,) = names - {name}
    assert (await probed({}, wanted=other)).connector.name == other
    with pytest.raises(ConfigError, match="no connector is called"):
        await probed({}, wanted="nobody")


async def test_refused_token_is_no_finding() -> None:
    """What is wrong with the credentials is said as ever."""
    with pytest.raises(AuthError):
        await probed({}, token="not-the-right-token")
