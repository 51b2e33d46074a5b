"""Small sentences of the command line as values: ``--fault 500:0.05``, ``--burst 10000@30``.

Times inside them are seconds since the server's start, because that is how a test scenario is written.
"""

import math
import re
from typing import Literal, TypeAlias, get_args

import msgspec

FaultKind: TypeAlias = Literal[
    "400",
    "401",
    "403",
    "403-9109",
    "404",
    "429",
    "429-bare",
    "429-date",
    "429-huge",
    "429-zero",
    "500",
    "500-echo",
    "500-final",
    "502-html",
    "520",
    "close",
    "code-971",
    "code-971-403",
    "down",
    "drip",
    "hang",
    "html-200",
    "not-json",
    "reset",
    "success-false",
    "truncated",
    "wrong-shape",
]
"""What can go wrong with one answer; `faults` says what each does."""

FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)

_FAULT = re.compile(r"(?P<kind>[0-9a-z-]+?)(?:#(?P<connector>\d+))?(?P<when>[:@].+)")

# A burst's moment of at least this many seconds is an instant (September 2001 or later), not an offset.
_FIRST_INSTANT = 1_000_000_000


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """When one kind of fault strikes.

    Attributes:
        kind: What goes wrong.
        probability: Share of the requests it strikes, 0 to 1.
        start: Seconds since the server's start from which it may strike (included).
        end: Seconds since the server's start until which it may strike (excluded).
        connector: Place of the one connector it strikes, 0 being the first listed; ``None``: any request.
    """

    kind: FaultKind
    probability: float = 1.0
    start: float = 0.0
    end: float = math.inf
    connector: int | None = None


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Many events of the first connector within one second.

    Attributes:
        events: How many.
        offset: Seconds since the server's start; 1,000,000,000 or more are epoch seconds instead, so that
            a restarted server tells the same burst again.
    """

    events: int
    offset: float

    def second(self, started_at: float) -> int:
        """The whole epoch second that holds the burst."""
        return math.floor(self.offset if self.offset >= _FIRST_INSTANT else started_at + self.offset)


class Newcomers(msgspec.Struct, frozen=True, kw_only=True):
    """Connectors that are listed, and known at all, only later.

    Attributes:
        connectors: How many of the last listed ones.
        offset: Seconds since the server's start at which they turn up.
    """

    connectors: int
    offset: float


class Vanishing(msgspec.Struct, frozen=True, kw_only=True):
    """Connectors that the API does not know for a while, neither in the listing nor by their id.

    Attributes:
        connectors: How many of the first listed ones.
        start: Seconds since the server's start from which they are unknown (included).
        end: Seconds since the server's start until which they are unknown (excluded).
    """

    connectors: int
    start: float
    end: float


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """A token that takes the place of the first one.

    Attributes:
        token: The bearer token that alone is accepted then.
        offset: Seconds since the server's start from which on.
    """

    token: str
    offset: float


def parse_fault(text: str) -> FaultRule:
    """Read ``KIND:PROBABILITY`` or ``KIND@START-END``, each with ``#PLACE`` after the kind for one connector.

    Raises:
        ValueError: The text is neither; the message shows what is meant.
    """
    match = _FAULT.fullmatch(text)
    kind = match["kind"] if match else text
    if match is None or kind not in FAULT_KINDS:
        known = ", ".join(FAULT_KINDS)
        raise ValueError(f"{text!r} is no fault; write KIND:PROBABILITY or KIND@START-END, KIND of {known}")
    connector = int(match["connector"]) if match["connector"] else None
    when = match["when"]
    if when.startswith(":"):
        probability = _number(when[1:], text)
        if not 0 <= probability <= 1:
            raise ValueError(f"{text!r}: a probability lies between 0 and 1")
        return msgspec.convert({"kind": kind, "probability": probability, "connector": connector}, FaultRule)
    begin, end = _span(when[1:], text)
    return msgspec.convert({"kind": kind, "connector": connector, "start": begin, "end": end}, FaultRule)


def parse_burst(text: str) -> Burst:
    """Read ``N@OFFSET``, as in ``10000@30``.

    Raises:
        ValueError: The text is not of that form.
    """
    count, offset = _count_at(text, "10000@30")
    return Burst(events=count, offset=offset)


def parse_newcomers(text: str) -> Newcomers:
    """Read ``N@OFFSET``, as in ``2@30``.

    Raises:
        ValueError: The text is not of that form.
    """
    count, offset = _count_at(text, "2@30")
    return Newcomers(connectors=count, offset=offset)


def parse_vanishing(text: str) -> Vanishing:
    """Read ``N@START-END``, as in ``1@20-60``; without an end they don't come back.

    Raises:
        ValueError: The text is not of that form.
    """
    count, at, span = text.partition("@")
    if not at or not count.isdecimal() or int(count) == 0:
        raise ValueError(f"{text!r} is not of the form N@START-END, as in '1@20-60'")
    start, end = _span(span, text)
    return Vanishing(connectors=int(count), start=start, end=end)


def parse_rotation(text: str) -> Rotation:
    """Read ``TOKEN@OFFSET``, as in ``newer-token@30``.

    Raises:
        ValueError: The text is not of that form; it is not quoted, for tokens are secrets.
    """
    token, at, offset = text.rpartition("@")
    if not at or not token:
        raise ValueError("a rotation is of the form TOKEN@OFFSET, as in 'newer-token@30'")
    return Rotation(token=token, offset=_number(offset, offset))


def _span(written: str, text: str) -> tuple[float, float]:
    """Read ``START-END``, or ``START-`` for ever; the start is included, the end is not."""
    first, _, last = written.partition("-")
    start, end = _number(first, text), _number(last, text) if last else math.inf
    if start >= end:
        raise ValueError(f"{text!r}: START comes before END, both in seconds since the start")
    return start, end


def _count_at(text: str, example: str) -> tuple[int, float]:
    count, at, offset = text.partition("@")
    if not at or not count.isdecimal() or int(count) == 0:
        raise ValueError(f"{text!r} is not of the form N@OFFSET, as in {example!r}")
    return int(count), _number(offset, text)


def _number(written: str, text: str) -> float:
    try:
        number = float(written.removesuffix("s"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r}: {written!r} is not a number of seconds or a probability")
    return number
