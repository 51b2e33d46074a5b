import contextlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.e2e.program import TOKEN, command, environment, run, simulator, started

CONFIG = """
[[accounts]]
id = "023e105f4ecef8ad9ca31a8372d0c353"
[polling]
start = "2m"
interval = "1s"
[journal]
path = "tailer.db"
[[sinks]]
type = "file"
path = "events.jsonl"
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator with a busy fleet and the variables that lead there."""
    with simulator(tmp_path_factory.mktemp("api"), "--connectors", "4", "--rate", "20") as variables:
        yield variables


def records(text: str) -> list[dict[str, Any]]:
    """JSON Lines as records."""
    return [json.loads(line) for line in text.splitlines()]


def stream(pipe: IO[str] | None) -> IO[str]:
    """A pipe that is known to be there."""
    assert pipe is not None
    return pipe


@pytest.mark.parametrize("name", ["tail", "run", "demo", "simulate"])
def test_every_command_helps(name: str, tmp_path: Path) -> None:
    """Each command has a help of its own, on stdout, without an account."""
    ended = run([name, "--help"], {}, tmp_path)
    assert ended.code == 0
    assert ended.stdout.startswith(f"Usage: tailer {name}")
    assert ended.stderr == ""


def test_help_into_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """Help that nobody reads to the end is no failure."""
    with started(["simulate", "--help"], {}, tmp_path) as process:
        stream(process.stdout).close()
        assert process.wait() == 0
        assert stream(process.stderr).read() == ""


def test_demo_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """The demo shows events without account and terminal, and leaves no file behind."""
    with started(["demo", "--for", "1h"], {}, tmp_path) as process:
        assert len([json.loads(stream(process.stdout).readline()) for _ in range(11)]) == 11
        process.terminate()
        words = stream(process.stderr).read()
        assert process.wait() == 0
    assert "an invented fleet of 7 appliances" in words
    assert "events from 7 connectors, read through" in words
    assert "tailer tail --help" in words
    assert list(tmp_path.iterdir()) == []


def test_demo_ends_by_itself(tmp_path: Path) -> None:
    """After the asked time it ends with 0 and a summary, whatever came."""
    ended = run(["demo", "--for", "100ms"], {}, tmp_path)
    assert ended.code == 0
    assert "events from 7 connectors, read through" in ended.stderr


def test_data_goes_to_stdout_and_words_to_stderr(api: dict[str, str], tmp_path: Path) -> None:
    """A tail in a pipe gives JSON Lines and nothing else; the summary counts them, on stderr."""
    ended = run(["tail", "--since", "1m", "--until", "10s"], api, tmp_path)
    lines = records(ended.stdout)
    assert ended.code == 0
    assert len({line["id"] for line in lines}) == len(lines) > 100
    assert ended.stderr.startswith(f"tailer: {len(lines)} events from 4 connectors, read through ")
    assert "no gaps" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kinds", [["Reconcile"], ["Reconcile", "RekeyComplete"]])
def test_kinds_are_all_that_comes(api: dict[str, str], tmp_path: Path, kinds: list[str]) -> None:
    """With one ``-k`` or several, only events of these kinds are shown."""
    flags = [word for kind in kinds for word in ("-k", kind)]
    ended = run(["tail", "--since", "1m", "--until", "10s", *flags], api, tmp_path)
    assert ended.code == 0
    assert {line["k"] for line in records(ended.stdout)} == set(kinds)


def test_connectors_are_all_that_comes(api: dict[str, str], tmp_path: Path) -> None:
    """A pattern over the notes chooses connectors, whatever its case."""
    ended = run(["tail", "lisbon*", "--since", "2m", "--until", "10s"], api, tmp_path)
    assert ended.code == 0
    assert {line["name"].split()[0] for line in records(ended.stdout)} == {"Lisbon"}


@pytest.mark.parametrize(("flags", "colored"), [([], False), (["--color", "always"], True)])
def test_pretty_in_a_pipe_has_colours_only_when_told(
    api: dict[str, str], tmp_path: Path, flags: list[str], colored: bool
) -> None:
    """Escape sequences end up in files only if somebody asks for them."""
    ended = run(["tail", "--since", "1m", "--until", "30s", "-o", "pretty", *flags], api, tmp_path)
    assert ended.code == 0
    assert ("\x1b[" in ended.stdout) == colored


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_terminal_gets_pretty_lines(
    api: dict[str, str], tmp_path: Path, variables: dict[str, str], colored: bool
) -> None:
    """On a terminal lines are pretty, and coloured unless NO_COLOR says no."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("tail", "--since", "1m", "--until", "50s"),
        env=environment(**{"TERM": "xterm", **api, **variables}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while piece := os.read(ours, 65536):
                shown += piece
        assert process.wait() == 0
    os.close(ours)
    assert b"Reconcile" in shown
    assert b'"k":' not in shown
    assert (b"\x1b[" in shown) == colored


def test_reader_that_has_enough_ends_the_tail_quietly(api: dict[str, str], tmp_path: Path) -> None:
    """``tailer tail | head -1`` ends with code 0 and without a word."""
    with started(["tail", "--since", "2h"], api, tmp_path) as process:
        assert stream(process.stdout).readline().startswith('{"id"')
        stream(process.stdout).close()
        assert process.wait() == 0
        assert stream(process.stderr).read() == ""


def test_reader_that_leaves_is_noticed_without_events(api: dict[str, str], tmp_path: Path) -> None:
    """A follower whose reader is gone ends although it has nothing to write."""
    with started(["tail", "-f", "--since", "1s", "-k", "Nothing"], api, tmp_path) as process:
        stream(process.stdout).close()
        assert process.wait() == 0
        assert stream(process.stderr).read() == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signal_ends_a_follower_with_its_summary(
    api: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM deliver what was read, print the summary and exit with their codes."""
    with started(["tail", "-f", "--since", "1m"], api, tmp_path) as process:
        stream(process.stdout).readline()
        process.send_signal(number)
        rest, words = stream(process.stdout).read(), stream(process.stderr).read()
        assert process.wait() == code
        assert words.startswith(f"tailer: {1 + len(records(rest))} events from 4 connectors")


def test_second_interrupt_leaves_a_blocked_pipe(api: dict[str, str], tmp_path: Path) -> None:
    """With a reader who sleeps the first Ctrl-C waits for him, the second ends the program at once."""
    with started(["tail", "-f", "--since", "2h"], api, tmp_path) as process:
        stream(process.stdout).read(1)  # there is more than a pipe holds, and nobody reads on
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.0)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_daemon_goes_on_where_it_ended(api: dict[str, str], tmp_path: Path) -> None:
    """Each ``run --once`` adds what is new, none twice, and its log is JSON with a summary at the end."""
    (tmp_path / "c.toml").write_text(CONFIG)
    counts: list[int] = []
    while sum(count > 0 for count in counts) < 2 and len(counts) < 20:  # a second may bring nothing
        ended = run(["run", "--once", "-c", "c.toml"], api, tmp_path)
        assert ended.code == 0
        assert ended.stdout == ""
        log = records(ended.stderr)
        assert log[-1]["event"] == "Ended"
        counts.append(log[-1]["delivered"]["file"])
    events = records((tmp_path / "events.jsonl").read_text())
    assert sum(count > 0 for count in counts) == 2
    assert len({event["id"] for event in events}) == len(events) == sum(counts)


def test_daemon_drains_on_sigterm(api: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM ends the daemon with code 0 after it has told what it did."""
    (tmp_path / "c.toml").write_text(CONFIG)
    with started(["run", "-c", "c.toml"], api, tmp_path) as process:
        while json.loads(stream(process.stderr).readline())["event"] != "Started":
            pass
        process.terminate()
        words = stream(process.stderr).read()
        assert process.wait() == 0
        assert [line["event"] for line in records(words)][-2:] == ["DrainStarted", "Ended"]


def test_daemon_without_standard_streams(api: dict[str, str], tmp_path: Path) -> None:
    """With stdout and stderr closed nothing is written into files that got their numbers."""
    (tmp_path / "c.toml").write_text(CONFIG)
    shell = f"exec {' '.join(command('run', '--once', '-c', 'c.toml'))} >&- 2>&-"
    done = subprocess.run(["/bin/sh", "-c", shell], env=environment(**api), cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert len(records((tmp_path / "events.jsonl").read_text())) > 100
    assert (tmp_path / "tailer.db").read_bytes().startswith(b"SQLite format 3")


def test_what_can_not_be_read_is_named(tmp_path: Path) -> None:
    """A connector that the API refuses makes the run incomplete, exit code 4, and is named in the summary."""
    with simulator(tmp_path, "--connectors", "3", "--rate", "5", "--fault", "404#1:1") as variables:
        ended = run(["tail", "--since", "1m"], variables, tmp_path)
    assert ended.code == 4
    assert len({line["connector"] for line in records(ended.stdout)}) == 2
    last = ended.stderr.splitlines()[-1]
    assert "was read only through" in last
    assert "HTTP 404" in last
    assert TOKEN not in ended.stderr
