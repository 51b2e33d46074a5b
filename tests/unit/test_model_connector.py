import pytest

from tailer.model import Connector


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-08-01T12:00:00Z", 1785585600.0),
        ("2026-08-01T14:00:00.250+02:00", 1785585600.25),
        ("2026-08-01T12:00:00", 1785585600.0),
        ("", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_heartbeat_is_an_instant_or_nothing(written: str | None, at: float | None) -> None:
    """Whatever the API writes there, it is a time in UTC or not known; never an error."""
    assert Connector("acc", "c", last_heartbeat=written).heartbeat_at == at
