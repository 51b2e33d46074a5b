"""The SQLite journal when its process is killed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT, rows_of

Open = Callable[..., Awaitable[SqliteJournal]]


VICTIM = """
import asyncio, sys
from tailer.core.progress import Checkpoint
from tailer.core.spans import Spans
from tailer.interfaces import Commit
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Segment, Source

async def poll(journal, claim, connector, covered):
    while True:
        start, end = covered, covered + 3
        source = Source("account", connector, "", "", 0.0)
        events = [Event(t, n, "Init", t, source) for t in range(start, end) for n in (0, 1)]
        checkpoint = Checkpoint(0.0, 0.0, Spans(((0, end),)))
        segment = Segment(source, events, float(end), float(end))
        await journal.commit(claim, Commit("account", connector, checkpoint, segment))
        print(connector, end, flush=True)
        covered = end

async def main():
    journal = SqliteJournal(sys.argv[1], pace=0.001)
    await journal.open()
    claim = await journal.claim("shard")
    stored = await journal.load(claim)
    polls = []
    for connector in ("a", "b", "c"):
        known = stored.get(("account", connector))
        polls.append(poll(journal, claim, connector, known.checkpoint.read_through if known else 0))
    await asyncio.gather(*polls)

asyncio.run(main())
"""


async def test_a_killed_writer_loses_nothing_it_acknowledged(open_sqlite: Open, tmp_path: Path) -> None:
    """Killed ten times at any instant: what was acknowledged is there, and coverage has its events, once."""
    acknowledged: dict[str, int] = {}
    for cycle in range(10):
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, tmp_path / "j.db", stdout=asyncio.subprocess.PIPE
        )
        assert victim.stdout is not None
        for _ in range(1 + 7 * cycle):
            connector, end = (await victim.stdout.readline()).split()
            acknowledged[connector.decode()] = int(end)
        victim.kill()
        for line in (await victim.stdout.read()).splitlines(keepends=True):
            if line.endswith(b"\n"):
                connector, end = line.split()
                acknowledged[connector.decode()] = int(end)
        await victim.wait()
    journal = await open_sqlite()
    stored = await journal.load(await journal.claim("shard"))
    rows = rows_of(await journal.read(0, 10**9))
    for name, promised in acknowledged.items():
        read_through = stored[ACCOUNT, name].checkpoint.read_through
        assert read_through >= promised > 0
        expected = [(t, n) for t in range(read_through) for n in (0, 1)]
        assert [row[4:6] for row in rows if row[0] == name] == expected
        assert len(stored[ACCOUNT, name].keys) == len(expected)
