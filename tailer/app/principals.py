"""From configured accounts to principals: who shares one budget, one session, one shard of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tailer.api.client import ApiClient
from tailer.api.gate import Gate
from tailer.clock import Clock
from tailer.config.options import Account, ApiOptions, Config
from tailer.core.apitime import ApiTime
from tailer.core.budget import Budget
from tailer.core.spending import Spending
from tailer.observe import Observer


class Principal(NamedTuple):
    """One budget and the accounts that share it.

    Attributes:
        name: Names the budget in reports and the shard in the journal.
        accounts: At least one; they have the same credentials, or belong to one user.
    """

    name: str
    accounts: Sequence[Account]

    def by_credentials(self) -> list[list[Account]]:
        """Group the accounts by what they prove themselves with: one session each."""
        groups: list[list[Account]] = []
        for account in self.accounts:
            for group in groups:
                if group[0].credentials == account.credentials:
                    group.append(account)
                    break
            else:
                groups.append([account])
        return groups


def principals_of(config: Config) -> list[Principal]:
    """Group the accounts by principal, in the order of the file."""
    grouped: dict[str, list[Account]] = {}
    for account in config.accounts:
        grouped.setdefault(account.principal, []).append(account)
    return [Principal(name, accounts) for name, accounts in grouped.items()]


def make_client(  # noqa: PLR0917 - the shape of `tailer.app.run.builder.Connect`
    name: str, account: Account, config: Config, gate: Gate, clock: Clock, observe: Observer
) -> ApiClient:
    """Make the client that speaks with one account's credentials, within its principal's budget."""
    api = config.api
    return ApiClient(
        name,
        account.credentials,
        gate,
        ApiTime(clock.wall(), clock.monotonic()),
        clock,
        base_url=api.base_url,
        timeout=api.timeout,
        concurrency=config.polling.concurrency,
        ca_file=None if api.ca_file is None else str(api.ca_file),
        observer=observe,
    )


class Budgets:
    """The budgets of a process by principal: what was spent counts, whoever asks for them next."""

    def __init__(self) -> None:
        self._known: dict[str, Gate] = {}
        self._address = Spending(1.0)

    def knows(self, principal: str) -> bool:
        """Tell whether `of` has given the gate of this principal before."""
        return principal in self._known

    def of(self, principal: str, api: ApiOptions) -> Gate:
        """Give the gate before one principal's budget; a new one has the bounds of a configuration."""
        known = self._known.get(principal)
        if known is None:
            budget = Budget(share=api.budget.share, reserve=api.budget.reserve, address=self._address)
            known = Gate(budget)
            self._known[principal] = known
        return known
