from pathlib import Path

import msgspec
import pytest

from tailer.simulator.fleet import build_fleet
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.shelf import Event
from tailer.simulator.truth import Ledger, append, read_known

CONNECTOR = build_fleet(SimulatorOptions(), 0.0)[0]


def ledger_of(*visible: float, known: set[tuple[str, float, float]] | None = None) -> Ledger:
    """A ledger that has witnessed one event for each visible_at, its t being the same."""
    ledger = Ledger(known or set())
    for at in visible:
        ledger.witness(CONNECTOR, Event(a=at, k="Init", n=0, t=at), at)
    return ledger


def test_events_are_handed_over_once_when_visible() -> None:
    """Each event is handed over once, when it is visible, in the order of becoming so."""
    ledger = ledger_of(30, 10, 20)
    assert [line.t for line in ledger.collect(9)] == []
    assert [line.t for line in ledger.collect(20)] == [10, 20]
    assert [line.t for line in ledger.collect(99)] == [30]
    assert ledger.collect(99) == []


def test_restart_adds_only_what_is_missing(tmp_path: Path) -> None:
    """With the same file again, events that are in it already are not repeated."""
    path = tmp_path / "truth.jsonl"
    append(path, ledger_of(1, 2).collect(2))
    append(path, ledger_of(1, 2, 3.5, known=read_known(path)).collect(9))
    rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert [row["t"] for row in rows] == [1, 2, 3.5]
    assert rows[0] == {"connector": CONNECTOR.id, "t": 1, "n": 0, "k": "Init", "a": 1, "visible_at": 1}


def test_torn_line_is_cut_off(tmp_path: Path) -> None:
    """A last line that was not written whole is cut off, and its event counts as missing."""
    path = tmp_path / "truth.jsonl"
    append(path, ledger_of(1, 2).collect(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert read_known(path) == {(CONNECTOR.id, 1, 0)}
    append(path, ledger_of(2, known=read_known(path)).collect(2))
    assert path.read_bytes() == whole


def test_missing_file_knows_nothing(tmp_path: Path) -> None:
    """A file that is not there yet holds no events."""
    assert read_known(tmp_path / "none.jsonl") == set()


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    """A file with something else in it is refused by its name, and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not truth\n")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        read_known(path)
    assert path.read_text() == "not truth\n"
