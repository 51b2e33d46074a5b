"""Both journals keep the shipped contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tailer.interfaces import Journal
from tailer.journal.memory import MemoryJournal
from tailer.journal.sqlite import SqliteJournal
from tailer.testing.journal_contract import JournalContract, OpenJournal


class TestJournalContract(JournalContract):
    """The suite, with a tail in memory that serves everything, some, and nothing."""

    @pytest.fixture(params=["memory", "sqlite", "sqlite with a short tail", "sqlite without a tail"])
    async def open_journal(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> AsyncIterator[OpenJournal]:
        """Give what opens a journal on the test's own storage."""
        tails = {"sqlite": 100_000, "sqlite with a short tail": 5, "sqlite without a tail": 0}
        opened: list[Journal] = []

        async def open_one() -> Journal:
            journal: Journal
            if request.param == "memory":
                journal = MemoryJournal()
            else:
                journal = SqliteJournal(tmp_path / "j.db", pace=0.0, tail_events=tails[request.param])
            await journal.open()
            opened.append(journal)
            return journal

        yield open_one
        for journal in opened:
            await journal.close()
