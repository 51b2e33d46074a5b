"""Events of our own, derived from those of one connector: work that does not end, restarts, silence.

Rules:

1. What is told is decided by the connector's journaled events and by how far it was read, not by when anybody
   looks: a read of one hour decides what a thousand reads of the same hour do. Only silence is told from
   heartbeats, which are not events.
2. `AlertState` is stored in the transaction that stores the events it comes from, and those that it leads to.
   So a crash repeats none and loses none.
3. A derived event has the kind ``tailer.<Name>`` and a negative `n`, one for each kind. The API's `n` is a
   sequence number, so no event of the API can have the same (t, n); for the same reason no key is remembered
   of a derived one (`is_derived`), and coverage knows nothing of it. Its `t` is the moment at which the rule
   became true, and its payload says by what.
4. Unfinished: a ``Start<Work>`` that no ``Finish<Work>...`` followed within the time. Of several starts in a
   row the first counts. Told once the connector was read that far: what is only read late is no alarm.
5. Crash loop: so many ``Init`` within the time. Told once; the next one begins when the time has passed
   without an ``Init``.
6. Silence: no sign of life (`tailer.core.heartbeat`) for the time. Told once, until there is another one.
7. Each of these is told for a given `t` once at most: what lies before something that was told is settled.
8. A rule that is not asked for any more forgets what it knew, and begins anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from tailer.core.durations import Seconds
from tailer.kinds import CRASH_LOOP, PREFIX, SILENT, WORKS, unfinished
from tailer.model import Event, Key, Source

_NUMBERS = {SILENT: -1, CRASH_LOOP: -2, **{unfinished(work): -3 - at for at, work in enumerate(WORKS)}}
"""The `n` of each kind; a new one takes the next number, for these are part of ids."""

_NEVER: Key = (-math.inf, -math.inf)


class AlertRules(NamedTuple):
    """What is looked for; ``None``: not that.

    Attributes:
        unfinished: Seconds within which work must end that has begun.
        silent: Seconds without a sign of life.
        loop_within: Seconds within which `loop_starts` make a crash loop.
        loop_starts: How many ``Init`` make one, at least 2.
    """

    unfinished: Seconds | None = None
    silent: Seconds | None = None
    loop_within: Seconds | None = None
    loop_starts: int = 3


NO_RULES = AlertRules()


class AlertState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of one connector's past the rules still need.

    Attributes:
        begun: The first start of each work that has not ended, by work.
        settled: By work, the event up to which all starts have ended or were told.
        inits: Times of the last ``Init``, ascending, fewer than make a loop.
        looped_at: Time of the last ``Init`` of the crash loop that was told last.
        silent_since: The last sign of life before the silence that was told last.
    """

    begun: tuple[tuple[str, Key], ...] = ()
    settled: tuple[tuple[str, Key], ...] = ()
    inits: tuple[int | float, ...] = ()
    looped_at: int | float | None = None
    silent_since: float | None = None


NOTHING_KNOWN = AlertState()


class Derived(NamedTuple):
    """What came of looking.

    Attributes:
        state: To be stored together with `events`.
        events: By (t, n); their source is not set.
    """

    state: AlertState
    events: list[Event]


def derive(
    state: AlertState,
    rules: AlertRules,
    events: Sequence[Event],
    *,
    through: float,
    silent_since: float | None,
) -> Derived:
    """Look at what is journaled now.

    Args:
        state: As it was stored before.
        rules: What is looked for.
        events: New events of the connector, those of the API only, sorted by (t, n).
        through: API time up to which no more of its events are to come, but late ones.
        silent_since: Last sign of life of its appliance, if that is silent.
    """
    told: list[Event] = []
    if rules.unfinished is None:
        works = _Works((), ())
    else:
        works = _Works(state.begun, state.settled)
        told += works.look(events, rules.unfinished, through)
    inits, looped_at = state.inits, state.looped_at
    if rules.loop_within is None:
        inits, looped_at = (), None
    else:
        for event in events:
            if event.k == "Init":
                inits, looped_at = _look_at_init(event.t, inits, looped_at, rules, told)
    silence = state.silent_since if rules.silent is not None else None
    if rules.silent is not None and _is_news(silent_since, silence, events):
        assert silent_since is not None  # noqa: S101 - for the type checker: `_is_news`
        if silent_since + rules.silent <= through:
            since = math.floor(silent_since)
            told.append(_event(SILENT, since + rules.silent, since=since, within=rules.silent))
            silence = silent_since
    after = AlertState(works.begun, works.settled, inits, looped_at, silence)
    return Derived(after, sorted(told, key=lambda event: event.key))


def is_derived(kind: str, number: int | float) -> bool:
    """Tell a derived event from one of the API, by its kind and `n`."""
    return number < 0 and kind.startswith(PREFIX)


def originals(events: Sequence[Event]) -> Sequence[Event]:
    """Leave derived events out."""
    return [event for event in events if not is_derived(event.k, event.n)]


def merged(events: Sequence[Event], derived: Iterable[Event], source: Source) -> list[Event]:
    """Put derived events among those that they go with, by (t, n), from the same source."""
    ours = list(derived)
    for event in ours:
        event.source = source
    return sorted([*events, *ours], key=lambda event: event.key) if ours else list(events)


class _Works:
    """Work that begins and ends, of one connector."""

    def __init__(self, begun: Iterable[tuple[str, Key]], settled: Iterable[tuple[str, Key]]) -> None:
        self._begun = dict(begun)
        self._settled = dict(settled)

    @property
    def begun(self) -> tuple[tuple[str, Key], ...]:
        return tuple(sorted(self._begun.items()))

    @property
    def settled(self) -> tuple[tuple[str, Key], ...]:
        return tuple(sorted(self._settled.items()))

    def look(self, events: Iterable[Event], within: Seconds, through: float) -> list[Event]:
        told: list[Event] = []
        for event in events:
            phase, work = _phase_of(event.k)
            if work in WORKS:
                told += self._expire(work, within, event.t)
                if phase == "Start":
                    self._start(work, event.key)
                else:
                    self._finish(work, event.key)
        for work in WORKS:
            told += self._expire(work, within, through)
        return told

    def _start(self, work: str, key: Key) -> None:
        if key > self._settled.get(work, _NEVER):
            self._begun[work] = min(key, self._begun.get(work, key))

    def _finish(self, work: str, key: Key) -> None:
        self._settled[work] = max(key, self._settled.get(work, key))
        if self._begun.get(work, key) <= key:
            self._begun.pop(work, None)

    def _expire(self, work: str, within: Seconds, now: float) -> list[Event]:
        """Tell of work that should have ended before `now`."""
        key = self._begun.get(work)
        if key is None or key[0] + within >= now:
            return []
        del self._begun[work]
        self._settled[work] = max((key[0], math.inf), self._settled.get(work, _NEVER))
        return [_event(unfinished(work), key[0] + within, since=key[0], within=within)]


def _phase_of(kind: str) -> tuple[str, str]:
    """Part a kind into what it tells and the work it tells of; both empty where it is about none."""
    if kind.startswith("Start"):
        return "Start", kind.removeprefix("Start")
    if kind.startswith("Finish"):
        return "Finish", kind.removeprefix("Finish").removesuffix("Success").removesuffix("Failure")
    return "", ""


def _look_at_init(
    t: int | float,
    inits: tuple[int | float, ...],
    looped_at: int | float | None,
    rules: AlertRules,
    told: list[Event],
) -> tuple[tuple[int | float, ...], int | float | None]:
    """Count an ``Init``; add to `told` when it makes a loop."""
    within = rules.loop_within or 0.0
    if looped_at is not None and t <= looped_at + within:
        return inits, max(looped_at, t)  # of the loop that was told, or before it
    near = sorted([*inits, t])
    near = [one for one in near if one >= near[-1] - within]
    if len(near) < rules.loop_starts:
        return tuple(near), looped_at
    told.append(_event(CRASH_LOOP, near[-1], since=near[0], within=within, starts=len(near)))
    return (), near[-1]


def _is_news(silent_since: float | None, told: float | None, events: Sequence[Event]) -> bool:
    """Tell whether there is a silence that was not told; a listing may be older than the last events."""
    if silent_since is None or any(event.a > silent_since for event in events):
        return False
    return told is None or silent_since >= told + 1


def _event(kind: str, t: float, **payload: float) -> Event:
    at = _whole(t)
    told = {name: _whole(value) for name, value in payload.items()}
    return Event(t=at, n=_NUMBERS[kind], k=kind, a=at, e={"k": kind, **told})


def _whole(number: float) -> int | float:
    """Write a whole number as one, as everywhere in the house."""
    return int(number) if float(number).is_integer() else number
