"""Every error that `tailer` raises on purpose, sorted by the reaction that it asks for.

The family is a leaf: it imports nothing of the house. Foreign errors (sockets, SQL, JSON) are wrapped
with ``from`` at the rim and never travel further. A message says what happened, to which connector or
window, and what the reader can do; it never holds a credential or an unknown payload.

* `ConfigError` - the user edits something. Exit code 2.
* `ApiError` - the API did not give a page: park, pause, back off or report, as each class says.
* `SinkError` - the sink did not take a batch: keep it and back off, or set it aside.
* `JournalError` - the journal can't be trusted or can't take more: stop before any harm.
* `ControlError` - a running daemon was asked in vain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class TailerError(Exception):
    """Root of the family; catching it catches all that `tailer` raises on purpose."""


class ConfigError(TailerError):
    """What the user wrote can't be used; nothing was started.

    Args:
        mistakes: One sentence a mistake, each with the path of the value and a hint. Never empty.
    """

    def __init__(self, mistakes: Sequence[str] | str) -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class ApiError(TailerError):
    """The API refused, failed or answered nonsense.

    Args:
        message: One sentence without credentials.
        status: HTTP status, ``None`` when no answer came.
        ray_id: ``Cf-Ray`` of the answer, what Cloudflare's support asks for.
        codes: Cloudflare error codes of the body, those of ``error_chain`` included, outermost first.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        ray_id: str | None = None,
        codes: Sequence[int] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.ray_id = ray_id
        self.codes = tuple(codes)


class AuthError(ApiError):
    """The credentials were refused: stop the account, or park the one connector that they don't cover."""


class ConnectorGoneError(ApiError):
    """The API does not know this connector: leave it alone and go on with the others."""


class EventGoneError(ApiError):
    """The API does not know this event, or keeps no more of it than its row: go on without its payload."""


class RequestRefusedError(ApiError):
    """A plain 400: something about the window, the limit or the cursor is not liked; nobody says what."""


class RateLimitedError(ApiError):
    """429, or code 971 under any status: the whole principal pauses, unless it turns out to be about one.

    Args:
        message: One sentence without credentials.
        retry_after: Seconds the API asked us to wait, a lower bound; ``None`` when it did not say or
            when what it said was malformed (above one hour counts as malformed).
        status: HTTP status.
        ray_id: ``Cf-Ray`` of the answer.
        codes: Cloudflare error codes of the body.

    Attributes:
        is_own: It is about this connector (or listing) alone, whatever the principal has left: park it. Found
            out by who keeps the budget (`tailer.core.suspects`).
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        ray_id: str | None = None,
        codes: Sequence[int] = (),
    ) -> None:
        super().__init__(message, status=status, ray_id=ray_id, codes=codes)
        self.retry_after = retry_after
        self.is_own = False


class UnsentError(ApiError):
    """The budget had no room in time, and nothing was sent: do without, or ask again later."""


class ServerError(ApiError):
    """408, 425, 5xx and 520-530, or a failure without a known code: transient, back off and try again.

    Args:
        message: One sentence without credentials.
        should_retry: Cloudflare's ``x-should-retry``, which outranks our own judgement; ``None``: not said.
        retry_after: Seconds the API asked us to wait, a lower bound.
        status: HTTP status.
        ray_id: ``Cf-Ray`` of the answer.
        codes: Cloudflare error codes of the body.
    """

    def __init__(
        self,
        message: str,
        *,
        should_retry: bool | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        ray_id: str | None = None,
        codes: Sequence[int] = (),
    ) -> None:
        super().__init__(message, status=status, ray_id=ray_id, codes=codes)
        self.should_retry = should_retry
        self.retry_after = retry_after


class TransportError(ApiError):
    """No complete answer came: refused, reset, timed out, truncated. Transient, back off and try again.

    Args:
        message: One sentence without credentials.
        timed_out: Whether the time limit ended it; such a connector is kept out of the others' way.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class WireFormatError(ApiError):
    """A 200 whose body is not what the API promises: the window is unread, never "no events".

    Args:
        message: One sentence that names the place in the body, not its content.
        page: The first bytes of the body, for a report to Cloudflare; never logged by itself.
        status: HTTP status.
        ray_id: ``Cf-Ray`` of the answer.
    """

    def __init__(
        self, message: str, *, page: bytes = b"", status: int | None = None, ray_id: str | None = None
    ) -> None:
        super().__init__(message, status=status, ray_id=ray_id)
        self.page = page


class SinkError(TailerError):
    """A sink did not take a batch."""


class SinkUnavailableError(SinkError):
    """The counterpart is away or full: keep the batch, back off, write it again.

    Args:
        message: One sentence without credentials, and what to do if it does not pass by itself.
        retry_after: Seconds that the counterpart asked us to wait, a lower bound of the back-off.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkRejectedError(SinkError):
    """The counterpart will never take some events of a batch: set them aside, go on with the others.

    Not for a counterpart that refuses whatever it is sent (credentials, a wrong address, a missing table):
    that is `SinkUnavailableError`, or a whole backlog would be set aside.

    Args:
        message: One sentence without credentials; the reason of events that `rejected` does not name.
        rejected: The reason of each event that was rejected, by its index in the batch; all others of the
            batch were accepted. Empty: the sink can't tell which ones they are, and nothing of the batch
            was accepted.
        state: What `write` would have returned for the accepted ones; of no meaning if `rejected` is empty.
    """

    def __init__(
        self, message: str, *, rejected: Mapping[int, str] | None = None, state: bytes | None = None
    ) -> None:
        super().__init__(message)
        self.rejected = dict(rejected or {})
        self.state = state


class SinkMovedError(SinkError):
    """The sink goes on in another place (a new file): commit its state, then write the same batch again.

    Args:
        message: What happened.
        state: What to commit; nothing of the batch was accepted.
    """

    def __init__(self, message: str, state: bytes) -> None:
        super().__init__(message)
        self.state = state


class SinkClosedError(SinkError):
    """Nobody reads this sink any more (a closed pipe): end quietly, the unwritten stays unacknowledged."""


class JournalError(TailerError):
    """The journal can't be read or written; polling stops before anything is lost."""


class JournalLockedError(JournalError):
    """Another process owns this journal; the message names its pid and host."""


class JournalFullError(JournalError):
    """No room for more events (disk, ``max_size``): polling pauses, the API is the buffer."""


class SchemaVersionError(JournalError):
    """The file was written by a newer `tailer`, or is no journal at all; it is left untouched."""


class FencedError(JournalError):
    """Another owner has claimed this shard since; whoever gets this error must stop writing."""


class ControlError(TailerError):
    """A running daemon can't be asked for something, or does not do it; the message says why."""


class NoDaemonError(ControlError):
    """No daemon runs that could be asked."""
