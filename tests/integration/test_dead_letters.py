"""The file of dead letters: exact, whole after a crash, and nobody else's to read."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from tailer.errors import SinkUnavailableError
from tailer.interfaces import DeadLetter
from tailer.model import Event, Source
from tailer.sinks import dead_letters
from tailer.sinks.appended import AppendedFile
from tailer.sinks.dead_letters import DeadLetterFile, read_letters

SOURCE = Source("acc", "con", "Zürich \u202e\n plant", "S/1", 1_785_585_600.123)


def letter(
    number: int, *, sink: str = "siem", reason: str = "too long", t: float = 1_785_585_600.25
) -> DeadLetter:
    """A dead letter like no other of its sink."""
    return DeadLetter(
        sink, Event(t, number, "Leave", t + 1, SOURCE, number % 2 == 0), reason, 1_785_585_700.5
    )


def numbers(path: Path) -> list[tuple[str, float]]:
    """What is in the file, in short."""
    return [(one.sink, one.event.n) for one in read_letters(path).letters]


def add(dead: DeadLetterFile, *letters: DeadLetter) -> None:
    """Add letters."""
    anyio.run(dead.add, letters)


def remove(dead: DeadLetterFile, *ids: str) -> None:
    """Remove letters of the sink that most are of."""
    anyio.run(dead.remove, "siem", ids)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where they go."""
    return tmp_path / "tailer.dead.jsonl"


def test_an_event_comes_back_as_it_was(path: Path) -> None:
    """Numbers of any size, fractions, foreign letters and what a terminal would obey: nothing is changed."""
    letters = [
        letter(2**70 + 1, t=1_785_585_600),
        letter(3, reason='quoted "x" \x1b[31m \u2028 \U0001f600'),
        letter(4, t=1_785_585_600.123456),
    ]
    dead = DeadLetterFile(path)
    add(dead, *letters)

    found = anyio.run(dead.read)

    assert [(one.sink, one.reason, one.at) for one in found] == [
        (one.sink, one.reason, one.at) for one in letters
    ]
    assert [(one.event.id, one.event.k, one.event.a, one.event.late) for one in found] == [
        (one.event.id, one.event.k, one.event.a, one.event.late) for one in letters
    ]
    assert [type(one.event.n) for one in found] == [int] * 3
    assert {(one.event.name, one.event.serial, one.event.seen) for one in found} == {
        (SOURCE.name, SOURCE.serial, SOURCE.seen)
    }


def test_the_file_is_json_lines_for_its_owner(path: Path) -> None:
    """Each line has the reason beside the record that the sink was to get; nobody else may read it."""
    add(DeadLetterFile(path), letter(1, reason="why \x1b[2J not"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (line,) = path.read_text("utf-8").splitlines()
    assert "\x1b" not in line
    told = json.loads(line)
    assert list(told) == ["at", "sink", "reason", "event"]
    assert told["event"]["id"] == "acc/con/1785585600.25.1"


def test_no_file_means_no_letters(path: Path) -> None:
    """Looking makes no file."""
    assert anyio.run(DeadLetterFile(path).read) == []
    assert not path.exists()


def test_a_letter_that_came_twice_is_one(path: Path) -> None:
    """After a crash an event may be set aside again: it is listed once, in its first place, as told last."""
    dead = DeadLetterFile(path)
    add(dead, letter(1, reason="first"), letter(2))
    add(dead, letter(1, reason="second"), letter(1, sink="other"))
    assert [(one.sink, one.event.n, one.reason) for one in anyio.run(dead.read)] == [
        ("siem", 1, "second"),
        ("siem", 2, "too long"),
        ("other", 1, "too long"),
    ]


def test_a_torn_line_costs_no_other(path: Path) -> None:
    """A crash in the middle of a line: the next letter begins on one of its own; whole ones are read."""
    dead = DeadLetterFile(path)
    add(dead, letter(1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    assert numbers(path) == [("siem", 1)]

    add(dead, letter(2))

    found = read_letters(path)
    assert numbers(path) == [("siem", 1), ("siem", 2)]
    assert found.unreadable == 1


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"[]", b'{"at":1}', b'{"at":1,"sink":"s","reason":"r","event":{}}']
)
def test_what_is_no_letter_is_left_alone(path: Path, line: bytes) -> None:
    """Somebody's line is counted, and still there when letters are taken out."""
    dead = DeadLetterFile(path)
    add(dead, letter(1), letter(2))
    path.write_bytes(line + b"\n" + path.read_bytes())

    remove(dead, letter(1).event.id)

    assert path.read_bytes().startswith(line + b"\n")
    assert numbers(path) == [("siem", 2)]
    assert read_letters(path).unreadable == 1


def test_only_what_is_named_is_removed(path: Path) -> None:
    """The same event of another sink stays; so do mode and links; nothing is left beside the file."""
    real = path.with_name("real.jsonl")
    path.symlink_to(real)
    dead = DeadLetterFile(path)
    add(dead, letter(1), letter(2), letter(1, sink="other"), letter(2))
    real.chmod(0o640)

    remove(dead, letter(1).event.id, "acc/con/0.0")

    assert numbers(path) == [("siem", 2), ("other", 1)]
    assert len(real.read_bytes().splitlines()) == 2
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(one.name for one in path.parent.iterdir()) == ["real.jsonl", path.name]


async def insist(attempt: Callable[[], Awaitable[None]]) -> None:
    """Do something again as long as somebody else has the file."""
    while True:
        try:
            return await attempt()
        except SinkUnavailableError as error:
            assert "another sink or process writes to it" in str(error)  # noqa: PT017 - it need not come


async def test_adding_and_removing_at_once_loses_nothing(path: Path) -> None:
    """Two runs with one file, and several sinks of each: what is not removed is there."""
    files = [DeadLetterFile(path), DeadLetterFile(path)]
    await files[0].add([letter(number, sink="old") for number in range(20)])

    async def add_ten(sink: str, dead: DeadLetterFile) -> None:
        for number in range(10):
            await insist(partial(dead.add, [letter(number, sink=sink)]))

    async def remove_all() -> None:
        for number in range(20):
            await insist(partial(files[0].remove, "old", [letter(number).event.id]))

    async with anyio.create_task_group() as group:
        for index, dead in enumerate(files):
            for sink in "ab":
                group.start_soon(add_ten, f"{sink}{index}", dead)
        group.start_soon(remove_all)

    assert sorted((one.sink, one.event.n) for one in await files[0].read()) == [
        (f"{sink}{index}", number) for sink in "ab" for index in range(2) for number in range(10)
    ]


def test_a_file_that_is_replaced_meanwhile_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter never goes to a file that has just lost its name to a newer one."""
    replaced: list[Path] = []

    class RacingFile(AppendedFile):
        """Somebody else replaces the file once, between its opening and its locking."""

        def __init__(self, path: Path) -> None:
            super().__init__(path)
            if not replaced:
                replaced.append(path)
                newer = path.with_name("newer")
                newer.write_bytes(path.read_bytes())
                newer.replace(path)

    dead = DeadLetterFile(path)
    add(dead, letter(1))
    monkeypatch.setattr(dead_letters, "AppendedFile", RacingFile)
    add(dead, letter(2))
    assert numbers(path) == [("siem", 1), ("siem", 2)]


@contextmanager
def full_disk() -> Iterator[None]:
    """Let files grow to 1000 bytes: the kernel writes up to the limit, then refuses like a full disk.

    No fixture, for the limit is the process's: pytest's own output may go to a file.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_the_file_as_it_was(path: Path) -> None:
    """What can't be stored whole is not stored at all, and it is said which file it was."""
    dead = DeadLetterFile(path)
    add(dead, letter(1), letter(2))
    before = path.read_bytes()
    with full_disk():
        with pytest.raises(SinkUnavailableError, match=r"tailer\.dead\.jsonl can't be written"):
            add(dead, *map(letter, range(3, 9)))
        assert path.read_bytes() == before
        remove(dead, letter(1).event.id)
    assert numbers(path) == [("siem", 2)]


def test_removing_without_room_changes_nothing(path: Path) -> None:
    """The new file needs room beside the old one; without it the old one stays as it is."""
    dead = DeadLetterFile(path)
    add(dead, *map(letter, range(9)))
    before = path.read_bytes()
    with full_disk(), pytest.raises(SinkUnavailableError):
        remove(dead, letter(1).event.id)
    assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The message says what to do."""
    dead = DeadLetterFile(tmp_path / "away" / "dead.jsonl")
    with pytest.raises(SinkUnavailableError, match="its folder does not exist; make it"):
        add(dead, letter(1))


def test_a_half_written_new_file_is_no_harm(path: Path) -> None:
    """What a crash left of a new file is written over, and never taken for the real one."""
    dead = DeadLetterFile(path)
    add(dead, letter(1), letter(2))
    path.with_name(f"{path.name}.new").write_bytes(b"x" * 5000)

    remove(dead, letter(2).event.id)

    assert numbers(path) == [("siem", 1)]
    assert [one.name for one in path.parent.iterdir()] == [path.name]
