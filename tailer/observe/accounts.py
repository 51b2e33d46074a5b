"""What befell whole accounts: their connectors' listing, their token, what stopped all of one."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration
from tailer.observe.report import Report


class AccountStopped(Report, frozen=True):
    """An account can't be read: its credentials are refused, or it could not be listed at the start.

    Attributes:
        account: Its id.
        connectors: How many of its connectors are known.
        token: Where the refused credentials came from: ``variable X`` or ``file /run/...``; ``None``: they
            are not the reason.
        tries: Failed listings since it was stopped: 1 when it is.
        delay: Seconds until List Connectors is asked again; ``None``: not in this run, which ends by itself.
        reason: Message of the refusal.
    """

    account: str
    connectors: int
    token: str | None
    tries: int
    delay: Seconds | None
    reason: str

    def __str__(self) -> str:
        state = "is stopped" if self.tries == 1 else f"is still stopped after {self.tries} tries"
        again = "" if self.delay is None else f", next try in {format_duration(round(self.delay))}"
        known = f"none of its {self.connectors} connectors" if self.connectors else "nothing of it"
        return f"Account {self.account} {state}, {known} is read{again}{self._remedy}: {self.reason}"

    @property
    def _remedy(self) -> str:
        if self.token is None or self.delay is None:
            return ""
        if self.token.startswith("file "):
            return f"; a valid token in {self.token} is noticed and used at once"
        return f"; its credentials came from {self.token}, new ones there need a restart"


class AccountResumed(Report, frozen=True):
    """An account that was stopped is read again, each connector from where reading had ended.

    Attributes:
        account: Its id.
        stopped: Seconds for which it was stopped.
    """

    account: str
    stopped: Seconds

    def __str__(self) -> str:
        return f"Account {self.account} is read again after {format_duration(round(self.stopped))}"


class TokenRenewed(Report, frozen=True):
    """The file of a token that was refused held another one, which is used from now on."""

    accounts: str
    token: str

    def __str__(self) -> str:
        return f"The token of account {self.accounts} was renewed from {self.token}"


class ListingFailed(Report, frozen=True):
    """An account's connectors could not be listed; the known ones are read on."""

    account: str
    delay: Seconds
    reason: str

    def __str__(self) -> str:
        return f"Account {self.account}: connectors not listed, next try in {self.delay:.0f}s: {self.reason}"
