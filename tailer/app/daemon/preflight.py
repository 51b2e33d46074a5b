"""Whether a new configuration could be lived with, found out while the old one still works.

A run that begins lists all accounts before it delivers anything. So one that could not begin at present, for
an API that is away or a budget that is paused, must not replace one that at least delivers what it has.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from tailer.app.listing import list_all
from tailer.app.principals import Budgets, principals_of
from tailer.clock import Clock
from tailer.config.options import Account, Config
from tailer.core.durations import Seconds, format_duration
from tailer.errors import ControlError
from tailer.observe import Observer

LONGEST_WAIT: Seconds = 30.0
"""A budget that lets nothing out for longer is waited for by whoever wants to reload, not by the sinks."""


async def try_accounts(
    before: Config,
    after: Config,
    *,
    stopped: Collection[str],
    budgets: Budgets,
    clock: Clock,
    observe: Observer,
) -> None:
    """List the connectors of every account that is asked otherwise than before, or of one that is not.

    Args:
        before: What is in force.
        after: What is to be tried.
        stopped: Accounts that can't be read at present; no account of `after` is held against it for that.
        budgets: What the requests are counted in.
        clock: Time and sleep.
        observe: Is told of retries and pauses.

    Raises:
        ControlError: A budget is paused for a while.
        ApiError: One of them can't be listed; `AuthError` when its credentials are refused.
    """
    for principal in principals_of(after):
        budget = budgets.of(principal.name, after.api).budget
        wait = budget.wait(clock.monotonic())
        if wait > LONGEST_WAIT:
            raise ControlError(
                f"the budget of {principal.name} lets nothing out for another"
                f" {format_duration(round(wait))} ({budget.reason or 'it is spent'}): reload after that"
            )
    chosen = _untried(before, after) or [one for one in after.accounts if one.id not in stopped][:1]
    await list_all(msgspec.structs.replace(after, accounts=tuple(chosen)), clock, observe, budgets)


def _untried(before: Config, after: Config) -> list[Account]:
    """Choose the accounts whose credentials or whose API differ from those that have worked so far."""
    if (before.api.base_url, before.api.ca_file) != (after.api.base_url, after.api.ca_file):
        return list(after.accounts)
    known = {account.id: account.credentials for account in before.accounts}
    return [account for account in after.accounts if known.get(account.id) != account.credentials]
