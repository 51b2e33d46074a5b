"""A large fleet at rest: 2,000 connectors polled every 10 s, 200 events a second, journal and file.

Prints the CPU of the daemon and that of a bare loop (`bare_loop.py`) that runs beside it and polls as often,
with windows that hold about as many rows as the daemon's look-back (100), and throws everything away.

    python tests/benchmarks/polling.py [--seconds 40]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from measure import Server, simulator

CONNECTORS = 2000
INTERVAL = 10
EVENTS_PER_SECOND = 200
LOOK_BACK = 100 * CONNECTORS // EVENTS_PER_SECOND
WARM_UP = 45.0

CONFIG = """
[[accounts]]
id = "{account}"

[polling]
interval = "{interval}s"

[journal]
path = "tailer.db"

[[sinks]]
type = "file"
path = "events.jsonl"
"""


def cpu_shares(commands: list[list[str]], server: Server, seconds: float, errors: Path) -> list[float]:
    """Run programs that do not end, side by side, so that what else the machine does burdens all alike.

    Returns:
        Seconds of CPU that each takes a second, warmed up, in the order of `commands`.
    """
    with ExitStack() as running, errors.open("wb") as words:
        started = []
        for command in commands:
            process = subprocess.Popen(command, env=server.environ(), stdout=subprocess.DEVNULL, stderr=words)
            running.callback(process.wait)
            running.callback(process.terminate)
            started.append(psutil.Process(process.pid))
        time.sleep(WARM_UP)
        before = [spent(process) for process in started]
        time.sleep(seconds)
        return [(spent(process) - begun) / seconds for process, begun in zip(started, before, strict=True)]


def spent(process: psutil.Process) -> float:
    """Give the seconds of CPU that a process has taken, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=40.0)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        simulator(
            *("--connectors", str(CONNECTORS), "--rate", str(EVENTS_PER_SECOND)),
            *("--history", "30m", "--quota", "1000000"),
        ) as server,
    ):
        config = Path(place) / "tailer.toml"
        config.write_text(CONFIG.format(account=server.account, interval=INTERVAL))
        daemon = [sys.executable, "-m", "tailer", "run", "-c", str(config)]
        script = str(Path(__file__).with_name("bare_loop.py"))
        bare = [sys.executable, script, server.base_url, server.account, server.token]
        errors = Path(place) / "words"
        bare += [str(INTERVAL), str(LOOK_BACK)]
        bare_share, daemon_share = cpu_shares([bare, daemon], server, arguments.seconds, errors)
        lines = sum(1 for _ in (Path(place) / "events.jsonl").open("rb"))
    print(
        f"{CONNECTORS} connectors every {INTERVAL} s, {EVENTS_PER_SECOND} events/s: "
        f"bare loop {bare_share:.3f} CPUs, daemon {daemon_share:.3f} CPUs, "
        f"ratio {daemon_share / bare_share:.2f}; {lines} events delivered"
    )


if __name__ == "__main__":
    main()
