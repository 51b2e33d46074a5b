"""Live latency: from being visible at the API to being a line on standard output, with `--order arrival`.

Prints the quantiles beside the bound that is aimed at: half of the interval plus 100 ms for the median.

    python tests/benchmarks/latency.py [--interval 5s] [--seconds 60]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from measure import simulator

from tailer.core.durations import parse_duration


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--interval", default="5s")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    options = ["--connectors", "10", "--rate", "10", "--quota", "1000000", "--delay", "2s"]
    with tempfile.TemporaryDirectory() as place:
        truth = Path(place) / "truth.jsonl"
        with simulator(*options, "--truth", str(truth)) as server:
            command = [sys.executable, "-m", "tailer", "tail", "-f", "--since", "1s", "-o", "jsonl"]
            command += ["--order", "arrival", "--interval", arguments.interval]
            process = subprocess.Popen(
                command, env=server.environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert process.stdout is not None
            printed: dict[tuple[str, float, float], float] = {}
            ends = time.monotonic() + arguments.seconds
            while time.monotonic() < ends:
                line = process.stdout.readline()
                record = msgspec.json.decode(line)
                printed[record["connector"], record["t"], record["n"]] = time.time()
            process.terminate()
            process.communicate()
        visible = {
            (record["connector"], record["t"], record["n"]): record["visible_at"]
            for record in map(msgspec.json.decode, truth.read_bytes().splitlines())
        }
    started = min(printed.values())
    delays = [at - visible[key] for key, at in printed.items() if visible[key] > started]
    cuts = statistics.quantiles(delays, n=100)
    bound = parse_duration(arguments.interval) / 2 + 0.1
    print(
        f"{len(delays)} live events, interval {arguments.interval}: "
        f"median {cuts[49]:.2f} s (aim: at most {bound:.2f} s), p90 {cuts[89]:.2f} s, p99 {cuts[98]:.2f} s"
    )


if __name__ == "__main__":
    main()
