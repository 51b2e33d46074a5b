import math
import re

import pytest

from tailer.simulator.faults import FAULTS
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.rules import (
    FAULT_KINDS,
    Burst,
    FaultRule,
    Newcomers,
    Rotation,
    Vanishing,
    parse_burst,
    parse_fault,
    parse_newcomers,
    parse_rotation,
    parse_vanishing,
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("500:0.25", FaultRule(kind="500", probability=0.25)),
        ("502-html@10-20.5", FaultRule(kind="502-html", start=10.0, end=20.5)),
        ("down@60-", FaultRule(kind="down", start=60.0)),
        ("404#3:1", FaultRule(kind="404", connector=3)),
        ("hang#0@5s-6s", FaultRule(kind="hang", connector=0, start=5.0, end=6.0)),
    ],
)
def test_fault_rule_is_read(text: str, rule: FaultRule) -> None:
    """A fault is a kind with a probability or a span, for all connectors or for one."""
    assert parse_fault(text) == rule


@pytest.mark.parametrize(
    "text", ["", "500", "500:", "500:2", "500:-1", "500:often", "500@20-10", "500@x-", "599:1", "500#x:1"]
)
def test_bad_fault_rule_is_refused_by_its_text(text: str) -> None:
    """A fault that makes no sense is refused with a sentence that quotes it."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_fault(text)


def test_every_fault_has_its_strike() -> None:
    """No kind of fault can be asked for that the table does not know."""
    assert set(FAULTS) == set(FAULT_KINDS)


def test_burst_is_counted_from_the_start_or_absolute() -> None:
    """A burst's offset is from the start, unless it is too large for anything but an instant."""
    assert parse_burst("10000@30").second(1_700_000_000.5) == 1_700_000_030
    assert parse_burst("3@-30").second(1_700_000_000.5) == 1_699_999_970
    assert parse_burst("3@1700000100").second(5.0) == 1_700_000_100


def test_newcomers_are_read() -> None:
    """Newcomers are a number of connectors and an offset."""
    assert parse_newcomers("2@30") == Newcomers(connectors=2, offset=30.0)


def test_vanishing_is_read() -> None:
    """Connectors vanish for a span, or for ever."""
    assert parse_vanishing("2@30-60s") == Vanishing(connectors=2, start=30.0, end=60.0)
    assert parse_vanishing("1@5") == Vanishing(connectors=1, start=5.0, end=math.inf)


@pytest.mark.parametrize("text", ["", "1", "0@1-2", "x@1-2", "1@2-1", "1@x"])
def test_bad_vanishing_is_refused_by_its_text(text: str) -> None:
    """A vanishing that makes no sense is refused with a sentence that quotes it."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_vanishing(text)


def test_rotation_is_read_and_its_token_never_quoted() -> None:
    """A rotation is a token, which may hold an @, and an offset; a bad one is told without the token."""
    assert parse_rotation("new@er@30") == Rotation(token="new@er", offset=30.0)
    for text in ("planted", "planted@", "@30", "planted@soon"):
        with pytest.raises(ValueError, match=r"TOKEN@OFFSET|number of seconds") as caught:
            parse_rotation(text)
        assert "planted" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "10", "@3", "0@3", "x@3", "3@", "3@nan"])
def test_bad_burst_is_refused_by_its_text(text: str) -> None:
    """A burst that makes no sense is refused with a sentence that quotes it."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_burst(text)


@pytest.mark.parametrize(
    ("flag", "chosen"),
    [
        ("--connectors", {"connectors": 0}),
        ("--rate", {"rate": -1.0}),
        ("--rate", {"rate": math.nan}),
        ("--history", {"history": math.inf}),
        ("--late-share", {"late_share": 1.5}),
        ("--offline-share", {"offline_share": -0.1}),
        ("--default-limit", {"default_limit": 500, "max_limit": 200}),
        ("--newcomers", {"connectors": 2, "newcomers": Newcomers(connectors=3, offset=1.0)}),
        ("--vanish", {"connectors": 2, "vanish": Vanishing(connectors=3, start=1.0, end=2.0)}),
        ("--overlapping-pages", {"overlapping_pages": True, "no_cursor": True}),
        ("--keep-alive", {"keep_alive": -1.0}),
        ("--history-events", {"history_events": 5, "history": 0.5}),
        ("--port", {"port": 65536}),
        ("--burst", {"history_events": 5, "bursts": (Burst(events=1, offset=-1.0),)}),
        ("--quota", {"quota": 0}),
    ],
)
def test_senseless_options_are_refused_by_their_flag(flag: str, chosen: dict[str, object]) -> None:
    """An option out of its bounds is refused with a sentence that names its flag."""
    with pytest.raises(ValueError, match=f"^{flag} "):
        SimulatorOptions(**chosen)  # type: ignore[arg-type]
