"""What can be typed where a connector is meant: names from the API, kept for a moment, or from a journal.

1. A shell waits for us: after `PATIENCE` it gets what is known, were it nothing. A child goes on asking, so
   that a later Tab has what came too late for this one.
2. Whatever goes wrong, nothing is said: the user is in the middle of a line.
3. The cache holds names, serial numbers and ids, is readable by its user only, and is named after accounts
   and API, never after a credential. A failure is remembered too, or each Tab would cost the whole patience.
"""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from click.shell_completion import CompletionItem

from tailer.cli.accounts import load_accounts
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.kinds import DERIVED, KINDS

PATIENCE: Seconds = 1.2
"""Longest wait for the API; with the start of the program a Tab takes less than two seconds."""

FRESH: Seconds = 60.0
"""How long names are used without asking again."""

LIFETIME = 30
"""Seconds after which the child that asks is ended, wherever it hangs."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What a connector may be called."""

    name: str
    serial: str
    id: str


def connector_items(params: Mapping[str, Any], incomplete: str) -> list[CompletionItem[str]]:
    """Give the connectors whose name, serial number or (once something is typed) id begins so.

    Args:
        params: Flags that were typed already: ``config``, ``account`` and ``token_file`` count.
        incomplete: The beginning of the word.
    """
    path = params.get("config")
    token_file = params.get("token_file")
    config = load_accounts(
        Path(path).expanduser() if path else None,
        params.get("account"),
        Path(token_file).expanduser() if token_file else None,
        os.environ,
    )
    return _items(names_of(config), incomplete)


def stored_items(params: Mapping[str, Any], incomplete: str) -> list[CompletionItem[str]]:
    """Give the connectors that the journal of a daemon's file knows; no API is asked.

    Args:
        params: Flags that were typed already: ``config`` counts.
        incomplete: The beginning of the word.
    """
    from tailer.app.whereabouts import journal_of  # noqa: PLC0415 - not needed by the others
    from tailer.journal.glance import glance  # noqa: PLC0415 - as above

    seen = glance(journal_of(Path(params["config"]).expanduser()))
    known = [Known(one.name or one.connector, one.serial, one.connector) for one in seen.connectors]
    return _items(known, incomplete)


def _items(names: Iterable[Known], incomplete: str) -> list[CompletionItem[str]]:
    wanted = incomplete.casefold()
    items: list[CompletionItem[str]] = []
    for known in names:
        if known.name.casefold().startswith(wanted) and _is_typable(known.name):
            items.append(CompletionItem(known.name, help=known.serial or known.id, is_name=True))
        elif wanted or not _is_typable(known.name):
            words = (word for word in (known.serial, known.id) if word.casefold().startswith(wanted))
            items += [CompletionItem(word, help=known.name, is_name=True) for word in words if word]
    return items


def kind_items(incomplete: str) -> list[CompletionItem[str]]:
    """Give the known kinds that begin so, whatever the case."""
    wanted = incomplete.casefold()
    return [
        CompletionItem(name, help=kind.meaning)
        for name, kind in {**KINDS, **DERIVED}.items()
        if name.casefold().startswith(wanted)
    ]


def names_of(config: Config) -> list[Known]:
    """Give the connectors of all accounts, from the cache or from the API."""
    file = _cache_file(config)
    known, age = _read(file)
    if age < FRESH:
        return known
    _write(file, known)  # counts as fresh: the next Tab does not ask once more
    child = os.fork()
    if not child:
        _serve(config, file)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.02)
    return _read(file)[0]


def _serve(config: Config, file: Path) -> NoReturn:
    """Ask the API and fill the cache; the life of a child, which may outlive the shell's patience."""
    with suppress(Exception):
        signal.alarm(LIFETIME)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):  # or the shell would wait for our end of its pipe
            os.dup2(null, number)

        import anyio  # noqa: PLC0415 - with what follows the slowest of all, and mostly not needed

        from tailer.app.listing import list_all  # noqa: PLC0415 - as above
        from tailer.clock import SystemClock  # noqa: PLC0415 - as above

        listed = anyio.run(list_all, config, SystemClock())
        _write(file, [Known(one.name, one.serial, one.id) for each in listed for one in each.connectors])
    os._exit(0)


def _cache_file(config: Config) -> Path:
    """Name the file of these accounts at this API."""
    meant = "\n".join([config.api.base_url, *sorted(account.id for account in config.accounts)])
    home = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return folder / "tailer" / f"connectors-{hashlib.sha256(meant.encode()).hexdigest()[:16]}.json"


def _read(file: Path) -> tuple[list[Known], Seconds]:
    """Give what the cache has and its age; a cache that can't be read is endlessly old."""
    try:
        age = time.time() - file.stat().st_mtime
        known = msgspec.json.decode(file.read_bytes(), type=list[Known])
    except (OSError, msgspec.MsgspecError):
        return [], float("inf")
    return known, age if age >= 0 else float("inf")


def _write(file: Path, known: list[Known]) -> None:
    """Replace the cache in one step, so that another shell never reads half of it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=file.parent)  # mode 0600
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(msgspec.json.encode(known))
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _is_typable(name: str) -> bool:
    """Tell whether a name survives the shells' line protocols: fish's splits at commas."""
    return name.isprintable() and "," not in name
