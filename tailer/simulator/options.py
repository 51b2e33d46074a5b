"""Everything about the imitated API that can be chosen, as one value.

The documentation of the real API leaves much open (order, bounds, limits, cursors, retention ...), so each
of those is an option here and a client is right only if it works under all of them.
"""

import math
from typing import Literal, TypeAlias

import msgspec

from tailer.core.durations import Seconds
from tailer.simulator.rules import Burst, FaultRule, Newcomers, Rotation, Vanishing

Bounds: TypeAlias = Literal["closed", "open", "half-open", "half-open-end"]
"""Which ends of [from, to] are included: both, none, only ``from``, only ``to``."""

Order: TypeAlias = Literal["asc", "desc", "shuffled"]
CursorEnd: TypeAlias = Literal["absent", "null", "empty", "repeated"]
UnknownConnector: TypeAlias = Literal["404", "403", "400", "empty"]


class SimulatorOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated account and the manners of the server in front of it.

    Times in seconds, instants in epoch seconds of the simulated clock. The same seed and `epoch` tell the
    same history at any later moment, in any process.

    Attributes:
        seed: Source of every choice.
        connectors: Size of the fleet.
        account: Account id in the paths.
        token: The one bearer token that is accepted.
        email: Accepted as ``X-Auth-Email``, together with `key`.
        key: Accepted as ``X-Auth-Key``, together with `email`.
        rotate: See `Rotation`.
        port: TCP port on 127.0.0.1; 0 picks a free one.
        rate: Mean live events per second of the whole fleet; 0: none. Busy and quiet connectors differ
            as in Zipf's law.
        history: How far before the start events exist.
        history_events: That many events per connector, evenly over `history`, instead of the told story;
            live events follow from the start on.
        epoch: Before this instant nothing exists; replaces the start in the reckoning of `history`.
        delay: Each event becomes visible up to this long after it happened.
        late_share: Share of the events that become visible late, 0 to 1.
        late_by: The longest such lateness. Half of the late events were collected late too.
        offline_share: Share of the connectors that are offline now and then, 0 to 1.
        offline_for: The longest absence; each takes place once in four times this. Events of an absence
            are collected at its end.
        device_ahead: How far the last connector's device clock runs ahead, in whole seconds.
        fractional: Event times have milliseconds.
        float_numbers: Numbers are written as ``3.0``.
        big_n: Sequence numbers begin beyond 2**53.
        sequence: ``dense``: `n` counts from 0 within each `t`; ``agent``: it grows until the agent starts
            anew, about once a day.
        bursts: See `Burst`.
        newcomers: See `Newcomers`.
        vanish: See `Vanishing`.
        clock_offset: The server lives this far from this machine's clock.
        retention: A window that begins further back is refused or cut; ``None``: no limit.
        over_retention: Whether such a window gets a plain 400 or silently lacks its older part.
        bounds: Which ends of the window are included.
        filter_on: Whether the window filters by `t` or by `a`.
        order: Order of the rows, across pages.
        default_limit: Rows of a page when none are asked for.
        max_limit: The most rows of a page.
        over_limit: Whether a higher limit is silently lowered or a plain 400.
        refuse_limit: Any limit at all is a plain 400.
        cursor_end: The cursor of the last page.
        cursor_ttl: Age at which a cursor is a plain 400; ``None``: it lives for ever.
        empty_pages: An empty page with a cursor comes before each page with rows.
        no_cursor: A page never has a cursor, though there is more.
        shifting_pages: A cursor is a mere row offset: what becomes visible meanwhile shifts the pages.
        overlapping_pages: A page begins with the last third of the page before it.
        count: Whether ``count`` is the rows of this page or of the whole window.
        unknown_connector: The answer for a connector that the account does not have.
        unknown_kind: Whether a ``k`` that does not exist is a plain 400 or finds nothing.
        refuse_future: A `to` after the server's time is a plain 400.
        max_width: A wider window is a plain 400; ``None``: no limit.
        latest_events: Rows that ``latest`` holds.
        faults: See `FaultRule`.
        quota: Requests allowed in `quota_window`.
        quota_window: Length of that window.
        quota_kind: Whether it slides or starts anew at each multiple of its length.
        block: How long everything is refused once the quota was crossed.
        blocked_as: How: 429, a 403 that looks like a lack of permission, or 200 with code 971.
        foreign_rate: Requests per second that others spend of the same quota.
        rate_headers: Whether answers carry ``Ratelimit`` and ``Ratelimit-Policy``.
        retry_after: Whether a 429 carries ``Retry-After``.
        latency: Each answer takes this long.
        keep_alive: Idle connections are closed after this long, without a word.
        gzip: Bodies are compressed for clients that accept it.
        truth: Path of a file that gets each event when it becomes visible; see `truth`.
    """

    seed: int = 1
    connectors: int = 5
    account: str = "023e105f4ecef8ad9ca31a8372d0c353"
    token: str = "simulator-token-that-must-never-be-shown"  # noqa: S105 - guards nothing but the simulator
    email: str = "noc@example.net"
    key: str = "simulator-key-that-must-never-be-shown"
    rotate: Rotation | None = None
    port: int = 0

    rate: float = 1.0
    history: Seconds = 7200.0
    history_events: int = 0
    epoch: float | None = None
    delay: Seconds = 0.0
    late_share: float = 0.0
    late_by: Seconds = 3 * 3600.0
    offline_share: float = 0.0
    offline_for: Seconds = 600.0
    device_ahead: Seconds = 0.0
    fractional: bool = False
    float_numbers: bool = False
    big_n: bool = False
    sequence: Literal["dense", "agent"] = "dense"
    bursts: tuple[Burst, ...] = ()
    newcomers: Newcomers | None = None
    vanish: Vanishing | None = None
    clock_offset: Seconds = 0.0

    retention: Seconds | None = None
    over_retention: Literal["refuse", "cut"] = "refuse"
    bounds: Bounds = "closed"
    filter_on: Literal["t", "a"] = "t"
    order: Order = "asc"
    default_limit: int = 100
    max_limit: int = 1000
    over_limit: Literal["lower", "refuse"] = "lower"
    refuse_limit: bool = False
    cursor_end: CursorEnd = "absent"
    cursor_ttl: Seconds | None = None
    empty_pages: bool = False
    no_cursor: bool = False
    shifting_pages: bool = False
    overlapping_pages: bool = False
    count: Literal["page", "total"] = "page"
    unknown_connector: UnknownConnector = "404"
    unknown_kind: Literal["empty", "refuse"] = "empty"
    refuse_future: bool = False
    max_width: Seconds | None = None
    latest_events: int = 10

    faults: tuple[FaultRule, ...] = ()
    quota: int = 1200
    quota_window: Seconds = 300.0
    quota_kind: Literal["sliding", "fixed"] = "sliding"
    block: Seconds = 300.0
    blocked_as: Literal["429", "403", "code-971"] = "429"
    foreign_rate: float = 0.0
    rate_headers: bool = True
    retry_after: bool = True
    latency: Seconds = 0.0
    keep_alive: Seconds = 75.0
    gzip: bool = False
    truth: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: One sentence that names the option by its flag.
        """
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not (least <= value < math.inf):
                raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, not {value}")
        for sentence, is_wrong in _contradictions(self).items():
            if is_wrong:
                raise ValueError(sentence)


def _contradictions(options: SimulatorOptions) -> dict[str, bool]:
    """Say of each rule between options whether it is broken."""
    fleet, newcomers, vanish = options.connectors, options.newcomers, options.vanish
    is_told = options.history_events > 0
    return {
        f"--port must be at most 65535, not {options.port}": options.port > 65535,
        "--late-share is a share between 0 and 1": not 0 <= options.late_share <= 1,
        "--offline-share is a share between 0 and 1": not 0 <= options.offline_share <= 1,
        "--default-limit must not exceed --max-limit": options.default_limit > options.max_limit,
        "--newcomers must not exceed --connectors": newcomers is not None and newcomers.connectors > fleet,
        "--vanish must not exceed --connectors": vanish is not None and vanish.connectors > fleet,
        "--history-events needs a --history of at least 1s to lie in": is_told and options.history < 1,
        "--burst before the start needs --history without --history-events": is_told
        and any(burst.offset < 0 for burst in options.bursts),
        "--overlapping-pages needs cursors that know the last row given": options.overlapping_pages
        and (options.no_cursor or options.shifting_pages),
    }


_LEAST: dict[str, float] = {
    "connectors": 1,
    "port": 0,
    "rate": 0,
    "history": 0,
    "history_events": 0,
    "epoch": 0,
    "delay": 0,
    "late_by": 0,
    "offline_for": 1,
    "device_ahead": 0,
    "retention": 1,
    "default_limit": 1,
    "max_limit": 1,
    "cursor_ttl": 0,
    "max_width": 1,
    "latest_events": 0,
    "quota": 1,
    "quota_window": 1,
    "block": 0,
    "foreign_rate": 0,
    "latency": 0,
    "keep_alive": 0,
}
