"""Whether a new configuration could be lived with, found out while the old one still works."""

from __future__ import annotations

import msgspec

from tailer.app.listing import list_all
from tailer.app.principals import Budgets
from tailer.clock import Clock
from tailer.config.options import Config
from tailer.observe import Observer


async def try_accounts(
    before: Config, after: Config, budgets: Budgets, clock: Clock, observe: Observer
) -> None:
    """List the connectors of every account that is asked otherwise than before: one request each.

    Args:
        before: What works.
        after: What is to be tried.
        budgets: What the requests are counted in.
        clock: Time and sleep.
        observe: Is told of retries and pauses.

    Raises:
        ApiError: One of them can't be listed; `AuthError` when its credentials are refused.
    """
    known = {account.id: account.credentials for account in before.accounts}
    is_elsewhere = (before.api.base_url, before.api.ca_file) != (after.api.base_url, after.api.ca_file)
    untried = tuple(
        account for account in after.accounts if is_elsewhere or known.get(account.id) != account.credentials
    )
    await list_all(msgspec.structs.replace(after, accounts=untried), clock, observe, budgets)
