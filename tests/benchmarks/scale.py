"""Ten thousand connectors in one process: memory of each, CPU while the budget binds, cost of a decision.

Memory is measured where all are polled every minute (a quota that is never short), as the difference to a
daemon with ten connectors, at `EVENTS_PER_SECOND` of all together. CPU is measured with Cloudflare's budget,
1200 requests in five minutes, of which each connector has a poll in an hour. A decision is taking the next
connector from the agenda, telling its next interval and putting it back.

    python tests/benchmarks/scale.py [--connectors 10000] [--seconds 60]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from measure import Server, simulator

from tailer.core.agenda import Agenda
from tailer.core.tempo import Pace, Tempo

EVENTS_PER_SECOND = 10
FEW = 10
DECISIONS = 100_000
POLLS_A_SECOND = 2.88

CONFIG = """
[[accounts]]
id = "{account}"

[polling]
interval = "{interval}"

[journal]
path = "tailer.db"

[[sinks]]
type = "file"
path = "events.jsonl"
"""


@contextmanager
def daemon(server: Server, interval: str) -> Iterator[psutil.Process]:
    """Run a daemon that has listed its connectors, for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "tailer.toml"
        config.write_text(CONFIG.format(account=server.account, interval=interval))
        command = [sys.executable, "-m", "tailer", "run", "-c", str(config)]
        words = Path(place) / "words"
        with (
            words.open("wb") as stream,
            subprocess.Popen(
                command, env=server.environ(), stdout=subprocess.DEVNULL, stderr=stream
            ) as process,
        ):
            try:
                while b'"Started"' not in words.read_bytes():
                    if process.poll() is not None:
                        raise RuntimeError(words.read_text()[-2000:])
                    time.sleep(1.0)
                yield psutil.Process(process.pid)
            finally:
                process.terminate()


def memory(connectors: int, rounds_seconds: float) -> int:
    """Give the resident bytes of a daemon that has polled all of its connectors."""
    options = ("--connectors", str(connectors), "--rate", str(EVENTS_PER_SECOND), "--history", "1m")
    with simulator(*options, "--quota", "1000000") as server, daemon(server, "60s") as process:
        time.sleep(rounds_seconds)
        return int(process.memory_info().rss)


def cpu_share(connectors: int, seconds: float) -> float:
    """Give the seconds of CPU that a daemon takes a second while its budget binds."""
    options = ("--connectors", str(connectors), "--rate", str(EVENTS_PER_SECOND), "--history", "1m")
    with simulator(*options) as server, daemon(server, "5s") as process:
        time.sleep(30.0)
        before = process.cpu_times()
        time.sleep(seconds)
        after = process.cpu_times()
        return float(after.user + after.system - before.user - before.system) / seconds


def decision(connectors: int) -> float:
    """Give the seconds of CPU that it takes to choose who is next and when to come back."""
    rng = random.Random(1)
    pace = Pace(5.0, max(300.0, connectors / POLLS_A_SECOND))
    tempos = [Tempo(0.0, 5.0) for _ in range(connectors)]
    agenda: Agenda[int] = Agenda(lambda now: now)
    for index in range(connectors):
        agenda.add_live(index, rng.uniform(0.0, 300.0))
    pace.fit(tempos, POLLS_A_SECOND)
    now = 0.0
    began = time.process_time()
    for _ in range(DECISIONS):
        now = max(now, agenda.next_at() or now)
        taken = agenda.pop(now)
        if taken is not None:
            agenda.add_live(taken, now + pace.next(tempos[taken], (), now))
    return (time.process_time() - began) / DECISIONS


def fit_seconds(connectors: int) -> float:
    """Give the seconds of CPU that it takes to find the price, every ten seconds while the budget binds."""
    rng = random.Random(1)
    pace = Pace(5.0, 300.0)
    tempos = [Tempo(0.0, 5.0) for _ in range(connectors)]
    for tempo in tempos:
        tempo.count, tempo.observed = rng.expovariate(1.0), 3600.0
    began = time.process_time()
    pace.fit(tempos, max(POLLS_A_SECOND, connectors / 200.0))
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--connectors", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    for count in (100, 1_000, 10_000):
        print(
            f"{count:>6} connectors: {decision(count) * 1e6:.1f} us a decision,"
            f" {fit_seconds(count) * 1e3:.1f} ms to find the price",
            flush=True,
        )
    few, many = memory(FEW, 30.0), memory(arguments.connectors, 150.0)
    each = (many - few) / (arguments.connectors - FEW)
    print(
        f"{arguments.connectors} connectors polled every minute: {many / 2**20:.0f} MiB,"
        f" {each / 1024:.1f} KiB a connector",
        flush=True,
    )
    share = cpu_share(arguments.connectors, arguments.seconds)
    print(f"{arguments.connectors} connectors on 1200 requests in five minutes: {share:.3f} CPUs")


if __name__ == "__main__":
    main()
