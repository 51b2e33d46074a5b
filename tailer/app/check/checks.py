"""Looks at everything that a run needs, changes nothing, and tells what it found.

1. Nothing is written, locked or made: not the journal, not its lock, not a sink's file. A daemon that works
   with the same files is not disturbed; it shares the budget, of which this takes three requests or so.
2. What fails does not hide what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from tailer.api.client import ApiClient
from tailer.api.refusals import Subject
from tailer.api.tokens import USER_PATH, TokenStatus, account_path, decipher_token
from tailer.app.check.findings import Finding, Tell, refused
from tailer.app.check.places import check_address, check_dead_letters, check_journal, check_sink
from tailer.app.check.verdicts import judge_clock, judge_kinds, judge_others, judge_pace, judge_token
from tailer.app.exitcode import ExitCode
from tailer.app.principals import Budgets, Principal, make_client, principals_of
from tailer.clock import Clock
from tailer.config.credentials import GlobalKey
from tailer.config.options import Account, Config
from tailer.core.durations import Seconds
from tailer.core.matching import choose, nearest, unmatched
from tailer.core.ordering import Order
from tailer.errors import ApiError, AuthError, ConfigError
from tailer.model import Connector
from tailer.observe import Observer
from tailer.sinks.registry import SinkPlan
from tailer.sinks.text import json_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What is to be checked, and who is told.

    Attributes:
        config: What was configured, without mistakes.
        plans: Its sinks; ``None``: neither sinks nor a journal are meant to be used.
        clock: Time and sleep.
        tell: Called with each finding as soon as it is known.
        observe: Is told of retries and pauses.
    """

    config: Config
    plans: Sequence[SinkPlan] | None
    clock: Clock
    tell: Tell
    observe: Observer

    async def run(self, stdout: BinaryIO, environ: Mapping[str, str]) -> None:
        """Check credentials, connectors, polling, clock, journal, service and sinks.

        Args:
            stdout: For sinks that write there.
            environ: Environment variables.
        """
        for doubt in judge_kinds(self.config):
            self.tell(doubt)
        offsets = [await self._try_principal(principal) for principal in principals_of(self.config)]
        offset = next((one for one in offsets if one is not None), None)
        if offset is not None:
            self.tell(judge_clock(offset))
        if self.plans is None:
            return
        self.tell(await check_journal(self.config.journal.path))
        aside = await check_dead_letters(self.config.journal.dead_letters_path)
        if aside is not None:
            self.tell(aside)
        if self.config.service.listen is not None:
            self.tell(await check_address(self.config.service.listen, self.config.journal.path))
        for plan in self.plans:
            self.tell(await check_sink(plan, stdout, environ))

    async def _try_principal(self, principal: Principal) -> Seconds | None:
        try:
            return await self._check_principal(principal)
        except ConfigError as error:  # what only making a client shows: certificates, the environment's proxy
            for mistake in error.mistakes:
                self.tell(Finding("configuration", "error", mistake, ExitCode.MISUSED))
            return None

    async def _check_principal(self, principal: Principal) -> Seconds | None:
        """Check whoever shares one budget; give the offset of the API's clock if it answered at all."""
        config, clock = self.config, self.clock
        gate = Budgets().of(principal.name, config.api)
        read = 0
        offset: Seconds | None = None
        for accounts in principal.by_credentials():
            client = make_client(principal.name, accounts[0], config, gate, clock, self.observe)
            async with client:
                self.tell(await _check_credentials(client, accounts[0], clock))
                for account in accounts:
                    read += len(await _list(client, account, self.tell))
                if client.counters.body_bytes:
                    offset = client.api_time.now(clock.monotonic()) - clock.wall()
        for finding in judge_others(principal, config.api.budget.share, gate.budget):
            self.tell(finding)
        if read:
            orders: set[Order] = (
                {"global"} if self.plans is None else {plan.options.order for plan in self.plans}
            )
            for finding in judge_pace(principal, config, sorted(orders), gate.budget, read):
                self.tell(finding)
        return offset


async def _check_credentials(client: ApiClient, account: Account, clock: Clock) -> Finding:
    """Ask whether a token is valid; only the listing shows whether it may do what it has to."""
    credentials = account.credentials
    if isinstance(credentials, GlobalKey):
        text = f"global API key from {credentials.origin}: only the listing can show whether it is valid"
        return Finding("credentials", "ok", text)
    kind = "a user's"
    try:
        try:
            status = await _verify(client, USER_PATH, account)
        except AuthError:
            kind = "an account's"
            status = await _verify(client, account_path(account.id), account)
    except ApiError as error:
        # No more than a warning: what counts is whether connectors can be listed.
        text = f"token from {credentials.origin}: can't be verified: {error}"
        return Finding("credentials", "warning", text)
    now = client.api_time.now(clock.monotonic())
    return judge_token(f"token from {credentials.origin}, {kind}", status, now)


async def _verify(client: ApiClient, path: str, account: Account) -> TokenStatus:
    return await client.ask(path, Subject(account.id), partial(decipher_token, account=account.id))


async def _list(client: ApiClient, account: Account, tell: Tell) -> list[Connector]:
    """List an account's connectors and say which are read; give those."""
    try:
        listed = await client.list_connectors(account.id)
    except ApiError as error:
        tell(refused("connectors", f"account {account.id}", error))
        return []
    read = choose(listed, account.connectors, account.exclude)
    left_out = [one for one in choose(listed, account.connectors) if one not in read]
    text = f"account {account.id}: {len(read)} of {len(listed)} connectors are read"
    text += f", {len(left_out)} excluded" if left_out else ""
    tell(Finding("connectors", "ok" if read else "warning", text))
    for key, patterns in (("connectors", account.connectors), ("exclude", account.exclude)):
        for pattern in unmatched(listed, patterns) if listed else ():
            near = nearest(listed, pattern)
            hint = f"; did you mean {json_text(near)}?" if near else ""
            text = f"account {account.id}: {key} has {json_text(pattern)}, which means none{hint}"
            tell(Finding("connectors", "warning", text))
    return read
