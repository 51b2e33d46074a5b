from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from tailer.simulator.answers import Answer, http_date
from tailer.simulator.fleet import LICENSE_MARK
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.rules import Newcomers, Rotation
from tailer.simulator.service import Service
from tailer.simulator.world import World

START = 1_790_000_000.0


def service(**chosen: Any) -> Service:
    """The API over a small world that began at START."""
    options = SimulatorOptions(**{"connectors": 2, "history": 600.0, **chosen})
    return Service(options, World(options, START))


def get(
    sut: Service,
    path: str = "",
    query: dict[str, str] | None = None,
    *,
    headers: dict[str, str] | None = None,
    now: float = START,
    method: str = "GET",
) -> Answer:
    """Ask below ``.../magic/connectors``, as the token's owner unless said otherwise."""
    full = (
        path
        if path.startswith("/client")
        else f"/client/v4/accounts/{sut.options.account}/magic/connectors{path}"
    )
    own = {"Authorization": f"Bearer {sut.options.token}"} if headers is None else headers
    return sut.respond(method, full, query or {}, CIMultiDict(own), now)


def result(answer: Answer) -> Any:
    """The result of a successful answer."""
    envelope = msgspec.json.decode(answer.body)
    assert (answer.status, envelope["success"], envelope["errors"]) == (200, True, [])
    return envelope["result"]


def problem(answer: Answer) -> tuple[int, int]:
    """(status, code) of an error body."""
    envelope = msgspec.json.decode(answer.body)
    assert envelope["success"] is False
    assert envelope["result"] is None
    return int(answer.status), envelope["errors"][0]["code"]


def events_path(sut: Service, place: int = 0) -> str:
    """The path of one connector's events."""
    return f"/{sut.world.connectors[place].id}/telemetry/events"


def test_list_has_the_documented_fields() -> None:
    """List Connectors gives every member that the OpenAPI document requires, and the secret one."""
    rows = result(get(service()))
    assert len(rows) == 2
    required = {"id", "notes", "activated", "last_updated", "timezone", "interrupt_window_hour_of_day"}
    required |= {"interrupt_window_duration_hours", "interrupt_window_days_of_week"}
    required |= {"interrupt_window_embargo_dates", "device", "last_heartbeat", "last_seen_version"}
    assert all(required < set(row) for row in rows)
    assert all(row["license_key"].startswith(LICENSE_MARK) for row in rows)
    assert rows[0]["last_heartbeat"] == "2026-09-21T14:13:20.000Z"


def test_list_filters_by_device_type() -> None:
    """``device_type`` leaves only devices of that type."""
    sut = service(connectors=20)
    rows = result(get(sut, query={"device_type": "LICENSED"}))
    assert 0 < len(rows) < 20
    assert {row["device"]["type"] for row in rows} == {"LICENSED"}


def test_event_rows_are_those_of_the_single_events() -> None:
    """Get Event and ``latest`` show the rows of the list, with the kind inside ``e`` and without ``a``."""
    sut = service(latest_events=3)
    query = {"from": "0", "to": str(START), "limit": "1000"}
    page = result(get(sut, events_path(sut), query))
    assert page["count"] == len(page["items"]) > 10
    assert all(set(row) == {"a", "k", "n", "t"} for row in page["items"])
    latest = result(get(sut, f"{events_path(sut)}/latest"))
    assert [(row["t"], row["n"], row["e"]["k"]) for row in latest["items"]] == [
        (row["t"], row["n"], row["k"]) for row in page["items"][-3:]
    ]
    for row in page["items"][:20]:
        single = result(get(sut, f"{events_path(sut)}/{row['t']}.{row['n']}"))
        assert (single["t"], single["n"], single["e"]["k"]) == (row["t"], row["n"], row["k"])
        assert set(single) == {"e", "n", "t", "v"}


def test_single_event_with_fractional_time_and_big_number_is_found() -> None:
    """The last dot divides the address, and a number beyond 2**53 is found exactly."""
    sut = service(fractional=True, big_n=True)
    row = result(get(sut, events_path(sut), {"from": "0", "to": str(START)}))["items"][0]
    assert result(get(sut, f"{events_path(sut)}/{row['t']}.{row['n']}"))["n"] == row["n"]
    assert problem(get(sut, f"{events_path(sut)}/{row['t']}.{row['n'] - 1}"))[0] == 404


def test_single_event_is_found_where_the_api_filters_on_the_collection() -> None:
    """Get Event does not depend on what the list filters on."""
    sut = service(filter_on="a", late_share=0.5, late_by=100.0)
    rows = result(get(sut, events_path(sut), {"from": "0", "to": str(START)}))["items"]
    assert all(get(sut, f"{events_path(sut)}/{row['t']}.{row['n']}").status == 200 for row in rows)


@pytest.mark.parametrize("address", ["1.0", "1789999999.1000000"])
def test_unknown_event_is_not_found(address: str) -> None:
    """An event that is not there is 404 with a code of its own."""
    sut = service()
    status, code = problem(get(sut, f"{events_path(sut)}/{address}"))
    assert status == 404
    assert code not in {7000, 7003}


@pytest.mark.parametrize("address", ["1789999999", "x.0", "1789999999.0.0x", "1789999999.x"])
def test_malformed_event_address_is_refused(address: str) -> None:
    """An address that is no {t}.{n} is a plain 400."""
    sut = service()
    assert problem(get(sut, f"{events_path(sut)}/{address}"))[0] == 400


def test_invisible_event_is_neither_latest_nor_single() -> None:
    """What is not visible yet is nowhere to be seen."""
    sut = service(delay=500.0)
    shelf = sut.world.shelf(sut.world.connectors[0], START)
    hidden = [event for event, visible_at in shelf if visible_at > START]
    assert hidden
    latest = result(get(sut, f"{events_path(sut)}/latest"))["items"]
    assert not {(row["t"], row["n"]) for row in latest} & {(event.t, event.n) for event in hidden}
    assert get(sut, f"{events_path(sut)}/{hidden[0].t}.{hidden[0].n}").status == 404


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, 9106)),
        ({"X-Auth-Email": "noc@example.net"}, (400, 9106)),
        ({"Authorization": "Bearer wrong"}, (403, 10000)),
        ({"Authorization": "Bearer wröng"}, (403, 10000)),
        ({"Authorization": "Basic abc"}, (400, 6003)),
        ({"Authorization": "Bearer "}, (400, 6003)),
        ({"X-Auth-Email": "noc@example.net", "X-Auth-Key": "wrong"}, (403, 10000)),
        ({"X-Auth-Email": "other@example.net", "X-Auth-Key": SimulatorOptions().key}, (403, 10000)),
        ({"Authorization": f"Bearer {SimulatorOptions().token}", "X-Auth-Email": "a"}, (400, 6003)),
    ],
)
def test_bad_credentials_are_refused(headers: dict[str, str], expected: tuple[int, int]) -> None:
    """Missing, wrong, malformed or doubled credentials are refused, and spend nothing of the quota."""
    sut = service()
    assert problem(get(sut, headers=headers)) == expected
    assert sut.quota.remaining(START) == 1200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SimulatorOptions().token}"},
        {"X-Auth-Email": SimulatorOptions().email, "X-Auth-Key": SimulatorOptions().key},
    ],
)
def test_either_scheme_is_accepted(headers: dict[str, str]) -> None:
    """A token, or e-mail and key, let the request pass."""
    assert get(service(), headers=headers).status == 200


@pytest.mark.parametrize("path", ["/user/tokens/verify", "/accounts/{account}/tokens/verify"])
def test_token_verifies(path: str) -> None:
    """The self-check of a token says that it is active."""
    sut = service()
    answer = get(sut, f"/client/v4{path.format(account=sut.options.account)}")
    assert result(answer)["status"] == "active"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/client/v4/accounts/{'0' * 32}/magic/connectors", (404, 7003)),
        (f"/{'0' * 32}/telemetry/events", (404, 7003)),
        (f"/{'0' * 32}/telemetry/events/latest", (404, 7003)),
        ("/x/telemetry/snapshots", (404, 7000)),
        ("/client/v4/zones", (404, 7000)),
    ],
)
def test_unknown_things_are_unroutable(path: str, expected: tuple[int, int]) -> None:
    """A wrong account, connector or path is 404 with Cloudflare's codes."""
    assert problem(get(service(), path, {"from": "0", "to": "1"})) == expected


@pytest.mark.parametrize(("manner", "status"), [("404", 404), ("403", 403), ("400", 400), ("empty", 200)])
def test_unknown_connector_is_answered_as_chosen(manner: str, status: int) -> None:
    """An unknown connector, and one that is not there yet, get the chosen answer."""
    sut = service(unknown_connector=manner, newcomers=Newcomers(connectors=1, offset=10.0))
    query = {"from": "0", "to": "1"}
    for path in (f"/{'0' * 32}/telemetry/events", events_path(sut, place=1)):
        assert get(sut, path, query).status == status
    assert get(sut, events_path(sut, place=1), query, now=START + 10).status == 200


def test_refused_question_is_a_plain_400() -> None:
    """A window that is not liked is 400 with a code that says nothing."""
    sut = service()
    assert problem(get(sut, events_path(sut), {"from": "0"})) == (400, 1001)


def test_other_methods_are_not_allowed() -> None:
    """The imitated API is only read."""
    assert get(service(), method="POST").status == 405


def test_crossing_refuses_everything_with_retry_after() -> None:
    """Beyond the quota every call is 429 with the time to wait, until the block has passed."""
    sut = service(quota=2, block=60.0)
    assert [get(sut).status for _ in range(2)] == [200, 200]
    refused = get(sut, now=START + 0.5)
    assert problem(refused) == (429, 10000)
    assert refused.headers["Retry-After"] == "60"
    assert get(sut, now=START + 30).headers["Retry-After"] == "31"
    assert get(sut, now=START + 61).status == 200


@pytest.mark.parametrize(("manner", "expected"), [("403", (403, 10000)), ("code-971", (200, 971))])
def test_crossing_is_answered_as_chosen(manner: str, expected: tuple[int, int]) -> None:
    """A block may look like a lack of permission, or like a success that is none; neither says how long."""
    sut = service(quota=1, block=60.0, blocked_as=manner)
    assert get(sut).status == 200
    refused = get(sut, now=START + 0.5)
    assert problem(refused) == expected
    assert "Retry-After" not in refused.headers
    assert (sut.quota.crossings, sut.quota.refused) == (1, 1)


def test_token_is_rotated_when_due() -> None:
    """From its time on the new token is accepted and the old one is not."""
    sut = service(rotate=Rotation(token="newer", offset=30.0))
    new, old = {"Authorization": "Bearer newer"}, {"Authorization": f"Bearer {sut.options.token}"}
    for at, accepted, refused in ((START + 29, old, new), (START + 30, new, old)):
        statuses = [get(sut, headers=headers, now=at).status for headers in (accepted, refused)]
        assert statuses == [200, 403]


def test_rate_headers_stand_on_every_answer_unless_left_out() -> None:
    """Successes and refusals carry Ratelimit headers; both they and Retry-After can be left out."""
    sut = service()
    assert get(sut).headers["Ratelimit"] == '"default";r=1199;t=300'
    assert "Ratelimit-Policy" in get(sut, headers={}).headers
    bare = service(rate_headers=False, retry_after=False, quota=1)
    assert get(bare).headers == {}
    assert (get(bare).status, get(bare).headers) == (429, {})


def test_numbers_are_written_as_floats_where_asked() -> None:
    """With float numbers a page holds 3.0, never 3."""
    sut = service(float_numbers=True)
    body = get(sut, events_path(sut), {"from": "0", "to": str(START), "limit": "1"}).body
    assert b'"count":1.0,' in body
    assert b'"n":0.0,"t":1789999' in body


def test_date_is_in_whole_seconds_gmt() -> None:
    """The Date header is an HTTP date, rounded down."""
    assert http_date(START + 0.999) == "Mon, 21 Sep 2026 14:13:20 GMT"
