"""A counterpart's own words as a reason that can be kept and shown: one line, bounded, without credentials.

What comes back from far away may quote the request that it refuses, headers and all. No rule finds every
secret; these find those that are named as one, and passwords in addresses.
"""

from __future__ import annotations

import os
import re

MAX_REASON = 500
"""Characters of a reason that are kept: a sentence or two, not a page of HTML."""

_MASK = "[redacted]"
_SCHEMES = re.compile(r"\b(bearer|basic|splunk|apikey|token)(\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    r"""([\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization|cookie)["']?\s*[:=]\s*)"""
    r"""("[^"]*"|'[^']*'|[^\s"',;&<>})\]]+)""",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(://)[^/\s@]+@")


def fault_of(error: Exception) -> str:
    """Give the operating system's or TLS's words for an error, without addresses and options."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if getattr(cause, "reason", None) == "WRONG_VERSION_NUMBER":
        return "what answers there does not speak TLS"  # OpenSSL's words are about bytes
    if isinstance(cause, ConnectionError) and cause.errno:
        return os.strerror(cause.errno)  # the event loop's own words have the address in them
    return getattr(cause, "verify_message", None) or getattr(cause, "strerror", None) or type(cause).__name__


def tidy(reason: str) -> str:
    """Put a reason into one line of at most `MAX_REASON` characters and mask what is named as a secret.

    Control characters other than white space stay; who prints the reason escapes them.
    """
    # Cut roughly first: a page of megabytes is not worth a search. A secret at the cut is still masked.
    line = " ".join(reason[: 4 * MAX_REASON].split())
    line = _SCHEMES.sub(rf"\1\2{_MASK}", line)
    line = _NAMED.sub(rf"\1{_MASK}", line)
    line = _USER_INFO.sub(rf"\1{_MASK}@", line)
    if len(line) > MAX_REASON:
        return f"{line[: MAX_REASON - 3].rstrip()}..."
    return line or "no reason was given"
