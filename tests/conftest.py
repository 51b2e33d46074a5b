"""What every test gets: Hypothesis profiles, a watch over the event loop, an API without a server."""

import asyncio
import os
import signal
import traceback
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import aioresponses.core
import blockbuster.blockbuster
import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses as MockedApi  # noqa: N812 - a class, whatever its name says
from hypothesis import settings
from yarl import URL

# "ci" does the same on every run and machine: no seed of its own, no stopwatch, nothing kept on disk.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=60)
# "traced" is for measuring which branches are reached, where each example takes several times as long.
settings.register_profile("traced", settings.get_profile("ci"), max_examples=30)
settings.register_profile("local", deadline=None, max_examples=100)
settings.load_profile("ci" if os.environ.get("CI") else "local")


_LEAST_WORKERS = 4
"""Many of the tests wait more than they work, so that they are more than one core can have at a time."""


def pytest_configure() -> None:
    """Say that the main thread has no event loop, or looptime makes one in a plain test and leaves it open.

    Its hook asks ``policy.get_event_loop()``, which creates a loop as long as nobody has set one. And heed
    Ctrl-C: whoever is started in a shell's background ignores it, and so would the programs under test.
    """
    asyncio.set_event_loop(None)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread the whole suite over processes, most of which wait; some files alone run in this one."""
    is_whole = config.args == config.getini("testpaths")
    return max(_LEAST_WORKERS, os.cpu_count() or 1) if is_whole else 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that campaigns have noted by ``record_property("figures", ...)``."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


@pytest.fixture(scope="session")
def _blocking_calls() -> Iterator[list[str]]:
    """Refuse calls that block a running event loop with our code on the stack, and note where.

    Noting them matters: the pipeline survives nearly every exception, so a refusal alone could pass
    for one more bad answer. SQLite and files are used in threads, where no loop runs; there they are free.
    """
    noted: list[str] = []

    class NotedBlockingError(blockbuster.BlockingError):
        def __init__(self, func: str) -> None:
            super().__init__(func)
            noted.append(f"{self}\n{''.join(traceback.format_stack(limit=12)[:-2])}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockbuster.blockbuster, "BlockingError", NotedBlockingError)
        with blockbuster.blockbuster_ctx("tailer"):
            yield noted


@pytest.fixture(autouse=True)
def blocking_calls(_blocking_calls: list[str]) -> Iterator[list[str]]:
    """Fail a test in which code of ours blocked the event loop, even if something caught the error.

    The value lists the calls so far, for the test of this very fixture.
    """
    _blocking_calls.clear()
    yield _blocking_calls
    if _blocking_calls:
        pytest.fail("\n".join(_blocking_calls), pytrace=False)


class _WriterlessResponse(ClientResponse):
    """A response that nothing was written for: aioresponses 0.7.9 does not know ``stream_writer`` yet.

    Source: pnuckowski/aioresponses#289, aiohttp 3.14 made the argument compulsory.
    """

    def __init__(self, method: str, url: URL, **options: Any) -> None:
        super().__init__(method, url, stream_writer=Mock(output_size=0), **options)


@pytest.fixture
def mocked_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockedApi]:
    """Answer every request of aiohttp's client from a list, without a socket."""
    monkeypatch.setattr(aioresponses.core, "ClientResponse", _WriterlessResponse)
    with MockedApi() as api:
        yield api
