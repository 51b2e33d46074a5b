"""``tailer backfill``: from what was typed to files, and on stderr how it goes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import anyio
import msgspec

from tailer.app.backfill import Job, Meter, Place, job_of, verdict_of
from tailer.app.exitcode import ExitCode
from tailer.app.library import make_journal
from tailer.app.run.ask import Ask
from tailer.app.run.life import Task
from tailer.app.run.run import Run
from tailer.cli.accounts import load_accounts
from tailer.cli.live import check_words, remarks, wanted
from tailer.cli.narrator import Narrator
from tailer.cli.session import Session, every
from tailer.cli.tidings import progress_line, tidings
from tailer.cli.times import span_mistakes
from tailer.clock import SystemClock
from tailer.config.options import Config, JournalOptions
from tailer.core.durations import Seconds, parse_time
from tailer.errors import ConfigError
from tailer.interfaces import Sink
from tailer.sinks.file.folder import FolderSink
from tailer.sinks.file.sink import FileSink
from tailer.sinks.formats.records import PAYLOAD
from tailer.sinks.options import SinkContext

Format = Literal["jsonl", "logfmt", "csv"]

TICK: Seconds = 0.5
"""How often the status line is brought up to date."""

CLOCK_TOLERANCE: Seconds = 60.0
"""Seconds by which an end may lie ahead of this machine's clock: the API's may be, too."""

TELL_EVERY: Seconds = 30.0
"""Seconds between two lines about the progress where there is no line to update."""

BATCH = 20_000
"""Most events written at once: each batch costs a sync of every file that it goes to, and of the journal."""

NAME = "backfill"

_FORMATS: dict[str, Format] = {".csv": "csv", ".logfmt": "logfmt"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillRequest:
    """The flags of ``tailer backfill``, each with its own name there."""

    connectors: tuple[str, ...]
    since: str
    until: str | None
    out: Path
    format: Format | None
    kinds: tuple[str, ...]
    details: tuple[str, ...]
    share: float | None
    account: str | None
    token_file: Path | None
    config: Path | None


def backfill(request: BackfillRequest) -> ExitCode:
    """Write what was asked for; return the exit code.

    Raises:
        TailerError: What can't be done, and why.
    """
    is_folder = is_meant_as_folder(request.out)
    place = Place(request.out, is_folder=is_folder)
    config = configure(request, place, os.environ, time.time())
    words = words_of(request, config)
    job = place.take(words)

    async def retrieve() -> ExitCode:
        return await Retrieval(request, config, place, words=words, job=job, is_folder=is_folder).run()

    return anyio.run(retrieve)


class Retrieval:
    """One backfill, from its first request or from where it was left; made inside the event loop.

    Args:
        request: The flags.
        config: Whom to ask.
        place: Beside the output; taken.
        words: What was typed, as the job keeps it.
        job: That of an earlier run which goes on; ``None``: this is the first.
        is_folder: Whether the output is one.
    """

    def __init__(
        self,
        request: BackfillRequest,
        config: Config,
        place: Place,
        *,
        words: dict[str, str],
        job: Job | None,
        is_folder: bool,
    ) -> None:
        clock = SystemClock()
        self._request = request
        self._place = place
        self._words = words
        self._job = job
        self._is_folder = is_folder
        self._narrator = Narrator(sys.stderr, os.environ.get("TERM", ""), clock.monotonic)
        self._run = Run(
            config, ask_of(request, job), journal=make_journal(config), observe=self._narrator, clock=clock
        )
        self._meter: Meter | None = None
        self._session = Session(
            self._run, self._prepare, on_drain=self._narrator.drain, on_leave=self._narrator.close
        )

    async def run(self) -> ExitCode:
        """Run to the end and say what came of it.

        Raises:
            TailerError: What ended it early; the same command goes on.
        """
        request = self._request
        self._narrator.say(*remarks(request.since, request.until, request.kinds))
        self._narrator.begin(self._activity)
        try:
            await self._session.conduct(*self._tasks())
        finally:
            self._narrator.close()
            if self._job is None:
                self._place.abandon()
        return self._conclude()

    async def _prepare(self) -> None:
        run, narrator = self._run, self._narrator
        check_words(self._request.connectors, run)
        if self._job is None:
            self._job = job_of(run, self._words)
            self._place.keep(self._job)
        else:
            narrator.say(f"going on with {self._request.out} where it was left")
        self._meter = Meter(run)
        narrator.know_fleet()
        order: Literal["connector", "global"] = "connector" if self._is_folder else "global"
        reader = await run.open_reader(NAME, order, max_events=BATCH)
        run.deliver(self._sink(), reader)

    def _sink(self) -> Sink:
        context = SinkContext(NAME, sys.stdout.buffer, os.environ, self._narrator)
        kind = format_of(self._request)
        show = (PAYLOAD,) if kind == "csv" and self._run.config.polling.details else ()

        def make(path: Path) -> FileSink:
            return FileSink(FileSink.Config(path=path, format=kind, show=show), context)

        return FolderSink(self._request.out, f".{kind}", make) if self._is_folder else make(self._request.out)

    def _tasks(self) -> list[Task]:
        if self._narrator.draws:
            return [every(TICK, self._narrator.tick)]
        return [every(TELL_EVERY, self._tell)]

    def _activity(self) -> str:
        if self._meter is None:
            return "asking the API for the connectors"
        return progress_line(self._meter.read())

    def _tell(self) -> None:
        self._narrator.say(self._activity())

    def _conclude(self) -> ExitCode:
        session = self._session
        if self._job is None or not session.serving.is_set():
            self._narrator.say("nothing was read yet")
            return session.exit_code(ExitCode.INCOMPLETE) or ExitCode.INCOMPLETE
        verdict = verdict_of(self._run)
        self._narrator.say(*tidings(verdict, self._job, self._request.out))
        if verdict.is_read:
            self._place.clear()
            return verdict.outcome.exit_code
        return session.exit_code(verdict.outcome.exit_code) or ExitCode.INCOMPLETE


def is_meant_as_folder(out: Path) -> bool:
    """Tell whether a folder of files is asked for: one that exists, or a name without an ending."""
    return out.is_dir() or not (out.suffix or out.exists())


def format_of(request: BackfillRequest) -> Format:
    """Give the format: what is asked for, or what the file's name says."""
    return request.format or _FORMATS.get(request.out.suffix, "jsonl")


def words_of(request: BackfillRequest, config: Config) -> dict[str, str]:
    """Give what was typed, as far as it decides what is in the output."""
    details = {"--details": " ".join(sorted(config.polling.details))} if config.polling.details else {}
    return {
        "--since": request.since,
        "--until": request.until or "",
        "--kind": " ".join(sorted(request.kinds)),
        **details,
        "--output": format_of(request),
        "CONNECTOR": " ".join(sorted(request.connectors)),
        "--account": " ".join(sorted(account.id for account in config.accounts)),
    }


def ask_of(request: BackfillRequest, job: Job | None) -> Ask:
    """Say what is to be read: what is asked for, or what was resolved when it was asked for first."""
    return Ask(
        start=request.since if job is None else repr(job.start),
        until=request.until if job is None else repr(job.end),
        follow=False,
        sweep=True,
        kind=request.kinds[0] if len(request.kinds) == 1 else None,
    )


def configure(request: BackfillRequest, place: Place, environ: Mapping[str, str], now: float) -> Config:
    """Make the configuration: flags before the environment, the environment before the file.

    Args:
        request: The flags.
        place: Has the journal.
        environ: Environment variables.
        now: Wall time.

    Raises:
        ConfigError: All that is wrong with flags, environment and file.
    """
    mistakes = span_mistakes(request.since, request.until, follow=False, now=now)
    if request.until is not None and parse_time(request.until, now) > now + CLOCK_TOLERANCE:
        mistakes.append(f"--until: {request.until} lies in the future; a backfill reads what is over")
    config: Config | None = None
    try:
        config = load_accounts(request.config, request.account, request.token_file, environ)
    except ConfigError as error:
        mistakes += error.mistakes
    if mistakes or config is None:
        raise ConfigError(mistakes)
    replace = msgspec.structs.replace
    api = config.api
    if request.share is not None:
        api = replace(api, budget=replace(api.budget, share=request.share))
    polling = config.polling
    if request.details:
        polling = replace(polling, details=request.details)
    return replace(
        config,
        polling=polling,
        accounts=tuple(wanted(account, request.connectors, request.kinds) for account in config.accounts),
        api=api,
        journal=JournalOptions(path=place.journal, retain=0.0),
    )
