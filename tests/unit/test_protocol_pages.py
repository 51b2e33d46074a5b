"""How a good answer becomes a value, and a page of another shape never becomes "no events"."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from tailer.api.protocol import decipher_connectors, decipher_event, decipher_events
from tailer.errors import ApiError, TransportError, WireFormatError
from tailer.model import Connector, Event, Page

HEADERS = CIMultiDict({"Date": "Sat, 01 Aug 2026 12:00:00 GMT", "Cf-Ray": "8f2d3c1b4a5e6f70-FRA"})
ROW = '{"a":5,"k":"Init","n":2,"t":3}'


def events_body(items: str = "", count: str = "0", rest: str = "") -> bytes:
    """Write an answer of List Events."""
    return f'{{"success":true,"result":{{"items":[{items}],"count":{count}{rest}}},"errors":[]}}'.encode()


def decipher(body: bytes, status: int = 200) -> Page:
    """Read an answer of List Events for a certain connector."""
    return decipher_events(status, HEADERS, body, "acc", "con")


def refusal_of(body: bytes) -> ApiError:
    """Return the error that an answer of List Events is."""
    with pytest.raises(ApiError) as caught:
        decipher(body)
    return caught.value


def test_a_page_is_read() -> None:
    """Rows come in the API's order, with count, cursor and the answer's date; unknown fields are skipped."""
    rows = f'{ROW},{{"t":1,"n":0,"k":"Leave","a":9,"x":{{"y":[1]}}}}'
    page = decipher(events_body(rows, "2", ',"cursor":"next","more":1'))
    assert page.events == [Event(t=3, n=2, k="Init", a=5), Event(t=1, n=0, k="Leave", a=9)]
    assert (page.count, page.cursor, page.date) == (2, "next", 1_785_585_600.0)


@pytest.mark.parametrize("rest", ["", ',"cursor":null', ',"cursor":""'])
def test_no_cursor_is_none(rest: str) -> None:
    """An absent, null or empty cursor all end the window."""
    assert decipher(events_body(rest=rest)).cursor is None


def test_an_empty_page_is_a_page() -> None:
    """No rows, properly said, are no events."""
    assert decipher(events_body()).events == []


def test_a_missing_date_is_none() -> None:
    """A page without a Date header is still a page."""
    assert decipher_events(200, CIMultiDict(), events_body(), "acc", "con").date is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("3", 3),
        ("3.0", 3),
        ("1e9", 1_000_000_000),
        ("-0.0", 0),
        ("3.5", 3.5),
        ("9007199254740993", 2**53 + 1),
        ("18446744073709551617", 2**64 + 1),
        ("123456789012345678901234567890", 123_456_789_012_345_678_901_234_567_890),
        ("-7", -7),
    ],
)
@pytest.mark.parametrize("name", ["t", "n", "a"])
def test_whole_numbers_are_ints(name: str, written: str, number: float) -> None:
    """However a whole number is written, it is an int and exact; a fraction stays what it is."""
    row = {"t": "1", "n": "1", "a": "1"} | {name: written}
    body = ",".join(f'"{key}":{value}' for key, value in row.items())
    page = decipher(events_body(f'{ROW},{{{body},"k":"Init"}},{ROW}', "3.0"))
    value = getattr(page.events[1], name)
    assert (value, type(value)) == (number, type(number))
    assert (page.count, type(page.count)) == (3, int)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"null", "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b'"ok"', "Expected `object`"),
        (b"{}", "`success`"),
        (b'{"result":{"items":[],"count":0}}', "`success`"),
        (b'{"success":1,"result":{"items":[],"count":0}}', "$.success"),
        (b'{"success":"true","result":{"items":[],"count":0}}', "$.success"),
        (b'{"success":null,"result":{"items":[],"count":0}}', "$.success"),
        (b'{"success":true}', "`result`"),
        (b'{"success":true,"result":null}', "$.result"),
        (b'{"success":true,"result":[]}', "$.result"),
        (b'{"success":true,"result":{}}', "`items`"),
        (b'{"success":true,"result":{"items":[]}}', "`count`"),
        (b'{"success":true,"result":{"count":0}}', "`items`"),
        (b'{"success":true,"result":{"items":null,"count":0}}', "$.result.items"),
        (b'{"success":true,"result":{"items":{},"count":0}}', "$.result.items"),
        (events_body("null", "1"), "$.result.items[0]"),
        (events_body("[1,2]", "1"), "$.result.items[0]"),
        (events_body(f'{ROW},{{"a":5,"k":"Init","n":2}}', "2"), "`t`"),
        (events_body('{"a":5,"k":"Init","t":2}', "1"), "`n`"),
        (events_body('{"a":5,"n":1,"t":2}', "1"), "`k`"),
        (events_body('{"k":"Init","n":1,"t":2}', "1"), "`a`"),
        (events_body(ROW.replace("3", '"3"'), "1"), "$.result.items[0].t"),
        (events_body(ROW.replace("3", "true"), "1"), "$.result.items[0].t"),
        (events_body(ROW.replace("3", "null"), "1"), "$.result.items[0].t"),
        (events_body(ROW.replace("3", "1e999"), "1"), "out of range"),
        (events_body(ROW.replace("3", "9" * 5000), "1"), "out of range"),
        (events_body(ROW.replace("3", "NaN"), "1"), "not to be decoded"),
        (events_body(ROW.replace("3", "Infinity"), "1"), "not to be decoded"),
        (events_body(ROW.replace('"Init"', "7"), "1"), "$.result.items[0].k"),
        (events_body(ROW, '"1"'), "$.result.count"),
        (events_body(ROW, "1.5"), "`count`"),
        (events_body(ROW, "null"), "$.result.count"),
        (events_body(rest=',"cursor":7'), "$.result.cursor"),
        (events_body(rest=',"cursor":{}'), "$.result.cursor"),
        (b"<!doctype html><title>Sign in</title>", "HTML"),
        (b"\r\n  <html>", "HTML"),
        (b'{"success":true,"x":' + b"[" * 100_000, "not to be decoded"),
    ],
)
def test_another_shape_is_an_error(body: bytes, place: str) -> None:
    """Valid JSON of a wrong shape, or HTML, is a wire format error that names the place."""
    error = refusal_of(body)
    assert isinstance(error, WireFormatError)
    assert place in str(error)
    assert "events of connector con (account acc)" in str(error)
    assert (error.status, error.ray_id, error.page) == (200, "8f2d3c1b4a5e6f70-FRA", body[:2000])
    assert error.__cause__ is error.__context__ is None


WHOLE = events_body(f"{ROW},{ROW}", "2")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        WHOLE[:1],
        WHOLE[:40],
        WHOLE[:-1],
        b"error",
        b"upstream timed out",
        WHOLE + b"}",
        b"\x1f\x8b\x08",
    ],
)
def test_a_cut_body_passes(body: bytes) -> None:
    """A truncated or non-JSON body is a transport error, not a shape error and not a timeout."""
    error = refusal_of(body)
    assert isinstance(error, TransportError)
    assert not error.timed_out
    assert f"{len(body)} bytes" in str(error)
    assert "connector con" in str(error)


def test_invalid_text_passes() -> None:
    """Bytes that are no UTF-8 were damaged under way."""
    assert isinstance(
        refusal_of(events_body(ROW.replace("Init", "X"), "1").replace(b"X", b"\xff")), TransportError
    )


def connectors_body(*rows: dict[str, Any]) -> bytes:
    """Write an answer of List Connectors."""
    return json.dumps({"success": True, "errors": [], "messages": [], "result": list(rows)}).encode()


def test_connectors_are_read() -> None:
    """Of each connector the needed fields are taken, and nulls are as good as absence."""
    body = connectors_body(
        {
            "id": "c1",
            "activated": True,
            "notes": "Branch\nfloor 2",
            "last_heartbeat": "2026-08-01T12:00:00Z",
            "last_seen_version": "2026.7.1",
            "device": {"id": "d", "serial_number": "SN1", "type": None},
            "license_key": "secret",
        },
        {"id": "c2", "notes": None, "last_heartbeat": None, "device": {"id": "d", "serial_number": None}},
        {"id": "c3", "device": None},
        {"id": "c4", "device": {}},
    )
    assert decipher_connectors(200, HEADERS, body, "acc") == [
        Connector(
            "acc", "c1", "Branch\nfloor 2", "SN1", "2026-08-01T12:00:00Z", activated=True, version="2026.7.1"
        ),
        Connector("acc", "c2"),
        Connector("acc", "c3"),
        Connector("acc", "c4"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        connectors_body({"id": None, "license_key": "secret"}),
        connectors_body({"id": "", "license_key": "secret"}),
        connectors_body({"license_key": "secret"}),
        b'{"success":true,"result":null}',
        b'{"success":true,"result":{"items":[]}}',
        b'{"result":[]}',
    ],
)
def test_connectors_of_another_shape_are_an_error_without_the_page(body: bytes) -> None:
    """A list of another shape is an error, and keeps nothing, for a license key may be in it."""
    with pytest.raises(WireFormatError, match="connectors of account acc") as caught:
        decipher_connectors(200, HEADERS, body, "acc")
    assert caught.value.page == b""
    assert "secret" not in repr(caught.value)


def event_body(result: str) -> bytes:
    """Write an answer of Get Event."""
    return f'{{"success":true,"result":{result},"errors":[]}}'.encode()


def test_a_payload_is_read_as_it_is() -> None:
    """Whatever is in it comes, the kind included; numbers of another spelling are the same event."""
    body = event_body('{"e":{"k":"HaError","x":[1,{"y":null}]},"n":2.0,"t":3.0,"v":"1.2"}')
    payload = decipher_event(200, HEADERS, body, "acc", "con", key=(3, 2))
    assert payload == {"k": "HaError", "x": [1, {"y": None}]}


@pytest.mark.parametrize(
    "result",
    [
        '{"e":{"k":"HaError"},"n":2,"t":4}',
        '{"e":{"k":"HaError"},"n":1,"t":3}',
        '{"e":"HaError","n":2,"t":3}',
        '{"e":null,"n":2,"t":3}',
        '{"n":2,"t":3}',
        '{"e":{"n":1e999},"n":2,"t":3}',
        "null",
    ],
)
def test_a_payload_of_another_shape_is_none(result: str) -> None:
    """What is about another event, or holds no payload that can be kept, is no answer."""
    with pytest.raises(WireFormatError, match="details of an event of connector con"):
        decipher_event(200, HEADERS, event_body(result), "acc", "con", key=(3, 2))
