"""What the journal stores comes back as it was."""

import math
import struct
import zlib
from typing import Any

import msgspec
import pytest

from tailer.core.keys import KeySet
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.journal.codec import (
    CHECKPOINT,
    COLUMNS,
    KEY,
    SPANS,
    decode_block,
    decode_segments,
    encode_block,
    encode_segments,
)
from tailer.model import Event, Key, Segment, Source

HUGE = 2**64


def _segment(rows: list[tuple[float, float, str, float]], connector: str = "c") -> Segment:
    source = Source("account", connector, "Büro \u2603", "S-1", 1234.5)
    return Segment(source, [Event(t, n, k, a, source) for t, n, k, a in rows], 99.5, 98.0)


def _plain(segment: Segment) -> Any:
    source = segment.source
    rows = [(event.t, event.n, event.k, event.a) for event in segment.events]
    fields = (source.account, source.connector, source.name, source.serial, source.seen)
    types = [tuple(type(value) for value in row) for row in rows]
    return fields, segment.read_at, segment.through, rows, types


@pytest.mark.parametrize(
    "rows",
    [
        [(1, 1, "Init", 2)],
        [(1_700_000_000, 1, "Init", 1_700_000_001), (1_700_000_000, 2, "Leave", 3), (5, 5, "Init", 6)],
        [(0.1, 1, "Init", 0.30000000000000004), (2**53 + 1, 0.5, "", -1.5)],
        [(-1, -(2**63), "Init", 0), (1, HUGE - 1, "Init", 0)],
        [(1, HUGE, "Init", 0), (0.1, 10**40, "Leave", 1e300)],
        [(-(2**80), -HUGE, "\u2603\x00", 2**90)],
    ],
    ids=["one", "kinds", "fractions", "64 bits", "beyond 64 bits", "far below"],
)
def test_segments_come_back(rows: list[tuple[float, float, str, float]]) -> None:
    """Every field, digit and type of a segment survives; its events share one source."""
    given = (_segment(rows), _segment(rows[:1], "other"))
    read = decode_segments(*encode_segments(given))
    assert [_plain(one) for one in read] == [_plain(one) for one in given]
    assert all(event.source is one.source for one in read for event in one.events)
    assert not any(event.late for one in read for event in one.events)


def test_an_event_takes_few_bytes() -> None:
    """In a segment of ordinary events one takes less than 20 bytes."""
    rows: list[tuple[float, float, str, float]] = [
        (1_700_000_000 + number // 3, number, "Reconcile", 1_700_000_002 + number // 3)
        for number in range(1000)
    ]
    assert len(encode_segments([_segment(rows)])[0]) < 20_000


@pytest.mark.parametrize("newest", [None, (1, 2), (0.5, HUGE), (10**30, -HUGE)])
def test_checkpoints_come_back(newest: Key | None) -> None:
    """A checkpoint survives whatever its newest key, infinities included."""
    checkpoint = Checkpoint(
        1.5,
        -math.inf,
        Spans(((1, 5), (7, 9))),
        (Gap(5, 7, "refused"),),
        ((20.0, 3.5), (80.0, 2.0)),
        newest,
        4.25,
    )
    assert CHECKPOINT.decode(CHECKPOINT.encode(checkpoint)) == checkpoint


@pytest.mark.parametrize("key", [(1, 2), (0.1, HUGE), (-HUGE, 10**50), (3, 2.5)])
def test_keys_come_back(key: Key) -> None:
    """A key survives, digits and types."""
    read = KEY.decode(KEY.encode(key))
    assert read == key
    assert [type(part) for part in read] == [type(part) for part in key]


def test_spans_come_back() -> None:
    """A set of spans survives."""
    spans = Spans(((0, 5), (7, 2**50)))
    assert SPANS.decode(SPANS.encode(spans)) == spans


def test_key_blocks_come_back() -> None:
    """Packed keys survive, the odd ones among them too."""
    keys = KeySet()
    keys.add([Event(1, 2, "Init", 3), Event(2, HUGE, "Init", 3), Event(3, 0.5, "Leave", 4)], 9.0)
    block = keys.block()
    assert decode_block(encode_block(block)) == block


def test_uncompressed_keys_are_read() -> None:
    """Blocks that an earlier schema stored as they were come back as well, with a huge number or without."""
    for key in ((1, 2), (2, HUGE)):
        keys = KeySet()
        keys.add([Event(*key, "Init", 3)], 9.0)
        assert decode_block(zlib.decompress(encode_block(keys.block()))) == keys.block()


def test_a_stored_key_takes_less_than_its_event() -> None:
    """Dropping taken events makes room though their keys stay."""
    events = [(t, 1, "Init", t + 3) for t in range(1_800_000_000, 1_800_002_000)]
    segment, keys = _segment(list(events)), KeySet()
    keys.add(segment.events, 2e9)
    assert len(encode_block(keys.block())) < len(encode_segments([segment])[0]) / 2


def test_damaged_keys_are_noticed() -> None:
    """A block with a wrong byte raises."""
    with pytest.raises(zlib.error):
        decode_block(b"\x78" + bytes(9))


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"[", b"[[1]]", b"\x91\x91\x01"])
def test_damage_is_noticed(payload: bytes) -> None:
    """Bytes that are no payload raise."""
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        decode_segments(payload, None)


def test_a_wrong_byte_is_noticed() -> None:
    """A payload that could still be read, but is not what was stored, raises."""
    payload, crc = encode_segments([_segment([(1, 1, "Init", 2), (2, 2, "Init", 3)])])
    wrong = payload.replace(b"Init", b"Exit")
    assert decode_segments(wrong, None)
    with pytest.raises(ValueError, match="checksum"):
        decode_segments(wrong, crc)


def test_columns_of_unequal_length_are_noticed() -> None:
    """A payload that lost a number is not read as fewer events."""
    (columns,) = COLUMNS.decode(encode_segments([_segment([(1, 1, "Init", 2), (2, 2, "Init", 3)])])[0])
    columns.numbers.pop()
    with pytest.raises(ValueError, match="columns"):
        decode_segments(COLUMNS.encode([columns]), None)


def test_kinds_are_stored_once() -> None:
    """A segment names each of its kinds once, in the order of first use."""
    rows: list[tuple[float, float, str, float]] = [(t, 0, "AB"[t % 2] * 50, t) for t in range(10)]
    (columns,) = COLUMNS.decode(encode_segments([_segment(rows)])[0])
    assert columns.kinds == ["A" * 50, "B" * 50]
    assert columns.which == [0, 1] * 5


def test_floats_are_the_same_to_the_bit() -> None:
    """A fraction that is written as JSON, beside a number beyond 64 bits, keeps every bit."""
    value = struct.unpack("<d", b"\x01\x23\x45\x67\x89\xab\xcd\x3f")[0]
    assert KEY.decode(KEY.encode((value, HUGE))) == (value, HUGE)


def test_payloads_come_back() -> None:
    """Each event has the payload that it had, numbers beyond 64 bits included; the others have none."""
    segment = _segment([(1, 1, "Init", 1), (2, 1, "HaError", 2), (3, 1, "HaError", 3)])
    payloads = [None, {"k": "HaError", "n": HUGE, "list": [1.5, None]}, {}]
    for event, payload in zip(segment.events, payloads, strict=True):
        event.e = payload
    (read,) = decode_segments(*encode_segments([segment]))
    assert [event.e for event in read.events] == payloads


def test_a_segment_without_the_column_of_payloads_is_read() -> None:
    """What was stored before there were payloads comes back without any."""
    payload, _ = encode_segments([_segment([(1, 1, "Init", 1)])])
    older = [row[:-1] for row in msgspec.msgpack.decode(payload)]
    (read,) = decode_segments(msgspec.msgpack.encode(older), None)
    assert [(event.key, event.e) for event in read.events] == [((1, 1), None)]


@pytest.mark.parametrize("number", [1, -1])
def test_a_payload_of_no_event_is_damage(number: int) -> None:
    """An index that no event has is told as damage."""
    segment = _segment([(1, 1, "Init", 1)])
    segment.events[0].e = {}
    columns = msgspec.msgpack.decode(encode_segments([segment])[0])
    columns[0][-1][0][0] = number
    with pytest.raises(ValueError, match="payload of no event"):
        decode_segments(msgspec.msgpack.encode(columns), None)
