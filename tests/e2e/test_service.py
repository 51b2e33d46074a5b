"""The daemon as its supervisor sees it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tailer.cli.commands.files import text_of
from tests.e2e.conftest import Simulate
from tests.e2e.processes import DEADLINE, Process, Setup, wait_until


class Manager:
    """A service manager's end of the notification socket.

    Args:
        folder: Where the socket lies.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.heard: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(DEADLINE)

    def wait_for(self, message: str) -> None:
        """Read messages until one begins so."""
        while not (self.heard and self.heard[-1].startswith(message)):
            self.heard.append(self.socket.recv(4096).decode())


@pytest.fixture
def manager(tmp_path: Path, processes: ExitStack) -> Manager:
    """A service manager that listens."""
    made = Manager(tmp_path)
    processes.callback(made.socket.close)
    return made


def test_service_manager_hears_start_pings_and_end(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, manager: Manager
) -> None:
    """On a real NOTIFY_SOCKET the daemon says READY, then pings and shows its status, then STOPPING."""
    setup = Setup(tmp_path, simulate())
    environment = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000"}
    daemon = processes.enter_context(
        Process(
            tmp_path,
            "run",
            *("run", "-c", str(setup.path)),
            environment={**setup.simulator.environment, **environment},
        )
    )
    manager.wait_for("READY=1")
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
        manager.heard.append("")
    daemon.send(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert daemon.wait() == 0
    status = [heard for heard in manager.heard if heard.startswith("STATUS=")]
    assert "connectors, all well; read through 20" in status[-1] or "no connectors" in status[-1]


def address_of(daemon: Process) -> str:
    """Wait for the address that the log names."""
    wait_until(lambda: '"ServiceStarted"' in daemon.words, "the service listens", daemon)
    told = [json.loads(line) for line in daemon.words.splitlines()]
    return str(next(line["address"] for line in told if line["event"] == "ServiceStarted"))


def ask(address: str, path: str) -> tuple[int, str]:
    """Read one page."""
    connection = http.client.HTTPConnection(address, timeout=DEADLINE)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def is_polled(address: str) -> bool:
    """Whether something was read and delivered."""
    return ask(address, "/readyz")[0] == 200 and samples_of(address)["tailer_sink_events_total"] > 0


def samples_of(address: str) -> dict[str, float]:
    """Scrape; give the values by name, of several labels the last."""
    text = ask(address, "/metrics")[1]
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_service_tells_how_the_daemon_is(tmp_path: Path, simulate: Simulate, processes: ExitStack) -> None:
    """The pages of a daemon agree with each other and with its file, and hold no secret."""
    setup = Setup(tmp_path, simulate("--rate", "20"), service={"listen": "127.0.0.1:0"})
    daemon = processes.enter_context(setup.run())
    address = address_of(daemon)
    wait_until(lambda: is_polled(address), "events are delivered", daemon)
    assert ask(address, "/healthz") == (200, '{"alive":true}\n')
    status = json.loads(ask(address, "/status")[1])
    assert status["phase"] == "running"
    assert status["process"]["pid"] == daemon.pid
    samples = samples_of(address)
    lines = len(setup.events.read_text().splitlines())
    assert 0 < samples["tailer_sink_events_total"] <= samples["tailer_events_total"]
    assert samples["tailer_sink_events_total"] <= lines
    shown = "".join(ask(address, page)[1] for page in ("/status", "/metrics", "/readyz", "/healthz"))
    assert setup.simulator.token not in shown + daemon.words
    assert daemon.stop() == 0


@pytest.mark.long
def test_reload_is_told_and_the_pages_stay(
    tmp_path: Path, simulate: Simulate, processes: ExitStack, manager: Manager
) -> None:
    """The service manager hears a reload begin and end; pages stay where they are, and counters go on."""
    setup = Setup(tmp_path, simulate("--rate", "20"), service={"listen": "127.0.0.1:0"})
    environment = {**setup.simulator.environment, "NOTIFY_SOCKET": str(manager.path)}
    daemon = processes.enter_context(
        Process(tmp_path, "run", "run", "-c", str(setup.path), environment=environment)
    )
    address = address_of(daemon)
    wait_until(lambda: is_polled(address), "events are delivered", daemon)
    before = samples_of(address)
    manager.wait_for("READY=1")
    setup.path.write_text(setup.path.read_text().replace('"200ms"', '"300ms"'))
    daemon.send(signal.SIGHUP)
    manager.wait_for("RELOADING=1\nMONOTONIC_USEC=")
    manager.wait_for("READY=1")
    assert ask(address, "/readyz")[0] == 200
    after = samples_of(address)
    assert after["tailer_poll_interval_seconds"] >= 0.3
    assert after["tailer_events_total"] >= before["tailer_events_total"]
    assert after["tailer_sink_events_total"] >= before["tailer_sink_events_total"]
    assert after["tailer_start_time_seconds"] == before["tailer_start_time_seconds"]
    assert daemon.stop() == 0


def test_outage_of_the_api_is_no_reason_to_be_killed(
    tmp_path: Path, simulate: Simulate, processes: ExitStack
) -> None:
    """While the API is away the daemon stays alive and ready, and the figures tell of the failing polls."""
    simulator = simulate("--connectors", "3")
    setup = Setup(tmp_path, simulator, service={"listen": "127.0.0.1:0"})
    daemon = processes.enter_context(setup.run())
    address = address_of(daemon)
    wait_until(lambda: ask(address, "/readyz")[0] == 200, "it is ready", daemon)
    simulator.kill()
    wait_until(lambda: samples_of(address)["tailer_failed_polls_total"] >= 3, "polls fail", daemon)
    assert ask(address, "/healthz")[0] == 200
    assert ask(address, "/readyz")[0] == 200
    assert daemon.stop() == 0


def test_start_without_the_api_is_alive_but_not_ready(
    tmp_path: Path, simulate: Simulate, processes: ExitStack
) -> None:
    """Before the first listing a liveness probe is content, a readiness probe is told why it has to wait."""
    simulator = simulate()
    simulator.kill()
    setup = Setup(tmp_path, simulator, service={"listen": "127.0.0.1:0"})
    daemon = processes.enter_context(setup.run())
    address = address_of(daemon)
    assert ask(address, "/healthz")[0] == 200
    code, body = ask(address, "/readyz")
    assert (code, json.loads(body)["reasons"]) == (503, ["the connectors have not been listed yet"])
    daemon.send(signal.SIGTERM)
    assert daemon.wait() == 0


def test_port_that_is_taken_ends_the_start(tmp_path: Path, simulate: Simulate, processes: ExitStack) -> None:
    """Before anything is asked of the API: exit code 2, one sentence."""
    taken = processes.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = taken.getsockname()[1]
    simulator = simulate()
    setup = Setup(tmp_path, simulator, service={"listen": f"127.0.0.1:{port}"})
    daemon = processes.enter_context(setup.run())
    assert daemon.wait() == 2
    assert daemon.words == (
        f"tailer: service.listen: can't listen on 127.0.0.1:{port}: another program has this port; stop it,"
        " or choose another port\n"
    )
    assert simulator.stats["requests"] == 0


def test_container_s_health_check_asks_the_daemon(
    tmp_path: Path, simulate: Simulate, processes: ExitStack
) -> None:
    """The command in the Dockerfile tells a daemon that is well from none at all."""
    text = text_of("docker")
    (line,) = (line for line in text.splitlines() if line.startswith("    CMD "))
    program, *arguments = json.loads(line.removeprefix("    CMD "))
    assert program == "python"
    setup = Setup(tmp_path, simulate(), service={"listen": "127.0.0.1:0"})
    daemon = processes.enter_context(setup.run())
    port = address_of(daemon).split(":")[1]
    check = [sys.executable, *(argument.replace("9464", port) for argument in arguments)]
    assert subprocess.run(check, check=False, timeout=DEADLINE).returncode == 0
    daemon.stop()
    done = subprocess.run(check, check=False, timeout=DEADLINE, stderr=subprocess.DEVNULL)
    assert done.returncode == 1
