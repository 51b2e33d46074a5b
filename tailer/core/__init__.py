"""The thinking: every decision the product takes, as plain functions of plain values.

Nothing here waits, reads a clock, opens anything or logs: no ``asyncio``, ``anyio``, ``aiohttp``,
``sqlite3``, ``time`` or ``logging`` (import-linter checks it). The present comes in as the argument
``now``, a decision goes out as a value, and ``pipeline`` acts on it. That is why this floor is tested
without a patch, with small integers as times, and to the last branch.

Import the module that owns a name; this file re-exports nothing.
"""
