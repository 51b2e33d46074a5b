"""What a check found, as data: the command puts it into lines or JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from tailer.app.exitcode import ExitCode
from tailer.errors import ApiError, AuthError

State: TypeAlias = Literal["ok", "warning", "error"]

Part: TypeAlias = Literal[
    "configuration", "credentials", "connectors", "clock", "polling", "journal", "service", "sink"
]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        part: What of the whole it belongs to.
        state: "ok"; "warning": it runs, but probably not as meant; "error": it would not run.
        text: One sentence; names account, sink or file, never a secret.
        code: What the program ends with because of it.
    """

    part: Part
    state: State
    text: str
    code: ExitCode = ExitCode.DONE


Tell: TypeAlias = Callable[[Finding], None]
"""Takes every finding, at once."""


def refused(part: Part, about: str, error: ApiError) -> Finding:
    """Make the finding that an error of the API is."""
    code = ExitCode.UNAUTHORIZED if isinstance(error, AuthError) else ExitCode.FAILED
    return Finding(part, "error", f"{about}: {error}", code)
