"""The first listing of a run: it insists until somebody's connectors are known."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial

import anyio

from tailer.app.run.ask import Ask
from tailer.app.run.failures import unwrapped
from tailer.clock import Clock
from tailer.core.backoff import backoff
from tailer.core.durations import parse_time
from tailer.errors import ApiError, AuthError
from tailer.observe import ListingFailed, Observer
from tailer.pipeline.fleet import Fleet
from tailer.pipeline.warden import LISTING_CAP


async def call_roll(fleets: Sequence[Fleet], ask: Ask, clock: Clock, observe: Observer) -> None:
    """List until it works for at least one account; the others are stopped, and tried again later.

    A run that ends by itself does not insist, nor does any where every account was refused.

    Args:
        fleets: Of the run, not listed yet.
        ask: What the run is to read; fleets learn where the asked span ends.
        clock: Time and sleep.
        observe: Is told of failures.

    Raises:
        AuthError: The credentials of every account were refused.
        ApiError: No account can be listed and the run is one that ends by itself.
    """
    failures = 0
    while failed := await _list_accounts(fleets):
        errors = [error for _, causes in failed for error in causes.values()]
        if len(errors) < sum(len(fleet.watches) for fleet in fleets):
            break
        passing = [error for error in errors if not isinstance(error, AuthError)]
        if not (passing and ask.follow):
            raise (passing or errors)[0]
        failures += 1
        delay = backoff(failures, 1.0, LISTING_CAP, random.random())
        accounts = ", ".join(fleet.accounts for fleet in fleets)
        observe(ListingFailed(accounts, delay, str(passing[0])))
        await clock.sleep(delay)
    for fleet in fleets:
        if ask.until is not None or not ask.follow:
            fleet.end_at(partial(parse_time, ask.until or "now"))
    for fleet, causes in failed:
        fleet.go_without(causes)


async def _list_accounts(fleets: Sequence[Fleet]) -> list[tuple[Fleet, Mapping[str, ApiError]]]:
    """List the accounts that were not listed yet, all at once; return what failed."""
    failed: list[tuple[Fleet, Mapping[str, ApiError]]] = []

    async def list_fleet(fleet: Fleet) -> None:
        if causes := await fleet.begin():
            failed.append((fleet, causes))

    with unwrapped():
        async with anyio.create_task_group() as group:
            for fleet in fleets:
                group.start_soon(list_fleet, fleet)
    return failed
