"""The connectors of configured accounts, asked once: for commands that poll nothing."""

from __future__ import annotations

from typing import NamedTuple

from tailer.app.principals import Budgets, make_client, principals_of
from tailer.clock import Clock
from tailer.config.options import Account, Config
from tailer.model import Connector
from tailer.observe import Observer, ignore


class Listed(NamedTuple):
    """One account's connectors.

    Attributes:
        account: Whose they are.
        connectors: All of them, in the API's order, whatever the account's patterns say.
        at: API time of the answer, epoch seconds.
    """

    account: Account
    connectors: list[Connector]
    at: float


async def list_all(
    config: Config, clock: Clock, observe: Observer = ignore, budgets: Budgets | None = None
) -> list[Listed]:
    """List the connectors of every account, in the order of the configuration.

    Args:
        config: Accounts and API.
        clock: Time and sleep.
        observe: Is told of retries and pauses.
        budgets: What the requests are counted in; ``None``: nothing was spent yet.

    Raises:
        ApiError: One account can't be listed; `AuthError` when its credentials were refused.
    """
    listed: list[Listed] = []
    budgets = budgets or Budgets()
    for principal in principals_of(config):
        gate = budgets.of(principal.name, config.api)
        for accounts in principal.by_credentials():
            async with make_client(principal.name, accounts[0], config, gate, clock, observe) as client:
                for account in accounts:
                    connectors = await client.list_connectors(account.id)
                    at = client.api_time.now(clock.monotonic())
                    listed.append(Listed(account, connectors, at))
    order = [account.id for account in config.accounts]
    return sorted(listed, key=lambda one: order.index(one.account.id))
