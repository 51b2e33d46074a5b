"""Records on stdin are shown as a tail would show them; what is no record is counted and named."""

import io
import math
import sys
from typing import Any

import pytest

from tailer.cli import archive
from tailer.core.sieve import Sieve
from tailer.model import Event, Source
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.stdout import StdoutSink


def line(t: int, k: str = "Init", name: str = "Oslo", a: int = 0) -> bytes:
    """A record."""
    return JsonlFormat().render([Event(t=t, n=1, k=k, a=a, source=Source("a", f"c-{name}", name, "s", 0.0))])


Captured = pytest.CaptureFixture[bytes]


def show(
    monkeypatch: pytest.MonkeyPatch, data: bytes, template: str | None = "{name} {k}", **given: Any
) -> None:
    """Show records with a wish that is open but for what is given."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    plain: dict[str, Any] = {"connectors": (), "sieve": Sieve(), "start": -math.inf, "end": math.inf}
    archive.show(archive.Wish(**{**plain, **given}), StdoutSink.Config(template=template))


def test_records_are_shown(monkeypatch: pytest.MonkeyPatch, capsysbinary: Captured) -> None:
    """Records become lines in their order, the last one without a line's end too; empty lines are none."""
    show(monkeypatch, line(1) + b"\n" + line(2, "Leave", "Bergen").rstrip(b"\n"))
    assert capsysbinary.readouterr() == (b"Oslo Init\nBergen Leave\n", b"")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"connectors": ("berg*", "c-Rome")}, b"Bergen Leave\nRome Init\n"),
        ({"sieve": Sieve(level="warning")}, b"Bergen Leave\n"),
        ({"sieve": Sieve(kinds=["Leave"])}, b"Bergen Leave\n"),
        ({"start": 2.0}, b"Bergen Leave\nRome Init\n"),
        ({"end": 2.0}, b"Oslo Init\nRome Init\n"),
        ({"start": 5.0}, b"Rome Init\n"),
    ],
)
def test_filters_are_those_of_a_tail(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: Captured,
    given: dict[str, Any],
    shown: bytes,
) -> None:
    """Connectors, kinds, level and span choose: an event belongs to a span if its t or its a does."""
    show(monkeypatch, line(1, a=1) + line(2, "Leave", "Bergen", a=2) + line(1, "Init", "Rome", a=5), **given)
    assert capsysbinary.readouterr().out == shown


def test_what_is_no_record_is_named(monkeypatch: pytest.MonkeyPatch, capsysbinary: Captured) -> None:
    """Wrong lines are left out, the first of them named with their numbers, all of them counted."""
    show(monkeypatch, line(1) + b"nonsense\n" * 20 + line(2) + b"x" * archive.MAX_LINE_BYTES)
    out, err = capsysbinary.readouterr()
    assert out == b"Oslo Init\n" * 2
    words = err.decode().splitlines()
    assert len(words) == archive.MAX_NAMED + 1
    assert words[0].startswith("tailer: line 2 is no record of tailer: JSON is malformed")
    assert words[-1] == "tailer: 21 of 23 lines are no records of tailer and were left out"


def test_long_line_is_not_kept(monkeypatch: pytest.MonkeyPatch, capsysbinary: Captured) -> None:
    """A line beyond every record's length is left out, even if its cut rest would be a record."""
    long = line(1).replace(b"Oslo", b"O" * 3 * archive.MAX_LINE_BYTES)
    show(monkeypatch, long + line(2))
    out, err = capsysbinary.readouterr()
    assert out == b"Oslo Init\n"
    assert b"line 1 is no record of tailer: it is too long" in err


def test_header_comes_without_records(monkeypatch: pytest.MonkeyPatch, capsysbinary: Captured) -> None:
    """CSV has its header whatever follows."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    wish = archive.Wish(connectors=(), sieve=Sieve(), start=-math.inf, end=math.inf)
    archive.show(wish, StdoutSink.Config(format="csv"))
    assert capsysbinary.readouterr().out.startswith(b"id,time,")


def test_span_is_open_where_nothing_is_said() -> None:
    """Without a beginning or an end there is none."""
    assert archive.span(None, None, 1000.0) == (-math.inf, math.inf)
    assert archive.span("1m", "30s", 1000.0) == (940.0, 970.0)
