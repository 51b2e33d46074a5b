"""Lots of records for Kafka."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from tailer.model import Event, Source
from tailer.sinks.kafka.lots import CODECS, Numbers, Record, cut, encode, make_records, size_of

SOURCE = Source("account", "connector", "Oslo", "A1", 1_785_585_700.5)


def records(*sizes: int) -> list[Record]:
    """Make records with values of these sizes."""
    return [Record(number, b"", b"x" * size, b"", 0) for number, size in enumerate(sizes)]


def test_lots_hold_as_much_as_they_may() -> None:
    """Every record is in one lot, in order; no lot is larger than allowed, but one of a single record."""
    given = records(60, 60, 300, 10, 60, 60)
    lots = cut(given, 300)
    assert [len(lot) for lot in lots] == [2, 1, 3]
    assert [record for lot in lots for record in lot] == given
    assert all(size_of(lot) <= 300 or len(lot) == 1 for lot in lots)


def test_half_of_a_lot_makes_at_least_two() -> None:
    """A lot that is cut by half of its own size is divided, whatever it holds."""
    assert len(cut(records(1, 500), (1 + 500 + 80) // 2)) == 2
    assert not cut([], 100)


@pytest.mark.parametrize(
    ("t", "expected"),
    [(1_785_585_600.25, 1_785_585_600_250), (2_100_000_000, 1_785_585_700_500), (-5, 0)],
)
def test_no_record_is_of_the_future(t: float, expected: int) -> None:
    """A record's time is its event's, but never after it was read, nor before 1970."""
    [record] = make_records([Event(t, 1, "Init", 1, SOURCE)], [b"{}", b""])
    assert record.timestamp == expected


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_what_is_written_has_our_numbers(compression: str) -> None:
    """A batch has our number, its place and each record; the same lot again is the same bytes."""
    lot, numbers = (
        make_records([Event(n, n, "Init", n, SOURCE) for n in range(3)], [b"{}"] * 3),
        Numbers(7, 2),
    )
    numbers.advance(0, 2**31 - 1)
    numbers.advance(0, 5)
    assert (numbers.place(0), numbers.place(1)) == (4, 0)  # counts begin again after 2**31
    written = encode(lot, numbers, numbers.place(0), CODECS[compression])
    batch = DefaultRecordBatch(written)
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (7, 2, 4)
    assert batch.validate_crc()
    found = list(batch)
    assert [(one.timestamp, one.key, one.value) for one in found] == [
        (record.timestamp, record.key, record.value) for record in lot
    ]
    assert [one.headers for one in found] == [[("id", record.id)] for record in lot]


def test_without_a_number_there_is_no_place() -> None:
    """Who has no number says so."""
    numbers = Numbers()
    numbers.advance(0, 3)
    assert numbers.place(0) == -1
