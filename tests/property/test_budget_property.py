"""What holds of the budget whatever the interleaving of sends, answers and refusals."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tailer.core.budget import Budget, RatePolicy
from tests.property.quota_model import QuotaModel

numbers = st.one_of(st.none(), st.integers(0, 60))
durations = st.one_of(st.none(), st.integers(0, 90).map(float))


class BudgetMachine(RuleBasedStateMachine):
    """Never more than the share in any window, nothing during a stop, one probe at its end, no deadlock."""

    @initialize(
        share=st.floats(0.05, 1.0),
        reserve=st.floats(0.0, 0.5),
        quota=st.integers(1, 40),
        window=st.sampled_from([1.0, 10.0, 60.0, 300.0]),
    )
    def begin(self, share: float, reserve: float, quota: int, window: float) -> None:
        """Start with any budget."""
        self.budget = Budget(share=share, reserve=reserve, quota=quota, window=window)
        self.reserve = reserve
        self.window = window
        self.now = 0.0
        self.sends: list[float] = []
        self.under_way: list[float] = []
        self.stopped_until = float("-inf")
        self.probe: float | None = None  # sent since the last stop and not yet answered

    @rule(quarters=st.integers(0, 400))  # exact in binary, so that a window's edge is an edge
    def pass_time(self, quarters: int) -> None:
        """Let time pass."""
        self.now += quarters / 4

    @rule(tries=st.integers(1, 12))
    def send(self, tries: int) -> None:
        """Send while it is allowed."""
        for _ in range(tries):
            if self.budget.wait(self.now) > 0:
                return
            assert self.now >= self.stopped_until
            if self.budget.reason is not None:
                assert self.probe is None or self.now >= self.probe + 60
                self.probe = self.now
            self.budget.spend(self.now)
            self.under_way.append(self.now)
            self.sends.append(self.now)
            in_window = sum(sent > self.now - self.window for sent in self.sends)
            assert in_window <= self.budget.allowed

    @rule(quota=numbers, remaining=numbers, reset=durations)
    def be_told(self, quota: int | None, remaining: int | None, reset: float | None) -> None:
        """Get an answer's headers."""
        sent = self.under_way.pop() if self.under_way else -1.0
        self.budget.observe(sent, RatePolicy(quota or None, None, remaining, reset), self.now)
        if remaining is not None and remaining <= self.reserve * self.budget.quota:
            self._stop(30 if reset is None else reset)

    @rule(asked=durations)
    def be_refused(self, asked: float | None) -> None:
        """Get a 429."""
        until = self.now + self.budget.pause(asked, self.now)
        assert until >= self.stopped_until
        self._stop(until - self.now)
        assert until >= self.now + (asked or 1)

    @precondition(lambda self: self.sends)
    @rule(which=st.integers(0, 10**6), is_answered=st.booleans())
    def hear_of_one(self, which: int, is_answered: bool) -> None:
        """Get word of any earlier request."""
        sent = self.sends[which % len(self.sends)]
        if is_answered:
            if self.budget.succeeded(sent):
                assert sent >= self.stopped_until
                self.probe = None
        else:
            self.budget.failed(sent, self.now)
            self.probe = None if self.probe == sent else self.probe

    def teardown(self) -> None:
        """Check that a request goes out in the end: after the stop, a lost probe's minute and a window."""
        if not hasattr(self, "budget"):
            return
        for sent in self.under_way:
            self.budget.failed(sent, self.now)
        for _ in range(8):
            delay = self.budget.wait(self.now)
            assert delay < math.inf or self.budget.reason is not None
            self.now += max(min(delay, 3600.0), 60.0 if self.budget.reason else 0.0)
        assert self.budget.wait(self.now) == 0

    def _stop(self, seconds: float) -> None:
        if self.now + seconds > self.stopped_until:
            self.stopped_until = self.now + seconds
            self.probe = None


TestBudget = BudgetMachine.TestCase


@given(window=st.floats(0.001, 1e5), gaps=st.lists(st.floats(0, 1e5), max_size=60))
def test_waiting_as_told_always_ends(window: float, gaps: list[float]) -> None:
    """Whoever sleeps as long as `wait` says may send after a few turns, however awkward the numbers."""
    budget = Budget(share=1, reserve=0, quota=3, window=window)
    now = 0.0
    for gap in gaps:
        now += gap
        turns = 0
        while (delay := budget.wait(now)) > 0:
            assert now + delay > now
            now += delay
            turns += 1
            assert turns < 5
        budget.spend(now)
        budget.observe(now, None, now)


@given(
    quota=st.integers(5, 200),
    window=st.sampled_from([2.0, 10.0, 30.0]),
    share=st.sampled_from([0.5, 0.8, 1.0]),
    reserve=st.sampled_from([0.05, 0.1, 0.3]),
    seed=st.integers(0, 2**32),
    is_fixed=st.booleans(),
)
def test_no_request_crosses_a_quota_that_is_truly_told(
    quota: int, window: float, share: float, reserve: float, seed: int, *, is_fixed: bool
) -> None:
    """Requests and answers cross, some are lost, others spend up to the reserve: nothing is ever refused."""
    budget = Budget(share=share, reserve=reserve, quota=quota, window=window)
    model = QuotaModel(budget, Random(seed), reserve=reserve * quota, is_fixed=is_fixed)
    model.run(4 * window)
    assert model.crossings == model.refused == 0
    assert model.sent >= min(4, quota // 2)


@given(seed=st.integers(0, 2**32), is_fixed=st.booleans())
def test_without_headers_one_refusal_is_a_pause(seed: int, *, is_fixed: bool) -> None:
    """Others spend without measure, nobody tells what remains, and a block is in force: no herd ever."""
    budget = Budget(share=0.8, reserve=0.1, quota=200, window=60.0)
    model = QuotaModel(budget, Random(seed), reserve=10_000, is_fixed=is_fixed)
    model.tells = False
    model.block_until = 30.0
    model.run(500.0)
    assert model.pauses == model.refused
    assert model.crossings
