"""Measures what the API does where its documentation is silent, with few requests; what it means is `core`'s.

1. At most `MAX_REQUESTS` are spent, through the budget like all others; what is not measured then is said.
2. Everything is asked of the settled past: what becomes visible meanwhile must not look like behaviour.
3. What takes few requests and matters most to reading comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from tailer.api.client import ApiClient
from tailer.api.refusals import Subject
from tailer.api.specimens import Question, decipher_specimen, events_path
from tailer.core.durations import Seconds
from tailer.core.specimen import Specimen, Walk, has_other
from tailer.errors import ApiError, RateLimitedError
from tailer.model import Connector, Event

MAX_REQUESTS = 60
"""A twentieth of the documented quota of five minutes."""

SETTLED: Seconds = 60.0
"""Age at which the past is taken for settled: most of what is still to come has come."""

WIDTHS: tuple[Seconds, ...] = (3600.0, 6 * 3600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0)
"""Windows that are tried one after the other until there are enough events."""

NARROW_WIDTHS: tuple[Seconds, ...] = (600.0, 60.0, 10.0, 1.0)
"""Windows that are tried where an hour is refused."""

ENOUGH = 20
"""Events that make a connector good enough to be asked: three pages, and some to choose from."""

MAX_CANDIDATES = 5
_MAX_PAGES = 12


class SpentError(Exception):
    """No request is left."""


class Sample(NamedTuple):
    """What is known of the connector that is asked.

    Attributes:
        connector: Which one it is.
        width: The widest window that was accepted while looking, from then to `SETTLED` ago.
        pages: The first page with rows of each window that was accepted, narrowest first.
        is_cut: Whether the last of them is known not to be all of its window.
    """

    connector: Connector
    width: Seconds
    pages: Sequence[Specimen]
    is_cut: bool = False

    @property
    def events(self) -> Sequence[Event]:
        """The events of the longest page."""
        return max((page.events for page in self.pages), key=len, default=())


class Asker:
    """Asks one account's API, and counts.

    Attributes:
        now: API time at the beginning, epoch seconds.
        end: What is settled ends here.
        sends_limit: Whether limits that are asked for are sent; they are not where each is refused.
        limit: One that was accepted; ``None``: none yet.
    """

    def __init__(self, client: ApiClient, now: float) -> None:
        self._client = client
        self._before = client.counters.requests
        self.now = int(now)
        self.end = int(now - SETTLED)
        self.sends_limit = True
        self.limit: int | None = None

    @property
    def spent(self) -> int:
        """Requests so far, retries included."""
        return self._client.counters.requests - self._before

    async def ask(self, connector: Connector, question: Question) -> Specimen:
        """Ask one question.

        Raises:
            SpentError: No request is left.
            ApiError: There is no answer; a plain 400 is one.
        """
        if self.spent >= MAX_REQUESTS:
            raise SpentError
        if not self.sends_limit:
            question = question._replace(limit=None)
        path = events_path(connector.account, connector.id, question)
        decipher = partial(decipher_specimen, account=connector.account, connector=connector.id)
        return await self._client.ask(path, Subject(connector.account, connector.id), decipher)

    async def walk(self, connector: Connector, question: Question, max_pages: int = _MAX_PAGES) -> Walk:
        """Read a window page by page, to its end or to a bound."""
        pages: list[Specimen] = []
        seen: set[str] = set()
        while len(pages) < max_pages:
            page = await self.ask(connector, question)
            pages.append(page)
            if page.cursor is None or page.cursor in seen:
                return Walk(pages, is_whole=True, is_repeated=page.cursor is not None)
            seen.add(page.cursor)
            question = question._replace(cursor=page.cursor)
        return Walk(pages, is_whole=False)

    async def has(self, sample: Sample, event: Event, start: float, end: float) -> bool | None:
        """Tell whether a window holds an event of a sample; ``None`` where it holds too much to tell."""
        walk = await self.walk(sample.connector, Question(start, end), max_pages=4)
        if event.key in {other.key for other in walk.events}:
            return True
        # A page as long as the longest may be cut, if this API has no cursors.
        is_whole = walk.is_whole and all(len(page.events) < len(sample.events) for page in walk.pages)
        return False if is_whole else None

    async def has_more(self, connector: Connector, page: Specimen, question: Question) -> bool:
        """Tell whether a page's cursor leads to events that are not on it; an end may have a cursor too."""
        if page.cursor is None:
            return False
        following = await self.first_rows(connector, question._replace(cursor=page.cursor))
        return has_other(following.events, page.events)

    async def first_rows(self, connector: Connector, question: Question) -> Specimen:
        """Give the first page with rows, or the last of a few without."""
        page = await self.ask(connector, question)
        for _ in range(3):
            if page.events or page.cursor is None:
                break
            page = await self.ask(connector, question._replace(cursor=page.cursor))
        return page

    async def status_of(self, connector: Connector) -> str:
        """Say how a connector is answered for that there is not: "404", "400", or "empty"."""
        try:
            answer = await self.ask(connector, Question(self.end - 60, self.end))
        except ApiError as error:
            if error.status is None or isinstance(error, RateLimitedError):
                raise
            return str(error.status)
        return "400" if answer.refused else "empty"


async def take_sample(asker: Asker, candidates: Sequence[Connector]) -> Sample:
    """Find a connector with enough events, and some of them; ask no more connectors than needed.

    Args:
        asker: Has most of its requests left.
        candidates: At least one.
    """
    best = Sample(candidates[0], 0.0, ())
    with suppress(SpentError):
        for connector in candidates[:MAX_CANDIDATES]:
            found = await _look(asker, connector)
            if not best.pages or len(found.events) > len(best.events):
                best = found
            if len(best.events) >= ENOUGH:
                break
        best = await _widen(asker, best)
    return best


async def _look(asker: Asker, connector: Connector) -> Sample:
    for width in (WIDTHS[0], *NARROW_WIDTHS):
        page = await asker.first_rows(connector, Question(asker.end - int(width), asker.end))
        if not page.refused:
            return Sample(connector, width, [page])
    return Sample(connector, 0.0, [])


async def _widen(asker: Asker, sample: Sample) -> Sample:
    """Widen the window until a page is not all of it, or nothing more comes."""
    connector, width, pages = sample.connector, sample.width, list(sample.pages)
    is_cut = False
    for wider in (*(WIDTHS[1:] if width == WIDTHS[0] else ()), None):
        is_cut = bool(pages) and await asker.has_more(
            connector, pages[-1], Question(asker.end - int(width), asker.end)
        )
        is_stuck = len(pages) > 1 and len(pages[-1].events) == len(pages[-2].events) >= ENOUGH
        if is_cut or is_stuck or wider is None:
            break
        page = await asker.first_rows(connector, Question(asker.end - int(wider), asker.end))
        if page.refused:
            break
        pages.append(page)
        width = wider
    return Sample(connector, width, pages, is_cut=is_cut)
