import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import pytest

from tests.e2e.program import TOKEN, Ended, run, run_here, simulator, started

ACCOUNT = '[[accounts]]\nid = "023e105f4ecef8ad9ca31a8372d0c353"\n'
JOURNAL = '[journal]\npath = "tailer.db"\n'
SINK = '[[sinks]]\ntype = "file"\npath = "events.jsonl"\n'
GOOD = ACCOUNT + JOURNAL + SINK


Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str], Path], Ended]


class Case(NamedTuple):
    """One mistake: what is typed and written, and what must be answered; an empty variable is not set."""

    arguments: str
    code: int
    sentence: str
    config: str = GOOD
    variables: Mapping[str, str] = MappingProxyType({})


FILE_CASES = {
    "unknown key": Case(
        "run -c c.toml",
        2,
        'polling.intervall: is no option; did you mean "interval"?',
        GOOD + "[polling]\nintervall = '5s'",
    ),
    "wrong type": Case(
        "run -c c.toml", 2, "api.page_limit: must be a whole number", GOOD + "[api]\npage_limit = 'many'"
    ),
    "duration without unit": Case("run -c c.toml", 2, "'5' has no unit", GOOD + "[polling]\ninterval = 5"),
    "wrong time": Case(
        "run -c c.toml",
        2,
        "polling.start: 'yesterday' is not a time",
        GOOD + "[polling]\nstart = 'yesterday'",
    ),
    "no token": Case(
        "run -c c.toml", 2, "variable CLOUDFLARE_API_TOKEN is not set", variables={"CLOUDFLARE_API_TOKEN": ""}
    ),
    "token as name of its variable": Case(
        "run -c c.toml",
        2,
        "not the secret itself",
        ACCOUNT + f"token_env = '{TOKEN.replace('-', '_')}'\n" + JOURNAL + SINK,
    ),
    "unreadable token file": Case(
        "run -c c.toml",
        2,
        "gone.txt can't be read: No such file or directory",
        ACCOUNT + "token_file = 'gone.txt'\n" + JOURNAL + SINK,
    ),
    "token file with more in it": Case(
        "run -c c.toml", 2, "token.txt holds space", ACCOUNT + "token_file = 'token.txt'\n" + JOURNAL + SINK
    ),
    "unknown sink": Case(
        "run -c c.toml",
        2,
        'sinks[0].type: no sink is called "flie"; did you mean "file"?',
        ACCOUNT + JOURNAL + "[[sinks]]\ntype = 'flie'",
    ),
    "no sink": Case("run -c c.toml", 2, 'write [[sinks]] type = "file"', ACCOUNT + JOURNAL),
    "no journal": Case("run -c c.toml", 2, 'write [journal] path = "tailer.db"', ACCOUNT + SINK),
    "password in the address": Case(
        "run -c c.toml", 2, "must have no user", GOOD + f"[api]\nbase_url = 'https://u:{TOKEN}@example.com'"
    ),
    "plain http": Case(
        "run -c c.toml",
        2,
        "would send the token unencrypted to example.com",
        variables={"CLOUDFLARE_BASE_URL": "http://example.com"},
    ),
    "no TOML": Case("run -c c.toml", 2, "c.toml: is not valid TOML", GOOD + "[polling"),
    "no file": Case("run -c gone.toml", 2, "gone.toml: can't be read: No such file or directory"),
    "a folder as file": Case("run -c .", 2, "can't be read: Is a directory"),
    "no config": Case("run", 2, "Missing option '-c' / '--config'"),
    "check: probe offline": Case("check --probe --offline", 2, "give one of the two"),
    "check: connector without probe": Case("check --connector x", 2, "add --probe"),
    "connectors: no account": Case(
        "connectors", 2, "export CLOUDFLARE_ACCOUNT_ID", variables={"CLOUDFLARE_ACCOUNT_ID": ""}
    ),
    "kinds: unknown kind": Case("kinds Leav", 2, "did you mean Leave?"),
    "completion: unknown shell": Case("completion tcsh", 2, "'tcsh' is not one of"),
    "tail: no account": Case(
        "tail",
        2,
        "export CLOUDFLARE_ACCOUNT_ID, name it with --account",
        variables={"CLOUDFLARE_ACCOUNT_ID": ""},
    ),
    "tail: no token": Case(
        "tail", 2, "variable CLOUDFLARE_API_TOKEN is not set", variables={"CLOUDFLARE_API_TOKEN": ""}
    ),
    "tail: unreadable token file": Case("tail --token-file gone.txt", 2, "--token-file: token file"),
    "tail: wrong account": Case("tail --account a/b", 2, "--account: must be an id"),
    "tail: account not in the file": Case(
        "tail -c c.toml --account 023e", 2, 'the file has no "023e"; known here: 023e105f4ecef8ad'
    ),
    "tail: two sources of a token": Case("tail -c c.toml --token-file token.txt", 2, "give one of the two"),
    "tail: wrong time": Case("tail --since yesterday", 2, "'yesterday' is not a time"),
    "tail: wrong duration": Case("tail --interval 5", 2, "'5' has no unit; for seconds write '5s'"),
    "tail: interval out of bounds": Case("tail --interval 2h", 2, "'2h' is not from 100ms to 1h"),
    "tail: end before beginning": Case(
        "tail --since 5m --until 10m", 2, "--until: 10m is not after --since 5m"
    ),
    "tail: empty span": Case("tail --since now", 2, "add --follow, or go further back"),
    "tail: beginning in the future": Case(
        "tail -f --since 2100-01-01T00:00:00Z", 2, "--since: 2100-01-01T00:00:00Z lies in the future"
    ),
    "tail: unknown flag": Case("tail --folow", 2, "--follow"),
    "tail: wrong output": Case("tail -o yaml", 2, "'yaml' is not one of"),
    "start far in the future": Case(
        "run -c c.toml",
        2,
        "polling.start: '2900-01-01' lies in the future",
        GOOD + "[polling]\nstart = '2900-01-01'",
    ),
    "longest interval below the shortest": Case(
        "run -c c.toml",
        2,
        "polling.max_interval: 5m is shorter than the interval of 10m",
        GOOD + "[polling]\ninterval = '10m'\nmax_interval = '5m'",
    ),
    "share of nothing": Case(
        "run -c c.toml",
        2,
        "api.budget.share: must be a number, above 0, at most 1",
        GOOD + "[api.budget]\nshare = 0",
    ),
    "unreadable certificates": Case(
        "run -c c.toml", 2, "gone.pem can't be read: No such file", GOOD + "[api]\nca_file = 'gone.pem'"
    ),
    "journal below its least size": Case(
        "run -c c.toml",
        2,
        "journal.max_size: must be a size",
        GOOD.replace("[[sinks]]", "max_size = '1MB'\n[[sinks]]"),
    ),
    "remembering too little": Case(
        "run -c c.toml",
        2,
        "journal.max_keys: must be a whole number, from 100000",
        GOOD.replace("[[sinks]]", "max_keys = 7\n[[sinks]]"),
    ),
    "service: no port": Case(
        "run -c c.toml",
        2,
        'service.listen: is no address and port; write for example "127.0.0.1:9464"',
        GOOD + "[service]\nlisten = '127.0.0.1'",
    ),
    "service: wrong port": Case(
        "run -c c.toml", 2, "ports go up to 65535", GOOD + "[service]\nlisten = '[::1]:99999'"
    ),
    "service: a name": Case(
        "run -c c.toml",
        2,
        "service.listen: must begin with an IP address of this machine or localhost",
        GOOD + "[service]\nlisten = 'example.com:9464'",
    ),
    "service: wrong log format": Case(
        "run -c c.toml",
        2,
        'service.log_format: must be "auto", "text" or "json"',
        GOOD + "[service]\nlog_format = 'xml'",
    ),
    "file: keeping without rotation": Case(
        "run -c c.toml",
        2,
        "keep_files has no effect without rotate_size or rotate_every",
        GOOD + "keep_files = 3",
    ),
    "file: unknown compression": Case(
        "run -c c.toml", 2, 'sinks[0].compress: must be "none" or "gzip"', GOOD + "compress = 'zip'"
    ),
    "file: template without fields": Case(
        "run -c c.toml", 2, "sinks[0].template: it has no field", GOOD + "template = 'x'"
    ),
    "two sinks of one name": Case("run -c c.toml", 2, '"file" is already used by sinks[0]', GOOD + SINK),
    "stdout: wrong expression": Case(
        "run -c c.toml",
        2,
        'sinks[0].highlight[0]: "(" is no regular expression',
        ACCOUNT + JOURNAL + "[[sinks]]\ntype = 'stdout'\nhighlight = ['(']",
    ),
    "stdout: wrong zone": Case(
        "run -c c.toml",
        2,
        'no time zone is called "Oslo"; did you mean Europe/Oslo?',
        ACCOUNT + JOURNAL + "[[sinks]]\ntype = 'stdout'\ntime_zone = 'Oslo'",
    ),
    "gaps: no config": Case("gaps", 2, "Missing option '-c' / '--config'"),
    "gaps: no journal": Case("gaps -c c.toml", 1, "tailer.db: `tailer run` makes it at its first start"),
    "gaps: wrong time": Case("gaps -c c.toml --since yesterday", 2, "'yesterday' is not a time"),
    "gaps: end before beginning": Case(
        "gaps -c c.toml --since 1h --until 2h", 2, "2h is not after --since 1h"
    ),
    "status: no journal": Case("status -c c.toml --json", 1, "there is no journal"),
    "status: journal in memory": Case(
        "status -c c.toml",
        2,
        "journal.path: a journal in memory is seen by nobody else",
        GOOD.replace("tailer.db", ":memory:"),
    ),
    "reload: no daemon": Case("reload -c c.toml", 1, "no daemon runs: nobody listens at"),
    "reload: journal not named": Case(
        "reload -c c.toml", 2, 'write [journal] path = "tailer.db"', ACCOUNT + SINK
    ),
    "dead: unknown part": Case("dead lst", 2, "Did you mean 'list'?"),
    "dead: wrong output": Case("dead list -c c.toml -o yaml", 2, "'yaml' is not one of"),
    "dead: unknown id": Case(
        "dead retry -c c.toml 3f9a", 2, '"3f9a" is no dead letter\'s id; tailer dead list'
    ),
    "files: unknown file": Case("files nginx", 2, "'nginx' is not one of"),
    "files: no folder": Case("files systemd --out gone", 2, "'gone' does not exist"),
    "files: nothing to replace": Case("files systemd --force", 2, "--force goes with --out"),
    "completion: no shell": Case("completion", 2, "Choose from: bash, zsh, fish"),
    "backfill: no beginning": Case("backfill --out m.jsonl", 2, "Missing option '--since'"),
    "backfill: empty span": Case(
        "backfill --since now --out m.jsonl", 2, "there is nothing; go further back"
    ),
    "backfill: end in the future": Case(
        "backfill --since 1h --until 2900-01-01T00:00Z --out m.jsonl", 2, "a backfill reads what is over"
    ),
    "backfill: file that exists": Case(
        "backfill --since 1h --out c.toml", 2, "--out: c.toml exists already; name a new file"
    ),
    "backfill: folder that is used": Case("backfill --since 1h --out .", 2, "--out: . is not empty"),
    "backfill: no folder": Case(
        "backfill --since 1h --out gone/m.jsonl", 2, "its folder does not exist; make it"
    ),
    "backfill: share above all": Case(
        "backfill --since 1h --out m.jsonl --share 2", 2, "not in the range 0<x<=1"
    ),
    "backfill: share in words": Case(
        "backfill --since 1h --out m.jsonl --share half", 2, "'half' is not a valid number"
    ),
    "tail: wrong level": Case("tail --level loud", 2, "'loud' is not one of"),
    "tail: wrong expression": Case("tail --exclude [", 2, '"[" is no regular expression'),
    "tail: unknown field": Case("tail --template {nope}", 2, 'there is no field "nope"; known here: time'),
    "tail: two zones": Case("tail --utc --time-zone Europe/Oslo", 2, "choose one"),
    "tail: stdin and the API": Case("tail --stdin -f", 2, "--stdin asks no API, so --follow has no meaning"),
    "simulate: wrong port": Case("simulate --port 99999", 2, "--port must be at most 65535"),
    "demo: wrong duration": Case("demo --for 10", 2, "'10' has no unit"),
    "unknown command": Case("tial", 2, 'no such command: tial; did you mean "tail"?'),
}


@pytest.mark.parametrize("case", FILE_CASES.values(), ids=FILE_CASES.keys())
def test_mistake_is_one_sentence(case: Case, tmp_path: Path) -> None:
    """A mistake of the user ends in one sentence that says what to do, and the right exit code."""
    check(case, tmp_path)


AS_A_PROCESS = ["unknown key", "unreadable token file", "tail: no token", "unknown command"]


@pytest.mark.parametrize("name", AS_A_PROCESS)
def test_process_says_the_same(name: str, tmp_path: Path) -> None:
    """A process of its own ends as the cases within this one do: nothing is added around them."""
    check(FILE_CASES[name], tmp_path, run)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator and the variables that lead there."""
    with simulator(tmp_path_factory.mktemp("api"), "--connectors", "3", "--seed", "1") as variables:
        yield variables


API_CASES = {
    "unknown connector": Case("tail Lisb", 2, 'no connector is called "Lisb"; did you mean "Lisbon'),
    "unlike any connector": Case("tail 007", 2, 'no connector is called "007"; there are "'),
    "wrong token": Case(
        "tail", 3, "check the credentials", variables={"CLOUDFLARE_API_TOKEN": TOKEN + "-not"}
    ),
    "wrong token, follow": Case(
        "tail -f", 3, "check the credentials", variables={"CLOUDFLARE_API_TOKEN": TOKEN + "-not"}
    ),
    "wrong account": Case("tail --account ffff", 3, "The API does not know the connectors of account ffff"),
}


@pytest.mark.parametrize("case", API_CASES.values(), ids=API_CASES.keys())
def test_what_only_the_api_can_know(case: Case, api: dict[str, str], tmp_path: Path) -> None:
    """What the API refuses, or does not have, ends in one sentence before anything is printed."""
    check(case._replace(variables={**api, **case.variables}), tmp_path)


def test_api_that_refuses_connections(tmp_path: Path) -> None:
    """A base URL where nobody listens ends the command with its address and exit code 1."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening
        port = nobody.getsockname()[1]
        where = {"CLOUDFLARE_BASE_URL": f"http://127.0.0.1:{port}/client/v4"}
        check(Case("tail", 1, f"127.0.0.1:{port} can't be reached", variables=where), tmp_path)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Mistakes of flags, file and sinks come together, one a line."""
    (tmp_path / "c.toml").write_text(
        ACCOUNT + "[api]\ntimeuot = 1\n[[sinks]]\ntype = 'file'\n[[sinks]]\ntype = 'x'\n"
    )
    ended = run_here(["run", "-c", "c.toml"], {}, tmp_path)
    heading, *lines = ended.stderr.splitlines()
    assert ended.code == 2
    assert heading == "tailer: 5 mistakes:"
    assert [line.split(": ")[0] for line in sorted(lines)] == [
        "  - accounts[0]",
        "  - api.timeuot",
        "  - journal.path",
        "  - sinks[0].path",
        "  - sinks[1].type",
    ]


def test_journal_that_is_taken(api: dict[str, str], tmp_path: Path) -> None:
    """A second daemon on the same journal says who has it, and leaves everything alone."""
    (tmp_path / "c.toml").write_text(GOOD)
    with started(["run", "-c", "c.toml"], api, tmp_path) as owner:
        assert owner.stderr is not None
        while '"event":"Started"' not in owner.stderr.readline():
            assert owner.poll() is None
        check_daemon(api, tmp_path, f"process {owner.pid}")
        assert owner.poll() is None


def test_journal_that_is_a_folder(api: dict[str, str], tmp_path: Path) -> None:
    """A folder as journal is refused by its name."""
    (tmp_path / "tailer.db").mkdir()
    check_daemon(api, tmp_path, str(tmp_path / "tailer.db"))


def test_journal_that_is_somebody_elses(api: dict[str, str], tmp_path: Path) -> None:
    """A database of another program is refused and stays as it is."""
    with sqlite3.connect(tmp_path / "tailer.db") as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = (tmp_path / "tailer.db").read_bytes()
    check_daemon(api, tmp_path, str(tmp_path / "tailer.db"))
    assert (tmp_path / "tailer.db").read_bytes() == before


def test_sink_that_can_not_be_written(api: dict[str, str], tmp_path: Path) -> None:
    """A sink whose folder is missing fails a run that ends by itself; the journal keeps its events."""
    config = GOOD.replace("events.jsonl", "gone/events.jsonl") + "[polling]\nstart = '1m'\n"
    check_daemon(api, tmp_path, "its folder does not exist; make it", config)


def check(case: Case, folder: Path, run_case: Run = run_here) -> None:
    """Run a case and judge it."""
    (folder / "c.toml").write_text(case.config)
    (folder / "token.txt").write_text(f"{TOKEN} and a comment\n")
    given = {"CLOUDFLARE_ACCOUNT_ID": "023e105f4ecef8ad9ca31a8372d0c353", "CLOUDFLARE_API_TOKEN": TOKEN}
    variables = {name: value for name, value in {**given, **case.variables}.items() if value}
    ended = run_case(case.arguments.split(), variables, folder)
    assert case.sentence in ended.stderr
    assert ended.code == case.code
    assert ended.stdout == ""
    assert ended.stderr.startswith("tailer: ")
    assert len(ended.stderr.splitlines()) == 1
    check_secrets(ended.stderr)


def check_daemon(api: dict[str, str], folder: Path, sentence: str, config: str = GOOD) -> None:
    """Run the daemon once, and look for exit code 1 and an error in its log."""
    (folder / "c.toml").write_text(config)
    ended = run_here(["run", "--once", "-c", "c.toml"], api, folder)
    last = ended.stderr.splitlines()[-1]
    assert sentence in last
    assert '"level":"error"' in last
    assert ended.code == 1
    assert ended.stdout == ""
    check_secrets(ended.stderr)


def check_secrets(text: str) -> None:
    """Make sure that neither token nor traceback is in a text."""
    assert TOKEN not in text
    assert TOKEN.replace("-", "_") not in text
    assert "Traceback" not in text
