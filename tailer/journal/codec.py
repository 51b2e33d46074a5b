"""Values of the journal as bytes, and back, without losing a digit.

1. MessagePack, because it is compact and quick. Its integers end at 64 bits; a value with a longer one is
   written as JSON instead. A JSON array begins with ``[`` (0x5B), which is no beginning of a MessagePack
   array, so the first byte tells them apart.
2. The events of a segment are stored by column, each kind once a segment: about 15 bytes an event and a
   third of the time that a row an event would take.
3. Payloads are stored beside the columns, only those that there are, each with its event's index. A segment
   that was stored without this column has none; a program that does not know it leaves it out.
4. A stored block of keys is compressed: 22 bytes a key become 4 or 5, so that a key takes less than the event
   that it outlives. A zlib stream begins with 0x78, which is no beginning of an array either; blocks of
   schema 1 are not compressed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

import msgspec

from tailer.core.keys import KeyBlock
from tailer.core.progress import Checkpoint
from tailer.core.spans import Spans
from tailer.model import Event, Key, Payload, Segment, Source

T = TypeVar("T")
Number = int | float


class SegmentColumns(msgspec.Struct, array_like=True):
    """A segment as it is stored: its source's fields, its two times, its events by column.

    Attributes:
        kinds: The kinds that occur, in the order of their first event.
        which: For each event the index of its kind.
        payloads: Index and payload of each event that has one.
    """

    account: str
    connector: str
    name: str
    serial: str
    seen: float
    read_at: float
    through: float
    times: list[Number]
    numbers: list[Number]
    collected: list[Number]
    kinds: list[str]
    which: list[int]
    payloads: list[tuple[int, Payload]] = []


class Codec(Generic[T]):
    """Bytes from and to values of one type, none of which is encoded as anything but an array.

    Args:
        kind: The type to decode.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kind)

    def encode(self, value: T) -> bytes:
        """Give the bytes of a value."""
        try:
            return self._encoder.encode(value)
        except OverflowError:
            # The standard library's JSON, for it keeps infinities as well.
            return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()

    def decode(self, data: bytes) -> T:
        """Give the value back; ``msgspec.MsgspecError`` or ``ValueError`` when the bytes are damaged."""
        if data[:1] == b"[":
            value: T = msgspec.convert(json.loads(data), self._kind)
            return value
        return self._decoder.decode(data)


COLUMNS: Codec[list[SegmentColumns]] = Codec(list[SegmentColumns])
CHECKPOINT: Codec[Checkpoint] = Codec(Checkpoint)
SPANS: Codec[Spans] = Codec(Spans)
KEY: Codec[Key] = Codec(Key)
_KEY_BLOCK: Codec[KeyBlock] = Codec(KeyBlock)


class _KindIndex(dict[str, int]):
    """Numbers kinds in the order in which they are first asked for."""

    def __missing__(self, kind: str) -> int:
        number = self[kind] = len(self)
        return number


def encode_segments(segments: Sequence[Segment]) -> tuple[bytes, int]:
    """Give the payload of an entry, and its checksum."""
    payload = COLUMNS.encode([_columns(segment) for segment in segments])
    return payload, zlib.crc32(payload)


def decode_columns(payload: bytes, crc: int | None) -> list[SegmentColumns]:
    """Give an entry's segments by column; ``ValueError`` or ``msgspec.MsgspecError`` when it is damaged.

    Args:
        payload: As it was stored.
        crc: Its checksum, ``None`` when none was stored with it.
    """
    if crc is not None and zlib.crc32(payload) != crc:
        raise ValueError("the checksum of an entry is wrong")
    return COLUMNS.decode(payload)


def decode_segments(payload: bytes, crc: int | None) -> tuple[Segment, ...]:
    """Give an entry's segments back; the events of each share one source. Errors as `decode_columns`."""
    return tuple(_segment(columns) for columns in decode_columns(payload, crc))


def encode_block(block: KeyBlock) -> bytes:
    """Give the bytes of a block of keys."""
    return zlib.compress(_KEY_BLOCK.encode(block), 1)  # more takes four times as long for a tenth


def decode_block(data: bytes) -> KeyBlock:
    """Give a block of keys back; ``zlib.error`` and what `Codec.decode` raises when it is damaged."""
    return _KEY_BLOCK.decode(zlib.decompress(data) if data[:1] == b"\x78" else data)


def _columns(segment: Segment) -> SegmentColumns:
    source, events = segment.source, segment.events
    index = _KindIndex()
    which = list(map(index.__getitem__, [event.k for event in events]))
    return SegmentColumns(
        source.account,
        source.connector,
        source.name,
        source.serial,
        source.seen,
        segment.read_at,
        segment.through,
        [event.t for event in events],
        [event.n for event in events],
        [event.a for event in events],
        list(index),
        which,
        [(number, event.e) for number, event in enumerate(events) if event.e is not None],
    )


def _segment(columns: SegmentColumns) -> Segment:
    count = len(columns.times)
    if not count == len(columns.numbers) == len(columns.collected) == len(columns.which):
        raise ValueError("columns of unequal length")
    source = Source(columns.account, columns.connector, columns.name, columns.serial, columns.seen)
    kinds = map(columns.kinds.__getitem__, columns.which)
    events = list(map(Event, columns.times, columns.numbers, kinds, columns.collected, repeat(source)))
    for number, payload in columns.payloads:
        if not 0 <= number < count:
            raise ValueError("a payload of no event")
        events[number].e = payload
    return Segment(source, events, columns.read_at, columns.through)
