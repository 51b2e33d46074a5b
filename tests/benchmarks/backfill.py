"""A past span from a slow API into a file: how much faster several windows at once are than each in turn.

Prints events a second of `backfill` and of `run --once`, which reads each connector window by window, for
one connector and for twenty, with 100 ms for each answer and a quota that nothing exhausts.

    python tests/benchmarks/backfill.py [--events 100000] [--latency 100ms]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from history import CONFIG, ids
from measure import Cost, Server, measured, simulator


def run_backfill(server: Server, folder: Path) -> tuple[Cost, Path]:
    """Read everything with `tailer backfill`."""
    output = folder / "backfill.jsonl"
    command = [sys.executable, "-m", "tailer", "backfill", "--since", "25h", "--out", str(output)]
    return measured(command, server.environ(), folder / "none"), output


def run_in_turn(server: Server, folder: Path) -> tuple[Cost, Path]:
    """Read everything with `tailer run --once`."""
    config = folder / "tailer.toml"
    config.write_text(CONFIG.format(account=server.account))
    command = [sys.executable, "-m", "tailer", "run", "-c", str(config), "--once"]
    return measured(command, server.environ(), folder / "none"), folder / "events.jsonl"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=100_000, help="of all connectors together")
    parser.add_argument("--latency", default="100ms")
    arguments = parser.parse_args()
    for connectors in (1, 20):
        each = arguments.events // connectors
        options = [
            "--connectors",
            str(connectors),
            "--history-events",
            str(each),
            "--latency",
            arguments.latency,
        ]
        with simulator(*options, "--history", "24h", "--rate", "0", "--quota", "1000000") as server:
            for name, way in (("backfill", run_backfill), ("run --once", run_in_turn)):
                with tempfile.TemporaryDirectory() as place:
                    cost, output = way(server, Path(place))
                    if (found := len(ids(output))) != each * connectors:
                        raise RuntimeError(f"{name} gave {found} of {each * connectors} events")
                print(
                    f"{connectors:>3} connectors, {name:<10}: {cost.seconds:6.1f}s,"
                    f" {found / cost.seconds:8,.0f} events/s, {cost.cpu:.1f}s CPU, {cost.peak_mib:.0f} MiB"
                )


if __name__ == "__main__":
    main()
