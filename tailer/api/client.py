"""The client of one principal: the only module that sends requests to the API.

Every attempt waits for the budget, is counted there, and teaches budget and API time what its answer says.
What fails in a way that passes is sent again by `retry`; all else leaves as an error of the family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import random
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import anyio.to_thread
from multidict import CIMultiDict
from yarl import URL

from tailer.api.credentials import headers_of, masked
from tailer.api.gate import Gate
from tailer.api.headers import Headers
from tailer.api.ledger import Ledger
from tailer.api.protocol import (
    connectors_url,
    decipher_connectors,
    decipher_event,
    decipher_events,
    event_url,
    events_url,
)
from tailer.api.refusals import Subject
from tailer.api.retry import persist
from tailer.api.route import BASE_URL, parse_base_url
from tailer.api.transport import read_body, trust, wrap
from tailer.clock import Clock
from tailer.config.credentials import BearerToken, Credentials
from tailer.config.product import USER_AGENT
from tailer.config.proxies import find_proxy
from tailer.core.apitime import ApiTime
from tailer.core.durations import Seconds
from tailer.core.purpose import Purpose
from tailer.errors import RateLimitedError
from tailer.model import Connector, EventsRequest, Key, Page, Payload
from tailer.observe import Observer, RequestRetried, ignore

_SPARE_LANES = 2  # connections for those that timed out, beside the usual ones
_KEEPALIVE: Seconds = 60.0  # polls may be a minute apart, and a TLS handshake costs three round trips
_Result = TypeVar("_Result")


class ApiClient:
    """Asks the API on behalf of one principal, within its budget. An async context manager, used once.

    Attributes:
        budget: The principal's; shared with whoever plans its requests.
        api_time: The principal's idea of API time; taught by every answer.
        counters: What was done so far.
    """

    def __init__(
        self,
        principal: str,
        credentials: Credentials,
        gate: Gate,
        api_time: ApiTime,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        timeout: Seconds = 30.0,
        concurrency: int = 8,
        ca_file: str | None = None,
        max_body_bytes: int = 64 * 2**20,
        observer: Observer = ignore,
        random: Callable[[], float] = random,
    ) -> None:
        """Prepare; nothing is opened before ``async with``.

        Args:
            principal: Its name, for reports.
            credentials: Sent with every request.
            gate: Every request goes through it; shared with all who spend the same budget.
            api_time: Told the ``Date`` of every answer.
            clock: Times, and sleeps while the budget or a retry wants it.
            base_url: ``https://``, or ``http://`` to loopback.
            timeout: For one attempt, from connecting to the last byte.
            concurrency: Requests that the caller will have in flight at once, apart from `_SPARE_LANES`.
            ca_file: PEM file of authorities to trust besides the system's.
            max_body_bytes: A longer body (uncompressed) is refused. A thousand rows have some 80,000.
            observer: Told of retries, pauses and clock steps.
            random: Gives numbers in [0, 1), for jitter.

        Raises:
            ConfigError: `base_url`, `ca_file` or a proxy variable of the environment can't be used.
        """
        self.budget = gate.budget
        self.api_time = api_time
        self._ledger = Ledger(principal, gate, api_time, clock, observer)
        self.counters = self._ledger.counters
        self._credentials = credentials
        self._clock = clock
        base = parse_base_url(base_url)
        self._base_url = str(base)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._lanes = concurrency + _SPARE_LANES
        self._tls = trust(ca_file)
        self._max_body_bytes = max_body_bytes
        self._observer = observer
        self._random = random
        # The headers go with each request: aiohttp shows those of a session to the proxy as well.
        self._options: dict[str, Any] = {"headers": _headers(credentials), "allow_redirects": False}
        if proxy := find_proxy(base):
            self._options |= {"proxy": proxy.url, "proxy_headers": proxy.headers}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; connections are made when they are needed and kept alive."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._lanes, ssl=self._tls, keepalive_timeout=_KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def renew(self) -> bool:
        """Read the token's file again, if it came from one, and send what it holds from now on.

        Returns:
            Whether it is another token.

        Raises:
            ConfigError: The file can't be read or holds no token.
        """
        if not isinstance(self._credentials, BearerToken) or self._credentials.file is None:
            return False
        read = self._credentials.renewed
        renewed = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        if renewed == self._credentials:
            return False
        self._credentials = renewed
        self._options["headers"] = _headers(renewed)
        return True

    async def list_connectors(self, account: str, purpose: Purpose = Purpose.LIVE) -> list[Connector]:
        """List an account's connectors.

        Raises:
            ApiError: One of its subclasses, after retries where they may help.
        """
        url = connectors_url(self._base_url, account)
        return await self._get(url, Subject(account), partial(decipher_connectors, account=account), purpose)

    async def list_events(
        self,
        account: str,
        connector: str,
        request: EventsRequest,
        purpose: Purpose = Purpose.LIVE,
        until: float = math.inf,
    ) -> Page:
        """Read one page of a connector's events.

        Args:
            account: Account id.
            connector: Connector id.
            request: Window, cursor, kind and limit.
            purpose: What for; it decides who goes first where the budget binds.
            until: When it is given up if it still waits for the budget (monotonic).

        Raises:
            UnsentError: It was given up.
            ApiError: One of its subclasses, after retries where they may help.
        """
        url = events_url(self._base_url, account, connector, request)
        decipher = partial(decipher_events, account=account, connector=connector)
        return await self._get(url, Subject(account, connector), decipher, purpose, until)

    async def get_event(self, account: str, connector: str, key: Key, purpose: Purpose) -> Payload:
        """Read the payload of one event.

        Args:
            account: Account id.
            connector: Connector id.
            key: The event's.
            purpose: What for.

        Raises:
            ApiError: One of its subclasses, after retries where they may help.
        """
        url = event_url(self._base_url, account, connector, key)
        decipher = partial(decipher_event, account=account, connector=connector, key=key)
        return await self._get(url, Subject(account, connector, is_single=True), decipher, purpose)

    async def ask(
        self,
        path: str,
        subject: Subject,
        decipher: Callable[[int, Headers, bytes], _Result],
        purpose: Purpose = Purpose.LIVE,
    ) -> _Result:
        """Ask for something that polling never needs, within the same budget and with the same retries.

        Args:
            path: Below the base URL, from its slash on, already quoted.
            subject: What it is about, for messages.
            decipher: Reads status, headers and body; raises an `ApiError` for what is no answer.
            purpose: What for.

        Raises:
            ApiError: One of its subclasses, after retries where they may help.
        """
        return await self._get(f"{self._base_url}{path}", subject, decipher, purpose)

    async def _get(
        self,
        url: str,
        subject: Subject,
        decipher: Callable[[int, Headers, bytes], _Result],
        purpose: Purpose,
        until: float = math.inf,
    ) -> _Result:
        attempt = partial(self._attempt, URL(url, encoded=True), subject, decipher, purpose, until)
        return await persist(attempt, self._clock, self._random, self._note_retry)

    async def _attempt(
        self,
        url: URL,
        subject: Subject,
        decipher: Callable[[int, Headers, bytes], _Result],
        purpose: Purpose,
        until: float,
    ) -> _Result:
        """Send one request within the budget, and learn from its answer."""
        sent = await self._ledger.admit(subject, purpose, until)
        credentials = self._credentials  # those that are sent: an answer may come when there are others
        try:
            status, headers, body = await self._fetch(url, subject, sent)
        except BaseException:  # being cancelled as well: a probe must not block those behind it
            self._ledger.lose(sent)
            raise
        refused: RateLimitedError | None = None
        try:
            return decipher(status, headers, masked(body, credentials))
        except RateLimitedError as error:
            refused = error
            raise
        finally:
            self._ledger.settle(subject, headers, sent, refused)

    async def _fetch(self, url: URL, subject: Subject, sent: float) -> tuple[int, Headers, bytes]:
        """Return status, headers and whole body of the answer."""
        if self._session is None:
            raise RuntimeError("an ApiClient is used inside `async with`")
        try:
            async with self._session.get(url, **self._options) as response:
                received = self._clock.monotonic()
                body = await read_body(response, self._max_body_bytes, subject)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure, cause = wrap(error, subject)
        else:
            self.counters.body_bytes += len(body)
            self._ledger.learn_time(response.status, response.headers, sent, received)
            return response.status, response.headers, body
        # Raised out here, so that an error that quotes our headers does not travel along as its context.
        raise failure from cause

    def _note_retry(self, attempt: int, delay: Seconds, reason: str) -> None:
        self.counters.retries += 1
        self._observer(RequestRetried(attempt, delay, reason))


def _headers(credentials: Credentials) -> CIMultiDict[str]:
    """Give the headers of every request."""
    return CIMultiDict(headers_of(credentials), Accept="application/json", **{"User-Agent": USER_AGENT})
