from pathlib import Path

import pytest

from tailer.app.sinks import load_with_sinks
from tailer.errors import ConfigError

ENVIRON = {"CLOUDFLARE_API_TOKEN": "t"}
ACCOUNT = '[[accounts]]\nid = "one"\n'
JOURNAL = '[journal]\npath = ":memory:"\n'


def mistakes_of(folder: Path, text: str) -> list[str]:
    """What is wrong with a file, sorted."""
    path = folder / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_with_sinks(path, ENVIRON)
    return sorted(caught.value.mistakes)


def test_sinks_come_checked_and_in_order(tmp_path: Path) -> None:
    """Each table becomes a plan with its name; relative paths count from the file's folder."""
    path = tmp_path / "c.toml"
    sinks = "[[sinks]]\ntype = 'file'\npath = 'e.jsonl'\n[[sinks]]\ntype = 'memory'\nname = 'mine'\n"
    path.write_text(ACCOUNT + JOURNAL + sinks)
    config, plans = load_with_sinks(path, ENVIRON)
    assert [plan.name for plan in plans] == ["file", "mine"]
    assert getattr(plans[0].config, "path") == tmp_path / "e.jsonl"  # noqa: B009 - its type is the sink's own
    assert config.journal.path == ":memory:"


def test_mistakes_of_file_and_sinks_come_together(tmp_path: Path) -> None:
    """A wrong option, a wrong sink, a missing journal: all are told at once."""
    text = ACCOUNT + "[polling]\nintervall = '5s'\n[[sinks]]\ntype = 'file'\n[[sinks]]\ntype = 'kafak'\n"
    found = mistakes_of(tmp_path, text)
    assert [mistake.split(":")[0] for mistake in found] == [
        "journal.path",
        "polling.intervall",
        "sinks[0].path",
        "sinks[1].type",
    ]


def test_daemon_needs_a_journal_and_a_sink(tmp_path: Path) -> None:
    """What `run` needs and the file lacks is said with what to write."""
    journal, sinks = mistakes_of(tmp_path, ACCOUNT)
    assert 'write [journal] path = "tailer.db"' in journal
    assert 'write [[sinks]] type = "file"' in sinks


@pytest.mark.parametrize("text", ["sinks = 1", "sinks = [1]", "journal = 1\nsinks = 'file'"])
def test_tables_that_are_none_are_told_once(tmp_path: Path, text: str) -> None:
    """What is no table at all is one mistake of the file, not a crash of whoever looks into it."""
    found = mistakes_of(tmp_path, f"{text}\n{ACCOUNT}")
    assert any(mistake.startswith("sinks") for mistake in found)
    assert len(found) == len(set(found))


def test_broken_toml_is_the_only_mistake(tmp_path: Path) -> None:
    """A file that can't be parsed has that one mistake, with its line."""
    (mistake,) = mistakes_of(tmp_path, "[[accounts")
    assert "is not valid TOML" in mistake
