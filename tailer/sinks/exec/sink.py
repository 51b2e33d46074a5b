"""Feeds any program: lines on its standard input, acknowledged by its lines, or by its end.

The protocol, chosen by ``acknowledge``:

1. ``line``: one program for as long as we live. Once it has an event safe, it prints the event's id on a line
   of its own (as the record has it; ids may come in any order), or the id, a tab and a reason for one that it
   will never take: that one is set aside. Other lines acknowledge nothing. The next batch comes when the last
   is acknowledged; the input ends when we do.
2. ``exit``: one program a batch. Exit code 0 means that it has taken all it was given, 65 (EX_DATAERR of
   sysexits.h) that it took nothing, for something in it can never be taken: smaller parts follow, until that
   is alone. Any other end means: later, please.

Rules:

3. Delivery is at least once. What was acknowledged is not sent again, but what a program has done and not
   acknowledged when it ends or is killed is; so is the last batch if we are.
4. A program that ends is started again with the next batch, one that fails in a batch after a back-off. One
   that acknowledges nothing for ``timeout`` is taken to hang, and ended.
5. An input that ends within a line was cut: we were killed. Such a line is not to be taken.
6. Its environment has nothing of ours but what is listed: our variables hold tokens.
7. What it writes to standard error is logged, and of ``exit`` also to standard output.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import anyio.to_thread
import msgspec
from msgspec import Meta

from tailer.config.options import VariableName, Word
from tailer.config.words import quoted
from tailer.core.durations import format_duration
from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Watermark
from tailer.sinks.exec.program import Hear, Program, Start, start
from tailer.sinks.exec.words import ProgramEnded, ProgramWords
from tailer.sinks.formats.choice import Template, check_template, make_format, why_no_fields
from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.formats.template import fields_in
from tailer.sinks.formats.watermarks import NEEDS_JSONL, id_of, render_watermarks
from tailer.sinks.options import SinkContext
from tailer.sinks.tls import Timeout

REFUSAL = 65
"""Exit code of a program that refuses its input. Source: EX_DATAERR of sysexits.h, "input data incorrect"."""

INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
"""Variables that every program gets, where we have them: what it needs to run, and nothing that is secret."""

_PATH = "/usr/local/bin:/usr/bin:/bin"  # where programs are looked for if nothing says where


class ExecSink:
    """A program of your own; delivery is at least once, by its acknowledgement.

    Args:
        config: See `Config`.
        context: Its observer is told what the program says.
    """

    class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Options.

        Attributes:
            command: The program and its arguments, each an item of the list: no shell looks at them. A name
                without a slash is looked for along PATH. All users of the machine can see the arguments: no
                place for a secret. Required.
            acknowledge: "line": it runs all the time and prints the id of each event that it has safe.
                "exit": it is started for each batch, and exit code 0 means that it has taken it.
            timeout: The longest wait for the next acknowledgement, or for the end of the program that was
                started for a batch; then it is ended, and the batch comes again.
            folder: Where it runs, which a `command` with a slash in it counts from. Absent: where we run.
            environment: Variables that it gets besides a few that are no secrets (PATH, HOME, LANG, TZ ...).
            format: "jsonl", "logfmt", "csv" (with a header for each start) or "template".
            template: What a line looks like, such as "{id} {k}"; times are UTC. See
                `tailer.sinks.formats.template`.
        """

        command: Annotated[tuple[Word, ...], Meta(min_length=1)]
        acknowledge: Literal["line", "exit"] = "line"
        timeout: Timeout = 30.0
        folder: Path | None = None
        environment: tuple[VariableName, ...] = ()
        format: Literal["jsonl", "logfmt", "csv", "template"] = "jsonl"
        template: Template | None = None

        def __post_init__(self) -> None:
            check_template(self.format, self.template)
            if any("\0" in word for word in self.command):
                raise ValueError("command has a NUL character, which no program can be given; remove it")
            if self.acknowledge == "line" and self.template and "id" not in fields_in(self.template):
                raise ValueError(
                    "a program that acknowledges by line has to know the id: add {id} to template"
                )

        @property
        def no_fields(self) -> str | None:
            """Why fields can't be chosen; ``None``: they can."""
            return why_no_fields(self.format)

        def why_unfit(self, fields: Sequence[ChosenField]) -> str | None:
            """Say why a program can't do with these fields; ``None``: it can."""
            if self.acknowledge == "exit" or "id" in (one.field for one in fields):
                return None
            return 'a program that acknowledges by line has to know the id: add "id"'

        @property
        def no_watermarks(self) -> str | None:
            """Why watermarks can't be passed on; ``None``: they can."""
            return None if self.format == "jsonl" else NEEDS_JSONL

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._config = config
        self._context = context
        self._format = make_format(config.format, template=config.template or "", fields=context.fields)
        names = {*INHERITED, *config.environment}
        self._environ = {name: value for name, value in context.environ.items() if name in names}
        self._words = ProgramWords(context.name, context.observer, context.clock)
        self._program: Program | None = None
        self._is_idle = True
        self._waiting: set[bytes] = set()
        self._answers: dict[bytes, str] = {}

    async def check(self) -> str:
        """Say which program would be started.

        Raises:
            SinkUnavailableError: There is none; the message says what to do.
        """
        path = await anyio.to_thread.run_sync(self._find)
        how = "all the time" if self._config.acknowledge == "line" else "for each batch"
        return f"{path} can be started, and would run {how}"

    async def open(self, resume: Resume) -> bytes | None:  # noqa: ARG002 - the program knows what it has
        """Start the program, if it is to run all the time; gives it nothing.

        Raises:
            SinkUnavailableError: It can't be started; the message says why and what to do.
        """
        self._answers.clear()
        if self._config.acknowledge == "line":
            await self._ready()
        else:
            await anyio.to_thread.run_sync(self._find)
        return None

    async def write(self, batch: Batch) -> bytes | None:
        """Give a batch to the program, and wait until it has acknowledged all of it.

        Raises:
            SinkUnavailableError: It has ended, hangs, or can't be started.
            SinkRejectedError: It will never take some events of the batch.
        """
        ids = [event.id.encode(errors="surrogatepass") for event in batch.events]
        if self._config.acknowledge == "exit":
            await self._run(lambda: self._format.render(batch.events))
            return None
        left = [event for event, one in zip(batch.events, ids, strict=True) if one not in self._answers]
        await self._converse(ids, lambda: self._format.render(left))
        reasons = [self._answers[one] for one in ids]
        self._answers.clear()
        rejected = {index: reason for index, reason in enumerate(reasons) if reason}
        if rejected:
            raise SinkRejectedError("the program refused it", rejected=rejected)
        return None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Give watermarks to the program, as `write` does events.

        Raises:
            SinkUnavailableError: It has ended, hangs, or can't be started.
        """
        if self._config.acknowledge == "exit":
            await self._run(lambda: render_watermarks(watermarks))
            return None
        ids = [id_of(one).encode(errors="surrogatepass") for one in watermarks]
        self._answers.clear()  # times may repeat, so what was said of earlier ones says nothing
        await self._converse(ids, lambda: render_watermarks(watermarks))
        self._answers.clear()
        return None

    async def close(self) -> None:
        """Let the program end: it has acknowledged all that it was given, or is told to stop."""
        await self._stop()

    async def _converse(self, ids: Sequence[bytes], render: Callable[[], bytes]) -> None:
        """Send lines to the program that runs, until each of `ids` has an answer."""
        data = await anyio.to_thread.run_sync(render)
        program = await self._ready()
        self._waiting = {one for one in ids if one not in self._answers}
        self._is_idle = False
        program.send(data)
        while self._waiting:
            is_new = partial(self._has_news, program, len(self._waiting))
            if not await program.wait_until(is_new, self._config.timeout):
                await self._stop()
                raise self._unavailable(
                    f"has acknowledged nothing for {format_duration(self._config.timeout)} and was ended"
                )
            if program.has_ended and self._waiting:
                raise self._unavailable(f"{program.end} before it had acknowledged everything")
        self._is_idle = True

    def _has_news(self, program: Program, waiting: int) -> bool:
        """Tell whether fewer events wait than `waiting`, or nothing more comes from the program."""
        return len(self._waiting) < waiting or program.has_ended

    async def _run(self, render: Callable[[], bytes]) -> None:
        """Start a program for some lines, and wait for its end."""
        data = await anyio.to_thread.run_sync(render)
        program = await self._start({1: self._words.hear, 2: self._words.hear})
        self._is_idle = False
        program.send(self._format.header + data)
        program.end_input()
        if not await program.wait_until(lambda: program.has_ended, self._config.timeout):
            await self._stop()
            raise self._unavailable(
                f"has not ended within {format_duration(self._config.timeout)} and was made to"
            )
        if program.exit_code == REFUSAL:
            raise SinkRejectedError(self._words.last or f"the program refused it with exit code {REFUSAL}")
        if program.exit_code != 0:
            raise self._unavailable(program.end)

    async def _ready(self) -> Program:
        """Give the program that runs all the time, started if it does not."""
        if self._program is not None and self._is_idle and not self._program.has_ended:
            return self._program
        program = await self._start({1: self._answer, 2: self._words.hear})
        program.send(self._format.header)
        return program

    async def _start(self, hear: dict[int, Hear]) -> Program:
        await self._stop()
        self._words.forget()
        path = await anyio.to_thread.run_sync(self._find)
        command = (path, *self._config.command[1:])
        try:
            self._program = await start(
                Start(command, self._config.folder, self._environ), hear, self._note_end
            )
        except OSError as error:
            raise self._unavailable(f"can't be started: {error.strerror or error}") from error
        self._is_idle = True
        return self._program

    async def _stop(self) -> None:
        if self._program is not None:
            program, self._program = self._program, None
            await program.stop(is_idle=self._is_idle)

    def _answer(self, line: bytes) -> None:
        """Take a line of a program that acknowledges."""
        one, tab, reason = line.rstrip(b"\r").partition(b"\t")
        if one not in self._waiting:
            self._words.hear(line)
            return
        self._waiting.remove(one)
        self._answers[one] = (reason.decode(errors="replace").strip() or "no reason was given") if tab else ""

    def _note_end(self) -> None:
        """Tell of a program that has ended by itself, where no failed batch does."""
        if self._program is not None and self._is_idle:
            self._context.observer(ProgramEnded(self._context.name, self._program.end))

    def _find(self) -> str:
        """Find the program; raises ``SinkUnavailableError``."""
        name, folder = self._config.command[0], self._config.folder
        if folder is not None and not folder.is_dir():
            raise SinkUnavailableError(
                f"Sink {self._context.name!r}: there is no folder {folder}; make it, or correct folder"
            )
        where = str((folder or Path()).absolute() / name) if "/" in name else name
        found = shutil.which(where, path=self._environ.get("PATH", _PATH))
        if found is None:
            place = "is no program that this user may start" if "/" in name else "is not found along PATH"
            raise SinkUnavailableError(
                f"Sink {self._context.name!r}: {quoted(name)} {place}; install it, or correct command"
            )
        return str(Path(found).absolute())

    def _unavailable(self, what: str) -> SinkUnavailableError:
        said = "" if self._words.last is None else f"; the last it said: {self._words.last}"
        return SinkUnavailableError(f"Program of sink {self._context.name!r} {what}{said}")
