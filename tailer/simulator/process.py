"""The simulator as the whole business of a process: serve, say so, wait for a signal."""

import asyncio
import signal
from collections.abc import Callable

from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import Server, serve


def run(options: SimulatorOptions, announce: Callable[[Server], None]) -> int:
    """Serve until SIGINT or SIGTERM; call it in the main thread.

    Args:
        options: The world and the server's manners.
        announce: Called once, when the server listens.

    Returns:
        The exit code: 130 after SIGINT, 0 after SIGTERM.

    Raises:
        OSError: As `serve` does; before `announce` the start failed, after it the truth file.
        ValueError: The truth file holds something else.
    """
    return asyncio.run(_run(options, announce))


async def _run(options: SimulatorOptions, announce: Callable[[Server], None]) -> int:
    received: list[signal.Signals] = []
    ended = asyncio.Event()

    def end(number: signal.Signals) -> None:
        received.append(number)
        ended.set()

    loop = asyncio.get_running_loop()
    # Before the world is made, which may take a while.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    async with serve(options) as server:
        announce(server)
        waits = [asyncio.ensure_future(event.wait()) for event in (ended, server.stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    return 130 if signal.SIGINT in received[:1] else 0
