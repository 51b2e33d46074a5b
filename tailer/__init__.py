"""Watch the events of Cloudflare Magic WAN connectors: lose none, repeat none, know what is missing.

This is the shop window; inside the house, import the module that owns a name. Names are brought when they are
first asked for, so that ``tailer --help`` does not wait for an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailer.app.library import open_tail as open  # noqa: A004 - `tailer.open` is the public name
    from tailer.app.tail import PendingBatch, Tail
    from tailer.errors import ApiError, AuthError, ConfigError, JournalError, SinkError, TailerError
    from tailer.model import Event

__all__ = [
    "ApiError",
    "AuthError",
    "ConfigError",
    "Event",
    "JournalError",
    "PendingBatch",
    "SinkError",
    "Tail",
    "TailerError",
    "open",
]

_OWNERS = {"Event": "model", "PendingBatch": "app.tail", "Tail": "app.tail", "open": "app.library"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    owner = import_module(f"tailer.{_OWNERS.get(name, 'errors')}")
    return getattr(owner, "open_tail" if name == "open" else name)
