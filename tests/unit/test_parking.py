from __future__ import annotations

import pytest

from tailer.core.parking import (
    FAILURE_CAP,
    PARK_LONGEST,
    REFUSALS,
    STOP_LONGEST,
    AccountCase,
    ConnectorCase,
)
from tailer.errors import (
    ApiError,
    AuthError,
    ConnectorGoneError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    TransportError,
    WireFormatError,
)

FORBIDDEN = AuthError("forbidden", status=403)
GONE = ConnectorGoneError("not found", status=404)
BROKEN = ServerError("HTTP 502", status=502)


def own_limit() -> RateLimitedError:
    """A refusal for being too fast that is about one connector alone."""
    error = RateLimitedError("slow down", status=429)
    error.is_own = True
    return error


def fail(case: ConnectorCase, error: ApiError, now: float = 0.0, *, unit: float = 0.0) -> float | None:
    """Let a poll fail that has an interval of five seconds."""
    return case.fail(error, now, interval=5.0, unit=unit)


def parked(*, now: float = 0.0) -> ConnectorCase:
    """Give a connector that was refused until it was parked."""
    case = ConnectorCase()
    for _ in range(REFUSALS):
        fail(case, FORBIDDEN, now)
    case.decide(is_listed=True, now=now, interval=5.0, unit=0.0)
    return case


@pytest.mark.parametrize(
    "error",
    [
        BROKEN,
        TransportError("reset"),
        TransportError("late", timed_out=True),
        WireFormatError("no items"),
        RequestRefusedError("bad request", status=400),
        RateLimitedError("slow down", status=429),
    ],
)
def test_what_may_pass_is_never_parked(error: ApiError) -> None:
    """However often it fails, a connector is tried again, at the latest after the cap and an interval."""
    case = ConnectorCase()
    waits = [fail(case, error, unit=0.5) for _ in range(12)]

    assert not case.is_parked
    assert waits[:3] == [5 + 2.5, 5 + 5, 5 + 10]
    assert waits[-1] == 5 + FAILURE_CAP / 2
    assert case.failures == 12


def test_an_unknown_connector_is_parked_at_once() -> None:
    """A 404 needs no second opinion."""
    case = ConnectorCase()

    assert fail(case, GONE, 7.0) == 60
    assert case.is_parked
    assert (case.parked_at, case.tries) == (7.0, 1)


def test_a_limit_of_its_own_parks_when_it_is_hit_again() -> None:
    """Once may be chance; a rate limit of the principal's in between does not count."""
    case = ConnectorCase()

    assert fail(case, own_limit()) == 5
    assert fail(case, RateLimitedError("slow down", status=429)) == 5
    assert not case.is_parked
    assert fail(case, own_limit()) == 60
    assert case.is_parked


def test_the_third_refusal_is_for_list_connectors_to_judge() -> None:
    """Two are tried again; failures of another sort in between neither count nor begin the count anew."""
    case = ConnectorCase()

    answers = [fail(case, error, now) for now, error in enumerate([FORBIDDEN, BROKEN, FORBIDDEN, FORBIDDEN])]

    assert answers == [5, 5, 5, None]
    assert case.refused_since == 0


def test_a_success_begins_the_count_anew() -> None:
    """Refusals with a success in between are no row."""
    case = ConnectorCase()
    for now in (0, 1):
        fail(case, FORBIDDEN, now)
        fail(case, own_limit(), now)
        case.succeed()

    assert fail(case, FORBIDDEN, 2) is not None
    assert fail(case, own_limit(), 3) is not None
    assert case.refused_since == 2
    assert not case.is_parked


def test_new_credentials_begin_the_count_anew() -> None:
    """Refusals of credentials that are gone say nothing about the new ones."""
    case = ConnectorCase()
    for now in range(REFUSALS):
        fail(case, FORBIDDEN, now)
    case.forgive()

    assert [fail(case, FORBIDDEN, now) for now in (10, 11, 12)] == [5, 5, None]
    assert case.refused_since == 10


def test_an_answered_listing_parks_and_a_failed_one_does_not() -> None:
    """Whose refusal it is has to be known before a connector is parked; the next refusal asks again."""
    case = ConnectorCase()
    for _ in range(REFUSALS):
        fail(case, FORBIDDEN)

    assert case.decide(is_listed=False, now=1, interval=5.0, unit=0.0) == 5
    assert not case.is_parked
    assert fail(case, FORBIDDEN, 6) is None
    assert case.decide(is_listed=True, now=7, interval=5.0, unit=0.0) == 60
    assert case.is_parked


def test_tries_of_a_parked_connector_become_rare() -> None:
    """Each waits twice as long as the one before, up to an hour, less up to a half, whatever happens."""
    case = ConnectorCase()
    waits = [fail(case, GONE)]
    waits += [fail(case, error) for error in [BROKEN, TransportError("reset"), GONE]]
    assert waits == [60, 120, 240, 480]

    assert [fail(case, GONE, unit=unit) for unit in (0.0, 0.5, 0.999)] == [
        960,
        1920 * 0.75,
        pytest.approx(PARK_LONGEST / 2, rel=0.01),
    ]
    assert [fail(case, GONE) for _ in range(2000)][-1] == PARK_LONGEST


def test_a_parked_connector_is_not_tried_more_often_than_others_are_polled() -> None:
    """Where the budget allows a poll every ten minutes, the first try waits as long."""
    case = ConnectorCase()

    assert case.fail(GONE, 0.0, interval=600.0, unit=0.9) == 600


def test_tries_of_many_are_spread() -> None:
    """The more are parked, the rarer is each tried; the first of them still soon."""
    waits = [
        ConnectorCase().fail(GONE, 0.0, interval=5.0, unit=unit, spread=3000.0) for unit in (0.01, 0.5, 0.9)
    ]

    assert waits == [pytest.approx(60, abs=1), 1500, 2700]


def test_a_long_interval_does_not_shorten_the_back_off() -> None:
    """The back-off of connectors that are polled less often than its cap is one interval at most."""
    case = ConnectorCase()

    assert [case.fail(BROKEN, 0.0, interval=600.0, unit=0.5) for _ in range(2)] == [900, 900]


def test_the_refusal_of_a_parked_connector_needs_a_listing_since_its_last_try() -> None:
    """One refusal is enough then, and a failed listing leaves it parked."""
    case = parked(now=100)
    assert case.refused_since == 100

    assert fail(case, FORBIDDEN, 160) is None
    assert case.refused_since == 100
    assert case.decide(is_listed=False, now=161, interval=5.0, unit=0.0) == 120
    assert (case.refused_since, case.parked_at, case.tries) == (161, 100, 2)


def is_missing(case: ConnectorCase) -> bool:
    """Ask anew; a checker would take two looks at one property for the same."""
    return case.is_missing


def test_listings_that_do_not_have_it_park_after_a_grace() -> None:
    """Two in a row; one that has it begins anew, and events prove that the others are wrong."""
    case = ConnectorCase()
    case.bring_events()
    case.miss()
    assert not is_missing(case)
    case.miss()
    assert is_missing(case)
    case.find()
    case.miss()
    assert not is_missing(case)
    case.bring_events()
    for _ in range(5):
        case.miss()
    assert not is_missing(case)
    case.find()
    case.miss()
    case.miss()
    assert is_missing(case)


def test_a_success_ends_parking() -> None:
    """Afterwards it is a connector like any other."""
    case = parked()
    case.succeed()

    assert not case.is_parked
    assert (case.failures, case.tries) == (0, 0)
    assert fail(case, FORBIDDEN) == 5
    assert fail(parked(), GONE) == 120
    assert fail(case, GONE) == 60


def test_a_listing_counts_for_refusals_that_began_before_it() -> None:
    """Many connectors that are refused at the same time share one listing; older ones tell nothing."""
    account = AccountCase()
    assert not account.knows(0)

    account.listed(100)
    assert account.knows(100)
    assert not account.knows(101)
    account.refused(200, FORBIDDEN)
    assert account.knows(200)
    assert [account.refusal, account.error] == [FORBIDDEN, None]


def test_a_stopped_account_is_tried_until_it_is_listed() -> None:
    """Tries become rarer, up to one in five minutes; the first that is answered ends the stop."""
    account = AccountCase()

    assert [account.stop(FORBIDDEN, now) for now in range(10, 16)] == [30, 60, 120, 240, STOP_LONGEST, 300]
    assert account.is_stopped
    assert (account.error, account.stopped_at, account.tries) == (FORBIDDEN, 10, 6)
    account.listed(20)
    assert (account.error, account.tries) == (None, 0)
    assert account.stop(BROKEN, 30) == 30
    assert (account.error, account.stopped_at) == (BROKEN, 30)
