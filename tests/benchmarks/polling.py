"""A large fleet at rest: 2,000 connectors polled every 10 s, 200 events a second, journal and file.

Prints the CPU of the daemon beside that of a bare loop (`bare_loop.py`) that polls as often, with windows
that hold about as many rows as the daemon's look-back (100), and throws everything away.

    python tests/benchmarks/polling.py [--seconds 40]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
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


def cpu_share(command: list[str], server: Server, seconds: float, errors: Path) -> float:
    """Run a program that does not end; give the seconds of CPU it takes a second, warmed up."""
    with errors.open("wb") as words:
        process = subprocess.Popen(command, env=server.environ(), stdout=subprocess.DEVNULL, stderr=words)
        try:
            time.sleep(WARM_UP)
            before = psutil.Process(process.pid).cpu_times()
            time.sleep(seconds)
            after = psutil.Process(process.pid).cpu_times()
        finally:
            process.terminate()
            process.wait()
    return (after.user + after.system - before.user - before.system) / seconds


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
        bare_share = cpu_share([*bare, str(INTERVAL), str(LOOK_BACK)], server, arguments.seconds, errors)
        daemon_share = cpu_share(daemon, server, arguments.seconds, errors)
        lines = sum(1 for _ in (Path(place) / "events.jsonl").open("rb"))
    print(
        f"{CONNECTORS} connectors every {INTERVAL} s, {EVENTS_PER_SECOND} events/s: "
        f"bare loop {bare_share:.3f} CPUs, daemon {daemon_share:.3f} CPUs, "
        f"ratio {daemon_share / bare_share:.2f}; {lines} events delivered"
    )


if __name__ == "__main__":
    main()
