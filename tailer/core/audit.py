"""What differs between a journal and the API: two sets of events of one connector, compared by (t, n).

Rules:

1. Compared are events whose t lies in seconds that were read whole once and, for the audit, were read whole
   again. Gaps, open or lost, are not: there the journal does not claim to have everything.
2. What the API shows and the journal lacks is *missing* if t and a are settled: no read that is still to
   come would find it. Otherwise it is *unsettled*: it became visible late, and the ladder comes by again (or
   it was collected in a gap).
3. What the journal has and the API does not show is *extra* if its t and its stamp (so, its a) were both
   asked for. An event collected outside of the asked span is not shown by an API that filters by a.
4. An event that was journaled while the audit went on is in neither set unless the API showed it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tailer.core.digest import digest_of
from tailer.core.spans import Spans
from tailer.model import Event, Key


class Side(NamedTuple):
    """One of the two sets.

    Attributes:
        events: How many it has.
        digest: See `tailer.core.digest`.
    """

    events: int
    digest: str


class Comparison(NamedTuple):
    """What came of it; all of it sorted by (t, n).

    Attributes:
        journal: What the journal has.
        api: What the API shows, without what is unsettled.
        missing: What only the API has.
        unsettled: The same, where that is no difference yet.
        extra: What only the journal has.
    """

    journal: Side
    api: Side
    missing: list[Event]
    unsettled: list[Event]
    extra: list[Key]


class Extent(NamedTuple):
    """What is compared. API time.

    Attributes:
        spans: Rule 1.
        covered: All that the connector was ever read whole; an event collected outside lies in a gap.
        asked_until: The end of what the API was asked for.
        settled: What lies before is settled.
    """

    spans: Spans
    covered: Spans
    asked_until: float
    settled: float


def compare(
    before: Mapping[Key, int], after: Mapping[Key, int], shown: Iterable[Event], extent: Extent
) -> Comparison:
    """Compare.

    Args:
        before: The stamps of the journal's events before the API was asked.
        after: The same after it.
        shown: What the API has shown, repeated rows included.
        extent: What is compared.
    """
    api = {event.key: event for event in shown if event.t in extent.spans}
    journal = {
        key
        for key, stamp in after.items()
        if key[0] in extent.spans and (key in api or (key in before and stamp <= extent.asked_until))
    }
    missing: list[Event] = []
    unsettled: list[Event] = []
    for key in sorted(api.keys() - journal):
        event = api[key]
        is_settled = max(event.t, event.a) < extent.settled and event.a in extent.covered
        (missing if is_settled else unsettled).append(event)
    left_out = {event.key for event in unsettled}
    shown_keys = api.keys() - left_out
    return Comparison(
        journal=Side(len(journal), digest_of(journal)),
        api=Side(len(shown_keys), digest_of(shown_keys)),
        missing=missing,
        unsettled=unsettled,
        extra=sorted(journal - api.keys()),
    )
