"""The connectors of the simulated account: who they are, how busy, and when they are away."""

import math
import random
from functools import lru_cache

import msgspec

from tailer.core.durations import Seconds
from tailer.simulator.options import SimulatorOptions

HEARTBEAT: Seconds = 10.0
"""An appliance reports this often (Cloudflare: heartbeats every 10 s)."""

LICENSE_MARK = "LICENSE-KEY-MUST-NOT-LEAK"
"""Every simulated license key begins with it, so that a leak is found by a search for one word."""

_PLACES = (
    ("Lisbon", "Europe/Lisbon"),
    ("Oslo", "Europe/Oslo"),
    ("São Paulo", "America/Sao_Paulo"),
    ("Zürich", "Europe/Zurich"),
    ("Nairobi", "Africa/Nairobi"),
    ("Osaka", "Asia/Tokyo"),
    ("Austin", "America/Chicago"),
    ("Kraków", "Europe/Warsaw"),
    ("Pune", "Asia/Kolkata"),
    ("Perth", "Australia/Perth"),
)
_SITES = ("branch", "warehouse", "data centre", "clinic", "shop", "plant", "head office")
# What people paste into a notes field, and what a terminal must survive.
_ODD_NOTES = (
    "",
    "line one\nowner: network team\nticket NET-4711",
    "  \n\tspare unit, do not power on",
    "支店 東京 🗼 2F",
    "\u202edesrever\u202c override",
    "red \x1b[31malert\x1b[0m bell \x07",
    "nul\x00inside",
    "zero\u200bwidth and combining e\u0301",
    'quote " backslash \\ tab\tend',
)


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """One appliance.

    Attributes:
        id: 32 hex digits.
        place: Position in the listing, 0 being the first.
        notes: Free text by which people know it; may be empty or hold control characters.
        timezone: IANA name.
        serial: Serial number of the device.
        device_id: 32 hex digits.
        device_type: ``MANAGED`` or ``LICENSED``.
        license_key: A secret; begins with `LICENSE_MARK`.
        version: Software version last seen.
        rate: Mean events per second.
        goes_away: Whether it is offline now and then.
        clock_ahead: Whole seconds that its clock runs ahead; fractions would put one `t` in two buckets.
        appears_at: Instant before which the API does not know it.
        vanishes_at: Instant from which on it is unknown again ...
        returns_at: ... until this one, not included.
    """

    id: str
    place: int
    notes: str
    timezone: str
    serial: str
    device_id: str
    device_type: str
    license_key: str
    version: str
    rate: float
    goes_away: bool
    clock_ahead: int
    appears_at: float
    vanishes_at: float = math.inf
    returns_at: float = math.inf

    def is_known(self, now: float) -> bool:
        """Whether the API knows it at an instant."""
        return self.appears_at <= now and not self.vanishes_at <= now < self.returns_at


def build_fleet(options: SimulatorOptions, started_at: float) -> tuple[Connector, ...]:
    """Invent the fleet: a function of the seed and the options alone, but for when each one is known."""
    rng = random.Random(f"{options.seed}/fleet")
    weights = [1 / rank for rank in range(1, options.connectors + 1)]
    share = options.rate / sum(weights)
    rng.shuffle(weights)
    leavers = set(
        rng.sample(range(options.connectors), math.ceil(options.offline_share * options.connectors))
    )
    last = options.connectors - 1
    newcomers = options.newcomers
    first_newcomer = options.connectors - (newcomers.connectors if newcomers else 0)
    fleet = tuple(
        _connector(
            options.seed,
            place,
            rate=weights[place] * share,
            goes_away=place in leavers,
            clock_ahead=math.floor(options.device_ahead) if place == last else 0,
            appears_at=started_at + newcomers.offset if newcomers and place >= first_newcomer else -math.inf,
        )
        for place in range(options.connectors)
    )
    gone = options.vanish
    if gone is None:
        return fleet
    span = {"vanishes_at": started_at + gone.start, "returns_at": started_at + gone.end}
    vanishing = [msgspec.structs.replace(one, **span) for one in fleet[: gone.connectors]]
    return (*vanishing, *fleet[gone.connectors :])


def _connector(
    seed: int, place: int, *, rate: float, goes_away: bool, clock_ahead: int, appears_at: float
) -> Connector:
    """Invent one connector; its own generator, so that a larger fleet begins with the same ones."""
    rng = random.Random(f"{seed}/connector/{place}")
    town, timezone = rng.choice(_PLACES)
    notes = f"{town} {rng.choice(_SITES)} - rack {rng.randrange(1, 9)}"
    if place % 4 == 3:  # every fourth, so that even a small fleet has one
        notes = _ODD_NOTES[(place // 4) % len(_ODD_NOTES)]
    managed = rng.random() < 0.7
    return Connector(
        id=f"{rng.getrandbits(128):032x}",
        place=place,
        notes=notes,
        timezone=timezone,
        serial=f"{rng.choice('ABCDEFGH') if managed else 'VM-'}{rng.randrange(10**6, 10**7)}",
        device_id=f"{rng.getrandbits(128):032x}",
        device_type="MANAGED" if managed else "LICENSED",
        license_key=f"{LICENSE_MARK}-{rng.getrandbits(128):032x}",
        version=f"{rng.randrange(2024, 2027)}.{rng.randrange(1, 13)}.{rng.randrange(0, 4)}",
        rate=rate,
        goes_away=goes_away,
        clock_ahead=clock_ahead,
        appears_at=appears_at,
    )


def absence(options: SimulatorOptions, connector: Connector, at: float) -> tuple[float, float] | None:
    """The absence [start, end) of this connector that holds an instant, or ``None`` when it was online.

    Time is cut in cycles of four times `offline_for`; each has one absence, half of it to all of it long.
    """
    if not connector.goes_away:
        return None
    cycle = math.floor(at / (4 * options.offline_for))
    start, end = _absence_in(options.seed, connector.id, options.offline_for, cycle)
    return (start, end) if start <= at < end else None


@lru_cache(maxsize=4096)  # asked once per event, and a generator costs more than the event
def _absence_in(seed: int, connector_id: str, longest: Seconds, cycle: int) -> tuple[float, float]:
    rng = random.Random(f"{seed}/{connector_id}/away/{cycle}")
    duration = longest * rng.uniform(0.5, 1.0)
    start = cycle * 4 * longest + rng.uniform(0, 4 * longest - duration)
    return start, start + duration


def last_heartbeat(options: SimulatorOptions, connector: Connector, now: float) -> float:
    """When the appliance last reported, a multiple of `HEARTBEAT`; it stands still during an absence."""
    away = absence(options, connector, now)
    return (away[0] if away else now) // HEARTBEAT * HEARTBEAT
