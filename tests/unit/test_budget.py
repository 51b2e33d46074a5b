"""When a principal may send, told with small numbers."""

import pytest

from tailer.core.budget import Budget, RatePolicy


def make(quota: int = 10, window: float = 100, share: float = 0.8, reserve: float = 0.1) -> Budget:
    """Build a budget of eight requests in a hundred seconds, unless told otherwise."""
    return Budget(share=share, reserve=reserve, quota=quota, window=window)


def spend_all(budget: Budget, now: float) -> int:
    """Send as long as it is allowed; return how often."""
    count = 0
    while budget.wait(now) == 0:
        budget.spend(now)
        count += 1
    return count


def test_cloudflares_quota_counts_until_the_headers_speak() -> None:
    """A new budget allows the share of 1200 requests in five minutes."""
    budget = Budget(share=0.8, reserve=0.1)
    assert (budget.quota, budget.window, budget.allowed) == (1200, 300.0, 960)
    assert budget.rate == pytest.approx(3.2)
    assert spend_all(budget, now=0.0) == 960


def test_the_share_returns_when_the_sends_leave_the_window() -> None:
    """What was sent at a moment is free again exactly one window later, not earlier."""
    budget = make()
    assert spend_all(budget, now=0.0) == 8
    assert budget.wait(0.0) == 100
    assert budget.wait(99.5) == 0.5
    assert spend_all(budget, now=100.0) == 8


def test_sends_apart_return_apart() -> None:
    """Each send returns a window after itself."""
    budget = make()
    for now in range(0, 40, 5):
        budget.spend(now)
    assert budget.wait(40) == 60
    assert spend_all(budget, now=105) == 2


def test_sends_close_together_return_with_the_last_of_them() -> None:
    """Sends counted in one bucket are forgotten together, never before the last has left the window."""
    budget = make()
    for now in (0.0, 0.25, 0.5):
        budget.spend(now)
    for _ in range(5):
        budget.spend(50.0)
    assert budget.wait(100.0) == 0.5
    assert spend_all(budget, now=100.5) == 3


@pytest.mark.parametrize(
    ("share", "quota", "allowed"), [(0.8, 9, 7), (0.5, 1, 1), (0.001, 10, 1), (1, 10, 10)]
)
def test_the_share_is_rounded_down_but_never_to_nothing(share: float, quota: int, allowed: int) -> None:
    """A fraction of a request is not sent; a share of less than one is one."""
    assert make(quota=quota, share=share).allowed == allowed


def test_a_steady_stream_within_the_share_never_waits() -> None:
    """However close together sends are, those of a window ago are forgotten in time."""
    budget = make(quota=255)  # 204 a window
    for tick in range(1000):
        assert budget.wait(tick / 2) == 0
        budget.spend(tick / 2)


def test_headers_change_quota_and_window() -> None:
    """A quota and window that an answer tells hold from then on; what it does not tell stays."""
    budget = make()
    budget.observe(RatePolicy(quota=20), now=0)
    assert (budget.allowed, budget.window) == (16, 100)
    budget.observe(RatePolicy(window=50), now=0)
    assert (budget.allowed, budget.window) == (16, 50)
    assert spend_all(budget, now=0) == 16
    budget.observe(RatePolicy(quota=10), now=0)
    assert budget.wait(0) == 50


def test_a_million_costs_no_memory() -> None:
    """Sends are counted, not listed: a huge quota needs no more buckets than a small one."""
    budget = make(quota=10**9, window=128)
    for tick in range(20_000):
        budget.spend(tick / 100)
    assert budget.wait(200) == 0
    assert len(budget._buckets) <= 130  # noqa: SLF001 - the memory is the promise


def test_nothing_is_sent_from_the_reserve() -> None:
    """At the reserve, sending stops until the reset that the answer names, then begins with one probe."""
    budget = make()
    budget.observe(RatePolicy(remaining=2, reset=7), now=0)
    assert budget.wait(0) == 0
    budget.observe(RatePolicy(remaining=1, reset=7), now=0)
    assert budget.wait(0) == 7
    assert budget.paused_until == 7
    assert budget.reason == "only the reserved part of the quota remains"
    assert spend_all(budget, now=7) == 1


def test_a_reset_within_the_second_still_stops() -> None:
    """A reset of 0 means the second has not ended; without a reset half a minute is waited."""
    soon, untold = make(), make()
    soon.observe(RatePolicy(remaining=0, reset=0), now=0)
    untold.observe(RatePolicy(remaining=0), now=0)
    assert (soon.wait(0), untold.wait(0)) == (1, 30)


@pytest.mark.parametrize(("asked", "pause"), [(0.0, 1.0), (0.5, 1.0), (60.0, 60.0), (3600.0, 3600.0)])
def test_a_pause_lasts_as_long_as_asked(asked: float, pause: float) -> None:
    """Retry-After is a floor that is taken whole; 0 means the second has not ended."""
    budget = make()
    assert budget.pause(asked, now=10) == pause
    assert budget.wait(10) == pause
    assert budget.reason == "the API asked to slow down"


@pytest.mark.parametrize(
    ("remaining", "window", "pause"),
    [(None, 100, 100), (None, 3600, 300), (1, 100, 100), (0, 3600, 300), (2, 100, 30), (9, 3600, 30)],
)
def test_an_untold_pause_follows_what_remains(remaining: int | None, window: float, pause: float) -> None:
    """Without Retry-After: the window up to five minutes when the quota may be spent, else half a minute."""
    budget = make(window=window)
    if remaining is not None:
        budget.observe(RatePolicy(remaining=remaining, reset=1), now=0)
    assert budget.pause(None, now=5) == pause


def test_what_remained_last_is_remembered() -> None:
    """An answer without the remaining quota does not make us forget what the one before told."""
    budget = make()
    budget.observe(RatePolicy(remaining=9), now=0)
    budget.observe(RatePolicy(quota=10), now=0)
    assert budget.pause(None, now=0) == 30


def test_a_stop_is_never_shortened() -> None:
    """Neither a shorter pause nor an earlier reset ends a stop early; a later one lengthens it."""
    budget = make()
    budget.pause(60, now=0)
    assert budget.pause(5, now=10) == 50
    budget.observe(RatePolicy(remaining=0, reset=5), now=20)
    assert budget.wait(20) == 40
    assert budget.reason == "the API asked to slow down"
    budget.observe(RatePolicy(remaining=0, reset=80), now=20)
    assert budget.wait(20) == 80
    assert budget.reason == "only the reserved part of the quota remains"


def test_one_probe_then_all() -> None:
    """After a pause one request goes out; the others follow only when it was answered."""
    budget = make()
    budget.pause(60, now=0)
    assert spend_all(budget, now=60) == 1
    assert budget.wait(61) == 1
    stopped_until = budget.paused_until
    assert stopped_until == 60
    assert budget.succeeded(sent=60)
    assert budget.paused_until is None
    assert budget.reason is None
    assert spend_all(budget, now=61) == 7


def test_a_refused_probe_pauses_twice_as_long() -> None:
    """Each refusal of a probe doubles the pause, up to five minutes; success begins anew."""
    budget = make()
    now = 0.0
    pauses = []
    for _ in range(5):
        pauses.append(budget.pause(50, now))
        now += pauses[-1]
        budget.spend(now)
    assert pauses == [50, 100, 200, 300, 300]
    assert budget.succeeded(sent=now)
    assert budget.pause(10, now) == 10
    budget.spend(now + 10)
    assert budget.pause(10, now + 10) == 20


def test_headers_of_a_refusal_do_not_hide_it() -> None:
    """A refused probe doubles the pause also when its headers have just told of the reserve."""
    budget = make()
    budget.pause(50, now=0)
    budget.spend(50)
    budget.observe(RatePolicy(remaining=0, reset=3), now=51)
    assert budget.pause(10, now=51) == 100


def test_refusals_of_what_was_in_flight_count_once() -> None:
    """Eight refusals at once are one: the pause does not double for each."""
    budget = make()
    assert [budget.pause(50, now=tick) for tick in range(8)] == [50] * 8
    budget.spend(57)
    assert [budget.pause(50, now=57), budget.pause(50, now=57), budget.pause(150, now=57)] == [100, 100, 150]


def test_a_straggler_proves_nothing() -> None:
    """The answer to a request from before the end of the pause does not end the caution."""
    budget = make()
    budget.spend(1)
    budget.pause(60, now=2)
    assert not budget.succeeded(sent=1)
    assert budget.wait(3) == 59
    assert spend_all(budget, now=62) == 1
    assert not budget.succeeded(sent=1)
    assert budget.wait(62) == 1


def test_a_lost_probe_is_replaced() -> None:
    """A probe without an answer lets another go at once; one without any word, after a minute."""
    budget = make()
    budget.pause(60, now=0)
    assert spend_all(budget, now=60) == 1
    budget.failed(sent=59)
    assert budget.wait(61) == 1
    budget.failed(sent=60)
    assert spend_all(budget, now=61) == 1
    assert budget.wait(120) == 1
    assert budget.wait(121) == 0


def test_success_without_a_stop_is_no_news() -> None:
    """An answer in normal times does not end anything."""
    budget = make()
    budget.spend(0)
    assert not budget.succeeded(sent=0)


def test_a_probe_needs_its_share_too() -> None:
    """The end of a pause does not open a window that we have spent."""
    budget = make()
    spend_all(budget, now=0)
    budget.pause(10, now=0)
    assert budget.wait(10) == 90


def test_spent_and_remaining_are_told() -> None:
    """Our own requests of the present window, and what the API says is left for everybody."""
    budget = Budget(share=0.5, reserve=0.1, quota=10, window=100.0)
    assert budget.remaining is None
    budget.spend(0.0)
    budget.spend(50.0)
    budget.observe(RatePolicy(remaining=7), 50.0)

    assert budget.spent(60.0) == 2
    assert budget.spent(120.0) == 1
    assert budget.remaining == 7


def test_other_bounds_count_what_was_spent() -> None:
    """A share that is changed while requests go out is a share of the same quota."""
    budget = Budget(share=0.5, reserve=0.1, quota=10, window=100.0)
    for _ in range(5):
        budget.spend(0.0)
    assert budget.wait(1.0) > 0

    budget.allow(share=0.8, reserve=0.3)

    assert budget.wait(1.0) == 0.0
    assert budget.spent(1.0) == 5
    budget.observe(RatePolicy(remaining=3), 1.0)
    assert budget.reason is not None
