"""A run whose journal has no more room: a bound that is reached, a disk that is full."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import anyio
import pytest

from tailer.journal.sqlite import SqliteJournal
from tailer.observe import JournalCleared, JournalFilled
from tailer.pipeline import room
from tailer.testing.recording_sink import RecordingSink
from tests.flow.stage import Stage, keys, keys_of, steady

ROOT = Path(__file__).parents[2]

OWN_DISK = ("unshare", "--map-root-user", "--mount", "sh", "-c")
"""What gives a command a file system of its own without being root, where the kernel allows it."""


async def _can_mount() -> bool:
    try:
        process = await asyncio.create_subprocess_exec(*OWN_DISK, "mount -t tmpfs tmpfs /mnt")
    except FileNotFoundError:
        return False
    return await process.wait() == 0


async def test_a_full_disk_is_sat_out(tmp_path: Path) -> None:
    """On a disk without room polling pauses, says so, goes on by itself, and every event comes once."""
    if not await _can_mount():
        pytest.skip("no file system of its own may be mounted here")
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$0" -m tests.integration.full_disk "$1"'
    process = await asyncio.create_subprocess_exec(
        *OWN_DISK, script, sys.executable, tmp_path, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    found = json.loads(told)
    assert "full" in found.pop("said")
    assert found == {"idle while full": True, "complete": True}


@pytest.mark.parametrize("order", ["connector", "global"])
async def test_a_dead_sink_fills_the_journal_to_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """At ``max_size`` polling pauses; once the sink is back, all comes, in order."""
    monkeypatch.setattr(room, "RETRY_AFTER", 0.05)
    bound = 200_000
    rows = {f"c{number}": steady(2500, start=-3000, n=number) for number in range(6)}
    stage = Stage(
        rows,
        journal=SqliteJournal(tmp_path / "j.db", max_size_bytes=bound),
        polling={"interval": 0.2},
        latency=0.001,
    )
    sink = RecordingSink()
    sink.block()
    run = stage.run("1h")
    async with run:
        run.deliver(sink, await run.open_reader("sink", order))  # type: ignore[arg-type]
        async with anyio.create_task_group() as group:
            group.start_soon(run.serve)
            with anyio.fail_after(30):
                while not stage.said(JournalFilled):  # noqa: ASYNC110 - reports have no bell
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.5)
                asked = len(stage.source.asked)
                await asyncio.sleep(0.5)
                assert len(stage.source.asked) == asked
                assert run.room.full_since
                sink.unblock()
                while len(sink.events) < 15_000:  # noqa: ASYNC110 - the sink has no bell
                    await asyncio.sleep(0.05)
            assert stage.said(JournalCleared)
            run.drain()
    assert sorted(keys(sink.events)) == keys_of(rows)
    if order == "global":
        # So small a journal holds few events for their order: what comes after that is marked late.
        times = [event.t for event in sink.events if not event.late]
        assert times == sorted(times)
