"""Reads JSON Lines records back into events: the other direction of `jsonl`."""

from __future__ import annotations

import math

import msgspec

from tailer.model import Event, Payload, Source

_MAX_CACHED = 4096


class RecordReader:
    """Decodes records; those of one poll share their source again, which the formats' caches live on."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Record)
        self._sources: dict[tuple[str, str, str, str, float], Source] = {}

    def read(self, line: bytes) -> Event:
        """Read one record.

        Args:
            line: With or without its end. Fields that are not known are left out.

        Raises:
            ValueError: It is none; says why, without repeating what it holds.
        """
        try:
            record = self._decoder.decode(line)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from None
        if not all(math.isfinite(number) for number in (record.t, record.n, record.a, record.seen)):
            raise ValueError("it holds a number that is too large")
        names = (record.account, record.connector, record.name, record.serial, record.seen)
        source = self._sources.get(names)
        if source is None:
            if len(self._sources) >= _MAX_CACHED:
                self._sources.clear()
            source = self._sources[names] = Source(*names)
        return Event(record.t, record.n, record.k, record.a, source, record.late, record.e)


class _Record(msgspec.Struct, frozen=True, gc=False):
    """What an event is made of; `id`, `time` and `level` follow from it."""

    account: str
    connector: str
    name: str
    serial: str
    k: str
    t: int | float
    n: int | float
    a: int | float
    seen: float
    late: bool
    e: Payload | None = None
