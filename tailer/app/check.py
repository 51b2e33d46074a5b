"""Looks at everything that a run needs, changes nothing, and tells what it found.

1. Nothing is written, locked or made: not the journal, not its lock, not a sink's file. A daemon that works
   with the same files is not disturbed; it shares the budget, of which this takes three requests or so.
2. What fails does not hide what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import BinaryIO

from tailer.api.client import ApiClient
from tailer.api.refusals import Subject
from tailer.api.tokens import USER_PATH, TokenStatus, account_path, decipher_token
from tailer.app.findings import Finding, Tell, refused
from tailer.app.places import check_journal, check_sink
from tailer.app.principals import Budgets, Principal, make_client, principals_of
from tailer.app.verdicts import judge_clock, judge_pace, judge_token
from tailer.clock import Clock
from tailer.config.credentials import GlobalKey
from tailer.config.options import Account, Config
from tailer.core.durations import Seconds
from tailer.core.matching import choose, nearest, unmatched
from tailer.core.ordering import Order
from tailer.errors import ApiError, AuthError
from tailer.model import Connector
from tailer.observe import ignore
from tailer.sinks.registry import SinkPlan
from tailer.sinks.text import json_text


async def check(
    config: Config,
    plans: Sequence[SinkPlan] | None,
    clock: Clock,
    *,
    stdout: BinaryIO,
    environ: Mapping[str, str],
    tell: Tell,
) -> None:
    """Check credentials, connectors, clock, polling, journal and sinks.

    Args:
        config: What was configured, without mistakes.
        plans: Its sinks; ``None``: neither sinks nor a journal are meant to be used.
        clock: Time and sleep.
        stdout: For sinks that write there.
        environ: Environment variables.
        tell: Called with each finding as soon as it is known.
    """
    orders: list[Order] = ["global"] if plans is None else sorted({plan.options.order for plan in plans})
    offsets = [
        offset
        for principal in principals_of(config)
        if (offset := await _check_principal(principal, config, orders, clock, tell)) is not None
    ]
    if offsets:
        tell(judge_clock(offsets[0]))
    if plans is not None:
        tell(await check_journal(config.journal.path))
        for plan in plans:
            tell(await check_sink(plan, stdout, environ))


async def _check_principal(
    principal: Principal, config: Config, orders: Sequence[Order], clock: Clock, tell: Tell
) -> Seconds | None:
    """Check whoever shares one budget; give the offset of the API's clock if it answered at all."""
    budget = Budgets().of(principal.name, config.api)
    read = 0
    offset: Seconds | None = None
    for accounts in principal.by_credentials():
        async with make_client(principal.name, accounts[0], config, budget, clock, ignore) as client:
            tell(await _check_credentials(client, accounts[0], clock))
            for account in accounts:
                read += len(await _list(client, account, tell))
            if client.counters.body_bytes:
                offset = client.api_time.now(clock.monotonic()) - clock.wall()
    if read:
        for finding in judge_pace(principal, config, orders, budget, read):
            tell(finding)
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
    text += f", {len(left_out)} are excluded" if left_out else ""
    tell(Finding("connectors", "ok" if read else "warning", text))
    for key, patterns in (("connectors", account.connectors), ("exclude", account.exclude)):
        for pattern in unmatched(listed, patterns) if listed else ():
            near = nearest(listed, pattern)
            hint = f"; did you mean {json_text(near)}?" if near else ""
            text = f"account {account.id}: {key} has {json_text(pattern)}, which means none{hint}"
            tell(Finding("connectors", "warning", text))
    return read
