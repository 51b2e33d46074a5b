"""A package of somebody else's brings a sink: installed, found by its entry point, held to the contract."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Setup, Simulator, clean_environment
from tests.e2e.truth import read_truth

PACKAGE = Path(__file__).parents[1] / "data" / "sink_package"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder of its own, as pip does it for anybody."""
    folder = tmp_path_factory.mktemp("site")
    copy = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("package") / "sink")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(copy)], check=True)
    return folder


def with_package(site: Path, **variables: str) -> dict[str, str]:
    """Give the environment of a program that has the package installed."""
    environment = {**clean_environment(), **variables}
    return {**environment, "PYTHONPATH": f"{environment['PYTHONPATH']}:{site}"}


def test_its_own_tests_run_our_contract(site: Path, tmp_path: Path) -> None:
    """What `tailer.testing` ships is all that the authors of a sink need."""
    copy = shutil.copy(PACKAGE / "contract.py", tmp_path)
    settings = shutil.copy(PACKAGE / "pyproject.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", settings, copy],
        env=with_package(site),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_the_daemon_delivers_to_it(site: Path, tmp_path: Path) -> None:
    """`type = "folder"` is found by its entry point, and every visible event is in its connector's file."""
    (tmp_path / "logs").mkdir()
    with Simulator(
        tmp_path, "--connectors", "3", "--rate", "0", "--history", "1h", "--history-events", "50"
    ) as api:
        setup = Setup(tmp_path, api, start="2h")
        sink = '[[sinks]]\ntype = "folder"\nfolder = "logs"\nsuffix = ".txt"\n'
        setup.path.write_text(setup.path.read_text().split("[[sinks]]")[0] + sink)
        done = subprocess.run(
            [sys.executable, "-m", "tailer", "run", "--once", "-c", str(setup.path)],
            env=with_package(site, **api.environment),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        truth = read_truth(api.truth)
    assert done.returncode == 0, done.stderr
    lines = [line for path in (tmp_path / "logs").glob("*.txt") for line in path.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == len(truth) == 150


def test_a_mistyped_name_is_told_the_right_one(site: Path, tmp_path: Path) -> None:
    """Installed sinks are among the names that are offered, and their options among the right ones."""
    path = tmp_path / "tailer.toml"
    sinks = '[[sinks]]\ntype = "foldr"\n[[sinks]]\ntype = "folder"\nfolder = "."\nsufix = ""\n'
    path.write_text('[[accounts]]\nid = "' + "a" * 32 + '"\n[journal]\npath = "tailer.db"\n' + sinks)
    done = subprocess.run(
        [sys.executable, "-m", "tailer", "run", "-c", str(path)],
        env=with_package(site, CLOUDFLARE_API_TOKEN="t"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'no sink is called "foldr"; did you mean "folder"?' in done.stderr
    assert 'sinks[1].sufix: is no option; did you mean "suffix"?' in done.stderr
