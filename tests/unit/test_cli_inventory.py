from pathlib import Path

import pytest

from tailer.app.listing import Listed
from tailer.cli.inventory import table_of
from tailer.config.document import parse
from tailer.model import Connector

NOW = 1_785_585_600.0
CONFIG = """
[[accounts]]
id = "one"
exclude = ["lab*"]
[[accounts]]
id = "two"
"""


def listed(*connectors: Connector) -> list[Listed]:
    """Two accounts, the first of which has some connectors."""
    config = parse(CONFIG, str(Path("c.toml")), {"CLOUDFLARE_API_TOKEN": "t"})
    first, second = config.accounts
    return [Listed(first, list(connectors), NOW), Listed(second, [Connector("two", "z")], NOW)]


def test_accounts_are_told_apart_only_where_there_are_several() -> None:
    """A column that is the same everywhere is left out."""
    both = listed(Connector("one", "b"), Connector("one", "a", notes="lab\nfloor 2"))
    titles, rows = table_of(both, ())
    assert (titles[-1], [row.cells[-1] for row in rows]) == ("ACCOUNT", ["one", "one", "two"])
    titles, rows = table_of(both[:1], ())
    assert (titles[-1], [row.cells[-1] for row in rows]) == ("ID", ["b", "a"])


def test_what_is_not_read_and_not_known_is_shown_so() -> None:
    """What a file excludes is marked, and what the API does not say is a dash, not a guess."""
    titles, rows = table_of(listed(Connector("one", "a", notes="lab\nfloor 2"))[:1], ("lab",))
    (row,) = rows
    assert dict(zip(titles, row.cells, strict=True)) == {
        "NAME": "lab",
        "SERIAL": "-",
        "ACTIVE": "-",
        "READ": "no",
        "HEARTBEAT": "never",
        "VERSION": "-",
        "ID": "a",
    }
    assert row.record["notes"] == "lab\nfloor 2"
    assert row.record["heartbeat_age"] is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-08-01T11:59:52Z", "8s ago"),
        ("2026-08-01T11:13:00Z", "47m ago"),
        ("2026-08-01T07:00:00Z", "5h ago"),
        ("2026-07-29T12:00:00Z", "3d ago"),
        ("2026-08-01T12:00:05Z", "0s ago"),
    ],
)
def test_age_of_a_heartbeat_has_one_unit(written: str, shown: str) -> None:
    """People look for what is silent: one number is enough; a clock that is ahead is no news."""
    _, rows = table_of(listed(Connector("one", "a", last_heartbeat=written))[:1], ())
    assert shown in rows[0].cells
