"""Compares what the program delivered with what the simulator knows to be true."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

Identity: TypeAlias = tuple[str, float, int]
"""(connector, t, n)."""

EXAMPLES = 3
"""How many events a complaint names."""


class Fact(NamedTuple):
    """One event as the API has it: a line of the truth file."""

    connector: str
    t: float
    n: int
    k: str
    a: float
    visible_at: float

    @property
    def identity(self) -> Identity:
        """What makes it this event and no other."""
        return (self.connector, self.t, self.n)


class Record(NamedTuple):
    """One event as it was delivered: a line of JSON Lines."""

    id: str
    account: str
    connector: str
    t: float
    n: int
    k: str
    a: float
    seen: float
    late: bool

    @property
    def identity(self) -> Identity:
        """What makes it this event and no other."""
        return (self.connector, self.t, self.n)

    @property
    def key(self) -> tuple[float, int]:
        """What sorts it within its connector."""
        return (self.t, self.n)


def read_truth(path: Path) -> dict[Identity, Fact]:
    """Read a truth file; a line that is being written is left out."""
    facts = (Fact(**line) for line in _lines(path))
    return {fact.identity: fact for fact in facts}


def over(facts: Iterable[Fact], now: float) -> list[Fact]:
    """Leave out the events of the present second: what is read "up to now" ends with the last whole one."""
    return [fact for fact in facts if max(fact.t, fact.a) < math.floor(now)]


def read_records(path: Path) -> list[Record]:
    """Read delivered JSON Lines in their order; a line that is being written is left out."""
    return [Record(**{name: line[name] for name in Record._fields}) for line in _lines(path)]


def count_lines(path: Path) -> int:
    """Count the whole lines of a file that exists."""
    return path.read_bytes().count(b"\n")


def complaints(
    records: Sequence[Record],
    truth: Mapping[Identity, Fact],
    *,
    required: Collection[Identity] | None = None,
    order: Literal["connector", "global"] | None = None,
) -> str:
    """Say what is wrong with a delivery; empty when it is exactly the truth.

    Args:
        records: What was delivered.
        truth: All that there was to be found; nothing else may have been delivered.
        required: What must have been delivered; ``None``: all of the truth.
        order: The order that was asked for; ``None``: any.
    """
    counts = Counter(record.identity for record in records)
    wanted = truth.keys() if required is None else required
    found = [
        _complaint("missing", (truth[identity] for identity in wanted if identity not in counts)),
        _complaint("delivered twice", (identity for identity, count in counts.items() if count > 1)),
        _complaint("invented", (record for record in records if record.identity not in truth)),
        _complaint("altered", (record for record in records if _is_altered(record, truth))),
    ]
    if order is not None:
        found += _order_complaints(records, order)
    return "\n".join(complaint for complaint in found if complaint)


def _is_altered(record: Record, truth: Mapping[Identity, Fact]) -> bool:
    """Tell whether a record says something else than its event; whole numbers must be written as such."""
    fact = truth.get(record.identity)
    if fact is None:
        return False
    is_float = any(isinstance(number, float) and number.is_integer() for number in (*record.key, record.a))
    address = f"{record.account}/{record.connector}/{record.t}.{record.n}"
    return is_float or (record.k, record.a, record.id) != (fact.k, fact.a, address)


def _order_complaints(records: Sequence[Record], order: Literal["connector", "global"]) -> Iterable[str]:
    """Name the records that are out of order unmarked, and those that are marked for nothing."""
    unmarked: list[Record] = []
    mistaken: list[Record] = []
    highest: dict[str, tuple[float, str, int]] = {}
    scope: Callable[[Record], str] = (lambda one: one.connector) if order == "connector" else (lambda _: "")
    for record in records:
        place, now = scope(record), (record.t, record.connector, record.n)
        before = highest.get(place, now)
        if now < before and not record.late:
            unmarked.append(record)
        if now >= before and record.late:
            mistaken.append(record)
        highest[place] = max(before, now)
    yield _complaint("out of order but not marked late", unmarked)
    yield _complaint("marked late but in order", mistaken)


def _complaint(what: str, which: Iterable[object]) -> str:
    examples = [*which]
    if not examples:
        return ""
    named = "".join(f"\n    {example}" for example in examples[:EXAMPLES])
    return f"{len(examples)} {what}, such as{named}"


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    text = path.read_bytes()
    for line in text[: text.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)
