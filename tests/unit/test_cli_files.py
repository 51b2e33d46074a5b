"""What `tailer files` says and writes."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tailer.cli.commands import files
from tailer.cli.main import group


def invoke(*arguments: str, code: int = 0) -> str:
    """Run the command and return all that it said."""
    outcome = CliRunner().invoke(group, ["files", *arguments])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_list_names_every_file() -> None:
    """Without anything the command lists what there is, a line each."""
    lines = invoke().splitlines()
    assert [line.split()[:2] for line in lines] == [
        [name, shipped.name] for name, shipped in files.FILES.items()
    ]


@pytest.mark.parametrize("name", files.FILES)
def test_file_is_printed_ready_for_use(name: str) -> None:
    """A named file goes to stdout, with nothing left to fill in."""
    outcome = CliRunner().invoke(group, ["files", name])
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("# ")
    assert outcome.stdout.endswith("\n")
    assert "@TAILER@" not in outcome.stdout
    assert "@VERSION@" not in outcome.stdout


def test_folder_gets_all_files(tmp_path: Path) -> None:
    """With a folder and no name all files are written there, each named in a line."""
    told = invoke("--out", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        shipped.name for shipped in files.FILES.values()
    )
    assert all(f"wrote {path}" in told for path in tmp_path.iterdir())


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """One file that exists stops all of them, and stays; --force replaces it."""
    there = tmp_path / "Dockerfile"
    there.write_text("mine")
    assert "--force" in invoke("--out", str(tmp_path), code=2)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    invoke("docker", "--out", str(tmp_path), "--force")
    assert there.read_text() == files.text_of("docker")


def test_forced_write_leaves_what_a_link_leads_to(tmp_path: Path) -> None:
    """A symbolic link is replaced by the file; its target is not touched."""
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "Dockerfile").symlink_to(target)
    invoke("docker", "--out", str(tmp_path), "--force")
    assert target.read_text() == "mine"
    assert not (tmp_path / "Dockerfile").is_symlink()


def test_force_without_a_folder_is_a_mistake() -> None:
    """Where nothing can be replaced the flag is refused."""
    assert "--out" in invoke("docker", "--force", code=2)


def test_folder_that_takes_nothing_is_told() -> None:
    """A write that fails is one sentence, not a traceback."""
    assert "can't be written" in invoke("docker", "--out", "/proc/self", code=1)


def test_unit_starts_this_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit names the program beside the running interpreter, quoted as systemd reads it."""
    home = tmp_path / "100% mine"
    home.mkdir()
    (home / "tailer").touch()
    monkeypatch.setattr(sys, "executable", str(home / "python"))
    quoted = str(home / "tailer").replace("%", "%%")
    assert f"\nExecStart='{quoted}' run -c /etc/tailer/tailer.toml\n" in files.text_of("systemd")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/home/me/.local/bin/tailer", "hides /home/"),
        ("/root/venv/bin/tailer", "hides /root/"),
        ("/opt/tailer/bin/tailer", None),
        (None, "correct its ExecStart"),
    ],
)
def test_program_that_the_sandbox_hides_is_told(program: str | None, words: str | None) -> None:
    """Whoever installed below a home folder learns why the unit would not start, and the way out."""
    told = files.misplaced(program)
    assert told is None if words is None else words in (told or "")
