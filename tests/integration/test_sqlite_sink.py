"""The SQLite sink's promises: every event once in a table that people can ask."""

import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source, Watermark
from tailer.observe import ignore
from tailer.sinks.options import SinkContext
from tailer.sinks.sqlite.sink import SqliteSink
from tailer.sinks.sqlite.table import APPLICATION_ID, MIGRATIONS, EventTable
from tailer.sqlite_file import migrate
from tailer.testing.rejection_contract import RejectionContract
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch

SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)


def make(path: Path, timeout: float = 0.02) -> SqliteSink:
    """Build a sink that has no patience with locks."""
    return SqliteSink(SqliteSink.Config(path=path, timeout=timeout), SinkContext("db", BytesIO(), {}, ignore))


def ask(path: Path, question: str) -> list[tuple[Any, ...]]:
    """Ask the file something."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


async def store(path: Path, *events: Event) -> None:
    """Let a sink write a batch, and no more."""
    sink = make(path)
    await sink.open(Resume(0, None))
    await sink.write(Batch(events))
    await sink.close()


def modes(folder: Path) -> dict[str, int]:
    """Give the access rights of all files."""
    return {one.name: one.stat().st_mode & 0o777 for one in folder.iterdir()}


class _Place:
    """A file in a folder that can go away, and that another program can lock."""

    exactly_once = True
    can_fail_open = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "data"
        self._folder.mkdir()
        self._path = self._folder / "events.db"
        self._other: sqlite3.Connection | None = None

    def build(self) -> SqliteSink:
        return make(self._path)

    def held(self) -> Sequence[str]:
        if not self._path.exists():
            return []
        return [row[0] for row in ask(self._path, "SELECT id FROM events ORDER BY rowid")]

    def fail(self) -> None:
        self._other = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._other.execute("BEGIN IMMEDIATE")

    def mend(self) -> None:
        if self._other is not None:
            self._other.close()
            self._other = None

    def fail_open(self) -> None:
        self._folder.rename(self._folder.with_name("away"))

    def mend_open(self) -> None:
        self._folder.with_name("away").rename(self._folder)

    def reject(self, ids: Collection[str]) -> None:
        if not self._path.exists():
            EventTable(self._path, 1.0).close()
        refused = ", ".join(f"'{one}'" for one in ids)
        with closing(sqlite3.connect(self._path)) as connection:
            connection.executescript(
                "DROP TRIGGER IF EXISTS refuse; CREATE TRIGGER refuse BEFORE INSERT ON events"
                f" WHEN NEW.id IN ({refused}) BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
            )


class TestSqliteSink(SinkContract, RejectionContract):
    """The sink goes through every test of the suites."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[_Place]:
        """Make a place, and leave no lock behind."""
        place = _Place(tmp_path)
        yield place
        place.mend()


async def test_a_row_is_the_record(tmp_path: Path) -> None:
    """Each field of a record is a column under its own name; the payload is JSON that SQL can look into."""
    path = tmp_path / "events.db"
    await store(path, Event(1_785_585_600, 7, "Leave", 1_785_585_601.25, SOURCE, True, {"url": "x"}))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM events").fetchone())
    assert row == {
        "id": "account/connector/1785585600.7",
        "time": "2026-08-01 12:00:00",
        "account": "account",
        "connector": "connector",
        "name": "Oslo",
        "serial": "A1",
        "k": "Leave",
        "level": "warning",
        "t": 1_785_585_600,
        "n": 7,
        "a": 1_785_585_601.25,
        "seen": 1_785_585_700.5,
        "late": 1,
        "e": '{"url":"x"}',
    }
    assert ask(path, "SELECT e ->> 'url' FROM events") == [("x",)]


async def test_times_compare_with_sqlites_own(tmp_path: Path) -> None:
    """Times sort as text, fractions included, and compare with what SQLite's date functions give."""
    path = tmp_path / "events.db"
    times = [-5, 0.25, 1_785_585_600, 1_785_585_600.2, 1_785_585_600.25, 1_785_585_601]
    await store(path, *(Event(t, n, "Init", 0, SOURCE) for n, t in enumerate(reversed(times))))
    assert [row[0] for row in ask(path, "SELECT t FROM events ORDER BY time")] == times
    found = ask(path, "SELECT count(*) FROM events WHERE time >= datetime(1785585600, 'unixepoch')")
    assert found == [(4,)]


async def test_strange_events_are_kept(tmp_path: Path) -> None:
    """NUL and control characters come escaped, numbers of any size with every digit, any year a row."""
    path = tmp_path / "events.db"
    odd = Source("account", "connector", "a\0b\x1b\ud800'", "", 1.0)
    await store(
        path,
        Event(1, 2**53 + 1, "Init", 1, odd, e={"x": "\0"}),
        Event(2**70, 10**30, "Ini\0t", 1e300, odd),
        Event(-(10**15), 0.5, "Init", 1, odd),
    )
    assert ask(path, "SELECT time, t, n, a, k, length(name) FROM events ORDER BY rowid") == [
        ("1970-01-01 00:00:01", 1, 2**53 + 1, 1, "Init", 21),
        (None, str(2**70), str(10**30), 1e300, r"Ini\u0000t", 21),
        (None, -(10**15), 0.5, 1, "Init", 21),
    ]
    assert ask(path, "SELECT name, e FROM events LIMIT 1") == [(r"a\u0000b\u001b\ud800'", r'{"x":"\u0000"}')]


async def test_the_first_under_an_id_stays(tmp_path: Path) -> None:
    """An event that is written again changes nothing, whatever it says now."""
    path = tmp_path / "events.db"
    await store(path, Event(1, 1, "Init", 1, SOURCE))
    await store(path, Event(1, 1, "Leave", 2, SOURCE), Event(1, 2, "Leave", 2, SOURCE))
    assert ask(path, "SELECT n, k, a FROM events ORDER BY n") == [(1, "Init", 1), (2, "Leave", 2)]


async def test_views_sum_up(tmp_path: Path) -> None:
    """One view tells of each level, the gravest first; one of each connector, under its newest name."""
    path = tmp_path / "events.db"
    renamed = Source("account", "connector", "Bergen", "A1", 5.0)
    other = Source("account", "other", "Paris", "", 5.0)
    await store(
        path,
        Event(1, 1, "Leave", 1, SOURCE),
        Event(2, 1, "Reconcile", 1, renamed),
        Event(3, 1, "FinishAttestationFailure", 1, other, late=True),
    )
    epoch = "1970-01-01 00:00:0"
    assert ask(path, "SELECT * FROM events_by_level") == [
        ("critical", 1, 1, 1, f"{epoch}3", f"{epoch}3"),
        ("warning", 1, 1, 0, f"{epoch}1", f"{epoch}1"),
        ("debug", 1, 1, 0, f"{epoch}2", f"{epoch}2"),
    ]
    assert ask(path, "SELECT * FROM events_by_connector") == [
        ("account", "other", "Paris", 1, 1, 1, f"{epoch}3", f"{epoch}3"),
        ("account", "connector", "Bergen", 2, 1, 0, f"{epoch}1", f"{epoch}2"),
    ]


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("time >= '2026'", "events_time"),
        ("level = 'error' AND time >= '2026'", "events_level"),
        ("connector = 'x' ORDER BY time DESC", "events_connector"),
    ],
)
async def test_common_questions_have_an_index(tmp_path: Path, question: str, index: str) -> None:
    """Nobody has to read the whole table for a time, a level or a connector."""
    path = tmp_path / "events.db"
    await store(path, Event(1, 1, "Init", 1, SOURCE))
    plan = ask(path, f"EXPLAIN QUERY PLAN SELECT * FROM events WHERE {question}")  # noqa: S608 - ours
    assert len(plan) == 1
    assert index in plan[0][3]


async def test_a_reader_delays_nobody(tmp_path: Path) -> None:
    """Who reads, however long, does not keep events from being written."""
    path = tmp_path / "events.db"
    await store(path, Event(1, 1, "Init", 1, SOURCE))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
        await store(path, Event(2, 1, "Init", 1, SOURCE))
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert ask(path, "SELECT count(*) FROM events") == [(2,)]


async def test_locked_is_told(tmp_path: Path) -> None:
    """A file that another program has locked is away, and the message says so."""
    path = tmp_path / "events.db"
    sink = make(path)
    await sink.open(Resume(0, None))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            SinkUnavailableError, match=r"^Sink 'db' can't write .*another program has locked it"
        ):
            await sink.write(make_batch(1, 1))
    await sink.write(make_batch(1, 1))
    await sink.close()


async def test_the_file_is_private(tmp_path: Path) -> None:
    """A file that the sink makes can be read by nobody else, its log neither."""
    path = tmp_path / "events.db"
    sink = make(path)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 1))
    found = modes(tmp_path)
    await sink.close()
    assert found == {"events.db": 0o600, "events.db-wal": 0o600, "events.db-shm": 0o600}


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ("PRAGMA user_version = 3", "has schema 3, this program knows up to 2"),
        ("PRAGMA application_id = 7", "is a database of another program"),
    ],
)
async def test_others_are_left_untouched(tmp_path: Path, statements: str, said: str) -> None:
    """A table of a newer version and a database of another program are refused, not changed."""
    path = tmp_path / "events.db"
    if "user_version" in statements:
        await store(path, *make_batch(1, 1).events)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE mine (x); {statements}")
    before = path.read_bytes()
    sink = make(path)
    for call in (sink.open(Resume(0, None)), sink.check()):
        with pytest.raises(SinkUnavailableError, match=said):
            await call
    await sink.close()
    assert path.read_bytes() == before
    assert [*modes(tmp_path)] == ["events.db"]


def make_first(path: Path) -> None:
    """Make a file as the first version did."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, APPLICATION_ID, {1: MIGRATIONS[1]})


async def test_an_older_file_goes_on(tmp_path: Path) -> None:
    """A file of the first schema keeps its events and gets what has come since."""
    path = tmp_path / "events.db"
    await run_sync(make_first, path)
    assert await make(path).check() == f"{path} has 0 events, and is added to"
    await store(path, *make_batch(1, 2).events)
    assert ask(path, "SELECT count(*) FROM events") == [(2,)]
    assert ask(path, "SELECT count(*) FROM watermarks") == [(0,)]


def watermark(read: int, whole: int, settled: int | None, name: str = "Oslo") -> Watermark:
    """Tell how far one connector was read."""
    return Watermark(Source("acc", "c1", name, "A1", float(read)), read, whole, settled)


async def test_watermarks_only_grow(tmp_path: Path) -> None:
    """A row a connector says how far it is complete; what comes again after a crash changes nothing."""
    path = tmp_path / "events.db"
    sink = make(path)
    await sink.open(Resume(0, None))
    await sink.mark([watermark(1_785_585_600, 1_785_585_590, None)])
    await sink.mark([watermark(1_785_585_660, 1_785_585_660, 1_785_585_000, "Oslo\n2")])
    await sink.mark([watermark(1_785_585_600, 1_785_585_590, None, "Oslo 3")])
    await sink.close()
    assert ask(path, "SELECT * FROM watermarks") == [
        (
            *("acc", "c1", "Oslo 3", "A1"),
            *("2026-08-01 12:01:00", "2026-08-01 12:01:00", "2026-08-01 11:50:00", 1_785_585_660.0),
        )
    ]


async def test_a_rule_against_watermarks_is_told(tmp_path: Path) -> None:
    """A trigger that refuses them is an operator's, and no event is set aside for it."""
    path = tmp_path / "events.db"
    await store(path)
    ask(
        path,
        "CREATE TRIGGER no BEFORE INSERT ON watermarks BEGIN SELECT raise(ABORT, 'not here'); END",
    )
    sink = make(path)
    await sink.open(Resume(0, None))
    with pytest.raises(
        SinkUnavailableError, match=r"a rule of its own refuses watermarks \(.*not here\); drop it"
    ):
        await sink.mark([watermark(1, 1, None)])
    await sink.close()


async def test_no_database_is_left_untouched(tmp_path: Path) -> None:
    """A file that is no database is refused."""
    path = tmp_path / "events.db"
    path.write_text("a letter to grandmother\n" * 100)
    sink = make(path)
    with pytest.raises(SinkUnavailableError, match="it is no SQLite database; choose another path"):
        await sink.open(Resume(0, None))
    await sink.close()
    assert path.read_text() == "a letter to grandmother\n" * 100


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_file_that_was_moved_is_noticed(tmp_path: Path, is_replaced: bool) -> None:
    """What went to a file that is no longer under its path is written again to the one that is."""
    path = tmp_path / "events.db"
    sink = make(path)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 2))
    path.rename(tmp_path / "moved.db")
    if is_replaced:
        path.touch()
    with pytest.raises(SinkUnavailableError, match="it was moved or deleted while it was in use"):
        await sink.write(make_batch(3, 4))
    await sink.write(make_batch(3, 4))
    await sink.close()
    assert [row[0] for row in ask(path, "SELECT id FROM events ORDER BY rowid")] == ids_of(make_batch(3, 4))


async def test_a_rule_of_the_user_rejects(tmp_path: Path) -> None:
    """What a trigger refuses is rejected with the trigger's words, and nothing of the batch is there."""
    path = tmp_path / "events.db"
    await store(path, *make_batch(1, 1).events)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.n = 5"
            " BEGIN SELECT RAISE(ABORT, 'no fives'); END"
        )
    sink = make(path)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkRejectedError, match="no fives") as caught:
        await sink.write(make_batch(4, 6))
    await sink.close()
    assert caught.value.rejected == {}
    assert ask(path, "SELECT count(*) FROM events") == [(1,)]


async def test_check_beside_a_writer(tmp_path: Path) -> None:
    """A file that is in use can be checked; before and after nothing is left beside it."""
    path = tmp_path / "events.db"
    assert "is made when it is needed" in await make(path).check()
    assert not modes(tmp_path)
    sink = make(path)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 3))
    assert await make(path).check() == f"{path} has 3 events, and is added to"
    await sink.close()
    assert await make(path).check() == f"{path} has 3 events, and is added to"
    assert [*modes(tmp_path)] == ["events.db"]


def test_a_writer_that_dies_leaves_the_batch_whole_or_away(tmp_path: Path) -> None:
    """Killed in the middle of its transactions, a writer leaves a file that opens, and only whole batches."""
    path = tmp_path / "events.db"
    program = (
        "import asyncio, sys; from pathlib import Path; from tests.integration.test_sqlite_sink import *\n"
        "async def main():\n"
        "    sink = make(Path(sys.argv[1])); await sink.open(Resume(0, None))\n"
        "    for first in range(0, 100_000, 50):\n"
        "        await sink.write(make_batch(first, first + 49)); print(first, flush=True)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
    count = ask(path, "SELECT count(*) FROM events")[0][0]
    assert count % 50 == 0
    assert count >= told[-1] + 50
