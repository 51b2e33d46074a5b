"""What remembering an event costs: bytes a key, and microseconds to add and to look up.

Usage: ``python tests/benchmarks/keys.py [--keys 1000000]``
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc

from tailer.core.keys import KeySet
from tailer.model import Event

PAGE = 1000
START = 1_790_000_000


def page_of(first: int) -> list[Event]:
    """Make a page of events, three a second."""
    return [
        Event(t=START + number // 3, n=number % 3, k="Reconcile", a=START + number // 3 + 1)
        for number in range(first, first + PAGE)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=1_000_000)
    count = parser.parse_args().keys
    gc.disable()
    tracemalloc.start()
    keys = KeySet()
    before, _ = tracemalloc.get_traced_memory()
    for first in range(0, count, PAGE):
        keys.add(page_of(first), START + 2.0 * count)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    again = KeySet()
    spent = 0.0
    for first in range(0, count, PAGE):
        page = page_of(first)
        started = time.perf_counter()
        again.add(page, START + 2.0 * count)
        spent += time.perf_counter() - started
    started = time.perf_counter()
    for first in range(0, count, PAGE):
        again.within(START + first // 3, START + (first + PAGE) // 3)
    looked = time.perf_counter() - started
    print(
        f"{count} keys: {(after - before) / count:.1f} bytes a key, {spent / count * 1e6:.2f} us to add one, "
        f"{looked / count * 1e6:.2f} us to look one up in a page of {PAGE}"
    )


if __name__ == "__main__":
    main()
