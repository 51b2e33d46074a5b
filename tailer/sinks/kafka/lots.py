"""Records that go to a partition together: made of events, cut by size, and written as Kafka has it.

Source: Kafka's documentation, "Record batch"; aiokafka writes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from tailer.model import Event, Watermark
from tailer.sinks.formats.watermarks import id_of, render_watermarks

CODECS = {
    "none": 0,
    "gzip": DefaultRecordBatch.CODEC_GZIP,
    "snappy": DefaultRecordBatch.CODEC_SNAPPY,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}
"""Numbers of compressions, by the names of options."""

_OVERHEAD = 40
"""Most bytes that a record has besides key, value and id: lengths, differences, the name of its header."""

_SEQUENCES = 2**31
"""After so many records of a producer in a partition its count begins again."""


class Record(NamedTuple):
    """What becomes of an event, or of a watermark.

    Attributes:
        number: Its place among what was handed over.
        key: Of what a partition is chosen by.
        value: The record as JSON.
        id: The event's, or the watermark's.
        timestamp: Epoch milliseconds.
    """

    number: int
    key: bytes
    value: bytes
    id: bytes
    timestamp: int

    @property
    def size(self) -> int:
        """Most bytes that it takes, uncompressed."""
        return len(self.key) + len(self.value) + len(self.id) + _OVERHEAD


Lot: TypeAlias = Sequence[Record]
"""Records that go out together, at least one: the brokers take all of them, or none."""


@dataclass(slots=True)
class Numbers:
    """By what brokers know a lot that comes again: who sends it, and how many records came before it.

    Attributes:
        producer: Our number; -1: we have none, and nobody knows anything again.
        epoch: The number's age.
        sent: Records that a partition has taken from this number.
    """

    producer: int = -1
    epoch: int = -1
    sent: dict[int, int] = field(default_factory=dict)

    def place(self, partition: int) -> int:
        """Give the place of a partition's next record."""
        return self.sent.get(partition, 0) if self.producer >= 0 else -1

    def advance(self, partition: int, records: int) -> None:
        """Count records that a partition has taken."""
        self.sent[partition] = (self.sent.get(partition, 0) + records) % _SEQUENCES


def make_records(events: Sequence[Event], lines: Sequence[bytes]) -> list[Record]:
    """Make the records of events.

    A record's time is its event's, but not after the moment at which that was read: a device's clock may be
    years ahead, and brokers take nothing from the future (``message.timestamp.after.max.ms``).

    Args:
        events: The events.
        lines: What they look like; there may be more.
    """
    return [
        Record(
            number, event.connector.encode(), line, event.id.encode(), _milliseconds(min(event.t, event.seen))
        )
        for number, (event, line) in enumerate(zip(events, lines, strict=False))
    ]


def make_marks(watermarks: Sequence[Watermark]) -> list[Record]:
    """Make the records of watermarks."""
    lines = render_watermarks(watermarks).split(b"\n")
    return [
        Record(
            number, one.source.connector.encode(), line, id_of(one).encode(), _milliseconds(one.source.seen)
        )
        for number, (one, line) in enumerate(zip(watermarks, lines, strict=False))
    ]


def cut(records: Iterable[Record], limit: int) -> deque[Lot]:
    """Cut records into lots.

    Args:
        records: In their order.
        limit: Most bytes of one, uncompressed; a record that is longer goes alone.
    """
    lots: deque[Lot] = deque()
    lot: list[Record] = []
    size = 0
    for record in records:
        more = record.size
        if lot and size + more > limit:
            lots.append(lot)
            lot, size = [], 0
        lot.append(record)
        size += more
    if lot:
        lots.append(lot)
    return lots


def size_of(lot: Lot) -> int:
    """Tell how many bytes a lot takes at most, uncompressed."""
    return sum(record.size for record in lot)


def encode(lot: Lot, numbers: Numbers, place: int, codec: int) -> bytes:
    """Write a lot as it goes to a broker; the same again for the same arguments.

    Args:
        lot: The records.
        numbers: Who sends it.
        place: How many records it has sent to this partition before.
        codec: One of `CODECS`.
    """
    builder = DefaultRecordBatchBuilder(2, codec, 0, numbers.producer, numbers.epoch, place, 0x7FFFFFFF)
    for offset, record in enumerate(lot):
        builder.append(offset, record.timestamp, record.key, record.value, [("id", record.id)])
    return bytes(builder.build())


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1000))
