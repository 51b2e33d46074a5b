"""How a backfill is asked for, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailer.app.backfill import Job, Place, Progress
from tailer.cli.retrieval import BackfillRequest, ask_of, configure, format_of, is_meant_as_folder, words_of
from tailer.cli.tidings import progress_line
from tailer.errors import ConfigError

NOW = 1_790_000_000.0
ENVIRON = {"CLOUDFLARE_ACCOUNT_ID": "a", "CLOUDFLARE_API_TOKEN": "t"}


def request(**given: Any) -> BackfillRequest:
    """What is typed, with the defaults of the flags."""
    plain: dict[str, Any] = {
        "connectors": (),
        "since": "30d",
        "until": None,
        "out": Path("events.jsonl"),
        "format": None,
        "kinds": (),
        "details": (),
        "share": None,
        "account": None,
        "token_file": None,
        "config": None,
    }
    return BackfillRequest(**{**plain, **given})


def place(folder: Path) -> Place:
    """A place for a file."""
    return Place(folder / "events.jsonl", is_folder=False)


def test_the_longest_line_fits_a_terminal() -> None:
    """However large the numbers are, the line about the progress has less than 80 columns."""
    line = progress_line(Progress(0.999, 12_345_678, 32_203.4, 1_920, 1_920, 200_000.0))
    assert line == "99 %, 12,345,678 events, 32,203/s, 1,920 of 1,920 requests, 2d8h left"
    assert len(f"tailer: {line}") <= 80 - 3  # what a status line leaves free


def test_a_beginning_promises_nothing() -> None:
    """As long as nothing can be said about the time that is left, nothing is."""
    assert progress_line(Progress(0, 0, 0, 1, 960, None)) == "0 %, 0 events, 0/s, 1 of 960 requests"


def test_what_is_a_folder(tmp_path: Path) -> None:
    """A folder that exists, or a name without an ending that does not, is one."""
    assert is_meant_as_folder(tmp_path)
    assert is_meant_as_folder(tmp_path / "new")
    assert not is_meant_as_folder(tmp_path / "new.jsonl")
    (tmp_path / "file").touch()
    assert not is_meant_as_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("out", "asked", "format_"),
    [("x.csv", None, "csv"), ("x.logfmt", None, "logfmt"), ("x.log", None, "jsonl"), ("x", "csv", "csv")],
)
def test_the_ending_tells_the_format(out: str, asked: str | None, format_: str) -> None:
    """What is asked for counts, then what the file is called."""
    assert format_of(request(out=Path(out), format=asked)) == format_


def test_a_lower_share_is_used(tmp_path: Path) -> None:
    """A share on the command line takes the place of the file's, for this run alone."""
    config = configure(request(share=0.3), place(tmp_path), ENVIRON, NOW)
    assert config.api.budget.share == 0.3
    assert config.api.budget.reserve == 0.1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"until": "2099-01-01"}, "--until: 2099-01-01 lies in the future"),
        ({"since": "1h", "until": "2h"}, "--until: 2h is not after --since 1h"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    """A span that can't be read is refused, and nothing was written."""
    with pytest.raises(ConfigError, match=words):
        configure(request(**given), place(tmp_path), ENVIRON, NOW)
    assert list(tmp_path.iterdir()) == []


def test_one_kind_is_asked_of_the_api() -> None:
    """One kind is sent with each request; of several all are read, and chosen from."""
    assert ask_of(request(kinds=("Leave",)), None).kind == "Leave"
    assert ask_of(request(kinds=("Leave", "Init")), None).kind is None


def test_another_command_does_not_go_on(tmp_path: Path) -> None:
    """The same words go on with what was begun; others are told with what it was begun."""
    config = configure(request(), place(tmp_path), ENVIRON, NOW)
    words = words_of(request(), config)
    assert place(tmp_path).take(words) is None
    assert place(tmp_path).take(words) is None  # nothing was read yet
    job = Job(words=words, start=1.0, end=2.0)
    place(tmp_path).keep(job)
    assert place(tmp_path).take(words) == job
    with pytest.raises(ConfigError, match="was begun with --since 30d; the same command goes on"):
        place(tmp_path).take({**words, "--since": "20d"})


def test_details_are_part_of_what_is_asked_for(tmp_path: Path) -> None:
    """Files begun without details do not go on with some; what was begun before there were any does."""
    plain = configure(request(), place(tmp_path), ENVIRON, NOW)
    asked = request(details=("HaError", "*Failure"))
    config = configure(asked, place(tmp_path), ENVIRON, NOW)
    assert config.polling.details == ("HaError", "*Failure")
    assert "--details" not in words_of(request(), plain)
    assert words_of(asked, config)["--details"] == "*Failure HaError"
