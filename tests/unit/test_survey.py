from __future__ import annotations

import msgspec

from tailer.app.status.facts import MAX_SPANS, FleetStatus
from tailer.app.status.survey import Overdue, Surveyed, described, summarized, worst_of
from tailer.core.lateness import Lateness
from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.core.standing import Condition, standing_of
from tailer.model import Connector, Event


def surveyed(
    name: str,
    condition: Condition = "well",
    *,
    covered: tuple[tuple[int, int], ...] = ((0, 100),),
    gaps: tuple[Gap, ...] = (),
    newest: float | None = None,
) -> Surveyed:
    """Make a connector that is called by its name."""
    checkpoint = Checkpoint(
        origin=0.0,
        floor=0.0,
        covered=Spans(covered),
        gaps=gaps,
        newest=None if newest is None else (newest, 0),
    )
    connector = Connector("account", f"id-{name}", notes=name)
    return Surveyed(connector, checkpoint, standing_of(checkpoint), condition, keys=7)


def test_no_connectors_are_summed_up() -> None:
    """An empty fleet has no times, and no troubles."""
    assert summarized([]) == FleetStatus()


def test_connectors_in_trouble_do_not_hold_back_what_the_others_have_read() -> None:
    """Two answers: through when all that can be read is read, and who is the furthest behind."""
    fleet = summarized(
        [
            surveyed("a", newest=80.0),
            surveyed("b", covered=((0, 90),), newest=85.0),
            surveyed("c", "failing", covered=((0, 50),), gaps=(Gap(50, 60, "page cap"),)),
            surveyed("d", "parked", covered=((0, 10), (20, 100))),
        ]
    )

    assert fleet == FleetStatus(
        connectors=4,
        well=2,
        failing=1,
        parked=1,
        whole_through=90,
        settled_through=1,
        oldest=10,
        oldest_name="d",
        newest_at=85.0,
        with_gaps=1,
        gaps=1,
        gap_seconds=10,
        unread=1,
        keys=28,
    )


def test_the_worst_come_first() -> None:
    """Refused, failing, behind, then those with gaps or holes, then the rest by name; and only so many."""
    fleet = [
        surveyed("b"),
        surveyed("a"),
        surveyed("gap", gaps=(Gap(5, 6, "refused"),)),
        surveyed("behind", "behind"),
        surveyed("failing later", "failing", covered=((0, 60),)),
        surveyed("failing", "failing", covered=((0, 50),)),
        surveyed("parked", "parked"),
    ]
    names = ["parked", "failing", "failing later", "behind", "gap", "a", "b"]

    assert [one.connector.name for one in worst_of(fleet, None)] == names
    assert [one.connector.name for one in worst_of(fleet, 3)] == names[:3]


def test_gaps_and_holes_are_listed_in_the_order_of_time() -> None:
    """People see what is missing, whether it can't be read or is only not yet read."""
    told = described(
        surveyed("a", covered=((0, 10), (30, 40)), gaps=(Gap(10, 20, "page cap"),), newest=35.5),
        why="read failed: HTTP 500",
        error="HTTP 500",
    )

    assert [(span.start, span.end, span.state, span.reason) for span in told.spans] == [
        (10, 20, "lost", "page cap"),
        (20, 30, "open", "read failed: HTTP 500"),
    ]
    assert (told.gaps, told.gap_seconds, told.unread, told.unread_seconds) == (1, 10, 1, 10)
    assert (told.read_through, told.whole_through) == (40, 20)
    assert (told.name, told.connector, told.newest_at, told.error) == ("a", "id-a", 35.5, "HTTP 500")


def test_a_connector_with_many_gaps_is_told_briefly() -> None:
    """All are counted, the newest are listed."""
    gaps = tuple(Gap(10 * number, 10 * number + 1, "refused") for number in range(100))

    told = described(surveyed("a", covered=((0, 1000),), gaps=gaps))

    assert told.gaps == 100
    assert len(told.spans) == MAX_SPANS
    assert told.spans[-1].start == 990


def test_lateness_is_told_as_far_as_the_events_can_tell() -> None:
    """One in a thousand needs a thousand events; the fleet's is that of all its events together."""
    events = [Event(t=t, n=0, k="Init", a=t + 3) for t in range(100)]
    late = Lateness().with_events(events, seen_at=103.0, since=0.0)
    one = surveyed("a")
    one = one._replace(checkpoint=msgspec.structs.replace(one.checkpoint, lateness=late))

    told = described(one).lateness
    fleet = summarized([one] * 10).lateness

    assert told is not None
    assert told.events == 100
    assert list(told.collected) == ["0.5", "0.9", "0.99"]
    assert fleet is not None
    assert (fleet.events, list(fleet.seen)) == (1000, ["0.5", "0.9", "0.99", "0.999"])
    assert summarized([surveyed("b")]).lateness is None


def test_a_fleet_is_settled_through_where_the_last_of_it_is() -> None:
    """The lowest counts; where one is settled nowhere yet, the fleet is not either."""
    ahead = surveyed("a")._replace(standing=standing_of(Checkpoint(0.0, 40.0, Spans(((0, 100),)))))
    nowhere = surveyed("b")._replace(standing=standing_of(Checkpoint(50.0, 40.0, Spans(((50, 100),)))))
    assert summarized([ahead, surveyed("c")]).settled_through == 1
    assert summarized([ahead]).settled_through == 41
    assert summarized([ahead, nowhere]).settled_through is None


def test_the_ladder_of_a_fleet_reaches_as_far_as_the_least_of_them() -> None:
    """Whatever limits it: how it is configured, the memory, or the budget."""
    levels = ((20.0, 0.0), (80.0, 0.0))
    one = surveyed("a")
    one = one._replace(checkpoint=msgspec.structs.replace(one.checkpoint, levels=levels))
    assert summarized([one]).ladder_reach == 60
    assert summarized([one, one._replace(reach=40.0)]).ladder_reach == 40
    late = one._replace(overdue=Overdue(15.0, "budget"))
    fleet = summarized([one, late, one._replace(overdue=Overdue(30.0, "behind"))])
    assert (fleet.ladder_reach, fleet.overdue, fleet.affordable_reach) == (15, 2, 15)
    assert fleet.overdue_because == {"budget": 1, "behind": 1}
    assert (described(late).affordable_reach, described(late).overdue_because) == (15, "budget")
