"""A server that takes whatever comes over HTTP and says so; for `sinks.py`, no benchmark itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

_ANSWERS = {"/_bulk": b'{"errors":false}'}


@contextmanager
def acknowledging() -> Iterator[str]:
    """Run the server in a process of its own for as long as the context lasts; give its address."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def acknowledge(request: web.Request) -> web.Response:
    """Read the body to its end, and answer as the real counterpart would."""
    await request.read()
    return web.Response(body=_ANSWERS.get(request.path, b""))


async def serve() -> None:
    """Serve for ever, and print the port."""
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", acknowledge)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
