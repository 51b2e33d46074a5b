"""What a whole configuration gives: values, defaults, the environment's say, and every mistake at once."""

from pathlib import Path

import pytest

from tailer.config.credentials import BearerToken, GlobalKey
from tailer.config.document import config_from_environment, load, parse
from tailer.config.options import ApiOptions, Budget, Config, JournalOptions, PollingOptions
from tailer.errors import ConfigError

TOKEN = "Zq3-made_up_token"
ENVIRON = {"CLOUDFLARE_API_TOKEN": TOKEN}
ACCOUNT = '[[accounts]]\nid = "first"\n'


def mistakes_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Read a text that is wrong and give all that is said about it."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "/etc/tailer/tailer.toml", ENVIRON if environ is None else environ)
    return list(caught.value.mistakes)


def test_defaults_are_those_of_the_manual() -> None:
    """A file with nothing but an account gets the defaults that the manual states."""
    config = parse(ACCOUNT, "tailer.toml", ENVIRON)
    assert config.api == ApiOptions(
        base_url="https://api.cloudflare.com/client/v4",
        timeout=30.0,
        page_limit=1000,
        budget=Budget(share=0.8, reserve=0.1),
        ca_file=None,
    )
    assert config.polling == PollingOptions(
        interval=5.0,
        look_back="auto",
        revisit_max=48 * 3600.0,
        settle=2.0,
        start="now",
        discover=300.0,
        concurrency=8,
    )
    assert config.journal == JournalOptions(path=None, retain=48 * 3600.0)
    assert config.service.log_format == "auto"
    assert config.sinks == ()
    assert (config.accounts[0].connectors, config.accounts[0].exclude, config.accounts[0].kinds) == (
        ("*",),
        (),
        (),
    )


def test_written_values_are_read(tmp_path: Path) -> None:
    """Durations become seconds, paths count from the file's folder, and sinks stay as they are written."""
    file = tmp_path / "tailer.toml"
    file.write_text(
        '[[accounts]]\nid = "a"\nconnectors = ["x*", "y"]\nexclude = ["xz"]\nkinds = ["Leave"]\n'
        '[api]\ntimeout = "1m"\nbudget = { share = 0.5 }\nca_file = "certs/ca.pem"\n'
        '[polling]\ninterval = "1m30s"\nlook_back = "1h"\nstart = "2h"\n'
        '[journal]\npath = "sub/tailer.db"\n'
        '[[sinks]]\ntype = "file"\npath = "x"\nodd = [1, { two = 2 }]\n'
    )
    config = load(file, ENVIRON)
    account = config.accounts[0]
    assert (account.connectors, account.exclude, account.kinds) == (("x*", "y"), ("xz",), ("Leave",))
    assert (config.api.timeout, config.api.budget) == (60.0, Budget(share=0.5, reserve=0.1))
    assert config.api.ca_file == tmp_path / "certs/ca.pem"
    assert (config.polling.interval, config.polling.look_back, config.polling.start) == (90.0, 3600.0, "2h")
    assert config.journal.path == tmp_path / "sub/tailer.db"
    assert config.sinks == ({"type": "file", "path": "x", "odd": [1, {"two": 2}]},)
    assert config.folder == tmp_path


def test_dead_letters_lie_beside_the_journal() -> None:
    """They have the journal's name unless they are given their own; beside memory there are none."""

    def place(table: str) -> Path | None:
        return parse(f"{ACCOUNT}[journal]\n{table}", "/c/t.toml", ENVIRON).journal.dead_letters_path

    assert place('path = "tailer.db"') == Path("/c/tailer.dead.jsonl")
    assert place('path = "tailer.db"\ndead_letters = "/var/no.jsonl"') == Path("/var/no.jsonl")
    assert place('path = ":memory:"') is None
    assert place('path = ":memory:"\ndead_letters = "no.jsonl"') == Path("/c/no.jsonl")
    with pytest.raises(ConfigError, match=r"journal\.dead_letters: is the journal itself"):
        place('path = "tailer.db"\ndead_letters = "tailer.db"')


def test_memory_journal_is_a_word_and_no_path() -> None:
    """The journal in memory is named by ":memory:" and does not become a file."""
    assert parse(f'{ACCOUNT}[journal]\npath = ":memory:"', "t.toml", ENVIRON).journal.path == ":memory:"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"now"', "now"),
        ('"90m"', "90m"),
        ('"2024-08-01T12:00:00Z"', "2024-08-01T12:00:00Z"),
        ("2024-08-01T12:00:00Z", "2024-08-01T12:00:00+00:00"),
        ("2024-08-01", "2024-08-01"),
        ("1722513600", "1722513600"),
    ],
)
def test_start_is_kept_as_text(written: str, kept: str) -> None:
    """Every way to write a start is taken, TOML's own times too, and resolved only when the run starts."""
    assert parse(f"{ACCOUNT}[polling]\nstart = {written}", "t.toml", ENVIRON).polling.start == kept


ALL_WRONG = f"""
acounts = 3
[[accounts]]
id = "a/b"
[[accounts]]
id = "twin"
token_evn = "X"
[[accounts]]
id = "twin"
connectors = []
exclude = ["ok", ""]
[api]
base_url = "http://example.com/client/v4"
timeout = 5
page_limit = 0
budget = {{ share = 1.5, reserv = 0.1 }}
[polling]
interval = "5x"
look_back = "atuo"
revisit_max = true
settle = "2h"
start = "yesterday"
concurrency = "8"
discover = {{}}
[journal]
path = ""
retain = "{TOKEN}"
[service]
log_format = "txt"
port = 9464
[[sinks]]
type = "file"
[[sinks]]
name = "file"
"""


@pytest.mark.parametrize(
    "said",
    [
        'acounts: is no option; did you mean "accounts"?',
        "accounts[0].id: must be an id of letters, digits, - and _",
        'accounts[1].token_evn: is no option; did you mean "token_env"?',
        "accounts[2].connectors: must be a list (each item: text that is not empty), at least 1",
        "accounts[2].exclude[1]: must be text that is not empty",
        'accounts[2].id: "twin" is already used by accounts[1]; each needs its own',
        "api.base_url: plain http:// would send the token unencrypted to example.com; write https:// (",
        "api.timeout: '5' has no unit; for seconds write '5s'",
        "api.page_limit: must be a whole number, from 1 to 100000, not 0",
        "api.budget.share: must be a number, above 0, at most 1, not 1.5",
        'api.budget.reserv: is no option; did you mean "reserve"?',
        "polling.interval: '5x' is not a duration; write for example '90s', '1h30m' or '2d'",
        'polling.look_back: must be "auto" or a duration such as "90s" or "1h30m"; did you mean "auto"?',
        'polling.revisit_max: must be a duration such as "90s" or "1h30m", not true',
        'polling.settle: must be a duration such as "90s" or "1h30m", at most 1h, not "2h"',
        "polling.start: 'yesterday' is not a time; write for example '10m' (back from now), 'now', ",
        "polling.concurrency: must be a whole number, from 1 to 64, not text",
        'polling.discover: must be a duration such as "90s" or "1h30m", not a table',
        'journal.path: must be ":memory:" or a path',
        'service.log_format: must be "auto", "text" or "json"; did you mean "text"?',
        "service.port: is no option; known here: listen, log_format",
        'sinks[1].name: "file" is already used by sinks[0]; each needs its own',
    ],
)
def test_every_mistake_is_named_at_once(said: str) -> None:
    """One reading of a thoroughly wrong file names each mistake with its path, what is wrong and a hint."""
    assert any(mistake.startswith(said) for mistake in mistakes_of(ALL_WRONG))


def test_nothing_is_said_twice() -> None:
    """A wrong file gets one sentence a mistake, each beginning with a path that is in the file."""
    mistakes = mistakes_of(ALL_WRONG)
    assert len(mistakes) == len(set(mistakes)) == 23


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "accounts: is missing; it must be a list of [[accounts]] tables, at least 1"),
        ("accounts = []", "accounts: must be a list of [[accounts]] tables, at least 1"),
        ("[accounts]\nid = 1", "accounts: must be a list of [[accounts]] tables, at least 1, not a table"),
        ("accounts = [1]", "accounts[0]: must be a table, not 1"),
        ("[[accounts]]", "accounts[0].id: is missing; it must be an id of letters, digits, - and _"),
        (f"{ACCOUNT}[sinks]\ntype = 1", "sinks: must be a list of [[sinks]] tables, not a table"),
        (f"api = 3\n{ACCOUNT}", "api: must be a table, not 3"),
        (
            f"{ACCOUNT}[api]\nbase_url = 3",
            'api.base_url: must be an address such as "https://api.cloudflare.com/client/v4"',
        ),
        (
            f"{ACCOUNT}[polling]\nstart = true",
            'polling.start: must be a time such as "now", "1h" (back from now) or "2026-08-01T12:00:00Z"',
        ),
        (
            f'{ACCOUNT}[service]\n"odd key" = 1',
            'service."odd key": is no option; known here: listen, log_format',
        ),
    ],
)
def test_missing_and_misplaced_tables_are_explained(text: str, said: str) -> None:
    """A table that is missing or is no table gets a sentence about what belongs there."""
    assert mistakes_of(text) == [said]


def test_toml_mistake_has_line_and_column() -> None:
    """What is no TOML is refused with the file's name, line and column."""
    assert mistakes_of('a = "b"\nc = = 3\n') == [
        "/etc/tailer/tailer.toml: is not valid TOML: Invalid value (at line 2, column 5)"
    ]


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """A file that is missing or no text is a mistake of the configuration, with its path."""
    with pytest.raises(ConfigError, match=r"none\.toml: can't be read: No such file or directory$"):
        load(tmp_path / "none.toml", ENVIRON)
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# für uns".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml: is not UTF-8 text \(byte 3\)"):
        load(latin, ENVIRON)


@pytest.mark.parametrize(
    ("environ", "used"),
    [
        ({}, "https://file.example/v4"),
        ({"CLOUDFLARE_BASE_URL": "https://one.example/v4/"}, "https://one.example/v4"),
        ({"CLOUDFLARE_API_BASE_URL": "https://two.example"}, "https://two.example"),
        (
            {"CLOUDFLARE_BASE_URL": "https://one.example", "CLOUDFLARE_API_BASE_URL": "https://two.example"},
            "https://one.example",
        ),
        ({"CLOUDFLARE_BASE_URL": " "}, "https://file.example/v4"),
    ],
)
def test_environment_outranks_the_file(environ: dict[str, str], used: str) -> None:
    """The SDKs' variable is the API's address, else wrangler's, else the file's; an empty one is none."""
    text = f'{ACCOUNT}[api]\nbase_url = "https://file.example/v4"'
    assert parse(text, "t.toml", ENVIRON | environ).api.base_url == used


def test_wrong_address_in_the_environment_is_named() -> None:
    """A wrong address is said to come from its variable."""
    (said,) = mistakes_of(ACCOUNT, ENVIRON | {"CLOUDFLARE_BASE_URL": "ftp://x"})
    assert said.startswith("CLOUDFLARE_BASE_URL: is not an https:// address; write for example")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000/client/v4", "http://localhost:1", "http://[::1]:8000", "http://127.9.9.9"],
)
def test_plain_http_goes_to_this_machine(address: str) -> None:
    """A simulator on loopback is asked without TLS."""
    assert parse(f'{ACCOUNT}[api]\nbase_url = "{address}"', "t.toml", ENVIRON).api.base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "https://user:pass@example.com",
        "https://example.com/?a=b",
        "https://example.com/#x",
        "https:///path",
        "https://[::1",
        "https://example.com:port",
        "https://example.com/a b",
        "example.com",
        "",
    ],
)
def test_unsafe_address_is_refused(address: str) -> None:
    """An address that could leak the token or is none is refused, and no password in it is repeated."""
    (said,) = mistakes_of(f'{ACCOUNT}[api]\nbase_url = "{address}"')
    assert said.startswith("api.base_url: ")
    assert "pass" not in said


def test_environment_alone_makes_a_configuration() -> None:
    """Account and token of the environment are enough to tail."""
    environ = ENVIRON | {"CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_BASE_URL": "https://one.example"}
    config = config_from_environment(environ, connectors=["x"])
    account = config.accounts[0]
    assert (account.id, account.connectors, config.api.base_url) == ("acc", ("x",), "https://one.example")
    assert account.credentials.secret.reveal() == TOKEN
    assert config.folder == Path.cwd()


def test_arguments_outrank_the_environment(tmp_path: Path) -> None:
    """An account and a token file that are given as flags are used before the variables."""
    file = tmp_path / "token"
    file.write_text("other\n")
    environ = ENVIRON | {"CLOUDFLARE_ACCOUNT_ID": "acc"}
    account = config_from_environment(environ, account="flag", token_file=file).accounts[0]
    assert (account.id, account.credentials.secret.reveal()) == ("flag", "other")


def test_missing_account_names_the_ways_to_give_it() -> None:
    """Without an account anywhere, the message tells all ways to name one."""
    with pytest.raises(ConfigError, match=r"export CLOUDFLARE_ACCOUNT_ID, name it with --account, or"):
        config_from_environment(ENVIRON)


def test_older_scheme_from_the_file(tmp_path: Path) -> None:
    """An e-mail with a key's variable gives the older scheme, whatever token the environment has."""
    text = f'{ACCOUNT}email = "noc@example.com"\nkey_env = "K"'
    config = parse(text, "t.toml", ENVIRON | {"K": " key \n"})
    credentials = config.accounts[0].credentials
    assert isinstance(credentials, GlobalKey)
    assert (credentials.email, credentials.secret.reveal()) == ("noc@example.com", "key")


def principals(config: Config) -> list[str]:
    """Give the principals in the order of the accounts."""
    return [account.principal for account in config.accounts]


def test_one_token_is_one_budget(tmp_path: Path) -> None:
    """Accounts with the same token share a budget wherever it was read from, others have their own."""
    (tmp_path / "token").write_text(TOKEN)
    text = (
        '[[accounts]]\nid = "a"\n[[accounts]]\nid = "b"\ntoken_env = "B"\n'
        '[[accounts]]\nid = "c"\ntoken_file = "token"'
    )
    config = parse(text, str(tmp_path / "t.toml"), ENVIRON | {"B": "another"})
    assert principals(config) == ["a", "b", "a"]
    assert isinstance(config.accounts[2].credentials, BearerToken)


def test_named_budget_is_shared() -> None:
    """Accounts under one name share a budget, and one with the same token joins it by itself."""
    text = (
        '[[accounts]]\nid = "a"\n[[accounts]]\nid = "b"\nprincipal = "noc"\n'
        '[[accounts]]\nid = "c"\ntoken_env = "C"\nprincipal = "noc"'
    )
    assert principals(parse(text, "t.toml", ENVIRON | {"C": "another"})) == ["noc", "noc", "noc"]


def test_one_token_under_two_names_is_refused() -> None:
    """A token can't have two budgets, for they would cross its quota together."""
    text = '[[accounts]]\nid = "a"\nprincipal = "x"\n[[accounts]]\nid = "b"\nprincipal = "y"'
    (said,) = mistakes_of(text)
    assert said.startswith(
        'accounts[1].principal: has the same token as accounts[0], whose principal is "x"; one'
    )


def test_longest_interval_is_no_shorter_than_the_shortest() -> None:
    """Two bounds that contradict each other are a mistake; a default gives way to what was written."""
    (said,) = mistakes_of(f'{ACCOUNT}[polling]\ninterval = "10m"\nmax_interval = "5m"')
    assert said == (
        "polling.max_interval: 5m is shorter than the interval of 10m; make it longer, or leave it out"
    )
    assert parse(f'{ACCOUNT}[polling]\ninterval = "10m"', "t.toml", ENVIRON).polling.interval == 600.0
