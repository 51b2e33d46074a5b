"""Standard output in pipes, files and terminals, with readers who are slow, gone or coming back."""

import errno
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import anyio
import msgspec
import pytest

from tailer.errors import SinkClosedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch
from tailer.observe import ignore
from tailer.sinks import zones
from tailer.sinks.options import SinkContext
from tailer.sinks.stdout import StdoutSink
from tailer.testing.sink_contract import ids_of, make_batch

KATHMANDU = zones.find("Asia/Kathmandu")  # read before there is an event loop, and remembered
BIG = make_batch(1, 3000)  # more than a megabyte: sixteen times what a pipe holds


def sink_on(stdout: BinaryIO, environ: dict[str, str] | None = None, **options: Any) -> StdoutSink:
    """Build a sink on a stream."""
    return StdoutSink(StdoutSink.Config(**options), SinkContext("stdout", stdout, environ or {}, ignore))


def ids_in(lines: bytes) -> list[str]:
    """Read the ids of JSON Lines."""
    return [json.loads(line)["id"] for line in lines.splitlines()]


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give both ends of a pipe, reading end first."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as reader, open(writing, "wb") as writer:  # noqa: PTH123 - file numbers
        yield reader, writer


@pytest.fixture
def terminal() -> Iterator[tuple[int, BinaryIO]]:
    """Give the far side of a terminal, and the stream of a program that runs in it."""
    far, near = pty.openpty()
    with open(near, "wb") as stream:  # noqa: PTH123 - a file number
        yield far, stream
    os.close(far)


async def test_batch_is_out_at_once(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """A batch into a pipe can be read when write returns, without waiting for a buffer to fill."""
    reader, writer = pipe
    sink = sink_on(writer)
    assert await sink.open(Resume(0, None)) is None
    assert await sink.write(make_batch(1, 2)) is None
    received = await anyio.to_thread.run_sync(reader.read, 65536)
    assert ids_in(received) == ids_of(make_batch(1, 2))
    await sink.close()


async def test_slow_reader_blocks_only_its_own_sink(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """While nobody reads, write waits and the loop goes on; when the reader comes, it gets everything."""
    reader, writer = pipe
    sink = sink_on(writer)
    received: list[bytes] = []

    def read_all() -> None:
        while b"".join(received).count(b"\n") < len(BIG.events):
            received.append(reader.read(65536))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, BIG)
        await _until_full(writer)
        await anyio.to_thread.run_sync(read_all)
    assert ids_in(b"".join(received)) == ids_of(BIG)


async def test_waiting_write_can_be_given_up(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """A write that waits for a reader ends at once when it is cancelled, and its thread ends with it."""
    _, writer = pipe
    sink = sink_on(writer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, BIG)
        await _until_full(writer)
        tasks.cancel_scope.cancel()
    await sink.close()


def test_program_ends_while_its_reader_sleeps(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """A program whose pager does not read ends when it is told to, no thread holds it back."""
    program = """
import sys, anyio
from tailer.observe import ignore
from tailer.sinks import zones
from tailer.sinks.options import SinkContext
from tailer.sinks.stdout import StdoutSink
from tailer.model import Batch, Event, Source

async def main():
    source = Source("a", "c", "name", "serial", 0.0)
    batch = Batch([Event(t=t, n=0, k="Init", a=t, source=source) for t in range(3000)])
    sink = StdoutSink(StdoutSink.Config(), SinkContext("stdout", sys.stdout.buffer, {}, ignore))
    with anyio.move_on_after(0.2):
        await sink.write(batch)
    await sink.close()

anyio.run(main)
"""
    _, writer = pipe
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


async def test_gone_reader_closes_the_sink(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """When the reader has left, as `head` does, the sink says so and leaves nothing in a buffer."""
    reader, writer = pipe
    sink = sink_on(writer)
    await sink.write(make_batch(1, 1))
    reader.close()
    with pytest.raises(SinkClosedError, match="Nobody reads standard output any more"):
        await sink.write(make_batch(2, 2))
    await sink.close()


async def test_reader_who_leaves_meanwhile_closes_the_sink(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """A reader who leaves while a write waits ends that write."""
    reader, writer = pipe
    sink = sink_on(writer)

    async def write() -> None:
        with pytest.raises(SinkClosedError):
            await sink.write(BIG)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await _until_full(writer)
        reader.close()


async def test_closed_stream_is_a_gone_reader() -> None:
    """A stream that was closed, or a file number that is no more, ends the sink like a gone reader."""
    memory = io.BytesIO()
    sink = sink_on(memory)
    memory.close()
    with pytest.raises(SinkClosedError):
        await sink.write(make_batch(1, 1))


async def test_full_disk_can_be_made_up_for() -> None:
    """A redirection to a full disk is unavailable, not gone."""
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: ASYNC230, PTH123 - a device
        sink = sink_on(full)
        with pytest.raises(SinkUnavailableError, match="No space left on device"):
            await sink.write(make_batch(1, 1))


async def test_no_line_is_torn_by_a_failure(
    pipe: tuple[BinaryIO, BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failure in the middle, the same batch goes on where it stopped."""
    reader, writer = pipe
    sink = sink_on(writer)
    batch = make_batch(1, 40)
    write = os.write
    calls = 0

    def fail_at_second(number: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(number, data)

    monkeypatch.setattr(os, "write", fail_at_second)
    with pytest.raises(SinkUnavailableError):
        await sink.write(batch)
    await sink.write(batch)
    assert ids_in(await anyio.to_thread.run_sync(reader.read, 65536)) == ids_of(batch)


@pytest.mark.parametrize(
    ("environ", "color", "colored"),
    [
        ({}, "auto", True),
        ({"NO_COLOR": "1"}, "auto", False),
        ({"NO_COLOR": ""}, "auto", True),
        ({"TERM": "dumb"}, "auto", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({}, "never", False),
    ],
)
async def test_terminal_gets_pretty_lines(
    terminal: tuple[int, BinaryIO],
    environ: dict[str, str],
    color: Literal["auto", "always", "never"],
    colored: bool,
) -> None:
    """A terminal gets aligned lines, in colours unless someone objects."""
    far, stream = terminal
    sink = sink_on(stream, environ, color=color, utc=True)
    await sink.write(make_batch(1, 1))
    shown = await anyio.to_thread.run_sync(os.read, far, 4096)
    assert "Büro 1" in shown.decode()
    assert not shown.startswith(b"{")
    assert (b"\x1b[" in shown) == colored
    await sink.close()


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({}, b'{"id":'),
        ({"format": "jsonl", "color": "always"}, b'{"id":'),
        ({"format": "pretty", "utc": True}, b"2026-08-01 12:00:00Z  B"),
        ({"format": "pretty", "utc": True, "color": "always"}, b"\x1b[2m2026-08-01 \x1b[0m12:00:00"),
    ],
)
async def test_programs_get_what_was_asked_for(options: dict[str, Any], start: bytes) -> None:
    """What is no terminal gets JSON Lines, or what the options say, without colours of its own accord."""
    stream = io.BytesIO()
    await sink_on(stream, **options).write(make_batch(1, 1))
    assert stream.getvalue().startswith(start)


async def test_lines_fit_the_terminal(terminal: tuple[int, BinaryIO]) -> None:
    """Each batch fits the terminal as it is just then, for people resize it; COLUMNS does not outrank it."""
    far, stream = terminal
    event = make_batch(1, 1).events[0]
    event.source = msgspec.structs.replace(event.source, name="n" * 99)
    event.k = "FinishRotateCryptKeySuccess"
    sink = sink_on(stream, {"COLUMNS": "200"}, color="never", utc=True)
    for columns in (75, 120, 60):
        fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        await sink.write(Batch([event]))
        shown = (await anyio.to_thread.run_sync(os.read, far, 4096)).decode()
        assert "…nnn" in shown
        assert len(shown.splitlines()[-1]) <= columns


@pytest.mark.parametrize(
    ("columns", "widest"), [("75", 75), ("", 200), ("0", 200), ("wide", 200), ("99999", 200)]
)
async def test_pipe_gets_lines_of_a_written_width(columns: str, widest: int) -> None:
    """Pretty lines into a pipe, for a pager, are as wide as COLUMNS says, if it says something."""
    stream = io.BytesIO()
    event = make_batch(1, 1).events[0]
    event.source = msgspec.structs.replace(event.source, name="n" * 99)
    await sink_on(stream, {"COLUMNS": columns}, format="pretty").write(Batch([event]))
    assert ("info " in stream.getvalue().decode() or "debug " in stream.getvalue().decode()) == (widest > 75)


async def test_header_comes_first_and_once(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """A header is there even without events, and no second time with the next batch."""
    reader, writer = pipe
    sink = sink_on(writer, format="csv")
    await sink.open(Resume(0, None))
    assert (await anyio.to_thread.run_sync(reader.read, 65536)).startswith(b"id,time,account,")
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 2))
    rows = (await anyio.to_thread.run_sync(reader.read, 65536)).splitlines()
    assert len(rows) == 2
    assert not rows[0].startswith(b"id,")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"template": "{k}!"}, b"Reconcile!\n"),
        ({"format": "logfmt"}, b"id=account/connector-1/"),
        ({"show": ["serial"], "utc": True}, b"2026-08-01 12:00:00Z  B"),
        ({"format": "pretty", "time_zone": str(KATHMANDU)}, b"2026-08-01 17:45:00+05:45  B"),
    ],
)
async def test_options_say_what_is_meant(options: dict[str, Any], shown: bytes) -> None:
    """A template alone, or fields to show alone, choose their format; zones have their names."""
    stream = io.BytesIO()
    await sink_on(stream, **options).write(make_batch(1, 1))
    assert stream.getvalue().startswith(shown)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "template"}, "format template needs a template"),
        ({"format": "csv", "template": "{k}"}, "a template is for format template, not for csv"),
        ({"format": "csv", "show": ["serial"]}, "show is for format pretty"),
        ({"template": "{k}", "show": ["serial"]}, "show is for format pretty"),
        ({"utc": True, "time_zone": "Asia/Kathmandu"}, "choose one"),
        ({"time_zone": "Kathmandu"}, "did you mean Asia/Kathmandu"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], sentence: str) -> None:
    """Options of which one would be ignored are refused."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        StdoutSink.Config(**options)


@pytest.mark.parametrize(
    ("environ", "color", "colored"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": ""}, "auto", False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False),
        ({"FORCE_COLOR": "1"}, "never", False),
        ({"NO_COLOR": "1"}, "always", True),
    ],
)
async def test_colours_into_a_pipe(
    environ: dict[str, str], color: Literal["auto", "always", "never"], colored: bool
) -> None:
    """What is no terminal gets colours only if somebody insists; what is highlighted needs them."""
    stream = io.BytesIO()
    sink = sink_on(stream, environ, color=color, template="{name!c} {k}", highlight=["Recon.*"])
    await sink.write(make_batch(1, 1))
    assert stream.getvalue().count(b"\x1b[") == (4 if colored else 0)


async def test_terminal_without_a_size() -> None:
    """What calls itself a terminal, but has no size, gets pretty lines of the usual width."""

    class Screen(io.BytesIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    await sink_on(screen, color="never").write(make_batch(1, 1))
    assert b"  warning" in screen.getvalue() or b"  debug" in screen.getvalue()


async def test_terminal_can_have_json(terminal: tuple[int, BinaryIO]) -> None:
    """JSON Lines can be asked for on a terminal as well."""
    far, stream = terminal
    await sink_on(stream, format="jsonl").write(make_batch(1, 1))
    assert (await anyio.to_thread.run_sync(os.read, far, 4096)).startswith(b'{"id":')


async def _until_full(pipe: BinaryIO) -> None:
    """Wait until a pipe takes no more, so that whoever writes waits for its reader."""
    held = bytearray(4)
    capacity = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    while int.from_bytes(held, sys.byteorder) <= capacity - 4096:
        await anyio.sleep(0.01)
        fcntl.ioctl(pipe, termios.FIONREAD, held)


async def test_stream_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a pipe can't be asked whether it is ready, as on Windows, the stream is written and flushed."""
    monkeypatch.delattr(select, "poll")
    file = tmp_path / "lines"
    with file.open("wb") as writer:
        sink = sink_on(writer)
        await sink.open(Resume(0, None))
        await sink.write(make_batch(1, 2))
        assert ids_in(file.read_bytes()) == ids_of(make_batch(1, 2))
        await sink.close()
