"""A TCP server of a few lines, whose connections are all closed when it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Serve whoever comes to a free port of this machine; give the port.

    Args:
        serve: Serves one connection. It may end when it likes, and fail as connections do.
    """
    served: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served[task] = writer
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task, writer in served.items():
                task.cancel()
                writer.transport.abort()
            await asyncio.gather(*served, return_exceptions=True)
            await asyncio.sleep(0)  # a transport closes its socket a step later
