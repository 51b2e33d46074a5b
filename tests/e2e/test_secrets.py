"""Planted credentials, and an API that echoes them: they are searched for wherever the program writes."""

from __future__ import annotations

import base64
import gzip
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import tailer
from tailer.simulator.fleet import LICENSE_MARK
from tests.e2e.processes import DEADLINE, Process, Simulator, clean_environment, wait_until

TOKEN = "planted-token-that-must-never-be-shown"
WRONG = "another-token-that-must-never-be-shown"
KEY = "planted-global-key-that-must-never-be-shown"
EMAIL = "noc@example.net"

SECRETS = [
    form
    for secret in (TOKEN, WRONG, KEY, LICENSE_MARK)
    for form in (secret.encode(), base64.b64encode(secret.encode()), secret.encode("utf-16-le"))
]

PICKY = Path(__file__).parents[1] / "data" / "picky_sink"

CONFIG = """
[[accounts]]
id = "{account}"
{credentials}

[api]
base_url = "{base_url}"

[polling]
interval = "200ms"
settle = "500ms"
start = "2h"

[journal]
path = "tailer.db"

[service]
listen = "127.0.0.1:0"
log_format = "{log_format}"

[[sinks]]
type = "file"
path = "events.jsonl"
rotate_size = "64KiB"
compress = "gzip"

[[sinks]]
type = "picky"
path = "picky.txt"
taboo = "taboo"
"""


class Way(NamedTuple):
    """One way to sign in, and to be told what happens.

    Attributes:
        credentials: Of the configuration file.
        variables: What the commands without a file sign in with.
        log_format: Of the daemon.
    """

    credentials: str
    variables: Mapping[str, str]
    log_format: str


WAYS = {
    "token": Way('token_file = "../token"', {"CLOUDFLARE_API_TOKEN": TOKEN}, "json"),
    "key": Way(
        f'email = "{EMAIL}"\nkey_env = "CLOUDFLARE_API_KEY"',
        {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY},
        "text",
    ),
}

OF_THE_DAEMON = [
    ["status", "-c", "c.toml", "--all"],
    ["status", "-c", "c.toml", "--json", "--all"],
    ["dead", "list", "-c", "c.toml", "-o", "jsonl"],
    ["dead", "retry", "-c", "c.toml"],
    ["reload", "-c", "c.toml"],
    ["check", "-c", "c.toml"],
]

OF_THE_API = [
    ["connectors", "-o", "jsonl"],
    ["connectors", "-o", "table", "-c", "c.toml"],
    ["tail", "--since", "5m", "-o", "jsonl", "--show", "id,serial,connector"],
    ["files", "--out", "."],
]


class Stage:
    """A folder in which the program works, and beside it what may hold secrets.

    Args:
        root: Has both.
        way: How one signs in.
    """

    def __init__(self, root: Path, way: Way) -> None:
        self.folder = root / "work"
        self._api = root / "api"
        for folder in (self.folder, self._api):
            folder.mkdir()
        (root / "token").write_text(TOKEN)
        (self.folder / "taboo").write_text("Leave\nHaTransition\n")
        self.simulator = Simulator(
            self._api,
            *("--token", TOKEN, "--key", KEY, "--email", EMAIL, "--connectors", "4", "--rate", "8"),
            *("--history", "2h", "--history-events", "200", "--fault", "500-echo:0.25"),
        )
        facts = {"account": self.simulator.account, "base_url": self.simulator.base_url}
        text = CONFIG.format(**facts, credentials=way.credentials, log_format=way.log_format)
        (self.folder / "c.toml").write_text(text)
        self.environment = {
            **clean_environment(),
            "PYTHONPATH": os.pathsep.join([str(Path(tailer.__file__).parents[1]), str(PICKY)]),
            "XDG_CACHE_HOME": str(self.folder),
            "TAILER_DEBUG": "1",
            "CLOUDFLARE_BASE_URL": self.simulator.base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.simulator.account,
            **way.variables,
        }

    def do(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end; what it says must hold no secret."""
        done = subprocess.run(
            [sys.executable, "-m", "tailer", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        assert leaks(done.stdout + done.stderr) == [], arguments
        return done

    def search(self) -> None:
        """Look into every file of the folder, and into those that are compressed."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert leaks(content) == [], path
                if path.suffix == ".gz":
                    assert leaks(gzip.decompress(content)) == [], path


def leaks(text: bytes) -> list[bytes]:
    """Give the secrets that a text holds."""
    return [secret for secret in SECRETS if secret in text]


def fetch(port: str, page: str) -> bytes:
    """Read a page of the service, whatever its status."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=DEADLINE) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()


@pytest.fixture
def way() -> Way:
    """How one signs in, unless a test says otherwise."""
    return WAYS["token"]


@pytest.fixture
def stage(way: Way, tmp_path: Path) -> Iterator[Stage]:
    """A folder, and an API that answers one request in four with the credentials that it was sent."""
    made = Stage(tmp_path, way)
    with made.simulator:
        yield made


@pytest.mark.parametrize(
    "way",
    [pytest.param(WAYS["token"], id="token"), pytest.param(WAYS["key"], id="key", marks=pytest.mark.long)],
)
def test_no_output_and_no_file_holds_a_secret(stage: Stage) -> None:
    """Nothing that is printed, logged, served, journaled, set aside, rotated or cached shows a credential."""
    command = ("run", "-c", "c.toml")
    with Process(stage.folder, "run", *command, environment=stage.environment) as run:
        wait_until(lambda: "listens on http://" in run.words, "it listens", run)
        wait_until((stage.folder / "tailer.dead.jsonl").exists, "something is rejected", run)
        wait_until(lambda: any(stage.folder.glob("*.gz")), "a file is rotated", run)
        wait_until(lambda: "[redacted]" in run.words, "credentials were echoed", run)
        arguments = Path(f"/proc/{run.pid}/cmdline")
        assert not arguments.exists() or leaks(arguments.read_bytes()) == []
        (port,) = set(re.findall(r"listens on http://127\.0\.0\.1:(\d+)", run.words))
        for page in ("healthz", "readyz", "status", "metrics"):
            assert leaks(fetch(port, page)) == []
        for words in OF_THE_DAEMON:
            stage.do(*words)
        stage.search()  # with the write-ahead log
        assert run.stop() in {0, 4}, run.words
    for words in OF_THE_API:
        stage.do(*words)
    stage.do(_TAILER_COMPLETE="bash_complete", COMP_WORDS="tailer connectors ", COMP_CWORD="2")
    stage.search()


def test_a_traceback_of_a_refusal_holds_no_secret(stage: Stage) -> None:
    """What ends with an error shows no credential, even with the traceback that developers ask for."""
    for words in ("tail", "check --probe"):
        done = stage.do(*words.split(), CLOUDFLARE_API_TOKEN=WRONG)
        assert done.returncode in {1, 3}  # 1 where the last attempt was answered by the echo
        assert b"Traceback" in done.stderr
