"""What a request is sent for: the words for it, in order of priority."""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """Why a request is sent; the lower the number, the sooner its turn.

    Attributes:
        LIVE: What is new: head polls, the catch-up next to the head, listings, what a person waits for.
        ERROR_DETAIL: The payload of an event that is an error.
        REVISIT: What was read before or could not be: levels in slices, older holes, absences.
        DETAIL: The payload of any other event.
        BACKFILL: A closed span of the past as a whole.
    """

    LIVE = 0
    ERROR_DETAIL = 1
    REVISIT = 2
    DETAIL = 3
    BACKFILL = 4

    @property
    def label(self) -> str:
        """Its name as it is shown: in reports, metrics and messages."""
        return self.name.lower()
