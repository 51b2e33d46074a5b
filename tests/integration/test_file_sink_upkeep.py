"""What becomes of the files that the file sink has put aside: compressed, and deleted in time."""

import errno
import gzip
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync

from tailer.core.rotation import Retention
from tailer.errors import SinkMovedError
from tailer.sinks.appended import AppendedFile
from tailer.sinks.file import archive, compression
from tailer.sinks.file.reports import FileRotated, FilesDropped, RotationFailed
from tailer.sinks.file.upkeep import Upkeep
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration.desk import Make, Watch, ids_in, names_aside, written

ONE, TWO, THREE, FOUR = make_batch(1, 3), make_batch(4, 5), make_batch(6, 9), make_batch(10, 10)
ALL = (ONE, TWO, THREE, FOUR)


def upkeep_ended() -> None:
    """Wait until the sink's thread has come to its end."""
    for thread in threading.enumerate():
        if thread.name == "tailer-log-upkeep":
            thread.join()


async def test_what_is_put_aside_is_compressed(make: Make) -> None:
    """Each file that was put aside becomes one that gzip reads, with its name in it; nothing else is left."""
    desk = make(compress="gzip")
    await written(desk, *ALL)
    assert names_aside(desk) == [f"events-20500301T08000{second}Z.jsonl.gz" for second in range(3)]
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
    assert names_aside(desk) == ["events-20500301T080001Z.jsonl.gz"]


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
    assert names_aside(desk) == ["events-20500301T080000Z.jsonl"]
    sink, _ = await desk.opened(state)
    await sink.close()
    assert names_aside(desk) == ["events-20500301T080000Z.jsonl"]
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
