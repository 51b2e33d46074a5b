"""The file sink puts its file aside by itself: when, under which name, and what becomes of it."""

import errno
import gzip
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.core.durations import Seconds
from tailer.core.rotation import Retention
from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.model import Batch
from tailer.sinks import archive, compression
from tailer.sinks.appended import AppendedFile
from tailer.sinks.file_reports import FileRotated, FilesDropped, RotationFailed
from tailer.sinks.filesystem import copy_access
from tailer.sinks.upkeep import Upkeep
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration.desk import Desk, ids_in

ONE, TWO, THREE, FOUR = make_batch(1, 3), make_batch(4, 5), make_batch(6, 9), make_batch(10, 10)
ALL = (ONE, TWO, THREE, FOUR)


class Watch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 2_529_734_400.0  # 2050-03-01T08:00:00Z, later than any file that a test makes

    def wall(self) -> float:
        """Give the time."""
        return self.now

    def monotonic(self) -> float:
        """Give the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""
        raise NotImplementedError


Make = Callable[..., Desk]


@pytest.fixture
def watch() -> Watch:
    """Give a clock."""
    return Watch()


@pytest.fixture
def make(tmp_path: Path, watch: Watch) -> Make:
    """Give what makes a desk with options, by default one batch a file."""

    def make_desk(**options: Any) -> Desk:
        return Desk(tmp_path, watch, **{"rotate_size": 1, **options})

    return make_desk


async def written(desk: Desk, *batches: Batch, watch: Watch | None = None, pause: Seconds = 1) -> None:
    """Live one life: write batches, each some time after the one before."""
    sink, _ = await desk.opened()
    for batch in batches:
        await deliver(sink, batch)
        if watch is not None:
            watch.now += pause
    await sink.close()


def upkeep_ended() -> None:
    """Wait until the sink's thread has come to its end."""
    for thread in threading.enumerate():
        if thread.name == "tailer-log-upkeep":
            thread.join()


def names(desk: Desk) -> list[str]:
    """Give the names of what was put aside."""
    return [path.name for path in desk.aside]


async def test_size_is_kept(make: Make, tmp_path: Path) -> None:
    """A batch that would make the file larger than `rotate_size` goes to a new one; names sort."""
    await written(make(), *ALL)
    desk = make()
    assert names(desk) == [
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
    assert (names(desk), desk.reports) == ([], [])
    length = desk.path.stat().st_size
    desk.path.unlink()
    await written(make(rotate_size=length), *ALL)
    assert names(desk) == []
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
    assert names(desk) == ["events-20500302T000000Z.jsonl"]
    os.utime(desk.path, (watch.now, watch.now))
    watch.now += 86400
    await written(desk, FOUR)
    assert names(desk) == ["events-20500302T000000Z.jsonl", "events-20500303T000000Z.jsonl"]
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
    assert names(desk) == ["events-20500301T080000Z.jsonl.gz", "events-20500301T080001Z.jsonl"]


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


async def test_what_is_put_aside_is_compressed(make: Make) -> None:
    """Each file that was put aside becomes one that gzip reads, with its name in it; nothing else is left."""
    desk = make(compress="gzip")
    await written(desk, *ALL)
    assert names(desk) == [f"events-20500301T08000{second}Z.jsonl.gz" for second in range(3)]
    assert desk.all_ids() == ids_of(*ALL)
    assert b"events-20500301T080000Z.jsonl\0" in desk.aside[0].read_bytes()
    assert desk.hidden == []


async def test_what_was_not_compressed_is_compressed_after_the_start(make: Make) -> None:
    """Files that an earlier life, or earlier options, left uncompressed are seen to; pieces go away."""
    await written(make(), ONE, TWO, THREE)
    desk = make(compress="gzip")
    desk.path.with_name(".events-20500301T080000Z.jsonl.gz.new").write_bytes(b"half")
    desk.path.with_name(".events.jsonl.gz.new").write_bytes(b"foreign")
    await written(desk, FOUR)
    assert [path.suffix for path in desk.aside] == [".gz"] * 3
    assert desk.all_ids() == ids_of(*ALL)
    assert desk.hidden == [".events.jsonl.gz.new"]


async def test_compressed_twin_is_recognized(make: Make) -> None:
    """A file whose compressed form is there already, after a crash, is removed; otherwise both stay."""
    await written(make(), ONE, TWO, THREE)
    desk = make(compress="gzip")
    first, second = desk.aside
    first.with_name(f"{first.name}.gz").write_bytes(gzip.compress(first.read_bytes()))
    second.with_name(f"{second.name}.gz").write_bytes(gzip.compress(b"something else"))
    await written(desk, FOUR)
    assert not first.exists()
    assert second.exists()
    assert (
        f"{second.name} can't be compressed: {second.name}.gz is there and holds something else; "
        "move one of the two away; next try in 1m, events are written meanwhile"
    ) in desk.said()


@pytest.mark.parametrize(
    "twin",
    [b"", b"no gzip", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"")],
    ids=["empty", "no gzip", "cut off", "of nothing"],
)
async def test_broken_twin_replaces_nothing(make: Make, twin: bytes) -> None:
    """A compressed file that is not whole, or holds too little or too much, replaces nothing."""
    await written(make(), ONE, TWO)
    desk = make(compress="gzip")
    (first,) = desk.aside
    first.with_name(f"{first.name}.gz").write_bytes(twin)
    await written(desk, THREE)
    assert first.exists()
    assert "holds something else" in desk.said()
    longer = gzip.compress(first.read_bytes() + b"more")
    first.with_name(f"{first.name}.gz").write_bytes(longer)
    await written(desk, FOUR)
    assert first.exists()


async def test_only_the_newest_are_kept(make: Make) -> None:
    """No more than `keep_files` stay, the newest; what bears no such name is nobody's to delete."""
    desk = make(keep_files=2, compress="gzip")
    others = [
        "events.jsonl.1",
        "events-20200101.jsonl",
        "other-20200101T000000Z.jsonl",
        "events-20200101T000000Z",
    ]
    for name in others:
        desk.path.with_name(name).touch()
    desk.path.with_name("events-20200101T000000Z.jsonl").mkdir()
    desk.path.with_name("events-20200102T000000Z.jsonl").symlink_to("events.jsonl.1")
    await written(desk, *ALL)
    await written(desk, make_batch(11, 12))
    kept = {path for path in desk.aside if path.suffix == ".gz"}
    assert sorted(one for path in kept for one in ids_in(path)) == sorted(ids_of(THREE, FOUR))
    assert len(desk.aside) == 2 + len(others) + 2
    dropped = [name for one in desk.reports if isinstance(one, FilesDropped) for name in one.names]
    assert [name.removesuffix(".gz") for name in dropped] == [
        "events-20500301T080000Z.jsonl",
        "events-20500301T080001Z.jsonl",
    ]


async def test_what_is_old_is_deleted(make: Make, watch: Watch) -> None:
    """What was last written longer ago than `keep_for` goes with the next rotation, and that is told."""
    await written(make(), ONE, TWO, THREE)
    desk = make(keep_for=3600.0)
    for path in desk.aside:
        os.utime(path, (watch.now, watch.now))
    os.utime(desk.path, (watch.now, watch.now))
    watch.now += 3600
    await written(desk, FOUR)
    assert len(desk.aside) == 3
    os.utime(desk.path, (watch.now, watch.now))
    watch.now += 1
    await written(desk, make_batch(11, 12))
    assert [ids_in(path) for path in desk.aside] == [ids_of(FOUR)]
    assert desk.said().endswith(
        "deleted 3 files, events-20500301T080000Z.jsonl to events-20500301T090000Z.jsonl"
    )


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
    assert names(desk) == []
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


async def test_failed_upkeep_is_tried_again(
    make: Make, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be compressed or deleted is told and tried again after a while, with rotation or without."""
    await written(make(), ONE, TWO, THREE)
    desk = make(compress="gzip", keep_files=1, rotate_size=10**6)

    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(gzip, "GzipFile", full)
        patch.setattr(os, "unlink", full)
        await written(desk, FOUR)
    assert (
        "events-20500301T080000Z.jsonl can't be deleted: the disk is full; make room (and 1 more)"
        in desk.said()
    )
    assert len(desk.aside) == 2
    sink, _ = await desk.opened()
    await deliver(sink, make_batch(11, 11))
    await sink.close()
    assert names(desk) == ["events-20500301T080001Z.jsonl.gz"]


async def test_failure_is_not_told_with_every_batch(make: Make, watch: Watch) -> None:
    """Upkeep that keeps failing is tried after a minute, then after two, while events are written."""
    await written(make(), ONE, TWO)
    desk = make(compress="gzip", rotate_size=10**6)
    desk.aside[0].with_name(f"{desk.aside[0].name}.gz").write_bytes(b"foreign")
    sink, _ = await desk.opened()
    for number in range(20, 30):
        await deliver(sink, make_batch(number, number))
        await run_sync(upkeep_ended)
        watch.now += 30
    await sink.close()
    assert [one.delay for one in desk.reports if isinstance(one, RotationFailed)] == [60, 120, 240]


async def test_folder_that_can_not_be_read_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the folder's names can't be read, that is told, and events are written."""
    desk = make(compress="gzip", rotate_size=10**6)
    sink, _ = await desk.opened()

    def refuse(_path: Any) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        await deliver(sink, ONE)
        await sink.close()
    assert ids_in(desk.path) == ids_of(ONE)
    assert "its folder can't be tidied: no permission; allow this user to write there" in desk.said()


async def test_nothing_is_compressed_before_the_new_file_is_committed(make: Make) -> None:
    """What a crash would look for stays what it is until the new file is committed."""
    desk = make(compress="gzip", keep_files=1)
    sink, _ = await desk.opened()
    state = await sink.write(ONE)
    with pytest.raises(SinkMovedError):
        await sink.write(TWO)
    await sink.close()
    assert names(desk) == ["events-20500301T080000Z.jsonl"]
    sink, _ = await desk.opened(state)
    await sink.close()
    assert names(desk) == ["events-20500301T080000Z.jsonl"]
    assert [type(one) for one in desk.reports] == [FileRotated]
    await written(desk, TWO)
    assert desk.all_ids() == ids_of(ONE, TWO)


def test_compression_can_be_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compression that is told to stop leaves the file as it was, and nothing else."""
    monkeypatch.setattr(compression, "_CHUNK_BYTES", 10)
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    asked: list[bool] = []

    def on_third() -> bool:
        asked.append(True)
        return len(asked) == 3

    assert not compression.compress(path, on_third)
    assert list(tmp_path.iterdir()) == [path]
    path.with_name("x.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert not compression.compress(path, lambda: True)
    assert path.exists()
    assert compression.compress(path, lambda: False)
    assert not path.exists()


async def test_upkeep_leaves_what_is_not_settled(tmp_path: Path) -> None:
    """What was put aside last is neither compressed nor deleted before the new file is committed."""
    path = tmp_path / "events.jsonl"
    path.with_name("events-20500101T000000Z.jsonl").write_text("older\n")
    path.write_text("x\n")
    care = archive.Archive(path, compressing=True, retention=Retention(files=1))

    def look() -> list[str]:
        live = AppendedFile(path)
        fresh, name = care.put_aside(live, 2_529_734_400)
        live.close()
        fresh.close()
        assert care.tidy(0, lambda: False) == ([], [])
        assert (tmp_path / name).read_text() == "x\n"
        care.settle()
        assert care.tidy(0, lambda: False) == (["events-20500101T000000Z.jsonl.gz"], [])
        return sorted(path.name for path in tmp_path.iterdir())

    assert await run_sync(look) == ["events-20500301T080000Z.jsonl.gz", "events.jsonl"]


def test_file_in_use_is_not_compressed(tmp_path: Path) -> None:
    """A file that another sink or process of ours writes to stays as it is."""
    path = tmp_path / "x"
    writer = AppendedFile(path)
    with pytest.raises(BlockingIOError):
        compression.compress(path, lambda: False)
    writer.close()
    assert compression.compress(path, lambda: False)


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


def test_upkeep_stops_when_patience_ends() -> None:
    """Work that does not end is told to stop, and may be done again; where there is none, nothing waits."""
    began = threading.Event()
    done: list[bool] = []

    def work(should_stop: Callable[[], bool]) -> None:
        began.set()
        while not should_stop():
            time.sleep(0.001)
        done.append(True)

    upkeep = Upkeep(work, "tailer-log-upkeep")
    upkeep.close(0)
    for times in (1, 2):
        began.clear()
        upkeep.wake()
        assert began.wait(30)
        upkeep.wake()  # not begun again, as the end is asked for
        upkeep.close(0)
        assert len(done) == times
    upkeep_ended()


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
    assert names(desk) == ["events-20500301T080000Z.jsonl"]
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
    assert names(desk) == ["events-20500301T080000Z.jsonl", "events.jsonl.1"]


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
