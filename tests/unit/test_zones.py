"""Every time has its zone, and a zone that does not exist is told."""

import zoneinfo
from datetime import UTC, timedelta, timezone

import pytest

from tailer.sinks import zones

NOON = 1_785_585_600  # 2026-08-01T12:00:00Z


def test_zone_by_its_name() -> None:
    """A zone of the tz database knows its summer time."""
    oslo = zones.find("Europe/Oslo")
    assert [zones.ahead(oslo, second) for second in (NOON, NOON + 180 * 86_400)] == [7200, 3600]
    assert zones.iso(oslo, NOON) == "2026-08-01T14:00:00+02:00"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Olso", "did you mean Europe/Oslo?"),
        ("oslo", "did you mean Europe/Oslo?"),
        ("new york", "did you mean America/New_York?"),
        ("Europe", "Europe/"),
        ("???", "write for example Europe/Oslo"),
        ("../etc/passwd", "no time zone is called"),
        ("", "write for example Europe/Oslo"),
    ],
)
def test_unknown_zone_names_the_nearest(name: str, hint: str) -> None:
    """A zone that is not in the tz database is refused with the one that was probably meant."""
    with pytest.raises(ValueError, match="no time zone is called") as caught:
        zones.find(name)
    assert hint in str(caught.value)


def test_system_without_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no tz database the message says what to install."""
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ValueError, match="install its package tzdata"):
        zones.find("Europe/Nowhere")


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "+00:01"), (7200, "+02"), (20_700, "+05:45"), (-12_600, "-03:30")]
)
def test_offset_is_short(seconds: int, text: str) -> None:
    """An offset shows minutes only where there are any; UTC is Z."""
    assert zones.mark(timezone(timedelta(seconds=seconds)), seconds) == text
    assert zones.mark(UTC, 0) == "Z"


@pytest.mark.parametrize("t", [10**12, -(10**12), 253_402_300_799])
def test_instant_beyond_the_calendar_is_its_number(t: int) -> None:
    """Where the zone has no date for an instant, the number is written."""
    assert zones.iso(timezone(timedelta(hours=14)), t) == str(t)


def test_zones_are_chosen() -> None:
    """UTC, a name, or neither: local; both are one too many."""
    assert zones.choose(None, utc=True) is UTC
    assert zones.choose(None, utc=False) is None
    assert zones.choose("Europe/Oslo", utc=False) == zones.find("Europe/Oslo")
    with pytest.raises(ValueError, match="choose one"):
        zones.choose("Europe/Oslo", utc=True)
