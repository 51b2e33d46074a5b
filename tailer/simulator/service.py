"""The whole imitated API as one synchronous function: path, parameters and headers in, an answer out."""

import math
import random
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from tailer.simulator import answers, auth
from tailer.simulator.answers import Answer, EventPage
from tailer.simulator.fleet import Connector, last_heartbeat
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.query import RefusedError, read_page, read_question
from tailer.simulator.quota import Quota
from tailer.simulator.shelf import Event
from tailer.simulator.stories import payload
from tailer.simulator.world import World

BASE_PATH = "/client/v4"


class Recorded(msgspec.Struct, frozen=True):
    """One event as Get Event and ``latest`` show it."""

    e: dict[str, object]
    n: int | float
    t: int | float
    v: str


class Service:
    """One account's API: the world behind it, and the quota in front."""

    def __init__(self, options: SimulatorOptions, world: World) -> None:
        self.options = options
        self.world = world
        self.quota = Quota(options, world.started_at)

    def respond(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], now: float
    ) -> Answer:
        """Answer one request.

        Credentials come first, so that a stranger spends nothing of the quota.

        Args:
            method: HTTP method; the API imitated here knows only GET.
            path: Decoded path of the URL.
            query: Parameters; of a repeated one, the first.
            headers: The request's headers, with names that match whatever their case.
            now: The server's time.
        """
        answer = auth.check(headers, self.options, now - self.world.started_at)
        if answer is None and not self.quota.take(now):
            answer = self._blocked(now)
        if answer is None and method != "GET":
            answer = answers.failure(HTTPStatus.METHOD_NOT_ALLOWED, 10405, "Method not allowed")
        if answer is None:
            answer = self._route(path, query, now)
        own = self.quota.headers(now) if self.options.rate_headers else {}
        return msgspec.structs.replace(answer, headers={**own, **answer.headers})

    def _blocked(self, now: float) -> Answer:
        """What one gets after a crossing."""
        if self.options.blocked_as == "403":
            return answers.failure(HTTPStatus.FORBIDDEN, answers.AUTHENTICATION_ERROR, "Authentication error")
        if self.options.blocked_as == "code-971":
            return answers.failure(HTTPStatus.OK, answers.SLOW_DOWN, answers.SLOW_DOWN_MESSAGE)
        seconds = str(max(1, math.ceil(self.quota.resets_in(now))))
        own = {"Retry_After": seconds} if self.options.retry_after else {}
        return answers.failure(HTTPStatus.TOO_MANY_REQUESTS, answers.RATE_LIMITED, "Rate limited", **own)

    def place_of(self, path: str) -> int | None:
        """Place of the connector that a path is about, or ``None``."""
        segments = path.removeprefix(BASE_PATH).split("/")
        return self.world.place_of(segments[5]) if len(segments) > 5 else None

    def _route(self, path: str, query: Mapping[str, str], now: float) -> Answer:
        match path.removeprefix(BASE_PATH).split("/"):
            case ["", "user", "tokens", "verify"]:
                return self._verified()
            case ["", "accounts", account, *_] if account != self.options.account:
                return answers.unroutable(path.removeprefix(BASE_PATH))
            case ["", "accounts", _, "tokens", "verify"]:
                return self._verified()
            case ["", "accounts", _, "magic", "connectors"]:
                return self._list(query, now)
            case ["", "accounts", _, "magic", "connectors", connector_id, "telemetry", "events", *rest]:
                return self._telemetry(connector_id, "/".join(rest), path, query, now)
            case _:
                return answers.failure(HTTPStatus.NOT_FOUND, answers.NO_ROUTE, "No route for that URI")

    def _verified(self) -> Answer:
        return answers.success({"id": "f" * 32, "status": "active"})

    def _list(self, query: Mapping[str, str], now: float) -> Answer:
        wanted = query.get("device_type")
        return answers.success(
            [
                answers.connector_row(connector, last_heartbeat(self.options, connector, now))
                for connector in self.world.listed(now)
                if wanted in {None, connector.device_type}
            ]
        )

    def _telemetry(
        self, connector_id: str, which: str, path: str, query: Mapping[str, str], now: float
    ) -> Answer:
        connector = self.world.connector(connector_id, now)
        if connector is None:
            return self._unknown_connector(path)
        match which:
            case "":
                return self._events(connector, query, now)
            case "latest":
                newest = self.world.shelf(connector, now).newest(self.options.latest_events, now)
                rows = [self._recorded(connector, event) for event in newest]
                return answers.success({"count": len(rows), "items": rows})
            case _:
                return self._event(connector, which, now)

    def _unknown_connector(self, path: str) -> Answer:
        match self.options.unknown_connector:
            case "403":
                return answers.failure(
                    HTTPStatus.FORBIDDEN, answers.AUTHENTICATION_ERROR, "Authentication error"
                )
            case "400":
                return answers.refusal("invalid connector")
            case "empty":
                return answers.success(EventPage(0, []))
            case _:
                return answers.unroutable(path.removeprefix(BASE_PATH))

    def _events(self, connector: Connector, query: Mapping[str, str], now: float) -> Answer:
        try:
            question = read_question(query, self.options, now)
        except RefusedError as refused:
            return answers.refusal(str(refused))
        return answers.success(read_page(question, self.world.shelf(connector, now), self.options, now))

    def _event(self, connector: Connector, address: str, now: float) -> Answer:
        """Get Event: the address is ``{t}.{n}``, the last dot being the one between."""
        t, _, n = address.rpartition(".")
        try:
            event = self.world.shelf(connector, now).get(float(t), int(n), now)
        except ValueError:
            return answers.refusal("invalid event id")
        if event is None:
            return answers.failure(HTTPStatus.NOT_FOUND, answers.NO_SUCH_EVENT, "event not found")
        return answers.success(self._recorded(connector, event))

    def _recorded(self, connector: Connector, event: Event) -> Recorded:
        rng = random.Random(f"{self.options.seed}/{connector.id}/payload/{event.t}.{event.n}")
        return Recorded({"k": event.k, **payload(rng, event.k)}, event.n, event.t, connector.version)
