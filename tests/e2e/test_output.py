"""What `tailer tail` shows: formats, filters, an archive on stdin, and when it ends by itself."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import command, environment, run, simulator, started

SPAN = ["tail", "--since", "40s", "--until", "10s"]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator with a busy fleet and late events, and the variables that lead there."""
    options = ["--connectors", "4", "--rate", "20", "--late-share", "0.1"]
    with simulator(tmp_path_factory.mktemp("api"), *options) as variables:
        yield variables


@pytest.fixture(scope="module")
def archive(api: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hundred records in a file."""
    folder = tmp_path_factory.mktemp("archive")
    ended = run(SPAN, api, folder)
    assert ended.code == 0
    path = folder / "events.jsonl"
    path.write_text(ended.stdout)
    return path


def records(text: str) -> list[dict[str, Any]]:
    """JSON Lines as records."""
    return [json.loads(line) for line in text.splitlines()]


def shown(archive: Path, *flags: str, **variables: str) -> str:
    """What ``--stdin`` shows of an archive."""
    with archive.open("rb") as stdin:
        done = subprocess.run(
            command("tail", "--stdin", *flags),
            env=environment(**variables),
            stdin=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["-o", "logfmt"], r"id=\S+ time=\S+ account=\w+ connector=\w+ name=.* late=(true|false)"),
        (["--template", r"{time:%H:%M}\t{k!j}"], r'\d\d:\d\d\t"\w+"'),
        (["-o", "pretty", "--time-zone", "Asia/Kathmandu"], r"2\d{3}-\d\d-\d\d [\d:.]+\+05:45  .*"),
        (["--show", "lateness", "--utc"], r"2\d{3}-\d\d-\d\d [\d:.]+Z  .* lateness=\S+"),
    ],
)
def test_tail_writes_every_format(api: dict[str, str], tmp_path: Path, flags: list[str], line: str) -> None:
    """Each event is a line of the format that was asked for."""
    ended = run([*SPAN, *flags], api, tmp_path)
    assert ended.code == 0
    assert len(ended.stdout.splitlines()) > 100
    assert [one for one in ended.stdout.splitlines() if not re.fullmatch(line, one)] == []


def test_csv_begins_with_its_header(api: dict[str, str], tmp_path: Path) -> None:
    """CSV has one header and a row an event; without any event there is the header all the same."""
    ended = run([*SPAN, "-o", "csv"], api, tmp_path)
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert len(rows) > 100
    assert {len(row) for row in rows} == {13}
    nothing = run([*SPAN, "-o", "csv", "-k", "Nothing"], api, tmp_path)
    assert nothing.stdout == ended.stdout.splitlines()[0] + "\n"


def test_archive_comes_back_as_it_was(archive: Path) -> None:
    """Records that are read from stdin and written as JSON Lines are the same."""
    assert shown(archive, "-o", "jsonl") == archive.read_text()
    assert len(shown(archive, "--template", "{k}").splitlines()) == len(records(archive.read_text()))


def test_filters_leave_the_others_out(api: dict[str, str], archive: Path, tmp_path: Path) -> None:
    """``--level``, ``--include`` and ``--exclude`` mean the same for the API as for an archive."""
    flags = ["--level", "info", "--include", "^Lisbon", "--include", "Rekey", "--exclude", "Start$"]
    for text in (run([*SPAN, *flags], api, tmp_path).stdout, shown(archive, *flags)):
        told = [(one["name"], one["level"], one["k"]) for one in records(text)]
        assert len(told) > 10
        assert all(name.startswith("Lisbon") or "Rekey" in kind for name, _, kind in told)
        assert {level for _, level, _ in told} & {"debug"} == set()
        assert not any(kind.endswith("Start") for _, _, kind in told)


def test_summary_counts_what_was_filtered(api: dict[str, str], tmp_path: Path) -> None:
    """What was read and what was shown are told apart."""
    ended = run([*SPAN, "--level", "warning"], api, tmp_path)
    match = re.search(r"(\d+) events from .*; delivered (\d+) to stdout", ended.stderr)
    assert match is not None
    assert int(match[2]) == len(ended.stdout.splitlines()) < int(match[1])


def test_reader_of_an_archive_may_have_enough(archive: Path, tmp_path: Path) -> None:
    """``tailer tail --stdin | head -1`` ends with code 0 and without a word."""
    path = tmp_path / "long.jsonl"
    path.write_text(archive.read_text() * 20)  # more than all pipes and buffers hold
    with (
        path.open("rb") as stdin,
        subprocess.Popen(
            command("tail", "--stdin"),
            env=environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith('{"id"')
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_archive_is_shown_as_it_comes(archive: Path) -> None:
    """A record that comes through a pipe is shown before the next one is there."""
    one, other = archive.read_text().splitlines(keepends=True)[:2]
    with subprocess.Popen(
        command("tail", "--stdin", "--template", "{id}"),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in (one, other):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == json.loads(line)["id"] + "\n"
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize("follow", [["-f"], []])
def test_idle_tail_ends_by_itself(api: dict[str, str], tmp_path: Path, follow: list[str]) -> None:
    """A tail that has nothing new to show for the given time ends with code 0 and says why."""
    flags = [] if follow else ["--until", "2100-01-01"]
    ended = run(["tail", *follow, *flags, "--idle-exit", "500ms", "-k", "Nothing"], api, tmp_path)
    assert ended.code == 0
    assert "tailer: nothing new for 500ms, so this is the end" in ended.stderr
    assert "events from 4 connectors, read through" in ended.stderr


def test_busy_tail_does_not_end(api: dict[str, str], tmp_path: Path) -> None:
    """As long as something comes in time, ``--idle-exit`` ends nothing."""
    flags = ["-f", "--since", "1s", "--interval", "200ms", "--order", "arrival", "--idle-exit", "10s"]
    with started(["tail", *flags], api, tmp_path) as process:
        assert process.stdout is not None
        for _ in range(60):
            assert process.stdout.readline()
        assert process.poll() is None


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_lines_fit_the_terminal(archive: Path, columns: int) -> None:
    """On a terminal of 60 columns or more no line is wrapped, and none has colours with NO_COLOR."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with (
        archive.open("rb") as stdin,
        subprocess.Popen(
            command("tail", "--stdin"),
            env=environment(TERM="xterm", NO_COLOR="1"),
            stdin=stdin,
            stdout=theirs,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while piece := os.read(ours, 65536):
                text += piece
        assert process.wait() == 0
    os.close(ours)
    lines = text.decode().splitlines()
    assert len(lines) >= len(archive.read_text().splitlines())
    assert max(map(len, lines)) <= columns
    assert b"\x1b" not in text
