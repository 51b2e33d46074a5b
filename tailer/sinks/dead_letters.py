"""Dead letters in a file: JSON Lines, one event that a sink has rejected a line.

Rules:

1. `DeadLetterFile.add` appends whole lines and syncs them, or leaves the file as it was. The disk is the only
   bound: when it is full, the events wait where they came from.
2. `DeadLetterFile.remove` writes what remains to a new file, syncs it, and renames it over the old one: after
   a crash there is one of the two, and nothing that was not to be removed is missing.
3. Who changes the file holds its lock, and has made sure that the path still leads to it.
4. A line that can't be read is left alone: one that a crash has torn tells of an event whose place was not
   committed, so it is written to its sink again; any other is somebody's, and nobody else's to drop.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread
import msgspec

from tailer.errors import SinkUnavailableError
from tailer.interfaces import DeadLetter
from tailer.sinks.appended import AppendedFile
from tailer.sinks.filesystem import copy_access, reason_of, sync_folder
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.reading import RecordReader
from tailer.sinks.text import json_text


class Found(NamedTuple):
    """What a file of dead letters holds.

    Attributes:
        letters: None twice, in the order in which they were added first, each as it was added last.
        unreadable: Lines that are none.
    """

    letters: list[DeadLetter]
    unreadable: int


class _Line(msgspec.Struct, frozen=True):
    """One line of the file; the event is a record as the sinks write it."""

    at: float
    sink: str
    reason: str
    event: msgspec.Raw


def read_letters(path: Path) -> Found:
    """Read a file of dead letters, whoever writes to it; blocks.

    Returns:
        Nothing where there is no file.

    Raises:
        SinkUnavailableError: It can't be read.
    """
    try:
        lines = _lines_of(path)
    except OSError as error:
        raise _failed(path, "read", error) from error
    reader = _LineReader()
    letters = [letter for line in lines if (letter := reader.read(line)) is not None]
    return Found(list({_key(letter): letter for letter in letters}.values()), len(lines) - len(letters))


class DeadLetterFile:
    """The `tailer.interfaces.DeadLetters` of a run.

    Args:
        path: The file; made with mode 0600 when the first letter comes. Its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = anyio.Lock()

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self._path)

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """Append; durable on return.

        Raises:
            SinkUnavailableError: The disk is full, the folder is gone; the message says so.
        """
        async with self._turn:
            await anyio.to_thread.run_sync(partial(self._add, _rendered(letters)))

    async def read(self) -> list[DeadLetter]:
        """Read all, none twice; raises `SinkUnavailableError` when the file can't be read."""
        return (await anyio.to_thread.run_sync(read_letters, self._path)).letters

    async def remove(self, sink: str, ids: Collection[str]) -> None:
        """Write the file anew without some letters of a sink, and without repeats.

        Raises:
            SinkUnavailableError: There is no room for the new file; the old one is as it was.
        """
        async with self._turn:
            await anyio.to_thread.run_sync(self._remove, {(sink, one) for one in ids})

    def _add(self, data: bytes) -> None:
        try:
            file = _open(self._path)
            try:
                file.append(b"\n" + data if file.ends_within_line else data)
            finally:
                file.close()
        except OSError as error:
            raise _failed(self._path, "written", error) from error

    def _remove(self, keys: Collection[tuple[str, str]]) -> None:
        try:
            file = _open(self._path)
            try:
                _replace(self._path, _without(_lines_of(self._path), keys))
            finally:
                file.close()
        except OSError as error:
            raise _failed(self._path, "written", error) from error


def _open(path: Path) -> AppendedFile:
    """Open the file that the path leads to, with its lock (rule 3); raises ``OSError``."""
    while True:
        file = AppendedFile(path)
        if file.is_live:
            return file
        file.close()  # it was replaced after it was opened and before it was locked


def _lines_of(path: Path) -> list[bytes]:
    """Read the lines that are not empty, without their ends."""
    try:
        return [line for line in path.read_bytes().split(b"\n") if line]
    except FileNotFoundError:
        return []


class _LineReader:
    """Reads lines of one file."""

    def __init__(self) -> None:
        self._lines = msgspec.json.Decoder(_Line)
        self._records = RecordReader()

    def read(self, data: bytes) -> DeadLetter | None:
        """Read a line; ``None``: it is no dead letter."""
        try:
            line = self._lines.decode(data)
            event = self._records.read(bytes(line.event))
        except (msgspec.MsgspecError, ValueError, OverflowError):  # Unicode errors are values' errors
            return None
        return DeadLetter(line.sink, event, line.reason, line.at)


def _key(letter: DeadLetter) -> tuple[str, str]:
    return letter.sink, letter.event.id


def _without(lines: Sequence[bytes], keys: Collection[tuple[str, str]]) -> list[bytes]:
    """Leave letters out, and all but the last of those that are there more than once."""
    reader = _LineReader()
    kept: dict[object, bytes] = {}
    for number, line in enumerate(lines):
        letter = reader.read(line)
        key = number if letter is None else _key(letter)
        if key not in keys:
            kept[key] = line
    return list(kept.values())


def _replace(path: Path, lines: Sequence[bytes]) -> None:
    """Write a file anew, so that a crash leaves the old one or the new one; raises ``OSError``."""
    place = path.resolve()  # a link stays a link, and what it leads to is replaced
    new = place.with_name(f"{place.name}.new")
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb") as file:
        copy_access(place.stat(), number)
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        os.fsync(number)
    new.replace(place)
    sync_folder(place.parent)


def _rendered(letters: Sequence[DeadLetter]) -> bytes:
    records = JsonlFormat().render([letter.event for letter in letters]).splitlines()
    return b"".join(
        b"%s%s}\n" % (_head(letter).encode(), record) for letter, record in zip(letters, records, strict=True)
    )


def _head(letter: DeadLetter) -> str:
    sink, reason = json_text(letter.sink), json_text(letter.reason)
    return f'{{"at":{letter.at:.3f},"sink":{sink},"reason":{reason},"event":'


def _failed(path: Path, what: str, error: OSError) -> SinkUnavailableError:
    return SinkUnavailableError(f"the dead letters {path} can't be {what}: {reason_of(error)}")
