from __future__ import annotations

from tailer.core.budget import Budget, RatePolicy
from tailer.core.suspects import SUSPECTED_FOR, Suspects


def refused(suspects: Suspects, subject: str, now: float, *, has_quota: bool = False) -> bool:
    """Let a request be refused."""
    return suspects.refused(subject, now, has_quota=has_quota)


def test_a_first_refusal_is_the_principals() -> None:
    """Whatever its headers say, and however well others are answered."""
    suspects = Suspects()
    suspects.answered("other", 1)

    assert not refused(suspects, "one", 2, has_quota=True)
    assert not refused(suspects, "two", 2, has_quota=True)


def test_a_second_refusal_is_its_own_if_quota_remains() -> None:
    """The headers decide alone."""
    suspects = Suspects()
    refused(suspects, "one", 1, has_quota=True)

    assert refused(suspects, "one", 2, has_quota=True)
    assert not refused(suspects, "one", 3, has_quota=False)


def test_a_second_refusal_is_its_own_if_others_were_answered_since() -> None:
    """Others that asked before the last refusal, and answers to itself, prove nothing."""
    suspects = Suspects()
    suspects.answered("other", 1)
    refused(suspects, "one", 2)
    assert not refused(suspects, "one", 3)

    suspects.answered("one", 4)
    assert not refused(suspects, "one", 5)
    suspects.answered("other", 6)
    suspects.answered("one", 7)
    assert refused(suspects, "one", 8)
    assert not refused(suspects, "one", 9)


def test_answers_out_of_order_count_by_when_they_were_asked() -> None:
    """An answer that took long is about the moment of its request."""
    suspects = Suspects()
    refused(suspects, "one", 10)
    suspects.answered("other", 11)
    suspects.answered("other", 9)

    assert refused(suspects, "one", 12)


def test_suspicion_ends_some_time_after_an_answer() -> None:
    """Without an answer it stays; one that is refused now and then pauses nobody each time."""
    suspects = Suspects()
    assert not suspects.is_suspect("one", 0)
    refused(suspects, "one", 0)
    assert suspects.is_suspect("one", 10 * SUSPECTED_FOR)

    suspects.answered("one", 10)
    assert suspects.is_suspect("one", SUSPECTED_FOR - 1)
    assert not suspects.is_suspect("one", SUSPECTED_FOR)
    assert not refused(suspects, "one", SUSPECTED_FOR)


def test_another_refusal_renews_the_suspicion() -> None:
    """An answer from before it is forgotten."""
    suspects = Suspects()
    refused(suspects, "one", 0)
    suspects.answered("one", 10)
    refused(suspects, "one", 20)

    assert suspects.is_suspect("one", 10 * SUSPECTED_FOR)


def test_what_is_about_one_alone_stops_nobody() -> None:
    """Once it is suspected, and others are answered or quota remains, its refusals pause nobody."""
    budget = Budget(share=1, reserve=0.1, quota=100)
    assert not budget.refuse("one", 10, sent=0, now=0, has_quota=True)
    budget.spend(10)
    assert budget.succeeded(10)

    budget.spend(11)
    assert budget.refuse("one", 10, sent=11, now=12, has_quota=True)

    assert budget.wait(20) == 0


def test_a_suspect_that_is_refused_as_the_probe_pauses_all_whatever_the_headers_say() -> None:
    """A block refuses suspects like all others; believed to be their own, each would cost a request."""
    budget = Budget(share=1, reserve=0.1, quota=100)
    for subject in ("one", "two"):
        assert not budget.refuse(subject, 10, sent=0, now=0, has_quota=True)
    budget.spend(10)

    assert not budget.refuse("one", 10, sent=10, now=11, has_quota=True)

    assert budget.wait(11) == 20


def test_quota_remains_if_headers_say_so() -> None:
    """Silence says nothing, and the reserve is not ours."""
    budget = Budget(share=1, reserve=0.1, quota=100)

    assert not budget.has_quota(None)
    assert not budget.has_quota(RatePolicy(quota=100))
    assert not budget.has_quota(RatePolicy(remaining=10))
    assert budget.has_quota(RatePolicy(remaining=11))
    assert not budget.has_quota(RatePolicy(quota=1000, remaining=11))
