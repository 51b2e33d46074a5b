"""The PostgreSQL sink's promises, against a real server: every event once, whatever happens to it."""

from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from anyio.to_thread import run_sync

from tailer.clock import Clock, SystemClock
from tailer.errors import ConfigError, SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.model import Batch, Event, Source, Watermark
from tailer.observe import ignore
from tailer.sinks.options import SinkContext
from tailer.sinks.postgres.sink import PostgresSink
from tailer.sinks.postgres.table import TableSql
from tailer.sinks.registry import plan
from tailer.testing.rejection_contract import RejectionContract
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch
from tests.servers.postgres import LOCKED, PostgresServer
from tests.servers.tls import in_front_of, make_certificate, needs_openssl

SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)
NOVEMBER = 1_795_415_318  # 2026-11-23


class _Calendar(SystemClock):
    """A clock whose day can be chosen."""

    now = float(NOVEMBER)

    def wall(self) -> float:
        return self.now


def make(
    dsn: str,
    clock: Clock | None = None,
    environ: dict[str, str] | None = None,
    *,
    watermarks: bool = False,
    **options: Any,
) -> PostgresSink:
    """Build a sink that makes its table."""
    config = PostgresSink.Config(dsn=dsn, **{"create": True, **options})
    context = SinkContext("db", BytesIO(), environ or {}, ignore, clock or SystemClock())
    return PostgresSink(config, context._replace(watermarks=watermarks))


def ask(dsn: str, question: str) -> list[tuple[Any, ...]]:
    """Ask the database something, or have it do something."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(question.encode())
        return cursor.fetchall() if cursor.description else []


async def store(sink: PostgresSink, *events: Event) -> None:
    """Let a sink write a batch, and no more."""
    await sink.open(Resume(0, None))
    await sink.write(Batch(events))
    await sink.close()


@pytest.fixture
def dsn(postgres: PostgresServer) -> str:
    """Give the way to an empty database."""
    return postgres.make_database("test")


class _Place:
    """A database on a server that can be killed."""

    exactly_once = True
    can_fail_open = True

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._dsn = server.make_database("place")
        self._admin = psycopg.connect(self._dsn, autocommit=True)

    def build(self) -> PostgresSink:
        return make(self._dsn, watermarks=True)

    def _ask(self, question: str) -> list[tuple[Any, ...]]:
        if self._admin.closed or self._admin.broken:
            self._admin = psycopg.connect(self._dsn, autocommit=True)
        cursor = self._admin.execute(question.encode())
        return cursor.fetchall() if cursor.description else []

    @property
    def _is_made(self) -> bool:
        return self._ask("SELECT to_regclass('tailer_events')") != [(None,)]

    def held(self) -> Sequence[str]:
        # A table has no order but that of its transactions, which is the batches'.
        ordered = "SELECT id FROM tailer_events ORDER BY stored_at, t, n"
        return [row[0] for row in self._ask(ordered)] if self._is_made else []

    def fail(self) -> None:
        self._admin.close()
        self._server.kill()

    def mend(self) -> None:
        self._server.start()

    fail_open = fail
    mend_open = mend

    def reject(self, ids: Collection[str]) -> None:
        if not self._is_made:
            self._ask(TableSql("tailer_events").create(is_partitioned=False))
        self._ask("ALTER TABLE tailer_events DROP CONSTRAINT IF EXISTS refusing")
        if ids:
            refused = ", ".join(f"'{one}'" for one in ids)
            rule = f"CHECK (id NOT IN ({refused})) NOT VALID"
            self._ask(f"ALTER TABLE tailer_events ADD CONSTRAINT refusing {rule}")

    def leave(self) -> None:
        """Leave no connection open, and the server running."""
        self._admin.close()
        if not self._server.is_running:
            self._server.start()


class TestPostgresSink(SinkContract, RejectionContract):
    """The sink goes through every test of the suites, with a server that is killed with all it was doing."""

    @pytest.fixture
    def place(self, postgres: PostgresServer) -> Iterator[_Place]:
        """Make a place."""
        place = _Place(postgres)
        yield place
        place.leave()


async def test_a_row_is_the_record(dsn: str) -> None:
    """Each field of a record is a column under its own name; the payload is jsonb."""
    await store(make(dsn), Event(1_785_585_600, 7, "Leave", 1_785_585_601.25, SOURCE, True, {"url": "x"}))
    columns = "id, account, connector, name, serial, k, level, t, n, a, seen, late, e ->> 'url'"
    assert ask(dsn, f"SELECT {columns} FROM tailer_events") == [  # noqa: S608 - ours
        (
            "account/connector/1785585600.7",
            *("account", "connector", "Oslo", "A1", "Leave", "warning"),
            *(1_785_585_600, 7, 1_785_585_601.25, 1_785_585_700.5, True, "x"),
        )
    ]
    assert ask(dsn, "SELECT time = '2026-08-01T12:00:00Z', stored_at <= now() FROM tailer_events") == [
        (True, True)
    ]


async def test_strange_events_are_kept(dsn: str) -> None:
    """What PostgreSQL refuses is cleaned, numbers keep every digit, a time that has no date is infinity."""
    odd = Source("account", "connector", "a\0\b\\N\t\x1b\ud800'\n", "", 1.0)
    payload = {"x": "\0\0 \\u0000 \\\0 \ud800", "\0": [None, 0.1, "ü"]}
    await store(
        make(dsn),
        Event(1, 2**64, "Init", 1, odd, e=payload),
        Event(2**70, 10**30, "Ini\0t", 0.1, odd),
        Event(-(10**15), 0.5, "", 1, odd, e={}),
    )
    rows = ask(dsn, "SELECT time::text, t, n, a::text, k, e FROM tailer_events ORDER BY n")
    assert rows == [
        ("infinity", -(10**15), 0.5, "1", "", {}),
        (
            "1970-01-01 00:00:01+00",
            *(1, 2**64, "1", "Init"),
            {"x": "\ufffd\ufffd \\u0000 \\\ufffd \ufffd", "\ufffd": [None, 0.1, "ü"]},
        ),
        ("infinity", 2**70, 10**30, "0.1", r"Ini\u0000t", None),
    ]
    assert ask(dsn, "SELECT DISTINCT name FROM tailer_events") == [
        (r"a\u0000\u0008\N\u0009\u001b\ud800'\u000a",)
    ]


async def test_the_first_under_an_id_stays(dsn: str) -> None:
    """An event that is written again changes nothing, whatever it says now."""
    await store(make(dsn), Event(1, 1, "Init", 1, SOURCE))
    await store(make(dsn), Event(1, 1, "Leave", 2, SOURCE), Event(1, 2, "Leave", 2, SOURCE))
    assert ask(dsn, "SELECT n, k, a FROM tailer_events ORDER BY n") == [(1, "Init", 1), (2, "Leave", 2)]


async def test_views_sum_up(dsn: str) -> None:
    """One view tells of each level, the gravest first; one of each connector, under its newest name."""
    renamed = Source("account", "connector", "Bergen", "A1", 5.0)
    other = Source("account", "other", "Paris", "", 5.0)
    await store(
        make(dsn),
        Event(1, 1, "Leave", 1, SOURCE),
        Event(2, 1, "Reconcile", 1, renamed),
        Event(3, 1, "FinishAttestationFailure", 1, other, late=True),
    )
    assert ask(dsn, "SELECT level, events, connectors, late FROM tailer_events_by_level") == [
        ("critical", 1, 1, 1),
        ("warning", 1, 1, 0),
        ("debug", 1, 1, 0),
    ]
    columns = "name, events, problems, late, extract(epoch FROM oldest), extract(epoch FROM newest)"
    assert ask(dsn, f"SELECT {columns} FROM tailer_events_by_connector") == [  # noqa: S608 - ours
        ("Paris", 1, 1, 1, 3, 3),
        ("Bergen", 2, 1, 0, 1, 2),
    ]


async def test_months_have_partitions(dsn: str) -> None:
    """A month, its neighbours and a default partition are made; each event lies where it belongs, once."""
    clock = _Calendar()
    sink = make(dsn, clock, partition="month")
    batch = Batch([Event(t, 1, "Init", 1, SOURCE) for t in (0, NOVEMBER, NOVEMBER + 86_400 * 20, 2**70)])
    await sink.open(Resume(0, None))
    for _ in range(2):
        await sink.write(batch)
    assert ask(dsn, "SELECT tableoid::regclass::text, count(*) FROM tailer_events GROUP BY 1 ORDER BY 1") == [
        ("tailer_events_2026_11", 1),
        ("tailer_events_2026_12", 1),
        ("tailer_events_default", 2),
    ]
    clock.now += 86_400 * 40
    await sink.write(batch)
    await sink.close()
    partitions = ask(
        dsn, "SELECT relid::text FROM pg_partition_tree('tailer_events') WHERE isleaf ORDER BY 1"
    )
    assert [name for (name,) in partitions] == [
        *(f"tailer_events_{month}" for month in ("2026_10", "2026_11", "2026_12", "2027_01", "2027_02")),
        "tailer_events_default",
    ]


async def test_a_month_that_can_t_be_parted_delays_nothing(dsn: str) -> None:
    """Where the default partition holds events of a month already, later ones join them there."""
    await store(
        make(dsn, _Calendar(), partition="month"), Event(NOVEMBER + 86_400 * 60, 1, "Init", 1, SOURCE)
    )
    clock = _Calendar()
    clock.now += 86_400 * 60
    await store(make(dsn, clock, partition="month"), Event(NOVEMBER + 86_400 * 60, 2, "Init", 1, SOURCE))
    assert ask(dsn, "SELECT count(*) FROM tailer_events_default") == [(2,)]


async def test_a_poison_record_is_rejected_alone(dsn: str) -> None:
    """What a rule of the user's refuses is rejected with the server's words, without the row itself."""
    await store(make(dsn), Event(1, 1, "Init", 1, SOURCE))
    ask(dsn, "ALTER TABLE tailer_events ADD CONSTRAINT no_fives CHECK (n <> 5)")
    sink = make(dsn)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkRejectedError, match=r'violates check constraint "no_fives" \(23514\)$') as caught:
        await sink.write(make_batch(4, 6))
    assert caught.value.rejected == {}
    ask(dsn, "ALTER TABLE tailer_events ALTER COLUMN k TYPE varchar(6)")
    with pytest.raises(SinkRejectedError, match=r"value too long for type character varying\(6\) \(22001\)$"):
        await sink.write(make_batch(1, 3))
    await sink.close()
    assert ask(dsn, "SELECT count(*) FROM tailer_events") == [(1,)]


@pytest.mark.parametrize(
    ("before", "options", "said"),
    [
        ("SELECT 1", {"create": False}, "there is no table tailer_events; write create = true, or make it"),
        ("CREATE TABLE tailer_events (id text)", {}, "tailer_events has no unique index on .id. or"),
        ("CREATE TABLE tailer_events (id text PRIMARY KEY)", {}, r'column "time" does not exist \(42703\)'),
        (
            "CREATE TABLE tailer_events (id text PRIMARY KEY) PARTITION BY RANGE (id)",
            {},
            "has no default partition, for late events; make one",
        ),
        (
            "CREATE TABLE tailer_events (id text PRIMARY KEY)",
            {"partition": "month"},
            "has no partitions; leave partition out, or name another table",
        ),
    ],
)
async def test_a_table_that_is_not_fit_is_waited_for(dsn: str, before: str, options: Any, said: str) -> None:
    """No event is set aside for a table that lacks something; message and `check` tell what."""
    ask(dsn, before)
    sink = make(dsn, **options)
    for call in (sink.open(Resume(0, None)), sink.check()):
        with pytest.raises(SinkUnavailableError, match=said):
            await call
    await sink.close()


def make_guest(dsn: str) -> None:
    """Make a user without rights, unless there is one."""
    if not ask(dsn, "SELECT 1 FROM pg_roles WHERE rolname = 'guest'"):
        ask(dsn, "CREATE ROLE guest LOGIN")


async def test_rights_that_lack_are_named(dsn: str, postgres: PostgresServer) -> None:
    """A user who may not write is told which right to ask for."""
    await store(make(dsn), Event(1, 1, "Init", 1, SOURCE))
    make_guest(dsn)
    ask(dsn, "GRANT SELECT ON tailer_events TO guest; REVOKE TEMPORARY ON DATABASE test FROM PUBLIC")
    with pytest.raises(SinkUnavailableError, match="no right to INSERT into it, make TEMPORARY tables"):
        await make(f"{dsn}?user=guest").check()


async def test_a_lock_is_waited_for_no_longer_than_the_timeout(dsn: str) -> None:
    """A table that another transaction has locked is away; afterwards the same batch goes in, once."""
    sink = make(dsn, timeout=1.0)
    await sink.open(Resume(0, None))
    with psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE tailer_events")
        with pytest.raises(SinkUnavailableError, match=r"statement timeout \(57014\)"):
            await sink.write(make_batch(1, 2))
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert ask(dsn, "SELECT count(*) FROM tailer_events") == [(2,)]


async def test_a_server_that_hangs_is_hung_up_on(dsn: str, postgres: PostgresServer) -> None:
    """A server that says nothing at all is away after the timeout; when it is back all goes on."""
    sink = make(dsn, timeout=1.0)
    await sink.open(Resume(0, None))
    postgres.freeze()
    try:
        with pytest.raises(SinkUnavailableError, match="no answer within 1s"):
            await sink.write(make_batch(1, 2))
        with pytest.raises(SinkUnavailableError, match="timeout expired"):
            await sink.write(make_batch(1, 2))
    finally:
        postgres.thaw()
    await sink.write(make_batch(1, 2))
    await sink.close()
    assert sorted(row[0] for row in ask(dsn, "SELECT id FROM tailer_events")) == sorted(
        ids_of(make_batch(1, 2))
    )


async def test_a_deadlock_is_tried_again(dsn: str) -> None:
    """A transaction that met another one is repeated at once; only if it keeps failing the server is away."""
    await store(make(dsn), Event(1, 1, "Init", 1, SOURCE))
    ask(
        dsn,
        "CREATE SEQUENCE tries; CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('tries') < 3 THEN RAISE 'met' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER meet BEFORE INSERT ON tailer_events FOR EACH ROW EXECUTE FUNCTION meet()",
    )
    await store(make(dsn), Event(2, 1, "Init", 1, SOURCE))
    assert ask(dsn, "SELECT count(*), nextval('tries') FROM tailer_events") == [(2, 4)]
    ask(dsn, "ALTER SEQUENCE tries RESTART")
    ask(dsn, "ALTER SEQUENCE tries INCREMENT -1 MINVALUE -100 RESTART 1")
    sink = make(dsn)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match=r"met \(40P01\)"):
        await sink.write(make_batch(1, 1))
    await sink.close()


async def test_a_lost_answer_is_no_second_event(dsn: str) -> None:
    """A connection that is lost after the commit leaves a batch that is written again, and there once."""
    sink = make(dsn)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 2))
    ask(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tailer'")
    with pytest.raises(SinkUnavailableError):
        await sink.write(make_batch(1, 3))
    await sink.write(make_batch(1, 3))
    await sink.close()
    assert ask(dsn, "SELECT count(*) FROM tailer_events") == [(3,)]


async def test_commits_are_durable_whatever_the_default(dsn: str) -> None:
    """A database whose default is to answer before a commit is on the disk has ours on it."""
    ask(dsn, "ALTER DATABASE test SET synchronous_commit = off")
    await store(make(dsn), Event(1, 1, "Init", 1, SOURCE))
    ask(
        dsn,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.name = current_setting('synchronous_commit'); RETURN NEW; END $$;"
        " CREATE TRIGGER note BEFORE INSERT ON tailer_events FOR EACH ROW EXECUTE FUNCTION note()",
    )
    await store(make(dsn), Event(2, 1, "Init", 1, SOURCE))
    assert ask(dsn, "SELECT name FROM tailer_events ORDER BY t") == [("Oslo",), ("on",)]


async def test_check_says_what_is_there(dsn: str) -> None:
    """The sentence names the server, the database, the user and the table, and whether TLS is used."""
    await store(make(dsn), *make_batch(1, 3).events)
    ask(dsn, "ANALYZE tailer_events")
    said = await make(dsn, table="public.tailer_events").check()
    assert said.startswith("PostgreSQL ")
    assert (
        ", database test as tailer, not encrypted; the table public.tailer_events has about 3 events" in said
    )


async def test_the_password_stays_secret(dsn: str, postgres: PostgresServer, tmp_path: Path) -> None:
    """A password comes from a file, which may get another one at any time, and is in no message."""
    postgres.lock("hunter 2")
    secret = tmp_path / "secret"
    secret.write_text("hunter 3\n")
    sink = make(f"{dsn}?user={LOCKED}", password_file=secret)
    with pytest.raises(
        SinkUnavailableError, match=r"password authentication failed for user .*; check dsn, pas"
    ) as caught:
        await sink.open(Resume(0, None))
    assert "hunter" not in f"{caught.value}{caught.value.__cause__!r}"
    secret.write_text("hunter 2\n")
    await store(sink, Event(1, 1, "Init", 1, SOURCE))
    sink = make(f"{dsn}?user={LOCKED}", password_env="PG", environ={"PG": "hunter 2"})
    await store(sink, Event(2, 1, "Init", 1, SOURCE))
    assert ask(dsn, "SELECT count(*) FROM tailer_events") == [(2,)]


@needs_openssl
async def test_the_server_is_known_by_its_certificate(
    dsn: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    """With "verify-full" nothing is sent to a server whose certificate and name `ca_file` does not know."""
    certificate = await run_sync(make_certificate, tmp_path)
    known: dict[str, Any] = {"sslmode": "verify-full", "ca_file": certificate.file}
    async with in_front_of(postgres.port, certificate, consent=b"S") as port:
        front = dsn.replace(f":{postgres.port}/", f":{port}/")
        assert " as tailer, encrypted; " in await make(front, **known).check()
        await store(make(front, **known), Event(1, 1, "Init", 1, SOURCE))
        for stranger in (
            make(front, sslmode="verify-full"),
            make(front.replace("127.0.0.1", "localhost"), **known),
        ):
            with pytest.raises(SinkUnavailableError, match="certificate"):
                await stranger.check()
    assert ask(dsn, "SELECT count(*) FROM tailer_events") == [(1,)]


async def test_encryption_that_is_asked_for_is_needed(dsn: str) -> None:
    """A server that does not encrypt is away for a sink that wants it to."""
    with pytest.raises(SinkUnavailableError, match="server does not support SSL"):
        await make(dsn, sslmode="require").check()


def watermark(read: int, whole: int, settled: int | None, name: str = "Oslo") -> Watermark:
    """Tell how far one connector was read."""
    return Watermark(Source("acc", "c1", name, "A1", float(read)), read, whole, settled)


async def test_watermarks_only_grow(dsn: str) -> None:
    """A row a connector says how far it is complete; what comes again after a crash changes nothing."""
    sink = make(dsn, watermarks=True)
    await sink.open(Resume(0, None))
    await sink.mark([watermark(1_785_585_600, 1_785_585_590, None)])
    await sink.mark([watermark(1_785_585_660, 1_785_585_660, 1_785_585_000, "Os\0lo")])
    await sink.mark([watermark(1_785_585_600, 1_785_585_590, None, "Oslo 3")])
    await sink.close()
    times = ", ".join(f"extract(epoch FROM {one}_through)::int" for one in ("read", "whole", "settled"))
    assert ask(dsn, f"SELECT account, connector, name, serial, {times} FROM tailer_events_watermarks") == [  # noqa: S608 - ours
        ("acc", "c1", "Oslo 3", "A1", 1_785_585_660, 1_785_585_660, 1_785_585_000)
    ]


async def test_a_table_for_watermarks_is_made_only_where_they_are_wanted(dsn: str) -> None:
    """And missed at the start, not with the first one, where nothing is to be made."""
    await store(make(dsn))
    assert ask(dsn, "SELECT to_regclass('tailer_events_watermarks')") == [(None,)]
    assert "is added to" in await make(dsn, watermarks=True).check()
    sink = make(dsn, create=False, watermarks=True)
    for call in (sink.open(Resume(0, None)), sink.check()):
        with pytest.raises(
            SinkUnavailableError, match="no table tailer_events_watermarks for watermarks; write"
        ):
            await call
    assert "is added to" in await make(dsn, create=False).check()


async def test_rights_for_watermarks_are_missed_at_the_start(dsn: str) -> None:
    """With the word that grants them; a rule against them is told when it is met."""
    await store(make(dsn, watermarks=True))
    make_guest(dsn)
    ask(dsn, "GRANT SELECT, INSERT ON tailer_events, tailer_events_watermarks TO guest")
    guest = make(dsn.replace("tailer@", "guest@"), create=False, watermarks=True)
    with pytest.raises(SinkUnavailableError, match="no right to UPDATE tailer_events_watermarks; grant it"):
        await guest.check()
    ask(dsn, "GRANT UPDATE ON tailer_events_watermarks TO guest; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    guest = make(dsn.replace("tailer@", "guest@"), watermarks=True)
    await guest.open(Resume(0, None))
    await guest.mark([watermark(1, 1, None)])
    await guest.close()
    ask(dsn, "ALTER TABLE tailer_events_watermarks ADD CHECK (name <> 'Bern')")
    sink = make(dsn, watermarks=True)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match="tailer_events_watermarks refuses watermarks"):
        await sink.mark([watermark(1, 1, None, "Bern")])
    await sink.mark([watermark(1, 1, None)])
    await sink.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dsn": "postgresql://u:hunter2@h/d"}, "dsn must hold no password"),
        ({"dsn": "host=h password=hunter2"}, "dsn must hold no password"),
        ({"dsn": "host=h hunter2"}, "dsn is not understood"),
        ({"password_env": "A", "password_file": "b"}, "exclude each other"),
        ({"partition": "month"}, "partition has no effect without create = true"),
        ({"table": "Events; DROP"}, "table"),
        ({"sslmode": "on"}, "sslmode"),
    ],
)
def test_mistakes_are_told_without_secrets(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A wrong table of the configuration gets a sentence that shows no password."""
    with pytest.raises(ConfigError) as caught:
        plan({"type": "postgres", **options}, "sinks[0]", tmp_path)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
