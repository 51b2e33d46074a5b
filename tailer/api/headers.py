"""What an answer's headers say, read leniently: what can't be understood counts as not said.

Source: Cloudflare's "API rate limits" (``Ratelimit``, ``Ratelimit-Policy``, ``Retry-After``), the official
SDKs (``x-should-retry``), RFC 9110 (``Date``), RFC 9651 (structured fields).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from multidict import MultiMapping

from tailer.core.budget import RatePolicy
from tailer.core.durations import Seconds
from tailer.core.httpdates import parse_retry_after

Headers: TypeAlias = MultiMapping[str]
"""An answer's headers, names in any case."""

_MAX_WINDOW: Seconds = 86400.0  # no quota is counted over more than a day; more would stop us for ever
_RAY_ID = re.compile(r"[0-9a-f]{8,32}(-[A-Z]{3})?")
# Not a library: a parser after RFC 9651 (http-sf 1.5 was tried) has to refuse a whole field for one member
# that it doesn't like, a space around "=", an upper-case key or a trailing semicolon. Here the rest counts,
# and it takes a third of the time, for every answer.
_MEMBER = re.compile(r'(?:"([^"]*)"|([^",;]+))((?:"[^"]*"|[^",])*)')
_PARAMETER = re.compile(r';\s*([a-z]+)\s*=\s*"?(\d{1,15}(?:\.\d{1,9})?)(?![\w.])', re.ASCII)

_Parameters: TypeAlias = dict[str, float]


def retry_after(headers: Headers) -> Seconds | None:
    """Return how long the API asks us to wait; ``None`` when it does not say, or says nonsense."""
    return parse_retry_after(headers.get("Retry-After"), headers.get("Date"))


def should_retry(headers: Headers) -> bool | None:
    """Return Cloudflare's own judgement whether to send the request again, ``None`` when it has none."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def ray_id(headers: Headers) -> str | None:
    """Return ``Cf-Ray``, what Cloudflare's support asks for; ``None`` when missing or malformed."""
    text = headers.get("Cf-Ray", "")
    return text if _RAY_ID.fullmatch(text) else None


def rate_policy(headers: Headers) -> RatePolicy | None:
    """Return what the headers say about the quota, ``None`` when they say nothing.

    Of several policies the one with the lowest rate counts, and the level that has its name; where no
    name fits, the lowest level.
    """
    name, quota, window = _tightest(_joined(headers, "Ratelimit-Policy"))
    level = _level(_members(_joined(headers, "Ratelimit")), name)
    if name is None and level is None:
        return None
    if level is None:
        return RatePolicy(quota, window)
    reset = level.get("t")
    return RatePolicy(
        quota, window, int(level["r"]), reset if reset is not None and reset <= _MAX_WINDOW else None
    )


@lru_cache(maxsize=64)
def _tightest(text: str) -> tuple[str | None, int | None, float | None]:
    """Return name, quota and window of the policy with the lowest rate; it hardly ever changes."""
    quotas = {
        name: (int(told["q"]), told["w"])
        for name, told in _members(text)
        if told.get("q", 0) >= 1 and 0 < told.get("w", 0) <= _MAX_WINDOW
    }
    name = min(quotas, key=lambda name: quotas[name][0] / quotas[name][1], default=None)
    return (None, None, None) if name is None else (name, *quotas[name])


def _level(levels: tuple[tuple[str, _Parameters], ...], name: str | None) -> _Parameters | None:
    told = [(member, level) for member, level in levels if "r" in level]
    named = [level for member, level in told if member == name]
    return min(named or [level for _, level in told], key=lambda level: level["r"], default=None)


def _joined(headers: Headers, name: str) -> str:
    """Return a list header that may have come in several lines."""
    return ",".join(headers.getall(name, ()))


@lru_cache(maxsize=64)
def _members(text: str) -> tuple[tuple[str, _Parameters], ...]:
    """Split a structured list into names and numeric parameters, and drop the rest."""
    members: list[tuple[str, _Parameters]] = []
    for quoted, bare, parameters in _MEMBER.findall(text):
        numbers = {key: float(value) for key, value in _PARAMETER.findall(parameters)}
        members.append((quoted or bare.strip(), numbers))
    return tuple(members)
