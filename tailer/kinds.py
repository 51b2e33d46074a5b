"""Kinds of events and how serious each is: the levels are ours, the kinds are the API's open set.

Source: the kinds that Cloudflare's API document names (29 in August 2026); a kind that is not among them
is judged by its ending.
"""

from __future__ import annotations

from functools import lru_cache

LEVELS = ("debug", "info", "notice", "warning", "error", "critical")
"""From the least to the most serious."""

LEVEL_OF_KIND = {
    "FinishAttestationFailure": "critical",
    "FinishRotateCryptKeyFailure": "error",
    "FinishRotatePkiFailure": "error",
    "FinishUpgradeFailure": "error",
    "BlessSlotFailure": "error",
    "RekeyReset": "error",
    "HaError": "error",
    "Leave": "warning",
    "HaTransition": "warning",
    "HaLeave": "warning",
    "BlessSlotPending": "warning",
    "RekeyRestart": "warning",
    "Init": "notice",
    "StartUpgrade": "notice",
    "FinishUpgradeSuccess": "notice",
    "ConfigureCloudflaredTunnel": "notice",
    "StartAttestation": "info",
    "FinishAttestationSuccess": "info",
    "StartRotateCryptKey": "info",
    "FinishRotateCryptKeySuccess": "info",
    "StartRotatePki": "info",
    "FinishRotatePkiSuccess": "info",
    "BlessSlotSuccess": "info",
    "RekeyInstallBoth": "info",
    "RekeyStart": "info",
    "RekeyAdvance": "info",
    "RekeyComplete": "info",
    "HaInit": "info",
    "Reconcile": "debug",
}


@lru_cache(maxsize=1024)
def level_of(kind: str) -> str:
    """Tell how serious a kind is, one of `LEVELS`; an unknown one is judged by its ending."""
    known = LEVEL_OF_KIND.get(kind)
    if known is not None:
        return known
    return "error" if kind.endswith(("Failure", "Error", "Reset")) else "notice"
