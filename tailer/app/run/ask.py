"""What a run is asked to read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What this run is to read.

    Attributes:
        start: Origin of connectors that the journal does not know: a duration back, an ISO time, or epoch
            seconds.
        until: End of the asked span, in the same words; ``None``: now, or no end if `follow`.
        follow: Go on for ever; otherwise the run ends when the asked span has been read.
        sweep: Read a closed span once, several slices of a connector at once, and look for nothing late
            (`tailer.core.sweep`); only where `follow` is false.
        kind: The one kind that is asked of the API; ``None`` asks for all.
    """

    start: str = "now"
    until: str | None = None
    follow: bool = True
    sweep: bool = False
    kind: str | None = None
