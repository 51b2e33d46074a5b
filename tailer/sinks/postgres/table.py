"""The SQL of the sink `postgres`: its table, partitions and views, and how a batch gets in. Texts only.

Rules:

1. The primary key is the event's id; of a partitioned table, whose keys must hold the column that parts it,
   the id and the time. The time follows from the id, so this is the same promise.
2. A batch is copied to a temporary table that forgets it at the end of the transaction, and goes from there
   to the table, sorted by id, so that two writers never wait for each other in a circle. What is known stays.
3. All of it is one transaction, durable when it has ended even if the server's default is to answer earlier.
   The temporary table is made in each one (which does nothing where it is there already), so that a pooler
   may give each transaction another connection.
4. A partitioned table has a default partition, or late events and clocks that are wrong would be refused.
   Months get partitions ahead of time, for one can't be made for events that lie in the default one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from tailer.core.durations import Seconds
from tailer.kinds import LEVELS
from tailer.sinks.formats.copy_rows import COLUMNS
from tailer.sinks.formats.records import PAYLOAD

_TYPES = {
    "id": 'text COLLATE "C"',  # bytes are compared: fast, and the same on every server
    "time": "timestamptz",
    "t": "numeric",  # of any length, and exact
    "n": "numeric",
    "a": "numeric",
    "seen": "double precision",
    "late": "boolean",
    PAYLOAD: "jsonb",
}
_NAMES = ", ".join(COLUMNS)
_STAGING = "tailer_staging_1"
"""Its number changes with its columns: behind a pooler an older version's may be there."""

_LEVELS = ", ".join(f"'{level}'" for level in LEVELS)
_PROBLEMS = ", ".join(f"'{level}'" for level in LEVELS[LEVELS.index("warning") :])


_CREATE = """
CREATE TABLE {name} ({columns}, stored_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ({key})){parted};
CREATE INDEX {short}_time ON {name} (time);
CREATE INDEX {short}_level ON {name} (level, time);
CREATE INDEX {short}_connector ON {name} (connector, time);
CREATE VIEW {name}_by_level AS
    SELECT level, count(*) AS events, count(DISTINCT connector) AS connectors,
        count(*) FILTER (WHERE late) AS late, min(time) AS oldest, max(time) AS newest
    FROM {name} GROUP BY level ORDER BY array_position(ARRAY[{levels}], level) DESC;
CREATE VIEW {name}_by_connector AS
    SELECT account, connector, last.name, events, problems, late, oldest, newest
    FROM (
        SELECT account, connector, count(*) AS events, count(*) FILTER (WHERE late) AS late,
            count(*) FILTER (WHERE level IN ({problems})) AS problems,
            min(time) AS oldest, max(time) AS newest
        FROM {name} GROUP BY account, connector
    ) AS sums
    CROSS JOIN LATERAL (
        SELECT name FROM {name} AS one WHERE one.connector = sums.connector ORDER BY time DESC LIMIT 1
    ) AS last
    ORDER BY newest DESC{default}
"""

_DESCRIBE = """
SELECT c.relkind::text, coalesce(p.partdefid, 0) <> 0,
    (
        SELECT coalesce(sum(greatest(leaf.reltuples, 0)), 0)::bigint FROM pg_class AS leaf
        WHERE leaf.oid = c.oid AND c.relkind <> 'p'
            OR leaf.oid IN (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf)
    ),
    ARRAY(
        SELECT string_agg(a.attname, ',' ORDER BY a.attname)
        FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
        GROUP BY i.indexrelid
    )
FROM pg_class AS c LEFT JOIN pg_partitioned_table AS p ON p.partrelid = c.oid
WHERE c.oid = to_regclass('{name}')
"""

_RIGHTS = """
SELECT array_remove(ARRAY[
    CASE WHEN NOT has_table_privilege('{name}', 'INSERT') THEN 'INSERT into it' END,
    CASE WHEN NOT has_table_privilege('{name}', 'SELECT') THEN 'SELECT from it' END,
    CASE WHEN NOT has_database_privilege(current_database(), 'TEMPORARY')
        THEN 'make TEMPORARY tables in the database' END
], NULL)
"""


class Month(NamedTuple):
    """A calendar month, UTC, as ISO dates: its first day, and the first day of the next one."""

    start: str
    end: str


def months_around(now: float) -> list[Month]:
    """Give the month before `now` (epoch seconds), the one that it lies in, and the next."""
    at = datetime.fromtimestamp(now, UTC)
    number = at.year * 12 + at.month - 1
    firsts = [f"{one // 12:04}-{one % 12 + 1:02}-01" for one in range(number - 1, number + 3)]
    return [Month(*pair) for pair in pairwise(firsts)]


def month_end(now: float) -> float:
    """Give the instant at which the month of `now` ends; both epoch seconds."""
    return datetime.fromisoformat(months_around(now)[1].end).replace(tzinfo=UTC).timestamp()


class TableSql:
    """Statements for one table.

    Args:
        name: The table's, in lower case, perhaps with its schema before a point.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self, *, is_partitioned: bool) -> str:
        """Make the table with its indexes, views and default partition."""
        key, parted, default = "id", "", ""
        if is_partitioned:
            key, parted = "id, time", " PARTITION BY RANGE (time)"
            default = f"; CREATE TABLE {self.name}_default PARTITION OF {self.name} DEFAULT"
        return _CREATE.format(
            name=self.name,
            short=self.name.rpartition(".")[2],
            columns=_columns(" NOT NULL"),
            key=key,
            parted=parted,
            default=default,
            levels=_LEVELS,
            problems=_PROBLEMS,
        )

    def create_month(self, month: Month) -> str:
        """Make the partition of a month unless it is there."""
        suffix = month.start[:7].replace("-", "_")
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name}_{suffix} PARTITION OF {self.name}"
            f" FOR VALUES FROM ('{month.start} 00:00:00+00') TO ('{month.end} 00:00:00+00')"
        )

    @property
    def describe(self) -> str:
        """Ask for relkind, whether there is a default partition, about how many rows, the unique indexes.

        The last is a list: of each index its columns, sorted, commas between. No row: there is no such table.
        """
        return _DESCRIBE.format(name=self.name)

    @property
    def rights(self) -> str:
        """Ask what is not allowed that a batch needs: one list of words."""
        return _RIGHTS.format(name=self.name)

    @property
    def look(self) -> str:
        """Fail unless the table has all columns."""
        return f"SELECT {_NAMES} FROM {self.name} LIMIT 0"  # noqa: S608 - the Config checks the name

    def finish(self, key: str) -> str:
        """Move the rows of a batch to the table, and end its transaction.

        Args:
            key: The columns of the unique index by which an event is known.
        """
        rows = f"SELECT {_NAMES} FROM {_STAGING} ORDER BY id"  # noqa: S608 - made of our own names
        return f"INSERT INTO {self.name} ({_NAMES}) {rows} ON CONFLICT ({key}) DO NOTHING; COMMIT"


def begin(timeout: Seconds) -> str:
    """Begin the transaction of a batch; each statement in it may take `timeout`."""
    return (
        f"BEGIN; SET LOCAL statement_timeout = {round(timeout * 1000)};"
        " SELECT set_config('synchronous_commit', 'on', true)"
        " WHERE current_setting('synchronous_commit') = 'off';"
        f" CREATE TEMPORARY TABLE IF NOT EXISTS {_STAGING} ({_columns()}) ON COMMIT DELETE ROWS"
    )


COPY = f"COPY {_STAGING} ({_NAMES}) FROM STDIN"
"""Takes the rows of a batch."""


def _columns(constraint: str = "") -> str:
    """Write the columns' definitions; all but the payload get the constraint."""
    return ", ".join(
        f"{column} {_TYPES.get(column, 'text')}{'' if column == PAYLOAD else constraint}"
        for column in COLUMNS
    )
