"""Events sent again without a daemon: into a real file, from a real journal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import anyio

from tailer.app.replaying import Wish, replay_alone
from tailer.clock import SystemClock
from tailer.config.options import Config, JournalOptions, Scope
from tailer.core.progress import Checkpoint
from tailer.interfaces import Commit, ReaderState, Resume
from tailer.journal.sqlite import SqliteJournal
from tailer.model import Event, Segment, Source
from tailer.observe import ignore
from tailer.pipeline.replay import Replay
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan, plan

CONTEXT = SinkContext("archive", io.BytesIO(), {}, ignore)
HIGHEST = {"acc/c1": (999, 0)}


def commit(connector: str, *times: int) -> Commit:
    """Events of one connector, Init and Leave in turn."""
    source = Source("acc", connector, f"gw {connector}", "", 2000.0)
    events = [Event(t, 0, ("Init", "Leave")[t % 2], t, source) for t in times]
    return Commit("acc", connector, Checkpoint(0.0, 0.0), Segment(source, events, 1500.0, 1500.0))


def archive_in(folder: Path, **options: object) -> SinkPlan:
    """A file sink."""
    return plan({"type": "file", "name": "archive", "path": "e.jsonl", **options}, "sinks[0]", folder)


async def replay(folder: Path, wish: Wish, archive: SinkPlan) -> tuple[Replay, ReaderState | None]:
    """Fill a journal, of which the sink has had all but the last poll; send a part of it again."""
    journal = SqliteJournal(folder / "tailer.db")
    await journal.open()
    shown: list[Replay] = []
    try:
        claim = await journal.claim("acc")
        await journal.commit(claim, commit("c1", 1000, 1001, 1002))
        await journal.commit(claim, commit("c2", 1000, 1001))
        await journal.commit_reader("archive", ReaderState(offset=5, highest=HIGHEST))
        await journal.commit(claim, commit("c1", 1003))
        await replay_alone(
            archive,
            wish.passes(archive, [Scope(id="acc", kinds=("Init", "Leave"))]),
            config=Config(accounts=(), journal=JournalOptions(path=folder / "tailer.db"), folder=folder),
            journal=journal,
            context=CONTEXT,
            clock=SystemClock(),
            show=shown.append,
        )
        state = await journal.load_reader("archive")
        sink = archive.build(CONTEXT)
        await sink.open(Resume(5, state.sink if state else None))  # cuts what was not committed
        await sink.close()
        return shown[-1], state
    finally:
        await journal.close()


def written(folder: Path) -> list[tuple[str, int, bool]]:
    """What the file holds."""
    lines = [json.loads(line) for line in (folder / "e.jsonl").read_text().splitlines()]
    return [(line["connector"], line["t"], line["late"]) for line in lines]


def test_all_that_the_sink_has_had_comes_again(tmp_path: Path) -> None:
    """It is in the file, marked late and committed; nothing else of the reader's state is changed."""
    done, state = anyio.run(replay, tmp_path, Wish(), archive_in(tmp_path))
    assert written(tmp_path) == [("c1", t, True) for t in (1000, 1001, 1002)] + [
        ("c2", t, True) for t in (1000, 1001)
    ]
    assert (done.sent, done.held_from, done.is_over) == (5, 1500.0, True)
    assert state is not None
    assert (state.offset, state.highest) == (5, HIGHEST)


def test_only_what_is_asked_for_comes_again(tmp_path: Path) -> None:
    """Span, connectors and the sink's own filter hold; what was late is not known any more, so not judged."""
    chosen = archive_in(tmp_path, filter={"kinds": ["Leave"], "late": False})
    done, _ = anyio.run(replay, tmp_path, Wish(("gw c1",), 1001, 1003), chosen)
    assert written(tmp_path) == [("c1", 1001, True)]
    assert done.sent == 1
