"""The file sink and the real logrotate: nothing lost, nothing twice."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration import file_writer
from tests.integration.desk import ids_in

# Where only root looks.
LOGROTATE = shutil.which("logrotate", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
pytestmark = pytest.mark.skipif(LOGROTATE is None, reason="logrotate is not installed")


ROUNDS = 3


def rotate(folder: Path, options: str) -> None:
    """Have logrotate do its work now, due or not."""
    assert LOGROTATE is not None
    config = folder / "logrotate.conf"
    config.write_text(f"{folder}/logs/events.jsonl {{\nrotate 1000\n{options}\n}}\n")
    config.chmod(0o600)
    subprocess.run([LOGROTATE, "-f", "-s", str(folder / "state"), str(config)], check=True)


def wait_for_events(folder: Path, count: int) -> None:
    """Wait until so many events are committed."""
    while file_writer.committed(folder)[0] < count:
        time.sleep(0.001)


def held(folder: Path) -> list[str]:
    """Read all files, those that were renamed first come first."""

    def age(path: Path) -> float:
        number = re.search(r"\.([0-9]+)", path.name)
        return -float(number[1]) if number else 0

    return [one for path in sorted((folder / "logs").iterdir(), key=age) for one in ids_in(path)]


def write_and_rotate(folder: Path, options: str, *, killing: bool = False, **own: Any) -> list[str]:
    """Write without a pause while logrotate works; give the ids that were accepted."""
    (folder / "logs").mkdir()
    process = file_writer.start(folder, 10**9, own)
    for _ in range(ROUNDS):
        wait_for_events(folder, file_writer.committed(folder)[0] + 3 * file_writer.PER_BATCH)
        rotate(folder, options)
        if killing:
            process.kill()
            process.join()
            process = file_writer.start(folder, 10**9, own)
    wait_for_events(folder, file_writer.committed(folder)[0] + 3 * file_writer.PER_BATCH)
    (folder / "stop").touch()
    process.join()
    assert process.exitcode == 0
    return [f"a/c/{t}.0" for t in range(file_writer.committed(folder)[0])]


@pytest.mark.parametrize("killing", [False, True])
@pytest.mark.parametrize("options", ["create", "nocreate", "create 0640\ncompress\ndelaycompress"])
def test_renaming_loses_and_repeats_nothing(tmp_path: Path, options: str, killing: bool) -> None:
    """However logrotate renames a file that is written all the time, each event is in one file, in order."""
    accepted = write_and_rotate(tmp_path, options, killing=killing)
    assert held(tmp_path) == accepted
    assert not (tmp_path / "told").exists()
    assert len(list((tmp_path / "logs").iterdir())) == ROUNDS + 1


def test_compressing_at_once_loses_nothing(tmp_path: Path) -> None:
    """Without ``delaycompress`` nothing is lost or repeated either, as long as nobody is killed."""
    accepted = write_and_rotate(tmp_path, "create\ncompress")
    assert held(tmp_path) == accepted
    assert len(list((tmp_path / "logs").glob("*.gz"))) == ROUNDS


def test_idle_file_that_was_compressed_loses_nothing(tmp_path: Path) -> None:
    """A file that was renamed, compressed and removed while nothing came takes nothing with it later."""
    (tmp_path / "logs").mkdir()
    for _ in range(3):
        process = file_writer.start(tmp_path, file_writer.committed(tmp_path)[0] + 1000, {})
        process.join()
        rotate(tmp_path, "create\ncompress")
    assert held(tmp_path) == [f"a/c/{t}.0" for t in range(3000)]


def test_copytruncate_is_survived_and_told(tmp_path: Path) -> None:
    """What is cut under the sink is appended to, without a hole, and reported; no line is doubled."""
    accepted = write_and_rotate(tmp_path, "copytruncate")
    for path in (tmp_path / "logs").iterdir():
        whole, end, _ = path.read_bytes().rpartition(b"\n")  # a copy may be made in the middle of a write
        path.write_bytes(whole + end)
    ids = held(tmp_path)
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(accepted)
    assert "someone changed it" in (tmp_path / "told").read_text()


def test_both_may_rotate(tmp_path: Path) -> None:
    """Logrotate renames what the sink rotates as well: each event is in one file."""
    accepted = write_and_rotate(tmp_path, "create", killing=True, rotate_size=100_000, compress="gzip")
    assert sorted(held(tmp_path)) == sorted(accepted)
    assert not (tmp_path / "told").exists()
