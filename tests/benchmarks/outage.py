"""How fast a sink catches up that was away for an hour of load, and what that hour took.

Run: ``python -m tests.benchmarks.outage [EVENTS A SECOND]``. The sink costs nothing, so what is measured is
the way from the journal to it: 100 events a second are more than one budget can read for long.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio

from tests.integration.outage import go_through

HOUR = 3600


async def main(per_second: int) -> None:
    """Go through it, and print what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        outage = await go_through(Path(folder) / "journal.db", seconds=HOUR, per_second=per_second)
    print(
        f"an hour of {per_second} events/s behind a dead sink: {outage.events:,} events,"
        f" {outage.journal_bytes / outage.events:.1f} bytes of journal an event,"
        f" {outage.grown_bytes / 2**20:,.0f} MiB of memory in its last three quarters;"
        f" the other sink had {outage.healthy:,}"
    )
    print(
        f"catch-up: {outage.events / outage.catch_up:,.0f} events/s, {outage.catch_up:.1f}s for the hour,"
        f" the wait for its next try included"
    )


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 100)
