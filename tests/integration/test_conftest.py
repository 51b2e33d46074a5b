"""The nets that all other tests rely on hold."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses
from blockbuster import BlockingError

import tailer.core.durations


def _block_in_tailer() -> None:
    """Sleep in a frame that looks like one of the product's own."""
    beside = Path(tailer.core.durations.__file__).with_name("imagined.py")
    exec(compile("sleep(0)", str(beside), "exec"), {"sleep": time.sleep})  # noqa: S102 - our own text


async def test_a_blocking_call_is_refused_and_noted(blocking_calls: list[str]) -> None:
    """A call that blocks the loop beneath our code raises, and stays on record when it is caught."""
    with pytest.raises(BlockingError):
        _block_in_tailer()
    assert len(blocking_calls) == 1
    assert "Blocking call to time.sleep" in blocking_calls[0]
    assert "imagined.py" in blocking_calls[0]
    blocking_calls.clear()


async def test_a_thread_may_block(blocking_calls: list[str]) -> None:
    """The same call in a worker thread is nobody's trouble."""
    await asyncio.to_thread(_block_in_tailer)
    assert blocking_calls == []


async def test_a_mocked_answer_arrives(mocked_api: aioresponses) -> None:
    """A mocked API answers through the current aiohttp, from a list and from a callback alike."""
    mocked_api.get("http://127.0.0.1/listed", payload={"success": True}, headers={"cf-ray": "1"})
    mocked_api.get(
        "http://127.0.0.1/called", callback=lambda *_, **__: CallbackResult(status=503, body="down")
    )
    async with aiohttp.ClientSession() as session:
        async with session.get("http://127.0.0.1/listed") as listed:
            assert (await listed.json(), listed.headers["cf-ray"]) == ({"success": True}, "1")
        async with session.get("http://127.0.0.1/called") as called:
            assert (called.status, await called.text()) == (503, "down")
