"""Whose rate limit it is: tells that of one connector from that of the whole principal.

Cloudflare counts requests by principal, so a refusal (429, code 971) pauses all. But an answer may also come
from something that guards one device; pausing everybody for it again and again would be the worse mistake.

1. Whoever is refused is a suspect from then on: until it is answered, and for `SUSPECTED_FOR` in any case.
2. The refusal of one that is no suspect is taken for the principal's.
3. A suspect's refusal is its own if its headers say that more than the reserve of the quota remains, or if
   others were answered that asked since its last refusal. So without headers, and with nobody else to ask, it
   stays the principal's. While the principal is stopped its headers count for nothing (`tailer.core.budget`,
   rule 6). If a suspect was taken for the culprit wrongly, the next one that is refused isn't.
"""

from __future__ import annotations

from collections.abc import Hashable

from tailer.core.durations import Seconds

SUSPECTED_FOR: Seconds = 300.0
"""As long as Cloudflare's own blocks last; one that is refused now and then must not pause all each time."""


class Suspects:
    """Who was refused, by subject: a connector, or an account's listing. Times are monotonic."""

    def __init__(self) -> None:
        self._refused_at: dict[Hashable, float] = {}
        self._answered: set[Hashable] = set()
        self._latest: tuple[Hashable, float] = (None, float("-inf"))
        self._other_latest = float("-inf")  # of the latest that is not about the latest's subject

    def refused(self, subject: Hashable, now: float, *, has_quota: bool) -> bool:
        """Learn of a refusal; return whether it is the subject's own (rules 2 and 3).

        Args:
            subject: What was asked for.
            now: When the refusal came.
            has_quota: Whether its headers say that more than the reserve remains.
        """
        is_own = self.is_suspect(subject, now) and (
            has_quota or self._others_answered_at(subject) > self._refused_at[subject]
        )
        self._refused_at[subject] = now
        self._answered.discard(subject)
        return is_own

    def answered(self, subject: Hashable, sent: float) -> None:
        """Learn that a request that was sent at `sent` was answered."""
        if subject in self._refused_at:
            self._answered.add(subject)
        latest, at = self._latest
        if subject != latest:
            self._other_latest = at
        self._latest = (subject, max(at, sent))

    def is_suspect(self, subject: Hashable, now: float) -> bool:
        """Tell whether a refusal of this subject may be its own (rule 1)."""
        refused_at = self._refused_at.get(subject)
        if refused_at is None:
            return False
        if subject in self._answered and now >= refused_at + SUSPECTED_FOR:
            del self._refused_at[subject]
            self._answered.discard(subject)
            return False
        return True

    def _others_answered_at(self, subject: Hashable) -> float:
        latest, at = self._latest
        return self._other_latest if subject == latest else at
