"""The list of gaps, from a journal that nobody has open."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tailer.core.progress import Checkpoint, Gap
from tailer.core.spans import Spans
from tailer.interfaces import Commit
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import ACCOUNT
from tests.e2e.program import Ended, run

Open = Callable[..., Awaitable[SqliteJournal]]

BEGIN = int(time.time()) - 7200


class Left(NamedTuple):
    """The command line after a daemon has ended."""

    config: Path

    def gaps(self, *arguments: str) -> Ended:
        """Run `tailer gaps` to its end."""
        return run(["gaps", "-c", self.config.name, *arguments], {}, self.config.parent)


@pytest.fixture
async def left(open_sqlite: Open, tmp_path: Path) -> Left:
    """What a daemon leaves: one connector read whole but for a second, one with a hole."""
    journal = await open_sqlite()
    claim = await journal.claim(ACCOUNT)
    oslo = Checkpoint(
        origin=BEGIN,
        floor=BEGIN - 1,
        covered=Spans(((BEGIN, BEGIN + 600), (BEGIN + 601, int(time.time()) + 60))),
        gaps=(Gap(BEGIN + 600, BEGIN + 601, "page cap"),),
    )
    lima = Checkpoint(origin=BEGIN, floor=BEGIN - 1, covered=Spans(((BEGIN, BEGIN + 3600),)))
    await journal.commit(claim, Commit(ACCOUNT, "a", oslo, name="Oslo"))
    await journal.commit(claim, Commit(ACCOUNT, "b", lima, name="Lima\x1b[31m"))
    await journal.close()
    config = tmp_path / "tailer.toml"
    await asyncio.to_thread(config.write_text, '[journal]\npath = "j.db"\n')
    return Left(config)


async def test_gaps_are_listed_without_a_daemon(left: Left) -> None:
    """Connector, bounds, length, state and reason of each, the totals, and where that comes from."""
    code, out, err = await asyncio.to_thread(left.gaps)
    titles, oslo, lima, totals = out.splitlines()
    assert code == 0
    assert titles.split() == ["CONNECTOR", "FROM", "TO", "LENGTH", "STATE", "REASON"]
    assert oslo.startswith("Oslo ")
    assert " 1s " in oslo
    assert oslo.endswith("lost   page cap")
    assert lima.startswith("Lima\\u001b[31m ")
    assert lima.endswith("open   not yet read")
    assert totals.startswith("2 gaps of 2 of 2 connectors: 1 open (1h")
    assert totals.endswith("), 1 lost (1s)")
    assert "no daemon runs" in err


async def test_a_span_is_judged_by_the_exit_code(left: Left) -> None:
    """With --check the code is 4 if the asked span has a gap, and only then."""
    hole = ("--since", str(BEGIN + 3600), "--check")
    whole = ("--since", str(BEGIN), "--until", str(BEGIN + 600), "--check")
    code, out, _ = await asyncio.to_thread(left.gaps, "oslo", "--check")
    assert (code, "page cap" in out) == (4, True)
    assert (await asyncio.to_thread(left.gaps, *hole))[0] == 4
    assert (await asyncio.to_thread(left.gaps, "Oslo", *hole))[:2] == (0, "No gaps: 1 connector\n")
    assert (await asyncio.to_thread(left.gaps, *whole))[:2] == (0, "No gaps: 2 connectors\n")


async def test_programs_get_one_line(left: Left) -> None:
    """As JSON: the gaps cut to the asked span, and the totals."""
    since, until = BEGIN + 3500, BEGIN + 3700
    code, out, err = await asyncio.to_thread(
        left.gaps, "--since", str(since), "--until", str(until), "--json"
    )
    told = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert (told["since"], told["until"], told["open"], told["open_seconds"]) == (since, until, 1, 100)
    (gap,) = told["gaps"]
    assert (gap["connector"], gap["start"], gap["end"], gap["state"]) == ("b", BEGIN + 3600, until, "open")


async def test_a_name_that_means_nobody_is_a_mistake(left: Left) -> None:
    """Nobody takes an empty answer about a mistyped name for good news."""
    code, _, err = await asyncio.to_thread(left.gaps, "Osla")
    assert (code, "no connector is called 'Osla'" in err) == (2, True)


async def test_a_span_without_seconds_is_a_mistake(left: Left) -> None:
    """The ends of a span in the wrong order are told."""
    code, _, err = await asyncio.to_thread(left.gaps, "--since", "1h", "--until", "2h")
    assert (code, "--until" in err) == (2, True)


async def test_what_is_open_can_be_dropped(left: Left) -> None:
    """Without a daemon the journal is owned for it: what was open is lost then, of whom it was asked only."""
    until = str(BEGIN + 5400)
    code, out, _ = await asyncio.to_thread(left.gaps, "--drop", "lima*", "--until", until)
    assert (code, "lost   dropped" in out) == (0, True)
    assert out.endswith("Dropped: 1 gap (30m) of 1 connector\n")
    told = json.loads((await asyncio.to_thread(left.gaps, "--json"))[1])
    assert [(gap["connector"], gap["start"], gap["state"], gap["reason"]) for gap in told["gaps"]] == [
        ("a", BEGIN + 600, "lost", "page cap"),
        ("b", BEGIN + 3600, "lost", "dropped"),
        ("b", BEGIN + 5400, "open", "not yet read"),
    ]
    code, out, _ = await asyncio.to_thread(left.gaps, "--drop", "--until", until)
    assert (code, out) == (0, "Nothing to drop: 2 connectors without an open gap there\n")


async def test_nothing_is_dropped_by_mistake(left: Left) -> None:
    """Whoever drops says of whom, or of when."""
    code, _, err = await asyncio.to_thread(left.gaps, "--drop")
    assert (code, "name connectors" in err) == (2, True)
    assert "open" in (await asyncio.to_thread(left.gaps))[1]


async def test_names_are_completed_from_the_journal(left: Left) -> None:
    """Whoever looks for gaps needs no API for a Tab; a file that can't be read gives nothing."""
    for command in ("gaps", "fill"):
        for file, names in ((str(left.config), ["Oslo"]), ("nowhere.toml", [])):
            words = f"tailer {command} -c {file}"
            variables = {"_TAILER_COMPLETE": "fish_complete", "COMP_WORDS": words, "COMP_CWORD": "Os"}
            code, out, err = await asyncio.to_thread(run, [], variables, left.config.parent)
            found = [line.partition(",")[2].partition("\t")[0] for line in out.splitlines() if line]
            assert (code, found, err) == (0, names, "")
