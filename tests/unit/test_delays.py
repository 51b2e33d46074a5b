import pytest

from tailer.core.delays import mean_delay
from tailer.core.ordering import Order


@pytest.mark.parametrize(("order", "seconds"), [("arrival", 5), ("connector", 7), ("global", 2 + 7.5)])
def test_delay_is_what_the_order_waits_for(order: Order, seconds: float) -> None:
    """Half an interval until the next poll; settling on top; with a merge the last of three connectors."""
    assert mean_delay(order, settle=2, interval=10, connectors=3) == seconds
