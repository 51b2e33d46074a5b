"""Which events' details are fetched, how urgently, and which are kept."""

from __future__ import annotations

from typing import Any

import pytest

from tailer.core.details import MAX_BYTES, MAX_DEPTH, DetailsWish, is_kept
from tailer.core.purpose import Purpose
from tailer.model import Event, Source


def event(kind: str, account: str = "acc") -> Event:
    """Make an event."""
    return Event(1, 1, kind, 1, Source(account, "con", "", "", 0.0))


@pytest.mark.parametrize(
    ("patterns", "kind", "is_wished"),
    [
        (("HaError",), "HaError", True),
        (("haerror",), "HaError", True),
        (("HaError",), "HaErrors", False),
        (("*Failure", "Ha*"), "FinishUpgradeFailure", True),
        (("*Failure", "Ha*"), "HaInit", True),
        (("*Failure", "Ha*"), "Init", False),
        (("Ha[IE]*",), "HaTransition", False),
    ],
)
def test_a_pattern_means_kinds(patterns: tuple[str, ...], kind: str, is_wished: bool) -> None:
    """A kind, or the shell's patterns over kinds; case doesn't matter."""
    assert DetailsWish(patterns)(event(kind)) is is_wished


def test_what_nobody_gets_is_not_wished_for() -> None:
    """Given an account whose events of a kind are not delivered, their details cost no request."""
    wish = DetailsWish(("*",), is_delivered=lambda one: one.account == "acc")
    assert wish(event("Init"))
    assert not wish(event("Init", "other"))


@pytest.mark.parametrize(
    ("kind", "purpose", "swept"),
    [
        ("FinishAttestationFailure", Purpose.ERROR_DETAIL, Purpose.DETAIL),
        ("NewError", Purpose.ERROR_DETAIL, Purpose.DETAIL),
        ("Leave", Purpose.DETAIL, Purpose.DETAIL),
    ],
)
def test_errors_are_more_urgent(kind: str, purpose: Purpose, swept: Purpose) -> None:
    """From the level error on they go before reads of the past; in a sweep nothing is urgent."""
    assert DetailsWish(("*",)).purpose_of(event(kind)) == purpose
    assert DetailsWish(("*",), is_swept=True).purpose_of(event(kind)) == swept


def nested(depth: int) -> dict[str, Any]:
    """Make a payload that is nested so deeply, by turns in objects and lists."""
    value: Any = 1
    for level in range(depth - 1):
        value = [value] if level % 2 else {"x": value}
    return {"x": value}


def test_what_is_small_is_kept() -> None:
    """A payload up to the bounds is kept, one beyond them is not."""
    edge = MAX_BYTES - len('{"x":""}')
    assert is_kept({"k": "HaError"})
    assert is_kept({"x": "y" * edge})
    assert not is_kept({"x": "y" * (edge + 1)})
    assert not is_kept({"x": "é" * (edge // 2 + 1)})
    assert is_kept(nested(MAX_DEPTH))
    assert not is_kept(nested(MAX_DEPTH + 1))
    assert not is_kept(nested(900))
