"""Time zones: local (``None``), UTC, or one of the tz database; a time is never shown without its own."""

from __future__ import annotations

import time
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

from tailer.config.words import quoted
from tailer.sinks.text import split

Zone: TypeAlias = tzinfo | None
"""A zone; ``None`` is the local one, by the system's rules and the variable TZ."""


def find(name: str) -> Zone:
    """Find a zone such as ``Europe/Oslo``.

    Raises:
        ValueError: There is no such zone, or this system knows none at all; one sentence.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        known = sorted(zoneinfo.available_timezones())
    if not known:
        raise ValueError(
            "this system has no data of time zones; install its package tzdata, or pip install tzdata"
        )
    near = _nearest(name, known)
    hint = f"did you mean {near}?" if near else "write for example Europe/Oslo"
    raise ValueError(f"no time zone is called {quoted(name)}; {hint}")


def choose(name: str | None, *, utc: bool) -> Zone:
    """Give the zone that two options ask for: UTC, one by its name, else the local one.

    Raises:
        ValueError: They contradict each other, or there is no zone of that name.
    """
    if utc and name is not None:
        raise ValueError("UTC and another time zone are both asked for; choose one")
    if utc:
        return UTC
    return None if name is None else find(name)


def ahead(zone: Zone, second: int) -> int:
    """Tell by how many seconds a zone's clocks are ahead of UTC at a second since the epoch.

    Raises:
        OverflowError, ValueError, OSError: The zone's own calendar has no such instant.
    """
    if zone is UTC:
        return 0
    if zone is None:
        return time.localtime(second).tm_gmtoff
    offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta()
    return round(offset.total_seconds())


def mark(zone: Zone, offset: int) -> str:
    """Write a zone's distance from UTC, minutes only where there are any: ``Z``, ``+02``, ``-03:30``."""
    if zone is UTC:
        return "Z"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}" + (f":{minutes:02}" if minutes else "")


def moment(zone: Zone, t: float) -> datetime | None:
    """Give an instant as a date with its zone; ``None`` where the calendar has none for it."""
    if split(t) is None:
        return None
    try:
        return datetime.fromtimestamp(t, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):  # the years 1 and 9999, a few hours further
        return None


def iso(zone: Zone, t: float) -> str:
    """Write an instant as ISO 8601 with its zone; where the calendar has none for it, the number itself."""
    at = moment(zone, t)
    if at is None:
        return str(t)
    return at.isoformat().removesuffix("+00:00") + "Z" if zone is UTC else at.isoformat()


def _nearest(name: str, known: list[str]) -> str | None:
    """Give the zone that was probably meant: the city alone is enough."""
    import difflib  # noqa: PLC0415 - for this mistake only

    wanted = name.casefold().replace(" ", "_")
    by_word = {one.casefold(): one for one in known}
    cities = {word.rpartition("/")[2]: one for word, one in by_word.items()}
    for words in (by_word, cities):
        near = difflib.get_close_matches(
            wanted.rpartition("/")[2] if words is cities else wanted, words, n=1, cutoff=0.7
        )
        if near:
            return words[near[0]]
    return None
