"""The SQL of the sink `postgres` for watermarks: a table with a row for each connector. Texts and values.

A row only ever grows: what comes again after a crash changes nothing. Rows are sorted by their key, so that
two writers never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence

from tailer.model import Watermark
from tailer.sinks.formats.watermarks import COLUMNS
from tailer.sinks.text import escaped

_NAMES = ", ".join(COLUMNS)

_CREATE = """
CREATE TABLE IF NOT EXISTS {table} (
    account text NOT NULL, connector text NOT NULL, name text NOT NULL, serial text NOT NULL,
    read_through timestamptz NOT NULL, whole_through timestamptz NOT NULL, settled_through timestamptz,
    seen double precision NOT NULL, PRIMARY KEY (account, connector)
)
"""

_RIGHTS = """
SELECT array_remove(ARRAY[
    CASE WHEN NOT has_table_privilege('{table}', 'INSERT') THEN 'INSERT into {table}' END,
    CASE WHEN NOT has_table_privilege('{table}', 'SELECT') THEN 'SELECT from {table}' END,
    CASE WHEN NOT has_table_privilege('{table}', 'UPDATE') THEN 'UPDATE {table}' END
], NULL)
"""

# Of what is NULL greatest() takes no notice.
_UPSERT = """
INSERT INTO {table} AS known ({names})
SELECT account, connector, name, serial,
    to_timestamp(read_at), to_timestamp(whole_at), to_timestamp(settled_at), seen
FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[], %s::float8[]
) AS new (account, connector, name, serial, read_at, whole_at, settled_at, seen)
ORDER BY account, connector
ON CONFLICT (account, connector) DO UPDATE SET
    name = excluded.name, serial = excluded.serial,
    read_through = greatest(known.read_through, excluded.read_through),
    whole_through = greatest(known.whole_through, excluded.whole_through),
    settled_through = greatest(known.settled_through, excluded.settled_through),
    seen = greatest(known.seen, excluded.seen)
"""


class MarkSql:
    """Statements for the table of watermarks.

    Args:
        events: Name of the table of events, which this one is named after.

    Attributes:
        table: Its name.
        create: Makes it unless it is there.
        find: Asks whether it is there: one boolean.
        look: Fails unless it has all columns.
        rights: Asks what is not allowed that is needed: one list of words.
        upsert: Stores what `values_of` gives.
    """

    def __init__(self, events: str) -> None:
        self.table = f"{events}_watermarks"
        self.create = _CREATE.format(table=self.table)
        self.find = f"SELECT to_regclass('{self.table}') IS NOT NULL"
        self.look = f"SELECT {_NAMES} FROM {self.table} LIMIT 0"  # noqa: S608 - the Config checks the name
        self.rights = _RIGHTS.format(table=self.table)
        self.upsert = _UPSERT.format(table=self.table, names=_NAMES)


def values_of(watermarks: Sequence[Watermark]) -> list[list[str | float | None]]:
    """Give a list for each column."""
    return [
        [escaped(one.source.account) for one in watermarks],
        [escaped(one.source.connector) for one in watermarks],
        [escaped(one.source.name) for one in watermarks],
        [escaped(one.source.serial) for one in watermarks],
        [one.read_through for one in watermarks],
        [one.whole_through for one in watermarks],
        [one.settled_through for one in watermarks],
        [one.source.seen for one in watermarks],
    ]
