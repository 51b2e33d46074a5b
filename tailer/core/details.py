"""Which events' payloads are fetched, how urgently, and which payloads are kept.

1. An event's details are asked for if one of the patterns matches its kind, case ignored (``*``, ``?`` and
   ``[...]`` have the shell's meaning), and its account's events of that kind are delivered at all.
2. Errors go before all but live polls, other events before a backfill only. Where a closed span is swept
   nothing is urgent.
3. A payload that is larger than `MAX_BYTES` or nested more deeply than `MAX_DEPTH` is not kept: known ones
   have some hundred bytes, and every sink has to take what is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from tailer.core.purpose import Purpose
from tailer.kinds import LEVELS, level_of
from tailer.model import Event, Payload

MAX_BYTES = 64 * 2**10
"""Longest payload that is kept, as compact JSON. Sinks take lines of 256 KiB (Loki) to 1 MiB (Kafka)."""

MAX_DEPTH = 32
"""Deepest nesting that is kept: all decoders and encoders on its way can do that."""

_ERROR = LEVELS.index("error")


class DetailsWish:
    """Tells which events wait for their details.

    Args:
        patterns: Over kinds; at least one.
        is_delivered: Whether anybody is to get an event; ``None``: all are delivered.
        is_swept: Whether a closed span is read once, as a whole (rule 2).
    """

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        is_delivered: Callable[[Event], bool] | None = None,
        is_swept: bool = False,
    ) -> None:
        self._patterns = tuple(pattern.casefold() for pattern in patterns)
        self._is_delivered = is_delivered
        self._is_swept = is_swept
        self._is_meant = lru_cache(maxsize=4096)(self._matches)

    def __call__(self, event: Event) -> bool:
        """Tell whether an event, its source set, waits for its details."""
        return self._is_meant(event.k) and (self._is_delivered is None or self._is_delivered(event))

    def purpose_of(self, event: Event) -> Purpose:
        """Tell what an event's details are fetched for."""
        is_error = LEVELS.index(level_of(event.k)) >= _ERROR
        return Purpose.ERROR_DETAIL if is_error and not self._is_swept else Purpose.DETAIL

    def _matches(self, kind: str) -> bool:
        folded = kind.casefold()
        return any(fnmatchcase(folded, pattern) for pattern in self._patterns)


def is_kept(payload: Payload) -> bool:
    """Tell whether a payload is small enough to be kept (rule 3)."""
    return _is_shallow(payload, MAX_DEPTH) and _size_of(payload) <= MAX_BYTES


def _is_shallow(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_shallow(one, depth - 1) for one in inner)


def _size_of(payload: Payload) -> int:
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
