"""The plain program: what one would write in an afternoon, for comparison. Nothing durable, nothing checked.

aiohttp and msgspec, eight connectors at a time, page after page into one dict by (connector, t, n); then a
sort and one struct encoded a record, the same record that ``tailer tail -o jsonl`` prints.

    python tests/benchmarks/plain.py BASE_URL ACCOUNT TOKEN FROM TO > events.jsonl
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime

import aiohttp
import msgspec

from tailer.kinds import level_of

WORKERS = 8


class Row(msgspec.Struct):
    """One row of a page."""

    t: int
    n: int
    k: str
    a: int


class Result(msgspec.Struct):
    """Rows and cursor."""

    items: list[Row]
    cursor: str | None = None


class Page(msgspec.Struct):
    """The envelope."""

    success: bool
    result: Result


class Device(msgspec.Struct):
    """The part of a device that is printed."""

    serial_number: str | None = None


class Connector(msgspec.Struct):
    """The part of a connector that is printed."""

    id: str
    notes: str | None = None
    device: Device | None = None


class Listing(msgspec.Struct):
    """The envelope of List Connectors."""

    result: list[Connector]


class Record(msgspec.Struct):
    """What is printed for an event."""

    id: str
    time: str
    account: str
    connector: str
    name: str
    serial: str
    k: str
    level: str
    t: int
    n: int
    a: int
    seen: float
    late: bool


async def read(base: str, account: str, token: str, start: int, end: int) -> list[bytes]:
    """Read everything and give the sorted records."""
    found: dict[tuple[str, int, int], tuple[Connector, Row, float]] = {}
    pages = msgspec.json.Decoder(Page)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        root = f"{base}/accounts/{account}/magic/connectors"
        async with session.get(root) as answer:
            connectors = msgspec.json.decode(await answer.read(), type=Listing).result
        waiting = list(connectors)

        async def worker() -> None:
            while waiting:
                connector = waiting.pop()
                url = f"{root}/{connector.id}/telemetry/events"
                query = {"from": str(start), "to": str(end), "limit": "1000"}
                while True:
                    async with session.get(url, params=query) as answer:
                        page = pages.decode(await answer.read()).result
                    seen = time.time()
                    for row in page.items:
                        found[connector.id, row.t, row.n] = (connector, row, seen)
                    if not page.cursor:
                        break
                    query["cursor"] = page.cursor

        await asyncio.gather(*(worker() for _ in range(WORKERS)))
    encode = msgspec.json.Encoder().encode
    lines = []
    for _key, (connector, row, seen) in sorted(
        found.items(), key=lambda item: (item[0][1], item[0][0], item[0][2])
    ):
        serial = (connector.device.serial_number if connector.device else None) or ""
        lines.append(
            encode(
                Record(
                    id=f"{account}/{connector.id}/{row.t}.{row.n}",
                    time=datetime.fromtimestamp(row.t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    account=account,
                    connector=connector.id,
                    name=(connector.notes or "").partition("\n")[0].strip() or serial or connector.id,
                    serial=serial,
                    k=row.k,
                    level=level_of(row.k),
                    t=row.t,
                    n=row.n,
                    a=row.a,
                    seen=seen,
                    late=False,
                )
            )
        )
    return lines


def main() -> None:
    """Print all records."""
    base, account, token, start, end = sys.argv[1:]
    lines = asyncio.run(read(base, account, token, int(start), int(end)))
    sys.stdout.buffer.write(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()
