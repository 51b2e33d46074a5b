"""Kinds of events and how serious each is: the levels are ours, and a few kinds; the others are the API's.

Source: the kinds that Cloudflare's API document names (29 in August 2026); a kind that is not among them
is judged by its ending.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

LEVELS = ("debug", "info", "notice", "warning", "error", "critical")
"""From the least to the most serious."""


class Kind(NamedTuple):
    """What is known of a kind: its level, one of `LEVELS`, and what it tells in a few words."""

    level: str
    meaning: str


KINDS = {
    "FinishAttestationFailure": Kind("critical", "the device could not prove what it runs (attestation)"),
    "FinishRotateCryptKeyFailure": Kind("error", "the crypt key could not be replaced"),
    "FinishRotatePkiFailure": Kind("error", "keys and certificates (PKI) could not be replaced"),
    "FinishUpgradeFailure": Kind("error", "a software upgrade failed"),
    "BlessSlotFailure": Kind("error", "the boot entry could not be marked as good"),
    "RekeyReset": Kind("error", "a tunnel lost all keys after one that was not expected"),
    "HaError": Kind("error", "an unexpected error of high availability (HA)"),
    "Leave": Kind("warning", "the device's process stopped"),
    "HaTransition": Kind("warning", "high availability (HA) changed state: a failover"),
    "HaLeave": Kind("warning", "high availability (HA) stopped"),
    "BlessSlotPending": Kind("warning", "the boot entry is not marked as good yet; normal for a while"),
    "RekeyRestart": Kind("warning", "a rekey under way began again with newer keys; normal now and then"),
    "Init": Kind("notice", "the device's process started"),
    "StartUpgrade": Kind("notice", "a software upgrade began"),
    "FinishUpgradeSuccess": Kind("notice", "a software upgrade is done"),
    "ConfigureCloudflaredTunnel": Kind("notice", "remote access through cloudflared was set up"),
    "StartAttestation": Kind("info", "the device began to prove what it runs (attestation)"),
    "FinishAttestationSuccess": Kind("info", "the device proved what it runs (attestation)"),
    "StartRotateCryptKey": Kind("info", "replacing the crypt key began"),
    "FinishRotateCryptKeySuccess": Kind("info", "the crypt key was replaced"),
    "StartRotatePki": Kind("info", "replacing keys and certificates (PKI) began"),
    "FinishRotatePkiSuccess": Kind("info", "keys and certificates (PKI) were replaced"),
    "BlessSlotSuccess": Kind("info", "the boot entry was marked as good"),
    "RekeyInstallBoth": Kind("info", "a tunnel has its first keys, for both directions"),
    "RekeyStart": Kind("info", "rekey: a new key receives, the old one still sends"),
    "RekeyAdvance": Kind("info", "rekey: traffic came with the new key, so it sends too"),
    "RekeyComplete": Kind("info", "rekey: done, the old keys are gone"),
    "HaInit": Kind("info", "high availability (HA) started"),
    "Reconcile": Kind("debug", "the device brought itself in line with its configuration; routine"),
}
"""From the most to the least serious; the meanings are the document's one-liners, told for an operator."""

LEVEL_OF_KIND = {name: kind.level for name, kind in KINDS.items()}

PREFIX = "tailer."
"""What the kinds of our own begin with: events that the API never had (`tailer.core.alerts`)."""

WORKS = ("Upgrade", "Attestation", "RotateCryptKey", "RotatePki")
"""What has a ``Start...`` and a ``Finish...Success`` or ``Finish...Failure`` among the kinds. A rekey is no
such work: its kinds tell of one tunnel among several."""


def unfinished(work: str) -> str:
    """Name the kind that tells of one of `WORKS` that did not end."""
    return f"{PREFIX}Unfinished{work}"


SILENT = f"{PREFIX}SilentConnector"
CRASH_LOOP = f"{PREFIX}CrashLoop"

DERIVED = {
    unfinished("Upgrade"): Kind("error", "ours: a software upgrade began and did not end in time"),
    unfinished("Attestation"): Kind("error", "ours: an attestation began and did not end in time"),
    unfinished("RotateCryptKey"): Kind(
        "error", "ours: replacing the crypt key began and did not end in time"
    ),
    unfinished("RotatePki"): Kind(
        "error", "ours: replacing keys and certificates began and did not end in time"
    ),
    SILENT: Kind("error", "ours: the device has shown no sign of life for too long"),
    CRASH_LOOP: Kind("critical", "ours: the device's process started again and again"),
}
"""Our own kinds; only where `[alerts]` asks for them."""


@lru_cache(maxsize=1024)
def level_of(kind: str) -> str:
    """Tell how serious a kind is, one of `LEVELS`; an unknown one is judged by its ending."""
    known = LEVEL_OF_KIND.get(kind)
    if known is not None:
        return known
    if kind in DERIVED:
        return DERIVED[kind].level
    return "error" if kind.endswith(("Failure", "Error", "Reset")) else "notice"
