import json

import pytest
from click.testing import CliRunner, Result

from tailer.cli.main import group
from tailer.kinds import DERIVED, KINDS, LEVELS


def kinds(*arguments: str) -> Result:
    """What the command does."""
    return CliRunner().invoke(group, ["kinds", *arguments])


def test_all_kinds_come_with_level_and_meaning() -> None:
    """Without a pattern every known kind is listed, in a pipe as JSON Lines."""
    records = [json.loads(line) for line in kinds().stdout.splitlines()]
    assert [record["kind"] for record in records] == [*KINDS, *DERIVED]
    assert {record["level"] for record in records} == set(LEVELS)
    assert all(record["meaning"] for record in records)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["leave"], ["Leave"]),
        (["ha*"], ["HaError", "HaTransition", "HaLeave", "HaInit"]),
        (["critical", "Reconcile"], ["FinishAttestationFailure", "Reconcile", "tailer.CrashLoop"]),
    ],
)
def test_patterns_choose_by_kind_or_level(patterns: list[str], expected: list[str]) -> None:
    """A pattern means kinds or a level, whatever its case."""
    assert [json.loads(line)["kind"] for line in kinds(*patterns).stdout.splitlines()] == expected


@pytest.mark.parametrize(
    ("pattern", "hint"), [("leav", "did you mean Leave?"), ("qqq", "tailer kinds lists")]
)
def test_pattern_that_means_nothing_is_a_mistake(pattern: str, hint: str) -> None:
    """A typo gets the nearest kind, not an empty list."""
    outcome = kinds(pattern)
    assert outcome.exit_code == 2
    assert hint in outcome.stderr


def test_table_has_a_line_for_each_kind() -> None:
    """On request it is a table with titles, whose columns are aligned."""
    title, *lines = kinds("-o", "table", "Ha*").stdout.splitlines()
    assert title.split() == ["KIND", "LEVEL", "MEANING"]
    assert [line.index(KINDS[line.split()[0]].level) for line in lines] == [title.index("LEVEL")] * 4
