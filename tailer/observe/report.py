"""What every report is, and who takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec


class Report(msgspec.Struct, frozen=True):
    """Root of all reports."""


Observer: TypeAlias = Callable[[Report], None]
"""Takes every report, in the order in which things happened."""


def ignore(_report: Report) -> None:
    """Be told, and do nothing: the observer of those who don't observe."""
