"""Sizes as people write them: ``"10GiB"`` in a file, ``500MB`` on a command line.

1. A size is a number with a unit: ``B``, ``kB``, ``MB``, ``GB``, ``TB`` (powers of 1000) or ``KiB``, ``MiB``,
   ``GiB``, ``TiB`` (powers of 1024), in capitals or not, as nobody means bits. A number may have decimals:
   ``1.5GiB``.
2. A whole number without a unit is bytes.
"""

import re
from fractions import Fraction
from typing import TypeAlias

from tailer.core.quoting import shown

Bytes: TypeAlias = int
"""A size in bytes."""

MAX_SIZE: Bytes = 2**50
"""The largest size that is read: 1 PiB, beyond any disk, near enough to catch a typo."""

_BINARY = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
_PER_UNIT = {
    unit.lower(): count
    for unit, count in {**_BINARY, "TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3, "B": 1}.items()
}
# Digits are bounded because int() refuses very long ones with a message of its own.
_SIZE = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,15})?) ?([a-z]*)", re.IGNORECASE)

_GOOD_SIZE = (
    "write for example '10GiB', '500MB' or whole bytes (units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
)


def parse_size(text: str) -> Bytes:
    """Read a size such as ``10GiB``, ``500MB``, ``1.5 GB`` or ``65536``.

    Args:
        text: What the user wrote; space around it is ignored, and one before the unit.

    Returns:
        Bytes, from 0 to ``MAX_SIZE``, both included; a fraction of a byte is cut off.

    Raises:
        ValueError: The text is no size; the message says why and shows a good one.
    """
    match = _SIZE.fullmatch(text.strip())
    factor = _PER_UNIT.get((match[2] or "b").lower()) if match else None
    if match is None or factor is None or ("." in match[1] and not match[2]):
        raise ValueError(f"{shown(text)} is not a size; {_GOOD_SIZE}")
    count = int(Fraction(match[1]) * factor)
    if count > MAX_SIZE:
        raise ValueError(f"{shown(text)} is more than {format_size(MAX_SIZE)}, the most allowed")
    return count


def format_size(count: Bytes) -> str:
    """Write a size for people, in the largest binary unit that it reaches, rounded to a tenth: ``1.5GiB``.

    Args:
        count: Bytes, not negative.
    """
    for unit, factor in _BINARY.items():
        if count >= factor:
            return f"{count / factor:.1f}".removesuffix(".0") + unit
    return f"{count}B"
