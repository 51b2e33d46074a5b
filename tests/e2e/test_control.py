"""A daemon that is asked how it is, and told to read its configuration again, while events stream."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Simulate
from tests.e2e.deliveries import assert_exact, wait_for_delivery, wait_for_news, wait_for_truth
from tests.e2e.processes import DEADLINE, Process, Setup, clean_environment, wait_until
from tests.e2e.program import Ended
from tests.e2e.truth import complaints, count_lines, read_records, read_truth

WORLD = ("--connectors", "5", "--rate", "20", "--history", "20m", "--history-events", "300")

SECOND = '\n[[sinks]]\ntype = "file"\nname = "second"\npath = "second.jsonl"\norder = "connector"\n'


def tailer(setup: Setup, *words: str) -> Ended:
    """Run a command beside the daemon; it has none of the daemon's variables."""
    done = subprocess.run(
        [sys.executable, "-m", "tailer", words[0], "-c", str(setup.path), *words[1:]],
        cwd=setup.folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def edit(setup: Setup, *changes: tuple[str, str]) -> None:
    """Change the configuration file."""
    text = setup.path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    setup.path.write_text(text)


def started(run: Process, times: int = 1) -> None:
    """Wait until a daemon serves for the n-th time."""
    wait_until(lambda: run.words.count('"event":"Started"') >= times, "it serves", run)


def heard(run: Process, event: str) -> dict[str, Any]:
    """Give the last line of a daemon's log about something; wait for it."""

    def lines() -> list[dict[str, Any]]:
        return [line for text in run.words.splitlines() if (line := json.loads(text))["event"] == event]

    wait_until(lambda: bool(lines()), f"{event} is on the log", run)
    return lines()[-1]


@pytest.fixture
def setup(tmp_path: Path, simulate: Simulate) -> Setup:
    """A daemon's files, and a simulator with late events and short pages."""
    late = ("--late-share", "0.1", "--late-by", "4s", "--max-limit", "100")
    return Setup(tmp_path, simulate(*WORLD, *late), start="3h")


def test_reloads_lose_nothing_and_repeat_nothing(setup: Setup) -> None:
    """Sinks come and go, intervals change, tokens stay: each file has each event exactly once.

    A sink that is added gets all that the journal still holds.
    """
    second = setup.folder / "second.jsonl"
    with setup.run() as run:
        started(run)
        edit(setup, ('interval = "200ms"', 'interval = "300ms"'))
        assert tailer(setup, "reload") == (0, "", "tailer: reloaded: polling changed\n")
        wait_for_news(setup.simulator, 20)
        setup.path.write_text(setup.path.read_text() + SECOND)
        assert tailer(setup, "reload") == (0, "", "tailer: reloaded: sinks changed\n")
        wait_for_news(setup.simulator, 20)
        for number in range(6):  # in quick succession, with events in flight
            edit(setup, (f'settle = "{500 + number}ms"', f'settle = "{501 + number}ms"'))
            if number % 2:
                run.send(signal.SIGHUP)
            else:
                assert tailer(setup, "reload").code == 0
        assert tailer(setup, "reload").code == 0
        required = wait_for_truth(setup.events, setup.simulator, run, news=20)
        wait_for_delivery(second, required, run)
        setup.path.write_text(setup.path.read_text().replace(SECOND, ""))
        assert tailer(setup, "reload") == (0, "", "tailer: reloaded: sinks changed\n")
        assert heard(run, "SinkAbsent")["sink"] == "second"
        required = wait_for_truth(setup.events, setup.simulator, run, news=20)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")
    truth = read_truth(setup.simulator.truth)
    assert not complaints(read_records(second), truth, required=(), order="connector")


def test_connectors_come_and_go_with_the_file(setup: Setup) -> None:
    """Who is excluded is not read; who is wanted again is read from where it was left, without a hole."""
    with setup.run() as run:
        wait_for_truth(setup.events, setup.simulator, run)
        connectors = {record.connector for record in read_records(setup.events)}
        left_out = min(connectors)
        edit(setup, ("[[accounts]]\n", f'[[accounts]]\nexclude = ["{left_out}"]\n'))
        assert tailer(setup, "reload").code == 0
        assert heard(run, "Started")["connectors"] == 4
        wait_for_news(setup.simulator, 40)
        edit(setup, (f'exclude = ["{left_out}"]\n', ""))
        assert tailer(setup, "reload") == (0, "", "tailer: reloaded: accounts changed\n")
        required = wait_for_truth(setup.events, setup.simulator, run, news=10)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


def test_a_bad_file_changes_nothing(setup: Setup) -> None:
    """All mistakes are told by the command and on the log, and the daemon goes on as before."""
    with setup.run() as run:
        started(run)
        good = setup.path.read_text()
        edit(setup, ("interval =", "intervall ="), ('type = "file"', 'type = "fil"'))
        ended = tailer(setup, "reload")
        assert ended.code == 2
        assert "tailer: not reloaded, the former configuration stays in force\n" in ended.stderr
        assert 'polling.intervall: is no option; did you mean "interval"?' in ended.stderr
        assert 'sinks[0].type: no sink is called "fil"' in ended.stderr
        run.send(signal.SIGHUP)
        wait_until(lambda: run.words.count('"event":"ReloadRefused"') >= 4, "it is on the log twice", run)
        setup.path.write_text("this is no TOML")
        assert tailer(setup, "reload").code == 2
        setup.path.write_text(good)
        assert tailer(setup, "reload") == (0, "", "tailer: reloaded: nothing has changed\n")
        required = wait_for_truth(setup.events, setup.simulator, run, news=10)
        assert run.words.count('"event":"Started"') == 1
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


@pytest.mark.parametrize("delay", [0.0, pytest.param(0.03, marks=pytest.mark.long)])
def test_sigterm_in_the_middle_of_a_reload_ends_it_in_good_order(
    tmp_path: Path, simulate: Simulate, delay: float
) -> None:
    """Wherever the reload was, the daemon ends with 0, and the next one goes on without a hole."""
    setup = Setup(tmp_path, simulate(*WORLD), start="3h")
    with setup.run() as run:
        started(run)
        edit(setup, ('interval = "200ms"', 'interval = "300ms"'))
        run.send(signal.SIGHUP)
        time.sleep(delay)  # the instant is the point: no state is waited for
        assert run.stop() == 0, run.words
    with setup.run() as run:
        required = wait_for_truth(setup.events, setup.simulator, run, news=10)
        assert run.stop() == 0, run.words
    assert_exact(setup.events, setup.simulator, required=required, order="connector")


def test_a_killed_daemon_leaves_a_socket_that_is_in_nobodys_way(setup: Setup) -> None:
    """After kill -9 commands say that none runs; the next daemon takes the socket's place, and removes it."""
    path = setup.folder / "tailer.db.sock"
    with setup.run() as run:
        wait_until(path.exists, "the socket is there", run)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        run.send(signal.SIGKILL)
        run.wait()
    assert path.exists()
    ended = tailer(setup, "reload")
    assert (ended.code, ended.stdout) == (1, "")
    assert f"tailer: no daemon runs: nobody listens at {path}" in ended.stderr
    with setup.run() as run:
        started(run)
        wait_until(lambda: tailer(setup, "reload").code == 0, "it takes commands", run)
        assert run.stop() == 0, run.words
    assert not path.exists()


def test_status_tells_of_a_daemon_and_of_what_it_has_left(setup: Setup) -> None:
    """Before the first start, while it runs, and after it was killed: one sentence says which it is."""
    ended = tailer(setup, "status")
    assert (ended.code, ended.stdout) == (1, "")
    assert "there is no journal" in ended.stderr
    with setup.run() as run:
        wait_for_truth(setup.events, setup.simulator, run)
        wait_until(
            lambda: tailer(setup, "status").stdout.startswith("All is well: 5 connectors read through 20"),
            "status says that all is well",
            run,
        )
        told = json.loads(tailer(setup, "status", "--json").stdout)
        assert told["process"]["pid"] == run.pid
        assert told["fleet"]["well"] == 5
        name = told["connectors"][0]["name"]
        ended = tailer(setup, "status", name)
        assert ended.code == 0
        assert ended.stdout.count(" well ") == 1
        assert tailer(setup, "status", "no such thing").code == 2
        run.send(signal.SIGKILL)
        run.wait()
    ended = tailer(setup, "status")
    assert ended.code == 0
    assert ended.stdout.startswith("No daemon runs: 5 connectors read through 20")
    assert f"the last daemon was process {run.pid} on" in " ".join(ended.stdout.split())
    told = json.loads(tailer(setup, "status", "--json", "--all").stdout)
    assert told["process"] is None
    assert len(told["connectors"]) == 5
    assert told["journal"]["head"] >= count_lines(setup.events)


def test_status_of_a_daemon_that_takes_no_commands(setup: Setup) -> None:
    """Without a socket the journal's figures are shown, and why it is so."""
    with setup.run() as run:
        wait_for_truth(setup.events, setup.simulator, run)
        os.unlink(setup.folder / "tailer.db.sock")  # noqa: PTH108 - as a cleaning job would
        ended = tailer(setup, "status")
        assert ended.code == 0
        assert ended.stdout.startswith("It can't be asked how it is: 5 connectors read through 20")
        assert f"Process {run.pid} on" in ended.stdout
        ended = tailer(setup, "reload")
        assert ended.code == 1
        assert "has the journal" in ended.stderr
        assert run.stop() == 0, run.words


@pytest.mark.long
def test_status_can_be_watched(setup: Setup, processes: ExitStack) -> None:
    """It is shown again and again, until Ctrl-C."""
    with setup.run() as run:
        started(run)
        watch = processes.enter_context(
            Process(setup.folder, "watch", "status", "-c", str(setup.path), "--watch", "--json")
        )
        wait_until(lambda: count_lines(watch.stdout) >= 2, "it was shown twice", watch)
        watch.send(signal.SIGINT)
        assert watch.wait() == 130
        assert watch.words == ""
        assert run.stop() == 0, run.words


def test_a_second_daemon_is_told_who_has_the_journal(setup: Setup) -> None:
    """It ends at once, and the first one and its socket are left alone."""
    with setup.run() as run:
        started(run)
        second = Process(
            setup.folder, "other", "run", "-c", str(setup.path), environment=setup.simulator.environment
        )
        with second:
            assert second.wait() == 1
        assert f"the journal is in use by process {run.pid} on" in second.words
        assert tailer(setup, "reload").code == 0
        assert run.stop() == 0, run.words


def test_hanging_up_at_any_time_harms_nobody(tmp_path: Path, simulate: Simulate) -> None:
    """SIGHUP while it starts, while it runs and while it ends: the daemon does what it was going to do."""
    setup = Setup(tmp_path, simulate(*WORLD), start="3h")
    with setup.run() as run:
        wait_until((tmp_path / "tailer.db.lock").exists, "it starts", run)
        for _ in range(20):
            run.send(signal.SIGHUP)
        started(run)
        run.send(signal.SIGTERM)
        for _ in range(20):
            if run.exit_code is None:
                run.send(signal.SIGHUP)
        assert run.wait() == 0, run.words
