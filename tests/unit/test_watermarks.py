import json
import math
from collections.abc import Callable
from functools import cache

from tailer.core.keys import PADDING
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.core.watermarks import Watermarks, watermark_of
from tailer.model import Source, Watermark
from tailer.sinks.formats.watermarks import is_watermark, render_watermarks

ORIGIN = 1_785_585_600


@cache
def source(connector: str = "c1", *, name: str = "Büro") -> Source:
    """Name a connector; sources are the same only as objects."""
    return Source("account", connector, name, "serial", ORIGIN + 100.25)


def mark(connector: str, through: int, settled: int | None = None) -> Watermark:
    """Make one without holes."""
    return Watermark(source(connector), through, through, settled)


def accepted(offset: int) -> Callable[[str, int], bool]:
    """Tell that everything numbered below an offset is accepted."""
    return lambda _ref, head: offset >= head


def test_they_wait_until_the_sink_has_the_events() -> None:
    """Told when everything numbered below the head is accepted, and then once."""
    watermarks = Watermarks()
    watermarks.offer(10, [mark("c1", 5)])

    assert watermarks.due(accepted(9)) == []
    assert watermarks.due(accepted(10)) == [mark("c1", 5)]
    assert watermarks.due(accepted(11)) == []


def test_newer_ones_do_not_push_out_those_that_wait() -> None:
    """A sink that never reaches the present head is told all the same."""
    watermarks = Watermarks()
    watermarks.offer(10, [mark("c1", 5)])
    watermarks.offer(20, [mark("c1", 6)])

    assert watermarks.due(accepted(15)) == [mark("c1", 5)]
    watermarks.offer(20, [mark("c1", 6)])
    assert watermarks.due(accepted(20)) == [mark("c1", 6)]


def test_nobody_waits_for_the_events_of_another() -> None:
    """A connector of which events are held back is left out alone, and told later."""
    watermarks = Watermarks()
    watermarks.offer(10, [mark("c1", 5), mark("c2", 5)])

    assert watermarks.due(lambda ref, _head: ref == "account/c2") == [mark("c2", 5)]
    watermarks.offer(20, [mark("c1", 6), mark("c2", 6)])
    assert watermarks.due(accepted(10)) == [mark("c1", 5)]


def test_only_those_that_have_advanced_are_told() -> None:
    """A connector that is not read says nothing new; one that is settled further does."""
    watermarks = Watermarks()
    watermarks.offer(0, [mark("c1", 5), mark("c2", 5), mark("c3", 5)])
    assert len(watermarks.due(accepted(0))) == 3

    watermarks.offer(0, [mark("c1", 5), mark("c2", 6), mark("c3", 5, 2)])
    assert watermarks.due(accepted(0)) == [mark("c2", 6), mark("c3", 5, 2)]


def test_the_last_ones_replace_those_that_wait_and_are_cut_where_events_are_left() -> None:
    """What the sink does not get any more is vouched for by none; all else is told at once."""
    watermarks = Watermarks()
    watermarks.offer(10, [mark("c1", 5), mark("c2", 5), mark("c3", 5)])
    watermarks.offer(20, [mark("c1", 9, 7), mark("c2", 9, 8), mark("c3", 9)], is_last=True)

    left = {"account/c1": 6.9, "account/c2": 8.2, "account/c3": math.inf}
    assert watermarks.rest(left.__getitem__) == [mark("c1", 6, 6), mark("c2", 8, 8), mark("c3", 9)]
    assert watermarks.rest(left.__getitem__) == []


def test_the_last_ones_take_nothing_back() -> None:
    """An event may become visible after its second was read; the watermark before it stays true."""
    watermarks = Watermarks()
    watermarks.offer(10, [mark("c1", 5)])
    assert watermarks.due(accepted(10)) == [mark("c1", 5)]

    watermarks.offer(20, [mark("c1", 9, 8)], is_last=True)
    assert watermarks.rest(lambda _ref: 4.5) == []


def test_a_hole_holds_up_what_is_whole() -> None:
    """What was read beyond a hole does not vouch for it; a recorded gap is no hole."""
    checkpoint = Checkpoint(
        origin=ORIGIN + 0.5,
        floor=ORIGIN + 3.0,
        covered=Spans(((ORIGIN, ORIGIN + 10), (ORIGIN + 20, ORIGIN + 30), (ORIGIN + 40, ORIGIN + 50))),
        gaps=(Gap(ORIGIN + 10, ORIGIN + 20, "page cap"),),
    )

    found = watermark_of(checkpoint, source())

    assert (found.read_through, found.whole_through) == (ORIGIN + 50, ORIGIN + 30)
    assert found.settled_through == ORIGIN + 3 + PADDING


def test_records_are_json_lines_with_a_kind_of_their_own() -> None:
    """Ids, names and times as in an event's record; what is not known is null; names can't break a line."""
    one = Watermark(source(name='a"\n\u202e'), ORIGIN + 60, ORIGIN + 50, None)
    other = Watermark(source("c2"), ORIGIN + 60, ORIGIN + 50, ORIGIN + 10)

    lines = render_watermarks([one, other]).splitlines()

    assert json.loads(lines[0]) == {
        "id": "account/c1/watermark",
        "time": "2026-08-01T12:00:50Z",
        "account": "account",
        "connector": "c1",
        "name": 'a"\n\u202e',
        "serial": "serial",
        "k": "tailer.Watermark",
        "read_through": ORIGIN + 60,
        "whole_through": ORIGIN + 50,
        "settled_through": None,
        "seen": ORIGIN + 100.25,
    }
    assert json.loads(lines[1])["settled_through"] == ORIGIN + 10
    assert lines[0].startswith(b'{"id":')
    assert b"\xe2\x80\xae" not in lines[0]


def test_they_are_told_from_events_and_nonsense() -> None:
    """By their kind alone."""
    assert is_watermark(render_watermarks([mark("c1", ORIGIN)]))
    assert not is_watermark(b'{"k":"Init"}')
    assert not is_watermark(b"{}")
    assert not is_watermark(b"\xff")
