"""Sends the requests of one window, page by page."""

from __future__ import annotations

from collections.abc import Callable

from tailer.clock import Clock
from tailer.core.reading import WindowRead
from tailer.core.terms import Payment, Terms
from tailer.errors import ApiError, RateLimitedError, RequestRefusedError, UnsentError
from tailer.interfaces import EventApi
from tailer.model import Connector

THROTTLED_TRIES = 2
"""How often one request is refused, with a pause of the principal after it, before its poll counts as failed:
then others have their turn, and tell whether it was about this connector alone."""


async def read_pages(
    client: EventApi,
    connector: Connector,
    read: WindowRead,
    terms: Terms,
    clock: Clock,
    *,
    note: Callable[[], None] = lambda: None,
) -> ApiError | None:
    """Read a window as far as that works; what came is in the read's result.

    Args:
        client: Sends the requests.
        connector: Whose events.
        read: The window.
        terms: How the requests are paid.
        clock: Time.
        note: Called before each.

    Returns:
        What made it fail; ``None``: nothing did, though it may have been left off.
    """
    throttled = 0
    payment: Payment | None = terms.first(clock.monotonic())
    while (request := read.next_request()) is not None:
        if payment is None:
            read.leave_off()
            break
        note()
        try:
            page = await client.list_events(connector.account, connector.id, request, *payment)
        except UnsentError:
            read.leave_off()
            break
        except RequestRefusedError as error:
            read.refuse()
            if read.result.refused:
                return error
        except RateLimitedError as error:
            throttled += 1
            if error.is_own or throttled == THROTTLED_TRIES:
                return error
        except ApiError as error:
            return error
        else:
            read.feed(page)
        payment = terms.next(clock.monotonic(), is_divisible=read.is_divisible)
    return None
