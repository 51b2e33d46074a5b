"""What a sink gets is decided by kind, level, connector and lateness."""

import pytest

from tailer.core import filter as filters
from tailer.core.filter import EventFilter
from tailer.kinds import LEVELS
from tailer.model import Event, Source

OSLO = Source("acc", "c0ffee", "Oslo 1", "SN-7", 0.0)


def event(k: str = "HaLeave", *, source: Source = OSLO, late: bool = False) -> Event:
    """A warning."""
    return Event(t=1, n=1, k=k, a=1, source=source, late=late)


@pytest.mark.parametrize(
    ("chosen", "passes"),
    [
        (EventFilter(), True),
        (EventFilter(kinds=["Leave", "haleave"]), True),
        (EventFilter(kinds=["Ha*"]), True),
        (EventFilter(kinds=["Leave", "Rekey*"]), False),
        (EventFilter(level="warning"), True),
        (EventFilter(level="error"), False),
        (EventFilter(level="error", kinds=["Ha*"]), False),
        (EventFilter(connectors=["C0FFEE"]), True),
        (EventFilter(connectors=["bergen", "oslo *"]), True),
        (EventFilter(connectors=["sn-?"]), True),
        (EventFilter(connectors=["Bergen"]), False),
        (EventFilter(late=False), True),
        (EventFilter(late=True), False),
    ],
    ids=range(13),
)
def test_all_that_is_asked_for_must_be_true(chosen: EventFilter, passes: bool) -> None:
    """Kind, level, connector and lateness each let an event through or keep it out; so does a second look."""
    assert [chosen(event()), chosen(event())] == [passes, passes]


@pytest.mark.parametrize(
    ("chosen", "is_open"),
    [
        (EventFilter(), True),
        (EventFilter(level=LEVELS[0]), True),
        (EventFilter(late=False), False),
        (EventFilter(kinds=["*"]), False),
    ],
)
def test_an_open_filter_is_known(chosen: EventFilter, is_open: bool) -> None:
    """Only what can never keep an event out is left away by whoever applies it."""
    assert chosen.is_open == is_open


def test_lateness_may_be_left_aside() -> None:
    """What is sent again out of order is judged by the rest alone."""
    chosen = EventFilter(late=False, kinds=["Ha*"])
    assert [chosen.admits(event(late=True)), chosen.admits(event("Leave"))] == [True, False]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API that invents kinds and names does not make a filter grow."""
    monkeypatch.setattr(filters, "_MAX_CACHED", 3)
    chosen = EventFilter(kinds=["k*"], connectors=["c*"])
    for number in range(20):
        source = Source("acc", f"c{number}", "", "", 0.0)
        assert chosen(event(f"k{number}", source=source))
    assert max(len(chosen._kinds), len(chosen._names)) <= 3  # noqa: SLF001 - nothing else tells
