"""What the program tells the shell when it ends."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, from what went right to what the user did.

    Attributes:
        DONE: All that was asked for; also after SIGTERM, and when nobody reads standard output any more.
        FAILED: Journal, sink or the program itself failed, or the API could not be asked.
        MISUSED: Usage or configuration.
        UNAUTHORIZED: The API refused the credentials.
        INCOMPLETE: A connector was given up, a part of what was asked for can't be read, or a sink has
            rejected events.
        INTERRUPTED: Ctrl-C (128 + SIGINT, as shells have it).
    """

    DONE = 0
    FAILED = 1
    MISUSED = 2
    UNAUTHORIZED = 3
    INCOMPLETE = 4
    INTERRUPTED = 130
