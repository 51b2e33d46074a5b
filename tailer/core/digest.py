"""One number for a set of events, whatever order they come in: two sets that agree have the same.

It is the sum of a 128-bit hash of each (t, n), modulo 2**128, so it can be built up piece by piece and in any
order, and sets with a difference have the same with a chance of 1 in 2**128. Sums of hashes do not withstand
somebody who is free to choose the events; this is about mistakes, not about attacks. Source of the idea:
Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997 (AdHASH).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from tailer.model import Key

_MODULUS = 2**128


def digest_of(keys: Iterable[Key]) -> str:
    """Give the digest of the events with these keys, each there once, as 32 hexadecimal digits.

    The text that is hashed is that of an event's id: ``t.n``, whole numbers without a fraction.
    """
    return f"{sum(map(_hash, keys)) % _MODULUS:032x}"


def _hash(key: Key) -> int:
    t, n = (int(part) if part == int(part) else part for part in key)
    return int.from_bytes(blake2b(f"{t}.{n}".encode(), digest_size=16).digest())
