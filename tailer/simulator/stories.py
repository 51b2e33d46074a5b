"""What appliances do: short sequences of event kinds as one would read them in a real fleet.

1. A story is one thing that happens to one appliance, told in steps; each step follows the one before
   after a random time between two bounds. Steps with bounds below a second often share one second.
2. Stories are chosen by weight. Most are the routine noise (`Reconcile`, rekeying); failures are rare.
3. No story is longer than `LONGEST`, so that the events of a span depend only on it and a short span before.
"""

import random
from collections.abc import Iterator

import msgspec

LONGEST = 280.0
"""Upper bound of a story's length in seconds."""


class Step(msgspec.Struct, frozen=True):
    """One event of a story: its kind, and the seconds since the step before, at least and at most."""

    kind: str
    least: float = 0.0
    most: float = 0.0


class Story(msgspec.Struct, frozen=True):
    """A sequence of steps and how often it is told compared with others."""

    weight: float
    steps: tuple[Step, ...]


def _story(weight: float, *steps: Step) -> Story:
    return Story(weight, steps)


STORIES = (
    _story(60, Step("Reconcile")),
    _story(
        12,
        Step("RekeyStart"),
        Step("RekeyAdvance", 0.1, 1.5),
        Step("RekeyComplete", 0.1, 20),
    ),
    _story(
        2,
        Step("RekeyStart"),
        Step("RekeyRestart", 0.2, 5),
        Step("RekeyAdvance", 0.1, 1),
        Step("RekeyComplete", 0.1, 20),
    ),
    _story(0.6, Step("RekeyReset"), Step("RekeyInstallBoth", 0.05, 0.6), Step("Reconcile", 0.05, 0.4)),
    _story(6, Step("StartAttestation"), Step("FinishAttestationSuccess", 0.3, 6)),
    _story(0.4, Step("StartAttestation"), Step("FinishAttestationFailure", 1, 30)),
    _story(3, Step("StartRotateCryptKey"), Step("FinishRotateCryptKeySuccess", 0.3, 4)),
    _story(0.2, Step("StartRotateCryptKey"), Step("FinishRotateCryptKeyFailure", 1, 20)),
    _story(2, Step("StartRotatePki"), Step("FinishRotatePkiSuccess", 0.5, 8)),
    _story(0.2, Step("StartRotatePki"), Step("FinishRotatePkiFailure", 1, 30)),
    _story(
        0.8,
        Step("StartUpgrade"),
        Step("FinishUpgradeSuccess", 30, 120),
        Step("HaLeave", 1, 5),
        Step("Leave", 0.01, 0.4),
        Step("Init", 15, 60),
        Step("HaInit", 0.05, 0.4),
        Step("BlessSlotPending", 0.1, 1),
        Step("RekeyInstallBoth", 0.1, 1),
        Step("BlessSlotSuccess", 20, 70),
    ),
    _story(0.2, Step("StartUpgrade"), Step("FinishUpgradeFailure", 20, 150)),
    _story(
        0.1,
        Step("StartUpgrade"),
        Step("FinishUpgradeSuccess", 30, 90),
        Step("Leave", 1, 5),
        Step("Init", 15, 60),
        Step("BlessSlotPending", 0.1, 1),
        Step("BlessSlotFailure", 30, 90),
    ),
    _story(
        0.8,
        Step("Leave"),
        Step("Init", 2, 20),
        Step("HaInit", 0.02, 0.3),
        Step("RekeyInstallBoth", 0.1, 2),
        Step("Reconcile", 0.05, 0.5),
    ),
    _story(1.2, Step("HaTransition"), Step("Reconcile", 0.05, 0.5)),
    _story(0.2, Step("HaError"), Step("HaTransition", 0.01, 0.5), Step("HaTransition", 5, 60)),
    _story(0.3, Step("ConfigureCloudflaredTunnel"), Step("Reconcile", 0.1, 1)),
    # A kind that no documentation has yet: they came to 29 from 13 within a year and a half.
    _story(0.1, Step("ReportDiskPressure")),
)

KINDS = frozenset(step.kind for story in STORIES for step in story.steps)

_WEIGHTS = tuple(story.weight for story in STORIES)
_CUMULATIVE = tuple(sum(_WEIGHTS[: place + 1]) for place in range(len(_WEIGHTS)))

MEAN_EVENTS = sum(story.weight * len(story.steps) for story in STORIES) / sum(_WEIGHTS)
"""Events of an average story, by which a rate of events becomes a rate of stories."""


def tell(rng: random.Random, starts_at: float) -> Iterator[tuple[float, str]]:
    """Tell one story chosen by chance.

    Yields:
        (instant, kind) in order, the first at `starts_at`, the last less than `LONGEST` later.
    """
    (story,) = rng.choices(STORIES, cum_weights=_CUMULATIVE)
    at = starts_at
    for step in story.steps:
        if step.most:
            at += rng.uniform(step.least, step.most)
        yield at, step.kind


def payload(rng: random.Random, kind: str) -> dict[str, object]:
    """Invent the fields that Get Event shows beside the kind.

    Only ``StartUpgrade.url`` and ``Rekey*.tunnel_id`` were ever documented; the others are plausible
    inventions, as any extra field may come.
    """
    if kind == "StartUpgrade":
        version = f"{rng.randrange(2024, 2027)}.{rng.randrange(1, 13)}"
        return {"url": f"https://upgrade.example.net/images/{version}.img"}
    if kind.startswith("Rekey"):
        return {"tunnel_id": f"{rng.getrandbits(128):032x}"}
    if kind.endswith(("Failure", "Error")):
        return {"reason": rng.choice(("timeout", "signature mismatch", "no space left", "peer unreachable"))}
    if kind == "HaTransition":
        return {"from": "standby", "to": "active", "priority": rng.randrange(1, 255)}
    return {}
