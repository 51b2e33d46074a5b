"""From groups of errors, as task groups raise them, to the one error that the caller can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tailer.errors import TailerError


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the first error of the house out of a group that holds nothing else; leave other groups alone."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours, others = group.split(TailerError)
        if ours is None or others is not None:
            raise
        first = _leaves(ours)[0]
    else:
        return
    raise first


def _leaves(group: BaseExceptionGroup[TailerError]) -> list[TailerError]:
    found: list[TailerError] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
