"""Sends the requests of one window, page by page."""

from __future__ import annotations

from collections.abc import Callable

from tailer.core.purpose import Purpose
from tailer.core.reading import WindowRead
from tailer.errors import ApiError, RateLimitedError, RequestRefusedError
from tailer.interfaces import EventApi
from tailer.model import Connector

THROTTLED_TRIES = 2
"""How often one request is refused, with a pause of the principal after it, before its poll counts as failed:
then others have their turn, and tell whether it was about this connector alone."""


async def read_pages(
    client: EventApi,
    connector: Connector,
    read: WindowRead,
    purpose: Purpose,
    note: Callable[[], None] = lambda: None,
) -> ApiError | None:
    """Read a window as far as that works; what came is in the read's result.

    Args:
        client: Sends the requests.
        connector: Whose events.
        read: The window.
        purpose: What the requests are sent for.
        note: Called before each.

    Returns:
        What ended it early; ``None``: nothing did.
    """
    throttled = 0
    while (request := read.next_request()) is not None:
        note()
        try:
            page = await client.list_events(connector.account, connector.id, request, purpose)
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
    return None
