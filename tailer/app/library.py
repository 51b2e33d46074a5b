"""The library's face: from a file, or from arguments, to a `Tail`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tailer.app.aside import in_thread
from tailer.app.run.ask import Ask
from tailer.app.run.run import Run
from tailer.app.tail import Tail, follow_events
from tailer.config.credentials import TOKEN_VARIABLE
from tailer.config.document import config_from_environment, load
from tailer.config.options import Config
from tailer.core.durations import parse_time
from tailer.core.ordering import Order
from tailer.errors import ConfigError
from tailer.interfaces import Journal
from tailer.journal.memory import MemoryJournal
from tailer.journal.sqlite import SqliteJournal
from tailer.observe import Observer, ignore


@asynccontextmanager
async def open_tail(
    config: str | os.PathLike[str] | Config | None = None,
    *,
    account: str | None = None,
    token: str | None = None,
    connectors: Iterable[str] = ("*",),
    since: str | None = None,
    until: str | None = None,
    follow: bool = True,
    order: Order = "global",
    observe: Observer = ignore,
) -> AsyncIterator[Tail]:
    """Open a journal and start polling; leave the context to stop and let go of everything.

    The file's sinks do not run. With a ``[journal] path`` in the file, events survive the process and the
    next `open` goes on where this one ended; otherwise everything is in memory.

    Args:
        config: Configuration file, or one that was loaded; ``None``: the other arguments and the environment
            (CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, CLOUDFLARE_BASE_URL).
        account: Account id, where no file is given.
        token: API token, where no file is given.
        connectors: Ids, or patterns over id, notes and serial number, where no file is given.
        since: Where reading begins for connectors the journal does not know: "10m" back from now, an ISO 8601
            time or epoch seconds; ``None``: the file's ``start``, which is "now" by default.
        until: End of the asked span, in the same words; ``None``: now, or never if `follow`.
        follow: Go on for ever.
        order: ``arrival``, ``connector`` or ``global``; `Tail.batches` can have another.
        observe: Is told what happens: retries, pauses, gaps (`tailer.observe`).

    Raises:
        ConfigError: Something that was asked for can't be used.
        AuthError: The credentials were refused.
        ApiError: The API can't be asked, and `follow` is false.
        JournalError: The journal can't be used; also while polling.
    """
    if isinstance(config, Config):
        loaded = config
    else:
        loaded = await in_thread(partial(_config, config, account, token, connectors))
    start = checked_time("since", since) or loaded.polling.start
    ask = Ask(start=start, until=checked_time("until", until), follow=follow)
    run = Run(loaded, ask, journal=make_journal(loaded), observe=observe)
    async with follow_events(run, order, _sink_names(loaded)) as tail:
        yield tail


def make_journal(config: Config) -> Journal:
    """Make the journal that a configuration names; in memory when it names none."""
    path = config.journal.path
    if path is None or path == ":memory:":
        return MemoryJournal()
    return SqliteJournal(path, max_size_bytes=config.journal.max_size)


def _sink_names(config: Config) -> frozenset[str]:
    """Name the file's sinks: in a journal that a daemon uses as well, their places are theirs."""
    return frozenset(str(sink.get("name", sink.get("type"))) for sink in config.sinks)


def checked_time(name: str, text: str | None) -> str | None:
    """Return a time as it is if it can be read; raises `ConfigError` otherwise."""
    if text is not None:
        try:
            parse_time(text, 0.0)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
    return text


def _config(
    path: str | os.PathLike[str] | None, account: str | None, token: str | None, connectors: Iterable[str]
) -> Config:
    if path is not None:
        return load(Path(path), os.environ)
    environ = {**os.environ, TOKEN_VARIABLE: token} if token is not None else os.environ
    return config_from_environment(environ, account=account, connectors=connectors)
