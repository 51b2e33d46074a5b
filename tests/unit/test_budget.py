"""When a principal may send, told with small numbers."""

import math

import pytest

from tailer.core.budget import Budget, RatePolicy
from tailer.core.purpose import Purpose
from tailer.core.spending import Spending


def make(quota: int = 10, window: float = 100, share: float = 0.8, reserve: float = 0.1) -> Budget:
    """Build a budget of eight requests in a hundred seconds, unless told otherwise."""
    return Budget(share=share, reserve=reserve, quota=quota, window=window)


def spend(budget: Budget, now: float, purpose: Purpose = Purpose.LIVE) -> bool:
    """Send a request that is answered at once, if it is allowed; return whether it was."""
    if budget.wait(now, purpose):
        return False
    budget.spend(now, purpose)
    budget.observe(now, None, now)
    return True


def spend_all(budget: Budget, now: float, purpose: Purpose = Purpose.LIVE) -> int:
    """Send as long as it is allowed; return how often."""
    count = 0
    while spend(budget, now, purpose):
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
        assert spend(budget, tick / 2)


def test_headers_change_quota_and_window() -> None:
    """A quota and window that an answer tells hold from then on; what it does not tell stays."""
    budget = make()
    budget.observe(-1, RatePolicy(quota=20), now=0)
    assert (budget.allowed, budget.window) == (16, 100)
    budget.observe(-1, RatePolicy(window=50), now=0)
    assert (budget.allowed, budget.window) == (16, 50)
    assert spend_all(budget, now=0) == 16
    budget.observe(-1, RatePolicy(quota=10), now=0)
    assert budget.wait(0) == 50


def test_a_million_costs_no_memory() -> None:
    """Sends are counted, not listed: a huge quota needs no more buckets than a small one."""
    budget = make(quota=10**9, window=128)
    for tick in range(20_000):
        budget.spend(tick / 100)
    assert budget.wait(200) == 0
    assert len(budget._spending) <= 130  # noqa: SLF001 - the memory is the promise


def test_nothing_is_sent_from_the_reserve() -> None:
    """At the reserve, sending stops until the reset that the answer names, then begins with one probe."""
    budget = make()
    budget.observe(-1, RatePolicy(remaining=2, reset=7), now=0)
    assert budget.wait(0) == 0
    budget.observe(-1, RatePolicy(remaining=1, reset=7), now=0)
    assert budget.wait(0) == 7
    assert budget.paused_until == 7
    assert budget.reason == "only the reserved part of the quota remains"
    assert spend_all(budget, now=7) == 1


def test_a_reset_within_the_second_still_stops() -> None:
    """A reset of 0 means the second has not ended; without a reset half a minute is waited."""
    soon, untold = make(), make()
    soon.observe(-1, RatePolicy(remaining=0, reset=0), now=0)
    untold.observe(-1, RatePolicy(remaining=0), now=0)
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
        budget.observe(-1, RatePolicy(remaining=remaining, reset=1), now=0)
    assert budget.pause(None, now=5) == pause


def test_what_remained_last_is_remembered() -> None:
    """An answer without the remaining quota does not make us forget what the one before told."""
    budget = make()
    budget.observe(-1, RatePolicy(remaining=9), now=0)
    budget.observe(-1, RatePolicy(quota=10), now=0)
    assert budget.pause(None, now=0) == 30


def test_a_stop_is_never_shortened() -> None:
    """Neither a shorter pause nor an earlier reset ends a stop early; a later one lengthens it."""
    budget = make()
    budget.pause(60, now=0)
    assert budget.pause(5, now=10) == 50
    budget.observe(-1, RatePolicy(remaining=0, reset=5), now=20)
    assert budget.wait(20) == 40
    assert budget.reason == "the API asked to slow down"
    budget.observe(-1, RatePolicy(remaining=0, reset=80), now=20)
    assert budget.wait(20) == 80
    assert budget.reason == "only the reserved part of the quota remains"


def test_one_probe_then_all() -> None:
    """After a pause one request goes out; the others follow only when it was answered."""
    budget = make()
    budget.pause(60, now=0)
    assert spend_all(budget, now=60) == 1
    assert budget.wait(61) == math.inf
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
    budget.observe(-1, RatePolicy(remaining=0, reset=3), now=51)
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
    assert budget.wait(62) == math.inf


def test_a_lost_probe_is_replaced() -> None:
    """A probe without an answer lets another go at once; one without any word, after a minute."""
    budget = make()
    budget.pause(60, now=0)
    assert spend_all(budget, now=60) == 1
    budget.failed(sent=59, now=61)
    assert budget.wait(61) == math.inf
    budget.failed(sent=60, now=61)
    assert spend_all(budget, now=61) == 1
    assert budget.wait(120) == math.inf
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
    budget.observe(-1, RatePolicy(remaining=7), 50.0)

    assert budget.spent(60.0) == 2
    assert budget.spent(120.0) == 1
    assert budget.remaining == 7


def test_other_bounds_count_what_was_spent() -> None:
    """A share that is changed while requests go out is a share of the same quota."""
    budget = Budget(share=0.5, reserve=0.1, quota=10, window=100.0)
    assert spend_all(budget, 0.0) == 5
    assert budget.wait(1.0) > 0

    budget.allow(share=0.8, reserve=0.3)

    assert budget.wait(1.0) == 0.0
    assert budget.spent(1.0) == 5
    budget.observe(-1, RatePolicy(remaining=3), 1.0)
    assert budget.reason is not None


# ---- What is under way


def told(budget: Budget, now: float, remaining: int, reset: float | None = 10.0) -> None:
    """Send a request whose answer tells at once what remains."""
    budget.spend(now)
    budget.observe(now, RatePolicy(remaining=remaining, reset=reset), now)


def test_what_is_under_way_counts_against_the_reserve() -> None:
    """Given three left above the reserve, three requests go out; the next waits for an answer."""
    budget = make(quota=100)
    told(budget, 0.0, remaining=13)
    for _ in range(3):
        assert budget.wait(1.0) == 0
        budget.spend(1.0)
    assert budget.wait(1.0) == 9.0
    budget.observe(1.0, RatePolicy(remaining=12), 2.0)
    assert budget.wait(2.0) > 0
    budget.observe(1.0, RatePolicy(remaining=11), 2.0)
    assert budget.wait(2.0) > 0
    assert budget.reason is None
    budget.observe(1.0, RatePolicy(remaining=10, reset=5), 2.5)
    assert budget.wait(2.5) == 5.0
    assert budget.reason is not None


def test_after_the_reset_prompt_answers_are_awaited() -> None:
    """What was just sent may still be counted before the refill; what is two seconds old is being served."""
    budget = make(quota=100)
    told(budget, 0.0, remaining=11, reset=2.0)
    budget.spend(1.5)
    assert budget.wait(1.5) == 0.5
    assert budget.wait(2.0) == 1.5
    assert budget.wait(3.5) == 0


def test_what_was_told_a_window_ago_is_forgotten() -> None:
    """Given nothing heard for a whole window, one request goes ahead of the others again."""
    budget = make(quota=100)
    told(budget, 0.0, remaining=90)
    for _ in range(4):
        budget.spend(1.0)
    assert budget.wait(99.0) == 0
    assert budget.wait(100.0) == 0
    budget.spend(100.0)
    assert budget.wait(100.0) == 2.0


def test_in_the_dark_one_goes_ahead() -> None:
    """Before anybody has told what remains, a small quota's requests go one by one, a large one's do not."""
    budget = make()
    budget.spend(0.0)
    assert budget.wait(0.0) == 2.0
    assert budget.wait(2.0) == 0
    large = make(quota=1_000_000, window=1.0)
    for _ in range(1000):
        assert large.wait(0.0) == 0
        large.spend(0.0)


def test_after_a_pause_it_goes_gently_up() -> None:
    """One request at a time for a window, two for the next, and so on until all are free."""
    budget = make(quota=10_000)
    told(budget, 0.0, remaining=9000)
    budget.pause(10, now=0.0)
    assert budget.wait(10.0) == 0
    budget.spend(10.0)
    budget.observe(10.0, RatePolicy(remaining=8999), 10.0)
    assert budget.succeeded(10.0)
    for windows, limit in enumerate([1, 2, 4, 8, 16, 32]):
        now = 10.0 + windows * 100.0
        told(budget, now, remaining=8000)
        for _ in range(limit):
            assert budget.wait(now) == 0
            budget.spend(now)
        assert budget.wait(now) == 2.0
        for _ in range(limit):
            budget.observe(now, RatePolicy(remaining=8000), now)
    told(budget, 610.0, remaining=8000)
    for _ in range(100):
        assert budget.wait(610.0) == 0
        budget.spend(610.0)


# ---- Purposes


def test_what_is_not_live_leaves_room_for_the_polls_that_are_planned() -> None:
    """Given polls that take half of the share, a burst of backfill gets what is nobody's of the rest."""
    budget = make(quota=1000)
    budget.planned = 4.0
    assert spend_all(budget, 0.0, Purpose.BACKFILL) == 264
    assert budget.wait(0.0, Purpose.BACKFILL) == 100.0
    assert spend_all(budget, 0.0, Purpose.REVISIT) == 80
    assert budget.taken_from_polls(0.0) == pytest.approx(0.12)
    assert spend_all(budget, 0.0, Purpose.LIVE) == 456
    assert [budget.spent_on(purpose, 0.0) for purpose in Purpose] == [456, 0, 80, 0, 264]


def test_every_purpose_has_a_share_of_its_own() -> None:
    """Given polls that take all, each of the others still gets something, and one request at least."""
    budget = make(quota=1000)
    budget.planned = 8.0
    counts = [spend_all(budget, 0.0, purpose) for purpose in list(Purpose)[1:]]
    assert counts == [40, 80, 16, 16]
    tiny = make(quota=10)
    tiny.planned = 1.0
    assert spend_all(tiny, 0.0, Purpose.DETAIL) == 1


def test_without_planned_polls_all_is_for_whoever_comes() -> None:
    """A backfill that is alone has the whole share."""
    assert spend_all(make(), 0.0, Purpose.BACKFILL) == 8


def test_what_fell_below_the_reserve_has_to_come_back_first() -> None:
    """Given others who took of the reserve, the reset proves nothing: our own sends return what lacks."""
    budget = make(quota=100)
    told(budget, 0.0, remaining=90)
    told(budget, 0.0, remaining=50)
    told(budget, 6.0, remaining=9, reset=3.0)
    assert budget.wait(6.0) == 96.0
    told(budget, 102.0, remaining=2, reset=3.0)
    assert budget.wait(102.0) == 100.0


def test_a_lost_probe_may_have_been_counted() -> None:
    """Given a probe without an answer, the next one waits until there is room for both."""
    budget = make(quota=100)
    told(budget, 0.0, remaining=10, reset=3.0)
    assert budget.wait(3.0) == 0
    budget.spend(3.0)
    budget.failed(3.0, 5.0)
    assert budget.wait(5.0) == 100.0


# ---- Others, and other principals


def test_what_others_spend_is_inferred_from_the_headers() -> None:
    """What is gone of the quota since the window began, and was not sent by us."""
    budget = make(quota=100)
    assert [budget.foreign] == [None]
    for now in (0.0, 60.0, 70.0):
        told(budget, now, remaining=90)
    budget.spend(80.0)
    budget.observe(80.0, RatePolicy(remaining=50, reset=70.0), 80.0)
    assert budget.foreign == 47
    budget.spend(90.0)
    budget.observe(90.0, RatePolicy(remaining=20), 90.0)
    assert budget.foreign == 75
    budget.observe(-1, RatePolicy(remaining=99), 90.5)
    assert budget.foreign == 75
    budget.observe(-1, RatePolicy(remaining=99), 91.0)
    assert budget.foreign == 0


def test_one_address_sends_two_hundred_a_second() -> None:
    """However many principals a process has."""
    address = Spending(1.0)
    budgets = [Budget(share=1.0, reserve=0.0, quota=10_000, window=1.0, address=address) for _ in range(2)]
    assert [spend_all(budget, 0.0) for budget in budgets] == [200, 0]
    assert 0 < budgets[1].wait(0.5) <= 0.5
    assert spend_all(budgets[1], 1.0) == 200
