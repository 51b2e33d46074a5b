"""The file sink puts its file aside by itself: when, and under which name."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.sinks.file import compression
from tailer.sinks.file.reports import FileRotated, RotationFailed
from tailer.sinks.filesystem import copy_access
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration.desk import Make, Watch, ids_in, names_aside, written

ONE, TWO, THREE, FOUR = make_batch(1, 3), make_batch(4, 5), make_batch(6, 9), make_batch(10, 10)
ALL = (ONE, TWO, THREE, FOUR)


async def test_size_is_kept(make: Make, tmp_path: Path) -> None:
    """A batch that would make the file larger than `rotate_size` goes to a new one; names sort."""
    await written(make(), *ALL)
    desk = make()
    assert names_aside(desk) == [
        "events-20500301T080000Z.jsonl",
        "events-20500301T080001Z.jsonl",
        "events-20500301T080002Z.jsonl",
    ]
    assert [ids_in(path) for path in desk.aside] == [ids_of(ONE), ids_of(TWO), ids_of(THREE)]
    assert ids_in(desk.path) == ids_of(FOUR)
    assert desk.hidden == []


async def test_file_is_filled(make: Make) -> None:
    """As long as batches fit, the file is written on, up to the last byte."""
    desk = make(rotate_size=10**6)
    await written(desk, *ALL)
    assert (names_aside(desk), desk.reports) == ([], [])
    length = desk.path.stat().st_size
    desk.path.unlink()
    await written(make(rotate_size=length), *ALL)
    assert names_aside(desk) == []
    desk.path.unlink()
    await written(make(rotate_size=length - 1), *ALL)
    assert [ids_in(path) for path in desk.aside] == [ids_of(ONE, TWO, THREE)]


async def test_time_is_kept(make: Make, watch: Watch) -> None:
    """The first batch of a new day begins a new file, after a restart too."""
    desk = make(rotate_size=None, rotate_every=86400.0)
    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    watch.now += 15 * 3600
    await deliver(sink, TWO)
    watch.now += 3600
    await deliver(sink, THREE)
    await sink.close()
    assert names_aside(desk) == ["events-20500302T000000Z.jsonl"]
    os.utime(desk.path, (watch.now, watch.now))
    watch.now += 86400
    await written(desk, FOUR)
    assert names_aside(desk) == ["events-20500302T000000Z.jsonl", "events-20500303T000000Z.jsonl"]
    assert desk.all_ids() == ids_of(*ALL)


async def test_rotation_is_told(make: Make) -> None:
    """Whoever reads the log sees what the file is called now."""
    desk = make()
    await written(desk, ONE, TWO)
    length = desk.aside[0].stat().st_size
    assert desk.reports == [FileRotated("log", str(desk.path), "events-20500301T080000Z.jsonl", length)]
    assert desk.said() == (f"Sink 'log', file {desk.path}: put aside as events-20500301T080000Z.jsonl, 769B")


async def test_access_rights_go_over(make: Make) -> None:
    """Whoever was allowed to read the file may read the new one and the compressed one."""
    desk = make(compress="gzip")
    await written(desk, ONE)
    desk.path.chmod(0o640)
    os.utime(desk.path, (1000, 1000))
    await written(desk, TWO)
    assert [path.name for path in desk.aside] == ["events-20500301T080000Z.jsonl.gz"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (*desk.aside, desk.path)] == [0o640, 0o640]
    assert desk.aside[0].stat().st_mtime == 1000


@pytest.mark.parametrize(("is_allowed", "mode"), [(True, 0o640), (False, 0o600)])
def test_group_goes_over_or_has_no_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_allowed: bool, mode: int
) -> None:
    """If the owner can't be the same, the rights of the group don't go over to another group."""
    path = tmp_path / "x"
    path.touch()
    former = os.stat_result((0o100640, 0, 0, 1, os.getuid(), os.getgid() + 1, 0, 0, 0, 0))
    owners: list[tuple[int, int]] = []

    def chown(_number: int, uid: int, gid: int) -> None:
        if not is_allowed:
            raise PermissionError
        owners.append((uid, gid))

    monkeypatch.setattr(os, "fchown", chown)
    with path.open() as file:
        copy_access(former, file.fileno())
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert owners == [(os.getuid(), os.getgid() + 1)][:is_allowed]


async def test_nothing_is_overwritten(make: Make) -> None:
    """A name that somebody else has taken is not used, compressed or not."""
    desk = make()
    foreign = desk.path.with_name("events-20500301T080000Z.jsonl.gz")
    foreign.write_bytes(b"foreign")
    await written(desk, ONE, TWO)
    assert foreign.read_bytes() == b"foreign"
    assert names_aside(desk) == ["events-20500301T080000Z.jsonl.gz", "events-20500301T080001Z.jsonl"]


async def test_name_that_is_taken_in_between_is_not_overwritten(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a file that comes after the look into the folder stays: rotation waits for its next try."""
    desk = make()
    real = os.open

    def jostled(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_EXCL:
            Path(path).write_bytes(b"foreign")
        return real(path, flags, mode)

    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", jostled)
        await deliver(sink, TWO)
    await sink.close()
    assert desk.aside[0].read_bytes() == b"foreign"
    assert ids_in(desk.path) == ids_of(ONE, TWO)
    assert "can't be put aside: File exists; next try in 1m, events are written" in desk.said()


async def test_link_is_rotated_where_it_leads(make: Make, tmp_path: Path) -> None:
    """Through a link, what it leads to is put aside, in its own folder; the link stays."""
    target = tmp_path / "deep" / "target.jsonl"
    target.parent.mkdir()
    desk = make()
    desk.path.symlink_to(target)
    await written(desk, ONE, TWO)
    assert desk.path.is_symlink()
    assert ids_in(target) == ids_of(TWO)
    assert ids_in(target.with_name("target-20500301T080000Z.jsonl")) == ids_of(ONE)


async def test_failed_rotation_stops_nothing(
    make: Make, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the file can't be put aside it is written on; the next try comes a minute later, and heals it."""
    desk = make()
    sink, _ = await desk.opened()
    await deliver(sink, ONE)

    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        await deliver(sink, TWO)
        watch.now += 59
        await deliver(sink, THREE)
    assert names_aside(desk) == []
    assert [type(one) for one in desk.reports] == [RotationFailed]
    assert "can't be put aside: the disk is full; make room; next try in 1m" in desk.said()
    watch.now += 1
    await deliver(sink, FOUR)
    await sink.close()
    assert [ids_in(path) for path in (*desk.aside, desk.path)] == [ids_of(ONE, TWO, THREE), ids_of(FOUR)]


async def test_rotation_that_fails_half_way_loses_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the file was put aside and the new one can't get its place, another new one is made."""
    desk = make()
    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    real = os.rename

    def fail_for_new(source: Path, target: Path) -> None:
        if source.suffix == ".new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    monkeypatch.setattr(os, "rename", fail_for_new)
    await deliver(sink, TWO)
    await sink.close()
    assert [ids_in(path) for path in (*desk.aside, desk.path)] == [ids_of(ONE), ids_of(TWO)]


async def test_foreign_file_in_the_way_is_kept(make: Make) -> None:
    """A hidden file that somebody else has filled is not taken for a new one."""
    desk = make()
    desk.path.with_name(".events.jsonl.new").write_text("foreign")
    await written(desk, ONE, TWO)
    assert desk.path.with_name(".events.jsonl.new").read_text() == "foreign"
    assert ids_in(desk.path) == ids_of(ONE, TWO)
    assert ".events.jsonl.new is in the way; move it elsewhere" in desk.said()


async def test_names_are_durable_in_their_order(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut finds the new file named, and the compressed one whole and named before the other goes."""
    desk = make()
    done: list[str] = []

    def noted(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def call(*arguments: Any) -> None:
            if name == "fsync":
                is_folder = stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
                done.append("sync folder" if is_folder else "sync file")
            else:
                done.append(f"{name} {arguments[0].suffix}")
            real(*arguments)

        return call

    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    for name in ("fsync", "rename", "unlink"):
        monkeypatch.setattr(os, name, noted(name))
    with pytest.raises(SinkMovedError):
        await sink.write(TWO)
    assert done == ["sync folder", "rename .jsonl", "rename .new", "sync folder"]
    done.clear()
    await sink.close()
    assert await run_sync(compression.compress, desk.aside[0], lambda: False)
    assert done == ["sync file", "rename .new", "sync folder", "unlink .jsonl"]


async def test_crash_between_the_renames_is_mended(make: Make) -> None:
    """A start that finds no file, but the new one still hidden, gives it its place and its rights."""
    desk = make()
    sink, _ = await desk.opened()
    state = await sink.write(ONE)
    await sink.close()
    desk.path.rename(desk.path.with_name("events-20500301T080000Z.jsonl"))
    desk.path.with_name(".events.jsonl.new").touch(mode=0o640)
    desk.path.with_name("events-20500301T080001Z.jsonl").touch()  # a name that was reserved
    sink, _ = await desk.opened(state)
    await deliver(sink, TWO)
    await sink.close()
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o640
    assert names_aside(desk) == ["events-20500301T080000Z.jsonl"]
    assert desk.all_ids() == ids_of(ONE, TWO)
    assert desk.reports == []


async def test_rotation_of_others_goes_with_ours(make: Make) -> None:
    """A file that somebody renames goes on in a new one, which is rotated as ever."""
    desk = make(rotate_size=10**6)
    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    desk.path.rename(desk.renamed)
    await deliver(sink, TWO)
    await sink.close()
    await written(make(), THREE)
    assert [ids_in(path) for path in (desk.renamed, desk.path)] == [ids_of(ONE), ids_of(THREE)]
    assert names_aside(desk) == ["events-20500301T080000Z.jsonl", "events.jsonl.1"]


async def test_rotation_of_others_in_the_same_moment_is_no_failure(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If somebody renames the file just before the sink would, it goes on in a new one; nothing is said."""
    desk = make()
    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    real = os.rename

    def too_late(source: Path, target: Path) -> None:
        monkeypatch.undo()
        desk.path.rename(desk.renamed)
        real(source, target)

    monkeypatch.setattr(os, "rename", too_late)
    await deliver(sink, TWO)
    await sink.close()
    assert [ids_in(path) for path in (desk.renamed, desk.path)] == [ids_of(ONE), ids_of(TWO)]
    assert (desk.aside, desk.reports) == ([desk.renamed], [])


async def test_vanished_folder_is_waited_for(make: Make, tmp_path: Path) -> None:
    """A folder that is gone is a sentence, not a loss; once it is back, events are written again."""
    desk = make(compress="gzip")
    folder = tmp_path / "logs"
    folder.mkdir()
    desk.path = folder / "events.jsonl"
    sink, _ = await desk.opened()
    await deliver(sink, ONE)
    folder.rename(tmp_path / "away")
    with pytest.raises(SinkUnavailableError, match="its folder does not exist; make it"):
        await sink.write(TWO)
    folder.mkdir()
    await deliver(sink, TWO)
    await sink.close()
    assert ids_in(folder / "events.jsonl") == ids_of(TWO)
    assert ids_in(tmp_path / "away" / "events.jsonl") == ids_of(ONE)
