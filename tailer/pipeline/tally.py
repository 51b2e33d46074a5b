"""What a run has done so far, for its summary, its status and its exit code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counters of one run, all from 0.

    Attributes:
        events: New events journaled.
        duplicates: Rows that were known already; overlapping reads bring many.
        changed: Duplicates that came with another kind.
        details: Events whose details were fetched.
        details_missed: Events that were journaled without the details that they waited for.
        late: Late events delivered.
        gaps: Gaps recorded.
        polls: Polls that read their window whole.
        failed_polls: Polls that did not.
    """

    events: int = 0
    duplicates: int = 0
    changed: int = 0
    details: int = 0
    details_missed: int = 0
    late: int = 0
    gaps: int = 0
    polls: int = 0
    failed_polls: int = 0
