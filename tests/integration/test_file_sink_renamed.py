"""Somebody else renames, removes or replaces the file while the sink writes: every event once even so."""

import gzip
import os
import time

import pytest

from tailer.errors import SinkMovedError, SinkUnavailableError
from tailer.testing.sink_contract import deliver, ids_of, make_batch
from tests.integration.desk import Desk, ids_in

ONE, TWO, THREE = make_batch(1, 3), make_batch(4, 5), make_batch(6, 9)


@pytest.mark.parametrize("is_made", [False, True])
async def test_rotation_while_running(desk: Desk, is_made: bool) -> None:
    """After a rename, with or without a new file in its place, the next batch begins the new one."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    desk.path.rename(desk.renamed)
    if is_made:
        desk.path.touch()
    await deliver(sink, TWO)
    await sink.write(THREE)
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)
    assert ids_in(desk.path) == ids_of(TWO, THREE)
    assert desk.reports == []


async def test_new_file_is_left_to_the_one_who_renames(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a rename and the making of a new file nobody else makes one."""
    waits: list[float] = []

    def made_meanwhile(seconds: float) -> None:
        waits.append(seconds)
        os.close(os.open(desk.path, os.O_CREAT | os.O_EXCL, 0o640))

    sink, _ = await desk.opened()
    await sink.write(ONE)
    desk.path.rename(desk.renamed)
    monkeypatch.setattr(time, "sleep", made_meanwhile)
    await deliver(sink, TWO)
    await sink.close()
    assert len(waits) == 1
    assert ids_in(desk.path) == ids_of(TWO)


async def test_new_file_is_committed_before_it_is_written(desk: Desk) -> None:
    """After a rotation nothing is written before the new file is committed, whatever it holds already."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    desk.path.rename(desk.renamed)
    desk.path.write_text("foreign\n")
    with pytest.raises(SinkMovedError) as moved:
        await sink.write(TWO)
    assert desk.path.read_text() == "foreign\n"
    await sink.write(TWO)  # and the process dies before that is committed
    await sink.close()
    sink, _ = await desk.opened(moved.value.state)
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)
    assert desk.path.read_text() == "foreign\n"


async def test_crash_in_the_middle_of_a_rotation(desk: Desk) -> None:
    """A crash before the new file was committed leaves nothing to repeat."""
    sink, _ = await desk.opened()
    state = await sink.write(ONE)
    desk.path.rename(desk.renamed)
    with pytest.raises(SinkMovedError):
        await sink.write(TWO)
    await sink.close()
    sink, _ = await desk.opened(state)
    await sink.write(TWO)
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)
    assert ids_in(desk.path) == ids_of(TWO)


async def test_rotation_without_a_new_file(desk: Desk) -> None:
    """If no new file can be made, the batch waits until one can; the renamed file is left alone."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    desk.path.rename(desk.renamed)
    desk.path.mkdir()
    for _ in range(2):
        with pytest.raises(SinkUnavailableError, match="it is a folder; name a file"):
            await sink.write(TWO)
    desk.path.rmdir()
    await deliver(sink, TWO)
    await sink.close()
    assert ids_in(desk.renamed) == ids_of(ONE)
    assert ids_in(desk.path) == ids_of(TWO)


async def test_removal_under_a_write_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that went to a file which was removed just before it is written again to the new one."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    write = os.write

    def removed(number: int, data: bytes) -> int:
        monkeypatch.undo()
        desk.path.unlink()
        return write(number, data)

    monkeypatch.setattr(os, "write", removed)
    await deliver(sink, TWO)
    await sink.close()
    assert ids_in(desk.path) == ids_of(TWO)
    assert "it was removed while a batch was written" in desk.said()


async def test_what_is_compressed_in_time_is_not_repeated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is compressed and removed after the batch was written, if not synced, has it."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    sync = os.fsync

    def compressed(number: int) -> None:
        monkeypatch.undo()
        desk.path.rename(desk.renamed)
        sync(number)
        desk.renamed.with_suffix(".1.gz").write_bytes(gzip.compress(desk.renamed.read_bytes()))
        desk.renamed.unlink()

    monkeypatch.setattr(os, "fsync", compressed)
    await deliver(sink, TWO)
    await deliver(sink, THREE)
    await sink.close()
    assert [ids_in(path) for path in (*desk.aside, desk.path)] == [ids_of(ONE, TWO), ids_of(THREE)]
    assert desk.reports == []


@pytest.mark.parametrize("content", ["", "foreign"])
async def test_change_while_running_is_reported(desk: Desk, content: str) -> None:
    """A file that someone else cuts or lengthens under the running sink is told about and appended to."""
    sink, _ = await desk.opened()
    await sink.write(ONE)
    desk.path.write_text(content)
    await sink.write(TWO)
    await sink.close()
    desk.path.write_text(desk.path.read_text().removeprefix(f"{content}\n" if content else ""))
    assert ids_in(desk.path) == ids_of(TWO)
    assert f"to {len(content)} bytes; it is appended to" in desk.said()
