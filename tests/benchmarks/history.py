"""A long history: everything that was ever recorded, once, through `tail` and through the daemon.

Prints events a second, CPU, peak memory and the ratios to a plain program in the same run (`plain.py`), which
keeps nothing and checks nothing. All three write the same records; they are compared as sets before anything
is printed.

    python tests/benchmarks/history.py [--connectors 200] [--events 5003] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from measure import Cost, Server, measured, show, simulator

CONFIG = """
[[accounts]]
id = "{account}"

[polling]
start = "25h"

[journal]
path = "tailer.db"

[[sinks]]
type = "file"
path = "events.jsonl"
"""


def run_plain(server: Server, folder: Path) -> tuple[Cost, Path]:
    """Read everything with the plain program."""
    now = int(time.time())
    script = str(Path(__file__).with_name("plain.py"))
    command = [sys.executable, script, server.base_url, server.account, server.token]
    output = folder / "plain.jsonl"
    return measured([*command, str(now - 25 * 3600), str(now)], server.environ(), output), output


def run_tail(server: Server, folder: Path) -> tuple[Cost, Path]:
    """Read everything with `tailer tail`."""
    output = folder / "tail.jsonl"
    command = [sys.executable, "-m", "tailer", "tail", "--since", "25h", "-o", "jsonl"]
    return measured(command, server.environ(), output), output


def run_daemon(server: Server, folder: Path) -> tuple[Cost, Path]:
    """Read everything into an SQLite journal and a file."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        config = Path(place) / "tailer.toml"
        config.write_text(CONFIG.format(account=server.account))
        command = [sys.executable, "-m", "tailer", "run", "-c", str(config), "--once"]
        cost = measured(command, server.environ(), folder / "none")
        return cost, (Path(place) / "events.jsonl").rename(folder / "daemon.jsonl")


def ids(path: Path) -> set[str]:
    """Give the ids of a file of records, each of which must be there once."""
    lines = path.read_bytes().splitlines()
    found = {msgspec.json.decode(line)["id"] for line in lines}
    if len(found) != len(lines):
        raise RuntimeError(f"{path.name} holds {len(lines) - len(found)} events twice")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--connectors", type=int, default=200)
    parser.add_argument("--events", type=int, default=5003, help="of each; not a multiple of a page")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    total = arguments.connectors * arguments.events
    ways = {"plain program": run_plain, "tail": run_tail, "journal + file": run_daemon}
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    outputs: dict[str, Path] = {}
    options = ["--connectors", str(arguments.connectors), "--history-events", str(arguments.events)]
    with (
        tempfile.TemporaryDirectory() as place,
        simulator(*options, "--history", "24h", "--rate", "0", "--quota", "1000000") as server,
    ):
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                cost, outputs[name] = way(server, Path(place))
                costs[name].append(cost)
        # Only now: a child's peak memory counts from what its parent held when it was started.
        for name, output in outputs.items():
            if (found := len(ids(output))) != total:
                raise RuntimeError(f"{name} gave {found} of {total} events")
    print(f"{total:,} events of {arguments.connectors} connectors, medians of {arguments.rounds} rounds:")
    medians = {
        name: Cost(*(statistics.median(values) for values in zip(*rows, strict=True)))
        for name, rows in costs.items()
    }
    plain = medians["plain program"]
    for name, cost in medians.items():
        show(name, cost, total, None if cost is plain else plain)


if __name__ == "__main__":
    main()
