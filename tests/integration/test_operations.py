"""The shipped files, judged by the programs that read them."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailer.app.exitcode import ExitCode
from tailer.app.run.life import DRAIN_TIMEOUT
from tailer.cli.commands import files
from tailer.cli.main import group


def checker(name: str) -> Callable[..., Any]:
    """Mark a test that needs a program; `.ci/run` installs it."""
    return pytest.mark.skipif(find(name) is None, reason=f"{name} is not installed")


def find(name: str) -> str | None:
    """Find a program, also beside the interpreter and where only root looks."""
    beside = Path(sys.executable).parent
    return shutil.which(name) or shutil.which(name, path=f"{beside}:/usr/sbin:/sbin")


def judge(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with both outputs in one."""
    program = find(name)
    assert program is not None
    return subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The unit of an installation whose program exists."""
    monkeypatch.setattr(files, "find_program", lambda: shutil.which("true"))
    (path,) = files.write(["systemd"], tmp_path, force=False)
    return path


def options(unit: Path) -> dict[str, str]:
    """The unit's options; of a repeated one the last."""
    lines = [line for line in unit.read_text().splitlines() if line and line[0] not in "#["]
    return dict(line.split("=", 1) for line in lines)


@checker("systemd-analyze")
def test_unit_is_valid(unit: Path) -> None:
    """Systemd understands every line of the unit, without a word."""
    done = judge("systemd-analyze", "verify", str(unit))
    assert (done.returncode, done.stdout) == (0, "")


@checker("systemd-analyze")
def test_verification_sees_a_mistake(unit: Path) -> None:
    """A mistyped option would be noticed."""
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in judge("systemd-analyze", "verify", str(unit)).stdout


@checker("systemd-analyze")
def test_unit_is_strict(unit: Path) -> None:
    """By systemd's own measure little is left to a service that was taken over: 2 of 10 at most."""
    done = judge("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("option", ["ExecStart", "ExecReload"])
def test_unit_calls_commands_that_exist(unit: Path, option: str) -> None:
    """What the unit calls can be typed."""
    _, name, *arguments = shlex.split(options(unit)[option])
    with group.make_context("tailer", [name]) as context:
        command = group.get_command(context, name)
        assert command is not None
        assert command.make_context(name, arguments, parent=context).params["config"]


def test_unit_fits_the_program(unit: Path) -> None:
    """Time to stop is longer than the drain, and what a restart can't mend is not restarted."""
    told = options(unit)
    assert float(told["TimeoutStopSec"].removesuffix("s")) >= DRAIN_TIMEOUT + 5
    codes = [int(code) for code in told["RestartPreventExitStatus"].split()]
    assert codes == [ExitCode.MISUSED, ExitCode.UNAUTHORIZED]


@checker("hadolint")
def test_image_is_built_by_the_book(tmp_path: Path) -> None:
    """The linter of Dockerfiles has nothing to say."""
    (path,) = files.write(["docker"], tmp_path, force=False)
    done = judge("hadolint", "--no-color", str(path))
    assert (done.returncode, done.stdout) == (0, "")


def test_image_stays_small_in_what_it_may() -> None:
    """It runs as a user by number, stops by SIGTERM, and keeps its state in a volume."""
    lines = files.text_of("docker").splitlines()
    assert {"USER 10001", "STOPSIGNAL SIGTERM", "VOLUME /var/lib/tailer"} < set(lines)


@checker("logrotate")
def test_snippet_is_valid(tmp_path: Path) -> None:
    """Logrotate understands the snippet, and finds nothing to warn of."""
    (path,) = files.write(["logrotate"], tmp_path, force=False)
    path.chmod(0o644)
    done = judge("logrotate", "--debug", "--state", str(tmp_path / "state"), str(path))
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout


@checker("logrotate")
def test_rotation_renames_and_does_no_more(tmp_path: Path) -> None:
    """A rotation by the snippet leaves the lines in a renamed file beside, and makes no new one."""
    log = tmp_path / "events.jsonl"
    log.write_text("{}\n")
    (path,) = files.write(["logrotate"], tmp_path, force=False)
    path.write_text(path.read_text().replace("/var/log/tailer", str(tmp_path)))
    path.chmod(0o644)
    inode = log.stat().st_ino
    done = judge("logrotate", "--force", "--state", str(tmp_path / "state"), str(path))
    assert done.returncode == 0, done.stdout
    assert not log.exists()
    assert (tmp_path / "events.jsonl.1").stat().st_ino == inode
    assert (tmp_path / "events.jsonl.1").read_text() == "{}\n"
