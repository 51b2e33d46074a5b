"""How durations and times that people write are read, and how durations are written."""

import math
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailer.core.durations import (
    MAX_DURATION,
    MAX_TIME,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)

NOW = 1_785_585_600.0
NOON = "2026-08-01T12:00:00"  # NOW, in UTC


@pytest.fixture
def in_nepal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the process at UTC+5:45, in the POSIX notation that needs no zone files."""
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("2d", 172_800.0),
        ("500ms", 0.5),
        ("1.5h", 5400.0),
        ("0s", 0.0),
        ("1d2h3m4s5ms", 93_784.005),
        ("0.1s200ms", 0.3),
        (" 10m\n", 600.0),
        ("3650d", MAX_DURATION),
        ("000000000000090s", 90.0),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    """A sum of numbers with units is read exactly, the units from large to small."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "5x", "5 m", "30m1h", "1h1h", "1H", "-5m", "+5m", "1e5s", "nan", "inf", ".5s", "5.s"],
)
def test_no_duration_is_refused_with_an_example(text: str) -> None:
    """What is no duration is refused, and the message shows the text and a good one."""
    with pytest.raises(ValueError, match="is not a duration; write for example '90s'") as caught:
        parse_duration(text)
    assert str(caught.value).startswith(repr(text))


@pytest.mark.parametrize("text", ["30", "0", "1.5"])
def test_bare_number_is_refused_with_its_unit_proposed(text: str) -> None:
    """A number without a unit is refused, and the message proposes seconds."""
    with pytest.raises(ValueError, match=f"^'{text}' has no unit; for seconds write '{text}s'$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3651d", "3650d1ms", "999999999999999h"])
def test_too_long_duration_is_refused(text: str) -> None:
    """Above ten years, the last millisecond counted, a duration is refused and the bound is named."""
    with pytest.raises(ValueError, match=f"^'{text}' is longer than 3650d, the longest allowed$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 5000 + "s", "x" * 5000])
def test_message_about_a_huge_text_stays_short(text: str) -> None:
    """A text of any length gets an ordinary message that fits two lines, from both readers."""
    for read in (parse_duration, lambda given: parse_time(given, NOW)):
        with pytest.raises(ValueError, match=r"write|leave out") as caught:
            read(text)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (5400, "1h30m"),
        (36 * 3600, "1d12h"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (61.025, "1m1.025s"),
        (60.25, "1m250ms"),
        (100, "1m40s"),
        (0.0004, "0s"),
        (59.9996, "1m"),
        (-90, "-1m30s"),
        (-0.0001, "0s"),
        (MAX_DURATION, "3650d"),
        (1e12, "11574074d1h46m40s"),
    ],
)
def test_duration_is_written(seconds: float, text: str) -> None:
    """A duration is written with the largest units that fit, rounded to whole milliseconds."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_no_length_of_time_is_written(seconds: float) -> None:
    """An infinite number, or none, is refused instead of being shown as a duration."""
    with pytest.raises(ValueError, match="is not a length of time"):
        format_duration(seconds)


@given(st.integers(min_value=0, max_value=int(MAX_DURATION * 1000)))
@example(int(MAX_DURATION * 1000) - 1)
def test_whole_milliseconds_come_back_exactly(milliseconds: int) -> None:
    """Whole milliseconds up to the bound are written so that reading gives the same number."""
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text(alphabet="0123456789.dhms -", max_size=12) | st.text(max_size=12))
def test_any_text_is_read_within_bounds_or_refused(text: str) -> None:
    """Whatever the text, the reader gives a number within the bounds or a ValueError with advice."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        assert "write" in str(error) or "longest" in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert 0 <= seconds <= MAX_DURATION


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", NOW),
        (" now ", NOW),
        ("10m", NOW - 600),
        ("0s", NOW),
        ("1d12h", NOW - 129_600),
        (f"{NOON}Z", NOW),
        ("2026-08-01 12:00Z", NOW),
        ("2026-08-01T14:00:00+02:00", NOW),
        ("20260801T120000.250Z", NOW + 0.25),
        ("1785585600", NOW),
        ("1785585600.5", NOW + 0.5),
        ("100000000", 100_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("253402300799", MAX_TIME - 1),
    ],
)
def test_time_is_read(text: str, at: float) -> None:
    """A duration back from now, ``now``, an ISO 8601 time with a zone and epoch seconds are read."""
    assert parse_time(text, NOW) == at


@given(st.integers(100_000_000, int(MAX_TIME) - 1))
def test_whole_second_comes_back_exactly(at: int) -> None:
    """Every instant that is written is read again as the same second."""
    assert parse_time(format_time(at + 0.5), now=0.0) == at


@pytest.mark.usefixtures("in_nepal")
def test_time_without_a_zone_is_local() -> None:
    """An ISO 8601 time or date that names no zone is read in the zone of the machine."""
    assert parse_time(NOON, NOW) == NOW - (5 * 60 + 45) * 60
    assert parse_time("2026-08-01", NOW) == NOW - (17 * 60 + 45) * 60


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("10x", "is not a time; write for example '10m'"),
        ("", "is not a time; write for example '10m'"),
        ("yesterdays", "is not a time; write for example '10m'"),
        ("2026-13-01", "is not a time; write for example '10m'"),
        ("-5m", "is not a time; write for example '10m'"),
        ("30m1h", "is not a duration; write for example '90s'"),
        ("3651d", "is longer than 3650d"),
        ("30", "has no unit; for seconds back from now write '30s'"),
        ("1785585600000", "if it counts milliseconds, leave out the last three digits"),
        ("253402300800", "is beyond the year 9999"),
        ("1969-12-31T23:59:59Z", "lies outside the years 1970 to 9999"),
        ("9999-12-31T23:59:59-01:00", "lies outside the years 1970 to 9999"),
        ("0001-01-01", "lies outside the years 1970 to 9999"),
    ],
)
def test_no_time_is_refused_with_advice(text: str, advice: str) -> None:
    """What is no time, or is one outside the years that are written, is refused with the way out."""
    with pytest.raises(ValueError, match=advice):
        parse_time(text, NOW)


@pytest.mark.usefixtures("in_nepal")
def test_first_local_hours_of_the_calendar_are_refused() -> None:
    """A local time whose UTC lies before the calendar's first year is refused like any other early one."""
    with pytest.raises(ValueError, match="lies outside the years 1970 to 9999"):
        parse_time("0001-01-01T00:00:00", NOW)
