"""Doing several things at once and having all their results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

Result = TypeVar("Result")


async def gathered(tasks: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
    """Run tasks side by side; return their results in the order of the tasks.

    One alone is simply awaited, which costs a busy poller nothing. What one raises cancels the others.
    """
    if len(tasks) == 1:
        return [await tasks[0]()]
    results: dict[int, Result] = {}

    async def keep(number: int, task: Callable[[], Awaitable[Result]]) -> None:
        results[number] = await task()

    async with anyio.create_task_group() as group:
        for number, task in enumerate(tasks):
            group.start_soon(keep, number, task)
    return [results[number] for number in range(len(tasks))]
