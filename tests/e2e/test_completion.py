import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import DEADLINE, Simulator
from tests.e2e.program import environment, run

NAME = "Lisbon plant - rack 7"
BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator with a fleet."""
    with Simulator(tmp_path_factory.mktemp("api"), "--connectors", "4") as simulator:
        yield simulator


def completions(
    folder: Path, variables: dict[str, str], *words: str, shell: str = "fish"
) -> list[tuple[str, ...]]:
    """What a shell is told when a tab follows some words, the last of which is not complete."""
    asked = {
        "_TAILER_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(["tailer", *words]),
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    ended = run([], {**variables, **asked}, folder)
    assert (ended.code, ended.stderr) == (0, "")
    return [tuple(line.split(",", 1)[1].split("\t")) for line in ended.stdout.splitlines() if line]


def named(folder: Path, variables: dict[str, str], *words: str) -> list[tuple[str, ...]]:
    """The same for names; where they come too late for the first tab, the next ones have them."""
    deadline = time.monotonic() + DEADLINE
    while not (found := completions(folder, variables, *words)):
        assert time.monotonic() < deadline
    return found


def test_commands_flags_and_kinds_are_completed(tmp_path: Path) -> None:
    """What needs no API is there without one."""
    assert [word for word, _ in completions(tmp_path, {}, "conn")] == ["connectors"]
    assert [word for word, _ in completions(tmp_path, {}, "tail", "--token")] == ["--token-file"]
    kinds = [word for word, _ in completions(tmp_path, {}, "tail", "-k", "ha")]
    assert kinds == ["HaError", "HaTransition", "HaLeave", "HaInit"]


def test_connectors_are_completed_by_any_of_their_names(api: Simulator, tmp_path: Path) -> None:
    """By name, whatever its case, by serial number or by id; each beside another one of these."""
    ((name, serial),) = named(tmp_path, api.environment, "tail", "lis")
    assert name == NAME
    assert completions(tmp_path, api.environment, "tail", serial[:3]) == [(serial, NAME)]
    assert len(completions(tmp_path, api.environment, "check", "--connector", "")) == 4


def test_names_are_cached_without_a_secret(api: Simulator, tmp_path: Path) -> None:
    """A second tab asks nobody; the cache is the user's alone and holds names only."""
    named(tmp_path, api.environment, "tail", "lis")
    before = api.stats["requests"]
    assert completions(tmp_path, api.environment, "connectors", "lis")
    assert api.stats["requests"] == before
    (file,) = (tmp_path / "cache" / "tailer").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert NAME in file.read_text()
    assert api.token not in file.read_text()
    assert "license" not in file.read_text()


def test_accounts_of_the_typed_file_are_asked(api: Simulator, tmp_path: Path) -> None:
    """With a configuration on the line, its accounts count."""
    (tmp_path / "c.toml").write_text(f'[[accounts]]\nid = "{api.account}"\ntoken_env = "OTHER"\n')
    variables = {"CLOUDFLARE_BASE_URL": api.base_url, "OTHER": api.token}
    assert named(tmp_path, variables, "tail", "-c", "c.toml", "lis")[0][0] == NAME


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"CLOUDFLARE_API_TOKEN": "not-the-right-token"},
        {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:9"},
        {"CLOUDFLARE_BASE_URL": "no address"},
    ],
)
def test_failures_are_silent(api: Simulator, tmp_path: Path, variables: dict[str, str]) -> None:
    """No account, no access, no API: then there are no names, and no words about it."""
    given = {**api.environment, **variables} if variables else {}
    assert completions(tmp_path, given, "tail", "lis") == []


def test_api_that_hangs_does_not_hold_up_the_shell(tmp_path: Path) -> None:
    """The program ends long before the request would."""
    with Simulator(tmp_path, "--fault", "hang:1") as simulator:
        assert completions(tmp_path, simulator.environment, "tail", "lis") == []
        assert simulator.exit_code is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_printed_for_each_shell(tmp_path: Path, shell: str) -> None:
    """The script asks this very program in click's way."""
    ended = run(["completion", shell], {}, tmp_path)
    assert ended.code == 0
    assert f"_TAILER_COMPLETE={shell}_complete" in ended.stdout
    if shell == "bash" and BASH:
        subprocess.run([BASH, "-n"], input=ended.stdout, text=True, check=True)


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize("typed", ["Lis", "Lisbon\\ pl", '"Lis', "'Lisbon pl"])
def test_bash_completes_a_name_with_spaces(api: Simulator, tmp_path: Path, typed: str) -> None:
    """In a real bash a tab makes one word of a name, quoted the way it was begun."""
    named(tmp_path, api.environment, "tail", "lis")
    script = run(["completion", "bash"], {}, tmp_path).stdout
    (tmp_path / "rc").write_text(f"{script}\nbind 'set enable-bracketed-paste off'\nPS1='READY> '\n")
    program = tmp_path / "tailer"
    program.write_text(
        "#!/bin/sh\n"
        f'[ -n "$_TAILER_COMPLETE" ] && exec {sys.executable} -m tailer\n'
        "printf '<%s>' \"$@\"; echo DONE\n"
    )
    program.chmod(0o700)
    variables = {
        **api.environment,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TERM": "dumb",
        "HOME": str(tmp_path),
    }
    assert BASH is not None
    shown = in_bash(["--rcfile", str(tmp_path / "rc"), "-i"], variables, f"tailer tail {typed}\t\n")
    assert f"<tail><{NAME}>DONE" in shown


def in_bash(arguments: list[str], variables: dict[str, str], typed: str) -> str:
    """What a terminal shows after something was typed into bash, up to DONE."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BASH), *arguments],
        env=environment(**variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        read_until(ours, "READY> ")
        os.write(ours, typed.encode())
        return read_until(ours, "DONE")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, awaited: str) -> str:
    """Read from a terminal until a text has come; give what came."""
    shown = ""
    deadline = time.monotonic() + DEADLINE
    while awaited not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
