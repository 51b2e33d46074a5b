"""The package's own tests: the contract that every sink of tailer keeps (``pytest contract.py``)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from tailer_sink_folder import FolderSink

from tailer.interfaces import Sink
from tailer.observe import ignore
from tailer.sinks.options import SinkContext
from tailer.testing.sink_contract import SinkContract, SinkPlace


class FolderPlace:
    """A folder that can be away, and whose files can be in the way."""

    exactly_once = False
    can_fail_open = True

    def __init__(self, root: Path) -> None:
        self._folder = root / "events"
        self._folder.mkdir()
        self._away = root / "away"

    def build(self) -> Sink:
        context = SinkContext("folder", io.BytesIO(), {}, ignore)
        return FolderSink(FolderSink.Config(folder=self._folder), context)

    def held(self) -> Sequence[str]:
        lines = [line for path in self._folder.glob("*.log") for line in path.read_text().splitlines()]
        rows = sorted((float(t), float(n), one) for t, n, _, one in map(str.split, lines))
        return [one for _, _, one in rows]

    def fail(self) -> None:
        self._folder.rename(self._away)

    def mend(self) -> None:
        self._away.rename(self._folder)

    fail_open = fail
    mend_open = mend


class TestFolderSink(SinkContract):
    """Every test of the suite runs for this sink."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> SinkPlace:
        """A new folder for each test."""
        return FolderPlace(tmp_path)
