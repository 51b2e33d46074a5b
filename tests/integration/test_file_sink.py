"""The file sink's promises, one by one: every event once, whatever happens to the file."""

import errno
import fcntl
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tailer.errors import ConfigError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.sinks.registry import plan
from tailer.testing.sink_contract import ids_of, make_batch
from tests.integration.desk import Desk, ids_in

ONE, TWO, THREE = make_batch(1, 3), make_batch(4, 5), make_batch(6, 9)


async def crashed(desk: Desk) -> bytes | None:
    """Write ONE with its commit and TWO without; give the committed state."""
    sink, _ = await desk.opened()
    state = await sink.write(ONE)
    await sink.write(TWO)
    await sink.close()
    return state


async def test_new_file_is_private(desk: Desk) -> None:
    """A file that the sink makes can be read by nobody else."""
    sink, _ = await desk.opened()
    await sink.close()
    assert desk.path.stat().st_mode & 0o777 == 0o600


async def test_first_open_commits_what_is_there(desk: Desk) -> None:
    """Foreign content is kept, and told of once: the first open commits its length and writes nothing."""
    desk.path.write_text("foreign\n")
    sink, state = await desk.opened()
    assert desk.path.read_text() == "foreign\n"
    await sink.write(ONE)
    await sink.close()
    sink, _ = await desk.opened(state)
    await sink.close()
    assert desk.path.read_text() == "foreign\n"
    (report,) = desk.reports
    assert "it has 8B already and is appended to. The journal knows no sink of this name" in str(report)


async def test_unended_line_is_ended(desk: Desk) -> None:
    """A foreign last line without its end is not glued to the first record."""
    desk.path.write_text("foreign")
    sink, _ = await desk.opened()
    await sink.write(ONE)
    await sink.close()
    first, *records = desk.path.read_text().splitlines()
    assert first == "foreign"
    assert [json.loads(line)["id"] for line in records] == ids_of(ONE)


async def test_uncommitted_batch_is_cut(desk: Desk) -> None:
    """What was written after the last commit is cut off at the start and written again."""
    state = await crashed(desk)
    sink, again = await desk.opened(state)
    assert ids_in(desk.path) == ids_of(ONE)
    assert again == state
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(ONE, TWO)
    assert desk.reports == []


async def test_torn_record_is_cut(desk: Desk) -> None:
    """Half a record, as a lost power supply leaves it, is cut off as well."""
    state = await crashed(desk)
    os.truncate(desk.path, desk.path.stat().st_size - 20)
    sink, _ = await desk.opened(state)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(ONE, TWO)


@pytest.mark.parametrize("successor", [None, "foreign\n"])
async def test_renamed_file_is_cut(desk: Desk, successor: str | None) -> None:
    """A file that was renamed since is cut under its new name, and the one under the path is appended to."""
    state = await crashed(desk)
    desk.path.rename(desk.renamed)
    if successor is not None:
        desk.path.write_text(successor)
    sink, _ = await desk.opened(state)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)
    desk.path.write_text(desk.path.read_text().removeprefix(successor or ""))
    assert ids_in(desk.path) == ids_of(TWO)
    assert desk.reports == []


async def test_shortened_renamed_file_is_reported(desk: Desk) -> None:
    """A renamed file that someone has cut is left as it is, and told about."""
    state = await crashed(desk)
    desk.path.rename(desk.renamed)
    os.truncate(desk.renamed, 10)
    sink, _ = await desk.opened(state)
    await sink.close()
    assert desk.renamed.stat().st_size == 10
    assert "renamed to events.jsonl.1: it has 10 bytes" in desk.said()


async def test_replaced_file_is_never_cut(desk: Desk) -> None:
    """A file that someone else put in the place of ours is kept whole and appended to."""
    state = await crashed(desk)
    content = "x" * 10_000 + "\n"
    desk.path.with_name("other").write_text(content)
    desk.path.with_name("other").replace(desk.path)
    sink, again = await desk.opened(state)
    assert desk.path.read_text() == content
    await sink.write(TWO)
    await sink.close()
    sink, _ = await desk.opened(again)
    assert desk.path.read_text() == content
    await sink.close()
    assert "it is not the file that was written before, which is gone" in desk.said()


async def test_empty_file_that_got_foreign_content_is_not_cut(desk: Desk) -> None:
    """Where nothing was committed yet, only what looks like our records is cut."""
    sink, state = await desk.opened()
    await sink.close()
    desk.path.write_text("foreign\n")
    sink, _ = await desk.opened(state)
    await sink.close()
    assert desk.path.read_text() == "foreign\n"


async def test_shortened_file_is_never_extended(desk: Desk) -> None:
    """A file shorter than committed is reported and appended to, without a hole of zeros."""
    state = await crashed(desk)
    os.truncate(desk.path, 0)
    sink, _ = await desk.opened(state)
    assert desk.path.stat().st_size == 0
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(TWO)
    assert f"it has 0 bytes, {json.loads(state or b'')['length']} were committed" in desk.said()


async def test_link_is_followed(desk: Desk, tmp_path: Path) -> None:
    """A link is written through, and the rotation of what it leads to is noticed."""
    target = tmp_path / "deep" / "target.jsonl"
    target.parent.mkdir()
    desk.path.symlink_to(target)
    state = await crashed(desk)
    target.rename(target.with_suffix(".1"))
    sink, _ = await desk.opened(state)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(target.with_suffix(".1")) == ids_of(ONE)
    assert ids_in(target) == ids_of(TWO)


async def test_two_writers_are_refused(desk: Desk) -> None:
    """A second sink on the same file waits until the first has let go."""
    sink, _ = await desk.opened()
    other = desk.sink()
    with pytest.raises(SinkUnavailableError, match="another sink or process writes to it"):
        await other.open(Resume(0, None))
    await sink.close()
    await other.open(Resume(0, None))
    await other.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/events.jsonl", "its folder does not exist; make it"),
        ("file/events.jsonl", "its folder is no folder; correct the path"),
        ("folder", "it is a folder; name a file"),
        ("pipe", "it is no regular file; name one"),
    ],
)
async def test_unusable_path_is_explained(desk: Desk, tmp_path: Path, name: str, said: str) -> None:
    """A path that can't be written says why, and what to do."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    desk.path = tmp_path / name
    sink = desk.sink()
    with pytest.raises(SinkUnavailableError) as caught:
        await sink.open(Resume(0, None))
    await sink.close()
    assert str(caught.value) == f"Sink 'log' can't write {desk.path}: {said}"


async def test_state_of_another_kind_of_sink_is_told(desk: Desk) -> None:
    """A state that is none of a file is reported; the file is kept and appended to."""
    desk.path.write_text("foreign\n")
    sink, _ = await desk.opened(b"\x00")
    await sink.close()
    assert desk.path.read_text() == "foreign\n"
    assert "what was committed under this sink's name is no file's state" in desk.said()


async def test_write_needs_open(desk: Desk) -> None:
    """A sink that was not opened takes nothing."""
    with pytest.raises(SinkUnavailableError, match="is not open"):
        await desk.sink().write(ONE)


async def test_failed_cut_is_made_up_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed write left, and could not be cut at once, is cut before the next write."""
    sink, _ = await desk.opened()
    await sink.write(ONE)

    def fail(*_arguments: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        patch.setattr(os, "ftruncate", fail)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError, match="Input/output error"):
                await sink.write(TWO)
    assert ids_in(desk.path) == ids_of(ONE, TWO)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(ONE, TWO)
    assert desk.reports == []


async def test_lock_is_no_need(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks or without syncing of folders is written all the same."""

    def no_locks(*_arguments: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    sink, _ = await desk.opened()
    await sink.write(ONE)
    await sink.close()
    assert ids_in(desk.path) == ids_of(ONE)


async def test_failed_cut_makes_no_hole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that someone emptied while a failed write had yet to be cut back is not filled with zeros."""
    sink, _ = await desk.opened()
    await sink.write(ONE)

    def fail(*_arguments: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(SinkUnavailableError):
            await sink.write(TWO)
    os.truncate(desk.path, 0)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(TWO)
    assert "to 0 bytes; it is appended to" in desk.said()


async def test_name_of_a_new_file_is_durable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is synced when the file is opened, so that a power cut can't take the new name away."""
    synced: list[bool] = []
    fsync = os.fsync

    def noted(number: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(number).st_mode))
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted)
    sink, _ = await desk.opened()
    await sink.close()
    assert synced == [True]


async def test_folder_that_can_not_be_synced_is_no_obstacle(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that refuses to sync folders (EINVAL) is used; one that fails to (EIO) is not."""
    code = errno.EINVAL

    def refuse(_number: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    sink, _ = await desk.opened()
    await sink.close()
    code = errno.EIO
    with pytest.raises(SinkUnavailableError, match="Input/output error"):
        await desk.opened()


async def test_file_that_might_be_another_s_is_not_cut(tmp_path: Path) -> None:
    """Lines of a template could be anybody's: a file is left whole of which nothing was committed."""
    desk = Desk(tmp_path, format="template", template="{id}")
    sink, state = await desk.opened()
    await sink.close()
    desk.path.write_text("somebody else's\n")  # under the same number
    sink, state = await desk.opened(state)
    await sink.write(make_batch(1, 1))
    await sink.close()
    assert desk.path.read_text() == f"somebody else's\n{make_batch(1, 1).events[0].id}\n"
    assert "it is appended to" in desk.said()


async def test_empty_file_gets_its_header_again(tmp_path: Path) -> None:
    """A file that somebody emptied begins with the header again."""
    desk = Desk(tmp_path, format="csv")
    sink, _ = await desk.opened()
    await sink.write(make_batch(1, 2))
    header = desk.path.read_bytes().splitlines()[0]
    os.truncate(desk.path, 0)
    await sink.write(make_batch(3, 3))
    await sink.close()
    assert header.startswith(b"id,time,")
    assert [line == header for line in desk.path.read_bytes().splitlines()] == [True, False]


def test_template_is_checked_with_the_table(tmp_path: Path) -> None:
    """A wrong template, or one for another format, is a mistake of the configuration."""
    with pytest.raises(ConfigError, match=r'sinks\[0\].template: there is no field "nme"'):
        plan({"type": "file", "path": "x", "format": "template", "template": "{nme}"}, "sinks[0]", tmp_path)
    with pytest.raises(ConfigError, match=r"sinks\[0\]: a template is for format template, not for jsonl"):
        plan({"type": "file", "path": "x", "template": "{name}"}, "sinks[0]", tmp_path)


async def test_renamed_file_in_use_is_waited_for(desk: Desk) -> None:
    """A renamed file that another writer still holds is not cut under its hands: the start is tried again."""
    state = await crashed(desk)
    desk.path.rename(desk.renamed)
    live, desk.path = desk.path, desk.renamed
    other, _ = await desk.opened()
    desk.path = live
    sink = desk.sink()
    with pytest.raises(SinkUnavailableError, match="another sink or process writes to it"):
        await sink.open(Resume(0, state))
    await other.close()
    await sink.open(Resume(0, state))
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)


async def test_same_number_is_not_the_same_file(desk: Desk) -> None:
    """A file with our old one's inode number but other content is a foreign file: it is not cut."""
    state = await crashed(desk)
    content = "x" * 10_000 + "\n"
    desk.path.write_text(content)
    sink, _ = await desk.opened(state)
    await sink.close()
    assert desk.path.read_text() == content
    assert "it is not the file that was written before" in desk.said()


async def test_lost_state_of_a_reused_number(desk: Desk) -> None:
    """A renamed file that only shares its number with ours is neither cut nor taken for it."""
    state = await crashed(desk)
    desk.path.rename(desk.renamed)
    content = "x" * 10_000 + "\n"
    desk.renamed.write_text(content)
    sink, _ = await desk.opened(state)
    await sink.close()
    assert desk.renamed.read_text() == content
    assert "it is not the file that was written before, which is gone" in desk.said()
