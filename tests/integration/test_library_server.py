from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

import tailer
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import serve

tailer.open  # noqa: B018 - the first look at the window imports the house, which no loop should wait for

CONFIG = """
[[accounts]]
id = "{server.account}"
token_env = "CLOUDFLARE_API_TOKEN"
[api]
base_url = "{server.base_url}"
[journal]
path = "tailer.db"
"""


def simulator() -> SimulatorOptions:
    """A small fleet with ten minutes of history."""
    return SimulatorOptions(connectors=2, history=600.0)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine's takes part."""
    settings = ("API_BASE_URL", "EMAIL", "API_KEY", "API_TOKEN", "ACCOUNT_ID", "BASE_URL")
    for name in (*(f"CLOUDFLARE_{one}" for one in settings), "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


async def test_the_window_opens_on_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tailer.open` needs no file; it reads a finite span over HTTP and leaves nothing behind."""
    tasks, threads = asyncio.all_tasks(), threading.enumerate()
    async with serve(simulator(), time.time) as server:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", server.base_url)
        async with tailer.open(account=server.account, token=server.token, since="9m", follow=False) as tail:
            events = [event async for event in tail.events()]

    assert len(events) > 10
    assert [event.t for event in events] == sorted(event.t for event in events)
    assert len({event.id for event in events}) == len(events)
    assert asyncio.all_tasks() == tasks
    assert threading.enumerate() == threads


async def test_a_file_with_a_journal_goes_on_where_the_loop_broke_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over two openings with one file every event comes once, but the one not acknowledged."""
    threads = threading.enumerate()
    async with serve(simulator(), time.time) as server:
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.token)
        config = tmp_path / "config.toml"
        await asyncio.to_thread(config.write_text, CONFIG.format(server=server))
        first: list[str] = []
        async with tailer.open(config, since="9m", follow=False, order="connector") as tail:
            async for event in tail.events():
                first.append(event.id)
                if len(first) == 7:
                    break
        async with tailer.open(config, follow=False, order="connector") as tail:
            second = [event.id async for event in tail.events()]

    assert second[0] == first[-1]
    assert len(set(first + second)) == len(first) + len(second) - 1
    assert (tmp_path / "tailer.db").exists()
    assert [one for one in threading.enumerate() if "journal" in one.name] == []
    assert len(threading.enumerate()) <= len(threads) + 1  # this test's own for writing the file
