"""The exec sink's promises: a program gets every event, and says what it has, whatever else it does."""

import json
import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from tailer.errors import SinkRejectedError, SinkUnavailableError
from tailer.interfaces import Resume
from tailer.observe import Report
from tailer.sinks.exec import program
from tailer.sinks.exec.sink import ExecSink
from tailer.sinks.exec.words import MAX_LINES, ProgramEnded, ProgramSpoke
from tailer.sinks.options import SinkContext
from tailer.testing.rejection_contract import RejectionContract
from tailer.testing.sink_contract import SinkContract, ids_of, make_batch

KEEPER = Path(__file__).parents[1] / "data" / "programs" / "keeper.py"
ENVIRON = {"PATH": os.environ["PATH"], "CLOUDFLARE_API_TOKEN": "hush", "MINE": "yes"}


@pytest.fixture(autouse=True)
def _no_child_left() -> Iterator[None]:
    """Whatever becomes of a sink, its program is gone when it is closed."""
    before = set(psutil.Process().children(recursive=True))  # servers of other tests' may run
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    for child in left:
        child.kill()
    assert not left


@pytest.fixture
def reports() -> list[Report]:
    """Give what the sinks of a test have told."""
    return []


def make(reports: list[Report], code: str, **options: Any) -> ExecSink:
    """Build a sink whose program is some Python code."""
    config = ExecSink.Config(command=(sys.executable, "-SEuc", code), **options)
    return ExecSink(config, SinkContext("mine", BytesIO(), ENVIRON, reports.append))


ECHO = "import sys, json\nfor line in sys.stdin: print(json.loads(line)['id'])"
"""Acknowledges everything."""

CHILD = f"import time; time.sleep(600)  # of {os.getpid()}"
"""What a program leaves behind; others may run the same test at the same time."""


class _Place:
    """A program that keeps events in a file, and can be broken, missing, or refuse some."""

    exactly_once = False
    can_fail_open = True

    def __init__(self, folder: Path, acknowledge: str) -> None:
        self._folder = folder
        self._program = folder / "keeper"
        self._program.write_text(f"#!{sys.executable} -SE\n{KEEPER.read_text()}")
        self._program.chmod(0o700)
        words = ["./keeper", str(folder), *(["batch"] if acknowledge == "exit" else [])]
        self._options: Any = {"command": (*words,), "acknowledge": acknowledge, "folder": folder}

    def build(self) -> ExecSink:
        return ExecSink(
            ExecSink.Config(**self._options), SinkContext("mine", BytesIO(), ENVIRON, lambda _: None)
        )

    def held(self) -> Sequence[str]:
        kept = self._folder / "kept.jsonl"
        records = map(json.loads, kept.read_text().splitlines() if kept.exists() else ())
        return [record["id"] for record in records if record["k"] != "tailer.Watermark"]

    def fail(self) -> None:
        self._folder.joinpath("broken").touch()

    def mend(self) -> None:
        self._folder.joinpath("broken").unlink()

    def fail_open(self) -> None:
        self._program.rename(self._folder / "away")

    def mend_open(self) -> None:
        self._folder.joinpath("away").rename(self._program)

    def reject(self, ids: Collection[str]) -> None:
        self._folder.joinpath("refused").write_text("\n".join(ids))


@pytest.mark.parametrize("acknowledge", ["line", "exit"])
class TestExecSink(SinkContract, RejectionContract):
    """The sink goes through every test of the suites, in both ways of acknowledging."""

    @pytest.fixture
    def place(self, tmp_path: Path, acknowledge: str) -> _Place:
        """Make a place whose program keeps nothing yet."""
        return _Place(tmp_path, acknowledge)


async def test_only_what_was_not_acknowledged_comes_again(reports: list[Report], tmp_path: Path) -> None:
    """A program that dies half-way gets the other half at its next start, and the log says why."""
    seen = tmp_path / "seen"
    code = (
        f"import sys, json\nseen = open({str(seen)!r}, 'a')\n"
        "for n, line in enumerate(sys.stdin):\n"
        "    if n == 3: sys.exit('out of luck')\n"
        "    print(line.strip(), file=seen, flush=True); print(json.loads(line)['id'])\n"
    )
    sink = make(reports, code)
    await sink.open(Resume(0, None))
    for _ in range(2):
        with pytest.raises(SinkUnavailableError, match=r"ended with exit code 1 .*: out of luck"):
            await sink.write(make_batch(1, 8))
    await sink.write(make_batch(1, 8))
    await sink.close()
    assert [json.loads(line)["id"] for line in seen.read_text().splitlines()] == ids_of(make_batch(1, 8))


async def test_half_an_id_acknowledges_nothing(reports: list[Report]) -> None:
    """A last line without its end may be the beginning of another id, so it does not count."""
    code = "import sys, json\nsys.stdout.write(json.loads(sys.stdin.readline())['id'])"
    sink = make(reports, code)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match="ended with exit code 0 before it had acknowledged"):
        await sink.write(make_batch(1, 1))
    await sink.close()


async def test_a_program_that_hangs_is_ended(reports: list[Report], monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent for longer than the timeout, it and what it started are killed, though it ignores SIGTERM."""
    monkeypatch.setattr(program, "TERM_PATIENCE", 0.1)
    code = (
        "import signal, subprocess, sys, time\nsignal.signal(15, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-Sc', {CHILD!r}])\ntime.sleep(600)"
    )
    sink = make(reports, code, timeout=0.3)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match="has acknowledged nothing for"):
        await sink.write(make_batch(1, 1))
    assert not _living_children()
    await sink.close()


async def test_a_batchs_program_that_hangs_is_ended(reports: list[Report]) -> None:
    """The same where a program is started for each batch: SIGTERM is enough, its exit code says nothing."""
    code = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(0))\ntime.sleep(600)"
    sink = make(reports, code, acknowledge="exit", timeout=0.3)
    await sink.open(Resume(0, None))
    with pytest.raises(SinkUnavailableError, match="has not ended within"):
        await sink.write(make_batch(1, 1))
    assert not _living_children()
    await sink.close()


async def test_timeout_counts_from_the_last_acknowledgement(reports: list[Report]) -> None:
    """A slow program has the timeout for each event, not for the batch."""
    code = "import sys, json, time\nfor line in sys.stdin: time.sleep(0.1); print(json.loads(line)['id'])"
    sink = make(reports, code, timeout=0.7)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 12))
    await sink.close()


async def test_the_end_of_input_ends_it(reports: list[Report], tmp_path: Path) -> None:
    """Closed, the sink lets its program finish what it wants to finish."""
    done = tmp_path / "done"
    sink = make(reports, f"{ECHO}\nimport time; time.sleep(0.2); open({str(done)!r}, 'w')")
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 3))
    await sink.close()
    assert done.exists()
    assert reports == []


async def test_cancelled_in_a_batch_it_is_told_to_stop(reports: list[Report], tmp_path: Path) -> None:
    """A program that is given up in the middle of a batch must not take the end of its input for all."""
    told = tmp_path / "told"
    code = (
        "import signal, sys, time\n"
        f"signal.signal(15, lambda *_: (open({str(told)!r}, 'w'), sys.exit(0)))\n"
        "print('ready', file=sys.stderr)\nfor line in sys.stdin: pass\ntime.sleep(600)"
    )
    sink = make(reports, code, acknowledge="exit")
    await sink.open(Resume(0, None))
    async with anyio.create_task_group() as group:
        group.start_soon(sink.write, make_batch(1, 2))
        await _news(reports)
        group.cancel_scope.cancel()
    await sink.close()
    assert told.exists()


async def test_one_that_ends_between_batches_is_started_again(reports: list[Report]) -> None:
    """It is told of once, and the next batch finds another one."""
    code = "import sys, json\nprint(json.loads(sys.stdin.readline())['id'])\nsys.stdin.readline()"
    sink = make(reports, code)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 1))
    child = psutil.Process().children()[0]
    child.send_signal(signal.SIGKILL)
    await _news(reports)
    assert reports == [ProgramEnded("mine", "was killed by SIGKILL")]
    await sink.write(make_batch(2, 2))
    await sink.close()


async def test_it_gets_none_of_our_variables(reports: list[Report]) -> None:
    """Tokens stay with us; what is listed goes along."""
    code = (
        "import os, sys, json\nfor line in sys.stdin:\n"
        "    print(json.loads(line)['id'] + '\\t' + json.dumps(dict(os.environ)))"
    )
    sink = make(reports, code, environment=("MINE",))
    await sink.open(Resume(0, None))
    with pytest.raises(SinkRejectedError) as caught:
        await sink.write(make_batch(1, 1))
    await sink.close()
    assert json.loads(caught.value.rejected[0]).keys() - {"LC_CTYPE"} == {"PATH", "MINE"}


async def test_what_it_says_is_logged_within_bounds(reports: list[Report]) -> None:
    """A flood on standard error blocks nothing, and so much of it is logged; so are lines that are no ids."""
    code = f"import sys\nprint('hello')\nfor n in range(3000): print('x ' * 5000, n, file=sys.stderr)\n{ECHO}"
    sink = make(reports, code)
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 5))
    await sink.close()
    lines = [report.line for report in reports if isinstance(report, ProgramSpoke)]
    assert "hello" in lines
    assert len(lines) == MAX_LINES
    assert max(map(len, lines)) <= 500


async def test_standard_input_can_be_opened_by_name(reports: list[Report], tmp_path: Path) -> None:
    """It is a pipe, as a shell would make it."""
    copy = tmp_path / "copy"
    config = ExecSink.Config(command=("cp", "/dev/stdin", str(copy)), acknowledge="exit")
    sink = ExecSink(config, SinkContext("mine", BytesIO(), ENVIRON, reports.append))
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 3))
    await sink.close()
    assert [json.loads(line)["id"] for line in copy.read_text().splitlines()] == ids_of(make_batch(1, 3))


@pytest.mark.parametrize("acknowledge", ["line", "exit"])
async def test_each_start_has_the_header(reports: list[Report], tmp_path: Path, acknowledge: Any) -> None:
    """CSV begins with its header whenever the program begins."""
    copy = tmp_path / "copy"
    code = (
        f"import sys\ncopy = open({str(copy)!r}, 'a')\n"
        "for line in sys.stdin: copy.write(line); copy.flush(); print(line.split(',')[0])"
    )
    sink = make(reports, code, acknowledge=acknowledge, format="csv")
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 1))
    await sink.write(make_batch(2, 2))
    await sink.close()
    first = [line.split(",")[0] for line in copy.read_text().splitlines()]
    one, two = ids_of(make_batch(1, 2))
    assert first == (["id", one, two] if acknowledge == "line" else ["id", one, "id", two])


async def test_a_program_that_reads_nothing_may_accept(reports: list[Report]) -> None:
    """Where the exit code decides, nothing else does, even if far more was sent than a pipe holds."""
    sink = make(reports, "", acknowledge="exit")
    await sink.open(Resume(0, None))
    await sink.write(make_batch(1, 5000))
    await sink.close()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"command": ("no-such-program",)}, '"no-such-program" is not found along PATH'),
        ({"command": ("./none",)}, '"./none" is no program that this user may start'),
        ({"command": ("/etc/passwd",)}, '"/etc/passwd" is no program that this user may start'),
        ({"command": ("true",), "folder": Path("/no/such")}, "there is no folder /no/such"),
    ],
)
async def test_what_can_not_be_started_is_named(
    reports: list[Report], options: dict[str, Any], reason: str
) -> None:
    """A check says what to correct; so does a start, which is tried again for ever."""
    sink = ExecSink(ExecSink.Config(**options), SinkContext("mine", BytesIO(), ENVIRON, reports.append))
    for attempt in (sink.check, lambda: sink.open(Resume(0, None))):
        with pytest.raises(SinkUnavailableError) as caught:
            await attempt()
        assert reason in str(caught.value)
    await sink.close()


async def test_a_file_that_is_no_program_is_named(reports: list[Report], tmp_path: Path) -> None:
    """What only the kernel finds out is told in a sentence too."""
    tmp_path.joinpath("odd").write_bytes(b"\0")
    tmp_path.joinpath("odd").chmod(0o700)
    config = ExecSink.Config(command=("./odd",), folder=tmp_path)
    sink = ExecSink(config, SinkContext("mine", BytesIO(), ENVIRON, reports.append))
    with pytest.raises(SinkUnavailableError, match="can't be started: "):
        await sink.open(Resume(0, None))
    await sink.close()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"command": ("a", "b\0")}, "NUL"),
        ({"command": ("a",), "format": "template", "template": "{k}"}, "add {id}"),
        ({"command": ("a",), "format": "template"}, "needs a template"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], reason: str) -> None:
    """Each is refused with a sentence."""
    with pytest.raises(ValueError, match=reason):
        ExecSink.Config(**options)


async def _news(reports: list[Report]) -> None:
    """Wait for the first report."""
    while not reports:  # noqa: ASYNC110 - it comes from another process
        await anyio.sleep(0.01)


def _living_children() -> list[psutil.Process]:
    """Give those that still run; who has lost its parent is looked for by its own code."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if one.info["cmdline"] and one.info["cmdline"][-1] == CHILD
    ]
