from tailer.core.agenda import Agenda
from tailer.core.liveness import Liveness


def test_progress_keeps_alive() -> None:
    """As long as something gets on, however slowly within the patience, all is well."""
    liveness = Liveness(10.0, 0.0)
    for step in range(20):
        liveness.observe(step, step * 9.0, may_wait=False)
        assert liveness.stuck_for(step * 9.0 + 9.0) is None


def test_work_that_does_not_get_on_is_stuck() -> None:
    """After the patience, not before, the silence is told with its length."""
    liveness = Liveness(10.0, 0.0)
    liveness.observe(7, 5.0, may_wait=False)
    liveness.observe(7, 14.0, may_wait=False)

    assert liveness.stuck_for(15.0) is None
    assert liveness.stuck_for(16.0) == 11.0


def test_a_good_reason_to_wait_is_no_silence() -> None:
    """The patience begins when the reason to wait is gone."""
    liveness = Liveness(10.0, 0.0)
    liveness.observe(7, 0.0, may_wait=False)
    liveness.observe(7, 1000.0, may_wait=True)
    liveness.observe(7, 1005.0, may_wait=False)

    assert liveness.stuck_for(1010.0) is None
    assert liveness.stuck_for(1011.0) == 11.0


def test_who_was_stuck_recovers() -> None:
    """Progress after a silence ends it."""
    liveness = Liveness(10.0, 0.0)
    liveness.observe(1, 0.0, may_wait=False)
    assert liveness.stuck_for(11.0) is not None
    liveness.observe(2, 12.0, may_wait=False)

    assert liveness.stuck_for(12.0) is None


def test_an_agenda_tells_whether_something_is_due() -> None:
    """Backlog is due at once, a live item at its time, and an empty agenda has nothing."""
    agenda: Agenda[str] = Agenda()
    assert not agenda.is_due(0.0)
    agenda.add_live("a", 5.0)
    assert not agenda.is_due(4.9)
    assert agenda.is_due(5.0)
    agenda.pop(5.0)
    agenda.add_backlog("b", 0.0)
    assert agenda.is_due(0.0)
