"""Which of the journal's events a reader hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tailer.config.options import Scope
from tailer.core.alerts import is_derived
from tailer.model import Event


def wanted_of(accounts: Iterable[Scope]) -> Callable[[Event], bool] | None:
    """Give the filter by kind that the accounts ask for, ``None`` when they want all.

    What is derived passes: it was asked for by a table of its own.
    """
    kinds = {account.id: frozenset(account.kinds) for account in accounts if account.kinds}
    if not kinds:
        return None
    return lambda event: (
        event.account not in kinds or event.k in kinds[event.account] or is_derived(event.k, event.n)
    )


def both(
    one: Callable[[Event], bool] | None, other: Callable[[Event], bool] | None
) -> Callable[[Event], bool] | None:
    """Join two filters."""
    if one is None or other is None:
        return one or other
    return lambda event: one(event) and other(event)
