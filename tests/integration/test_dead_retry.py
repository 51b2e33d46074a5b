"""Dead letters written again without a daemon: into a real file, with the state kept in a real journal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import anyio
import pytest

from tailer.app.control.replies import Retried
from tailer.app.dead import retry
from tailer.clock import SystemClock
from tailer.core.spans import Spans
from tailer.interfaces import DeadLetter, ReaderState, Resume
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Source
from tailer.observe import ignore
from tailer.sinks.dead_letters import DeadLetterFile, read_letters
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan, plan

BEFORE = ReaderState(offset=5, above=Spans(((7, 9),)), highest={"acc/con": (9, 0)})
CONTEXT = SinkContext("archive", io.BytesIO(), {}, ignore)


def letter(number: int) -> DeadLetter:
    """A dead letter of the file sink, from a time when something else stood under its name."""
    return DeadLetter(
        "archive", Event(5, number, "Leave", 6, Source("acc", "con", "gw", "", 7.0)), "why", 8.0
    )


@pytest.fixture
def archive(tmp_path: Path) -> SinkPlan:
    """A file sink."""
    return plan({"type": "file", "name": "archive", "path": "events.jsonl"}, "sinks[0]", tmp_path)


async def retry_once(folder: Path, archive: SinkPlan) -> tuple[Retried, ReaderState | None]:
    """Own the journal and retry; give the result and what the journal has then."""
    journal = SqliteJournal(folder / "tailer.db")
    await journal.open()
    try:
        if await journal.load_reader("archive") is None:
            await journal.commit_reader("archive", BEFORE)
        dead = DeadLetterFile(folder / "tailer.dead.jsonl")
        await dead.add([letter(1), letter(2)])
        ids = [letter(1).event.id, letter(2).event.id]
        done = await retry(archive, ids, journal=journal, dead=dead, context=CONTEXT, clock=SystemClock())
        return done, await journal.load_reader("archive")
    finally:
        await journal.close()


async def open_again(archive: SinkPlan, state: bytes | None) -> None:
    """Open the sink as the daemon's next start does: it cuts off what was not committed."""
    sink = archive.build(CONTEXT)
    await sink.open(Resume(5, state))
    await sink.close()


def test_a_retry_moves_nothing_but_the_sink_s_state(tmp_path: Path, archive: SinkPlan) -> None:
    """The reader's place stays; what was written is committed, so that the next start does not cut it off."""
    done, state = anyio.run(retry_once, tmp_path, archive)
    assert done == Retried(sink="archive", accepted=2)
    assert state is not None
    assert (state.offset, state.above, state.highest) == (BEFORE.offset, BEFORE.above, BEFORE.highest)

    assert state.sink is not None
    assert json.loads(state.sink)["length"] == (tmp_path / "events.jsonl").stat().st_size

    anyio.run(open_again, archive, state.sink)

    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(line["n"], line["late"]) for line in lines] == [(1, True), (2, True)]
    assert read_letters(tmp_path / "tailer.dead.jsonl").letters == []


def test_a_sink_that_is_away_keeps_its_letters(
    tmp_path: Path, archive: SinkPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few tries it is given up with its own words; nothing was taken out."""
    monkeypatch.setattr("tailer.pipeline.handover.FIRST_DELAY", 0.01)
    (tmp_path / "events.jsonl").mkdir()
    done, state = anyio.run(retry_once, tmp_path, archive)
    assert (done.accepted, "it is a folder; name a file" in (done.error or "")) == (0, True)
    assert state == BEFORE
    assert len(read_letters(tmp_path / "tailer.dead.jsonl").letters) == 2
