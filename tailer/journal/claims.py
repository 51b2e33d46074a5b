"""Who may write for a shard: the latest claim, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping

from tailer.errors import FencedError
from tailer.interfaces import Claim


class Claims:
    """The claims of a journal that one process owns as a whole.

    Args:
        epochs: The highest epoch of each shard that was ever claimed.
    """

    def __init__(self, epochs: Mapping[str, int] | None = None) -> None:
        self._epochs = dict(epochs or {})
        self._current: dict[str, Claim] = {}

    def take(self, shard: str) -> Claim:
        """Make a claim that ends every earlier one of the shard."""
        epoch = self._epochs.get(shard, 0) + 1
        self._epochs[shard] = epoch
        claim = self._current[shard] = Claim(shard, epoch)
        return claim

    def give_back(self, claim: Claim) -> None:
        """End a claim; one that a later claim has ended already changes nothing."""
        if self.is_current(claim):
            del self._current[claim.shard]

    def is_current(self, claim: Claim) -> bool:
        """Tell whether a claim is its shard's latest and has not been given back."""
        return self._current.get(claim.shard) == claim

    def check(self, claim: Claim) -> None:
        """Raise `FencedError` unless the claim is current."""
        if not self.is_current(claim):
            raise fenced(claim)


def fenced(claim: Claim) -> FencedError:
    """Word the error for a claim that is no longer current."""
    return FencedError(
        f"the claim {claim.epoch} of shard {claim.shard!r} has ended: another owner has taken the shard,"
        " or it was given back; nothing was stored"
    )
