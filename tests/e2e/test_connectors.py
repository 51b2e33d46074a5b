import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import run, simulator

NAMES = {"Lisbon plant - rack 7", "São Paulo warehouse - rack 3", "Kraków warehouse - rack 7"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator with a small fleet and the variables that lead there."""
    with simulator(tmp_path_factory.mktemp("api"), "--connectors", "3") as variables:
        yield variables


def test_pipe_gets_a_record_for_each_connector(api: dict[str, str], tmp_path: Path) -> None:
    """Without a pattern all are listed, and no license key is."""
    ended = run(["connectors"], api, tmp_path)
    records = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.code == 0
    assert {record["name"] for record in records} == NAMES
    assert all(
        record["activated"] and record["version"] and record["heartbeat_age"] >= 0 for record in records
    )
    assert "license" not in ended.stdout + ended.stderr


def test_table_marks_what_the_file_excludes(api: dict[str, str], tmp_path: Path) -> None:
    """With a configuration file the table tells which connectors are read by it."""
    file = tmp_path / "c.toml"
    account = api["CLOUDFLARE_ACCOUNT_ID"]
    file.write_text(f'[[accounts]]\nid = "{account}"\nexclude = ["lisbon*"]\n')
    ended = run(
        ["connectors", "-c", "c.toml", "-o", "table", "*plant*", "*warehouse - rack 3"], api, tmp_path
    )
    title, *lines = ended.stdout.splitlines()
    assert title.split() == ["NAME", "SERIAL", "ACTIVE", "READ", "HEARTBEAT", "VERSION", "ID"]
    assert [(line.split()[0], line[title.index("READ") :].split()[0]) for line in lines] == [
        ("Lisbon", "no"),
        ("São", "yes"),
    ]


def test_name_that_means_nothing_names_the_nearest(api: dict[str, str], tmp_path: Path) -> None:
    """A typo is a mistake with a hint, and nothing is listed."""
    ended = run(["connectors", "lisbon"], api, tmp_path)
    assert (ended.code, ended.stdout) == (2, "")
    assert 'did you mean "Lisbon plant - rack 7"?' in ended.stderr


def test_wrong_token_is_said(api: dict[str, str], tmp_path: Path) -> None:
    """A refused token has its own exit code, and is not shown."""
    ended = run(["connectors"], {**api, "CLOUDFLARE_API_TOKEN": "not-the-right-token"}, tmp_path)
    assert (ended.code, ended.stdout) == (3, "")
    assert "not-the-right-token" not in ended.stderr
