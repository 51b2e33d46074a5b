"""What a run has achieved, as data: for its summary and its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from tailer.app.exitcode import ExitCode
from tailer.app.run.run import Run
from tailer.errors import ApiError, AuthError
from tailer.pipeline.poller import Poller


class Unread(NamedTuple):
    """A connector whose last poll failed.

    Attributes:
        connector: Its id.
        name: What people call it.
        read_through: API time up to which it was read all the same.
        error: Why.
    """

    connector: str
    name: str
    read_through: int
    error: ApiError


class Unlisted(NamedTuple):
    """An account of which nothing is read at present.

    Attributes:
        account: Its id.
        error: Why.
    """

    account: str
    error: ApiError


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run when it was asked.

    Attributes:
        connectors: How many were read.
        events: New events journaled.
        delivered: Events that each sink has accepted, by its name.
        set_aside: Events that sinks have rejected, by the sinks' names; only those that have.
        duplicates: Rows that were known already, and removed.
        changed: Those of them that came with another kind.
        details: Events whose details were fetched.
        details_missed: Events journaled without the details that they waited for.
        late: Late events delivered.
        gaps: Gaps recorded: parts of the asked span that can't be read.
        requests: Requests sent.
        read_through: API time up to which every connector that is not in `unread` was read whole, but for
            the gaps; ``None`` when there is none.
        unread: Connectors whose last poll failed. In a run that ends by itself they were given up.
        accounts: How many were asked.
        stopped: Those of which nothing is read; their connectors, as far as known, are in `unread`.
    """

    connectors: int
    events: int
    delivered: Mapping[str, int]
    set_aside: Mapping[str, int] = {}
    duplicates: int
    changed: int
    details: int = 0
    details_missed: int = 0
    late: int
    gaps: int
    requests: int
    read_through: int | None
    unread: tuple[Unread, ...]
    accounts: int = 1
    stopped: tuple[Unlisted, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Judge a run that has ended by itself."""
        if self._is_refused:
            return ExitCode.UNAUTHORIZED
        if self.unread or self.stopped or self.gaps or self.set_aside:
            return ExitCode.INCOMPLETE
        return ExitCode.DONE

    @property
    def _is_refused(self) -> bool:
        """Whether nothing could be read because of the credentials."""
        troubles = [*(one.error for one in self.unread), *(one.error for one in self.stopped)]
        is_all = len(self.unread) == self.connectors and (
            self.connectors > 0 or len(self.stopped) == self.accounts
        )
        return is_all and bool(troubles) and all(isinstance(error, AuthError) for error in troubles)


def outcome_of(run: Run) -> Outcome:
    """Look at a run, during or after it."""
    pollers = run.pollers
    unread = tuple(found for poller in pollers if (found := _unread(poller)) is not None)
    through = [poller.checkpoint.read_through for poller in pollers if poller.error is None]
    tally = run.tally
    return Outcome(
        connectors=len(pollers),
        events=tally.events,
        delivered=run.delivered,
        set_aside=run.set_aside,
        duplicates=tally.duplicates,
        changed=tally.changed,
        details=tally.details,
        details_missed=tally.details_missed,
        late=tally.late,
        gaps=tally.gaps,
        requests=run.requests,
        read_through=min(through, default=None),
        unread=unread,
        accounts=sum(len(fleet.watches) for fleet in run.fleets),
        stopped=tuple(
            Unlisted(account, error) for fleet in run.fleets for account, error in fleet.stopped.items()
        ),
    )


def _unread(poller: Poller) -> Unread | None:
    if poller.error is None:
        return None
    connector = poller.connector
    return Unread(connector.id, connector.name, poller.checkpoint.read_through, poller.error)
