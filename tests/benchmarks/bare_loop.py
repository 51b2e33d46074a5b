"""The bare loop: polls every connector in turn, decodes the page, forgets it. For comparison of CPU.

Usage: ``python tests/benchmarks/bare_loop.py BASE_URL ACCOUNT TOKEN INTERVAL LOOK_BACK``
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque

import aiohttp
import msgspec
from plain import Listing, Page

WORKERS = 8


async def poll(base: str, account: str, token: str, interval: float, look_back: int) -> None:
    """Poll for ever, eight requests in flight at most."""
    pages = msgspec.json.Decoder(Page)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        root = f"{base}/accounts/{account}/magic/connectors"
        async with session.get(root) as answer:
            connectors = msgspec.json.decode(await answer.read(), type=Listing).result
        started = time.monotonic()
        due = deque((started + interval * i / len(connectors), c.id) for i, c in enumerate(connectors))

        async def worker() -> None:
            while True:
                due_at, connector = due.popleft()
                await asyncio.sleep(max(0.0, due_at - time.monotonic()))
                now = int(time.time())
                url = f"{root}/{connector}/telemetry/events"
                query = {"from": str(now - look_back), "to": str(now + 1), "limit": "1000"}
                async with session.get(url, params=query) as answer:
                    pages.decode(await answer.read())
                due.append((due_at + interval, connector))

        await asyncio.gather(*(worker() for _ in range(WORKERS)))


def main() -> None:
    """Poll until killed."""
    base, account, token, interval, look_back = sys.argv[1:]
    asyncio.run(poll(base, account, token, float(interval), int(look_back)))


if __name__ == "__main__":
    main()
