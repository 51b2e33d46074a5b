"""What Redis's errors mean, in words that say what to do.

All of them are waited for: a server that looks at no content refuses no event for what it is. So nothing is
ever set aside, and a mistake in the configuration costs no events.

Source: Redis's documentation, "Redis serialization protocol specification" (errors and their prefixes) and
the commands' pages; the prefixes that redis-py knows become classes.
"""

from __future__ import annotations

import redis.exceptions as known

from tailer.core.reasons import fault_of, tidy

_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (known.BusyLoadingError, "it is still loading its data (LOADING); that passes by itself"),
    (known.ReadOnlyError, "it is a replica, which takes no writes (READONLY); name the primary in url"),
    (known.OutOfMemoryError, "its memory is full (OOM); raise its maxmemory, or trim with max_length"),
    (
        known.NoPermissionError,
        "this user lacks a right (NOPERM); allow +ping and +xadd, for check also +info +type +xlen",
    ),
    (known.AuthenticationError, "it refuses user or password; correct user in url, or the password"),
    (known.InvalidResponse, "what answers there is no Redis; check url"),
    (known.MovedError, "the stream lies on another node of the cluster (MOVED); name that one in url"),
)


def reason_of(error: Exception, stream: str) -> str:
    """Say why a server took nothing, and what to do if it does not pass by itself.

    Args:
        error: What redis-py raised, or what the pipeline gave in place of an answer.
        stream: The stream's key.
    """
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    # Of what happened on the way redis-py has a sentence of its own, with numbers and the address in it.
    if isinstance(error, known.ConnectionError) and isinstance(error.__context__, OSError):
        return f"{fault_of(error.__context__)}; check url and the server"
    words = str(error)
    if words.startswith("WRONGTYPE"):
        return f"the key {stream} holds something else than a stream (WRONGTYPE); name another with stream"
    return tidy(words)
