"""What happened, as data: reports that the house makes, and whoever is interested turns into words.

A report is a frozen struct named ``<Noun><PastVerb>``; ``str`` of it is one sentence for an operator. It
holds no credential and no payload. An observer is called on the event loop and must neither block nor raise.
"""

from tailer.observe.accounts import (
    AccountResumed,
    AccountStopped,
    ListingFailed,
    TokenRenewed,
)
from tailer.observe.connectors import (
    AlertDerived,
    ConnectorFound,
    ConnectorParked,
    ConnectorResumed,
    DetailsMissed,
    KindChanged,
    PollFailed,
    PollRecovered,
)
from tailer.observe.controls import (
    CommandFailed,
    ControlLost,
    ServiceLost,
)
from tailer.observe.coverage import (
    GapClosed,
    GapRecorded,
    ReachCut,
    ReachRestored,
)
from tailer.observe.delivery import (
    EventsSetAside,
    JournalCleared,
    JournalFilled,
    SinkFailed,
    SinkRecovered,
)
from tailer.observe.report import (
    Observer,
    Report,
    ignore,
)
from tailer.observe.requests import (
    ClockStepped,
    IntervalStretched,
    PrincipalPaused,
    PrincipalResumed,
    RequestRetried,
)

__all__ = [
    "AccountResumed",
    "AccountStopped",
    "AlertDerived",
    "ClockStepped",
    "CommandFailed",
    "ConnectorFound",
    "ConnectorParked",
    "ConnectorResumed",
    "ControlLost",
    "DetailsMissed",
    "EventsSetAside",
    "GapClosed",
    "GapRecorded",
    "IntervalStretched",
    "JournalCleared",
    "JournalFilled",
    "KindChanged",
    "ListingFailed",
    "Observer",
    "PollFailed",
    "PollRecovered",
    "PrincipalPaused",
    "PrincipalResumed",
    "ReachCut",
    "ReachRestored",
    "Report",
    "RequestRetried",
    "ServiceLost",
    "SinkFailed",
    "SinkRecovered",
    "TokenRenewed",
    "ignore",
]
