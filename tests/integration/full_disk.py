"""A daemon whose disk fills up and is emptied again; a program, as its disk is its own.

``python -m tests.integration.full_disk FOLDER``: the folder lies on a file system of a few megabytes. Prints
what happened as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import anyio

from tailer.journal.sqlite import SqliteJournal
from tailer.observe import JournalCleared, JournalFilled
from tailer.pipeline import room
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import Stage, keys, keys_of, steady


async def wait_for(stage: Stage, kind: type[JournalFilled | JournalCleared]) -> None:
    """Wait until something was reported."""
    with anyio.fail_after(40):
        while not stage.said(kind):  # noqa: ASYNC110 - reports have no bell
            await asyncio.sleep(0.01)


async def fill_and_empty(folder: Path) -> dict[str, object]:
    """Fill the disk with events that no sink takes, then delete what else is on it."""
    room.RETRY_AFTER = 0.1
    ballast = folder / "ballast"
    await anyio.Path(ballast).write_bytes(bytes(3 * 2**18))
    rows = {f"c{number}": steady(3000, start=-3000, n=number) for number in range(4)}
    stage = Stage(
        rows, journal=SqliteJournal(folder / "j.db"), polling={"interval": 0.2}, latency=0.001, page_rows=100
    )
    sink = RecordingSink()
    sink.block()
    run = stage.run("1h")
    async with run:
        run.deliver(sink, await run.open_reader("sink", "connector"))
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            await wait_for(stage, JournalFilled)
            await asyncio.sleep(0.3)
            asked = len(stage.source.asked)
            await asyncio.sleep(1)
            idle = len(stage.source.asked) == asked
            await anyio.Path(ballast).unlink()
            await wait_for(stage, JournalCleared)
            sink.unblock()
            with anyio.fail_after(40):
                while len(sink.events) < 12_000:  # noqa: ASYNC110 - the sink has no bell
                    await asyncio.sleep(0.05)
            run.drain()
    return {
        "idle while full": idle,
        "said": str(stage.said(JournalFilled)[0]),
        "complete": sorted(keys(sink.events)) == keys_of(rows),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(fill_and_empty(Path(sys.argv[1])))))  # noqa: T201 - a program
