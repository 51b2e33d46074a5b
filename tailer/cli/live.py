"""``tailer tail``: from what was typed to a run on the screen."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import anyio
import msgspec

from tailer.app.exitcode import ExitCode
from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.cli import archive
from tailer.cli.accounts import load_accounts
from tailer.cli.exits import say
from tailer.cli.names import check_names
from tailer.cli.screen import Screen
from tailer.cli.times import naive_as_local, span_mistakes
from tailer.config.options import Account, Config
from tailer.config.words import quoted
from tailer.core.durations import Seconds, parse_time
from tailer.core.ordering import Order
from tailer.core.sieve import Sieve
from tailer.errors import ConfigError
from tailer.kinds import LEVEL_OF_KIND
from tailer.sinks.formats.records import PAYLOAD
from tailer.sinks.stdout import StdoutSink

DEFAULT_SINCE = "10m"
"""Where a tail begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TailRequest:
    """The flags of ``tailer tail``, each with its own name there; those of the look are one."""

    connectors: tuple[str, ...]
    follow: bool
    since: str | None
    until: str | None
    kinds: tuple[str, ...]
    details: tuple[str, ...]
    level: str
    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]
    order: Order
    look: StdoutSink.Config
    stdin: bool
    account: str | None
    token_file: Path | None
    config: Path | None
    interval: Seconds | None
    idle_exit: Seconds | None


def tail(request: TailRequest) -> ExitCode:
    """Show what was asked for; return the exit code.

    Raises:
        TailerError: What can't be done, and why.
    """
    now = time.time()
    if request.stdin:
        return _show_archive(request, now)
    config = configure(request, os.environ, now)
    return anyio.run(_show, request, config, ask_of(request, now))


async def _show(request: TailRequest, config: Config, ask: Ask) -> ExitCode:
    # Kinds are asked for as the accounts' kinds, which has the API leave the others out where it can.
    sieve = Sieve(level=request.level, include=request.include, exclude=request.exclude)
    screen = Screen(
        config,
        ask,
        with_details(request.look, request.details, is_terminal=sys.stdout.isatty()),
        order=request.order,
        wanted=None if sieve.is_open else sieve,
        check=partial(check_words, request.connectors),
        idle_exit=request.idle_exit,
    )
    screen.narrator.say(*remarks(request.since, request.until, request.kinds))
    return await screen.show()


def _show_archive(request: TailRequest, now: float) -> ExitCode:
    """Show records on stdin instead."""
    if request.since is not None:
        mistakes = span_mistakes(request.since, request.until, follow=True, now=now)
        if mistakes:
            raise ConfigError(mistakes)
    say(*remarks(request.since, request.until, request.kinds))
    sieve = Sieve(kinds=request.kinds, level=request.level, include=request.include, exclude=request.exclude)
    start, end = archive.span(request.since, request.until, now)
    wish = archive.Wish(connectors=request.connectors, sieve=sieve, start=start, end=end)
    archive.show(wish, request.look)
    return ExitCode.DONE


def remarks(since: str | None, until: str | None, kinds: tuple[str, ...]) -> list[str]:
    """Say how words were taken that could have been meant otherwise."""
    found: list[str] = []
    for name, text in (("--since", since), ("--until", until)):
        if text is not None and (local := naive_as_local(text)) is not None:
            found.append(f"{name} {text} is taken for local time, {local}")
    for kind in kinds:
        near = get_close_matches(kind, LEVEL_OF_KIND, n=1)
        if kind not in LEVEL_OF_KIND and near:
            found.append(f"no kind {quoted(kind)} is known, it is asked for all the same; there is {near[0]}")
    return found


def ask_of(request: TailRequest, now: float) -> Ask:
    """Say what is to be read. An end that lies in the future is waited for.

    Args:
        request: Checked by `configure`.
        now: Wall time.
    """
    waits = request.until is not None and parse_time(request.until, now) > now
    return Ask(
        start=request.since or DEFAULT_SINCE,
        until=request.until,
        follow=request.follow or waits,
        kind=request.kinds[0] if len(request.kinds) == 1 else None,
    )


def configure(request: TailRequest, environ: Mapping[str, str], now: float) -> Config:
    """Make the configuration: flags before the environment, the environment before the file.

    Args:
        request: The flags.
        environ: Environment variables.
        now: Wall time.

    Raises:
        ConfigError: All that is wrong with flags, environment and file.
    """
    since = request.since or DEFAULT_SINCE
    mistakes = span_mistakes(since, request.until, follow=request.follow, now=now, can_follow=True)
    config: Config | None = None
    try:
        config = load_accounts(request.config, request.account, request.token_file, environ)
    except ConfigError as error:
        mistakes += error.mistakes
    if mistakes or config is None:
        raise ConfigError(mistakes)
    accounts = tuple(wanted(account, request.connectors, request.kinds) for account in config.accounts)
    polling = config.polling
    if request.interval is not None:
        polling = msgspec.structs.replace(polling, interval=request.interval)
    if request.details:
        polling = msgspec.structs.replace(polling, details=request.details)
    return msgspec.structs.replace(config, accounts=accounts, polling=polling)


def wanted(account: Account, connectors: tuple[str, ...], kinds: tuple[str, ...]) -> Account:
    """Narrow an account down to the connectors and kinds that were typed, if any were."""
    return msgspec.structs.replace(
        account, connectors=connectors or account.connectors, kinds=kinds or account.kinds
    )


def with_details(
    look: StdoutSink.Config, details: tuple[str, ...], *, is_terminal: bool
) -> StdoutSink.Config:
    """Have pretty lines show the details that were asked for on the command line."""
    is_pretty = look.format == "pretty" or (look.format == "auto" and (is_terminal or bool(look.show)))
    if not (details and is_pretty and look.template is None) or PAYLOAD in look.show:
        return look
    return msgspec.structs.replace(look, show=(*look.show, PAYLOAD))


def check_words(words: tuple[str, ...], run: Run) -> None:
    """Make sure that every word that was typed means some connector, as far as all accounts could be listed.

    Raises:
        ConfigError: One means none; names the nearest.
    """
    if any(fleet.stopped for fleet in run.fleets):
        return  # it may be one of theirs
    check_names(words, [one for fleet in run.fleets for each in fleet.listed.values() for one in each])
