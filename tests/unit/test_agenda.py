from tailer.core.agenda import BACKLOG_TURN, Agenda


def test_nothing_is_ready_in_an_empty_agenda() -> None:
    """An empty agenda has no turn to give and no time to wait for."""
    agenda: Agenda[str] = Agenda()

    assert agenda.pop(100.0) is None
    assert agenda.next_at() is None
    assert len(agenda) == 0


def test_a_live_item_waits_for_its_time() -> None:
    """A live item is taken at its time, that moment included, and not before."""
    agenda: Agenda[str] = Agenda()
    agenda.add_live("a", 5.0)

    assert agenda.pop(4.9) is None
    assert agenda.next_at() == 5.0
    assert agenda.pop(5.0) == "a"
    assert len(agenda) == 0


def test_live_items_come_in_the_order_of_their_times() -> None:
    """The longest overdue goes first; equals in the order of their coming."""
    agenda: Agenda[str] = Agenda()
    for item, due_at in [("late", 3.0), ("first", 1.0), ("second", 1.0)]:
        agenda.add_live(item, due_at)

    assert [agenda.pop(9.0) for _ in range(3)] == ["first", "second", "late"]


def test_backlog_goes_on_with_the_one_that_is_least_far() -> None:
    """A fleet that catches up advances together."""
    agenda: Agenda[str] = Agenda()
    for item, progress in [("far", 300.0), ("behind", 100.0), ("middle", 200.0)]:
        agenda.add_backlog(item, progress)

    assert len(agenda) == 3
    assert [agenda.pop(0.0) for _ in range(3)] == ["behind", "middle", "far"]


def test_live_goes_before_backlog_but_does_not_starve_it() -> None:
    """However many live polls are due, one choice in four is the backlog's."""
    agenda: Agenda[str] = Agenda()
    for number in range(12):
        agenda.add_live(f"live {number}", 0.0)
        agenda.add_backlog(f"backlog {number}", 0.0)

    turns = [(agenda.pop(1.0) or "").split()[0] for _ in range(12)]

    assert turns == [*["live"] * (BACKLOG_TURN - 1), "backlog"] * 3


def test_what_of_the_backlog_is_due_goes_as_live() -> None:
    """Given many in the backlog, one whose live time has come waits behind none of them, and comes once."""
    agenda: Agenda[str] = Agenda()
    agenda.add_backlog("first", 100.0)
    agenda.add_backlog("due", 200.0, 5.0)
    agenda.add_backlog("early", 50.0, 6.0)

    assert agenda.next_at() == 5.0
    assert agenda.pop(4.0) == "early"
    assert agenda.pop(5.0) == "due"
    assert [agenda.pop(9.0), agenda.pop(9.0)] == ["first", None]


def test_backlog_fills_the_time_until_live_is_due() -> None:
    """While no live item is ready the backlog has every turn; when it is empty its turn passes on."""
    agenda: Agenda[str] = Agenda()
    agenda.add_live("live", 10.0)
    for number in range(BACKLOG_TURN - 1):
        agenda.add_backlog(f"backlog {number}", 0.0)

    turns = [agenda.pop(1.0) for _ in range(BACKLOG_TURN)]

    assert turns == [f"backlog {number}" for number in range(BACKLOG_TURN - 1)] + [None]
    assert agenda.pop(10.0) == "live"


def test_a_removed_item_has_no_turn() -> None:
    """Its place is skipped, in either list, and it may come in again with another turn."""
    agenda: Agenda[str] = Agenda()
    agenda.add_live("early", 1.0)
    agenda.add_live("late", 2.0)
    agenda.add_backlog("behind", 0.0)

    assert agenda.remove("early")
    assert not agenda.remove("early")
    assert agenda.remove("behind")
    assert len(agenda) == 1
    assert [agenda.is_due(now) for now in (1.9, 2.0)] == [False, True]
    assert agenda.next_at() == 2.0
    agenda.add_live("early", 3.0)
    assert [agenda.pop(9.0) for _ in range(3)] == ["late", "early", None]


def test_a_ready_item_waits_for_its_beginning() -> None:
    """Who is due asks once for the time to begin, and nobody is taken before it."""
    asked: list[float] = []

    def beginning(now: float) -> float:
        asked.append(now)
        return now + 2.0

    agenda: Agenda[str] = Agenda(beginning)
    agenda.add_live("a", 5.0)
    agenda.add_live("b", 6.0)

    assert agenda.pop(4.0) is None
    assert agenda.next_at() == 5.0
    assert agenda.pop(5.0) is None
    assert agenda.pop(6.0) is None
    assert agenda.is_due(6.0)
    assert agenda.next_at() == 7.0
    assert agenda.pop(7.0) == "a"
    assert agenda.pop(7.0) is None
    assert agenda.pop(9.0) == "b"
    assert asked == [5.0, 7.0]
    assert agenda.next_at() is None


def test_the_backlog_does_not_wait_for_a_beginning() -> None:
    """What there is to catch up on is read while live items may not begin yet."""
    agenda: Agenda[str] = Agenda(lambda now: now + 2.0)
    agenda.add_live("live", 0.0)
    agenda.add_backlog("behind", 1.0)

    assert agenda.pop(0.0) == "behind"
    assert agenda.pop(0.0) is None
    assert agenda.pop(2.0) == "live"


def test_a_beginning_is_kept_for_the_next_when_its_item_is_removed() -> None:
    """Whoever is due then takes it over."""
    agenda: Agenda[str] = Agenda(lambda now: now + 2.0)
    agenda.add_live("a", 0.0)
    agenda.add_live("b", 9.0)
    assert agenda.pop(0.0) is None
    agenda.remove("a")

    assert agenda.next_at() == 9.0
    assert agenda.pop(9.0) == "b"
