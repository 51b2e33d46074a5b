"""The library's face: open a run, iterate over its events."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from tailer.app.run import Ask, Run
from tailer.config.credentials import TOKEN_VARIABLE
from tailer.config.document import config_from_environment, load
from tailer.config.options import Config
from tailer.core.durations import parse_time
from tailer.core.ordering import Order
from tailer.errors import ConfigError
from tailer.interfaces import Journal
from tailer.journal.memory import MemoryJournal
from tailer.journal.sqlite import SqliteJournal
from tailer.journal.worker import Worker
from tailer.model import Event
from tailer.observe import Observer, ignore
from tailer.pipeline.reader import Reader

READER = "library"
"""Name of the reader whose place a durable journal keeps for `Tail.events`."""


class Tail:
    """A run in the background and its events in the foreground; made by `open_tail`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._events: Sequence[Event] = ()
        self._at = 0

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield events in order, for ever, or to the end of the asked span.

        An event is acknowledged when the next one is asked for. Breaking out of the loop keeps the place: a
        later call begins with the event that was not acknowledged. One loop at a time.
        """
        while True:
            while self._at < len(self._events):
                yield self._events[self._at]
                self._at += 1
            if self._events:
                await self._acknowledge()
            batch = await self._reader.next_batch()
            if batch is None:
                return
            self._events = batch.events
            if not batch.events:
                await self._acknowledge()

    async def close(self) -> None:
        """Make durable what was acknowledged."""
        await self._reader.end(self._events[self._at - 1] if self._at else None)

    async def _acknowledge(self) -> None:
        self._events, self._at = (), 0
        await self._reader.accept()


@asynccontextmanager
async def follow_events(run: Run, order: Order) -> AsyncIterator[Tail]:
    """Enter a run, poll in the background and hand out its events; leave the context to let go of everything.

    Raises:
        TailerError: As `open_tail` says.
    """
    async with run:
        tail = Tail(await run.open_reader(READER, order))
        run.start()
        try:
            yield tail
        finally:
            with anyio.CancelScope(shield=True):
                await tail.close()


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
        order: ``arrival``, ``connector`` or ``global``.
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
        loaded = await _in_thread(partial(_config, config, account, token, connectors))
    start = checked_time("since", since) or loaded.polling.start
    ask = Ask(start=start, until=checked_time("until", until), follow=follow)
    run = Run(loaded, ask, journal=make_journal(loaded), observe=observe)
    async with follow_events(run, order) as tail:
        yield tail


def make_journal(config: Config) -> Journal:
    """Make the journal that a configuration names; in memory when it names none."""
    path = config.journal.path
    if path is None or path == ":memory:":
        return MemoryJournal()
    return SqliteJournal(path)


def checked_time(name: str, text: str | None) -> str | None:
    """Return a time as it is if it can be read; raises `ConfigError` otherwise."""
    if text is not None:
        try:
            parse_time(text, 0.0)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
    return text


async def _in_thread(read: Callable[[], Config]) -> Config:
    """Call what reads files where it blocks nobody, and leave no thread behind."""
    worker = Worker("configuration")
    try:
        return await worker.submit(read)
    finally:
        with anyio.CancelScope(shield=True):
            await worker.stop()


def _config(
    path: str | os.PathLike[str] | None, account: str | None, token: str | None, connectors: Iterable[str]
) -> Config:
    if path is not None:
        return load(Path(path), os.environ)
    environ = {**os.environ, TOKEN_VARIABLE: token} if token is not None else os.environ
    return config_from_environment(environ, account=account, connectors=connectors)
