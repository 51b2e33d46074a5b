from pathlib import Path
from typing import Any

import pytest

from tailer.cli.live import TailRequest, ask_of, configure, with_details
from tailer.config.credentials import BearerToken
from tailer.errors import ConfigError
from tailer.sinks.stdout import StdoutSink

NOW = 1_790_000_000.0
ENVIRON = {"CLOUDFLARE_ACCOUNT_ID": "from-environment", "CLOUDFLARE_API_TOKEN": "t"}
FILE = """
[[accounts]]
id = "one"
connectors = ["gw-*"]
kinds = ["Leave"]
[[accounts]]
id = "two"
[polling]
interval = "7s"
[[sinks]]
type = "unknown here"
"""


def request(**given: Any) -> TailRequest:
    """What is typed, with the defaults of the flags."""
    plain: dict[str, Any] = {
        "connectors": (),
        "follow": False,
        "since": None,
        "until": None,
        "kinds": (),
        "details": (),
        "level": "debug",
        "include": (),
        "exclude": (),
        "order": "global",
        "look": StdoutSink.Config(),
        "stdin": False,
        "account": None,
        "token_file": None,
        "config": None,
        "interval": None,
        "idle_exit": None,
    }
    return TailRequest(**{**plain, **given})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration of two accounts."""
    path = tmp_path / "c.toml"
    path.write_text(FILE)
    return path


def test_environment_is_enough() -> None:
    """Without a file the environment names account and token, and all connectors are meant."""
    (account,) = configure(request(), ENVIRON, NOW).accounts
    assert account.id == "from-environment"
    assert account.connectors == ("*",)
    assert account.kinds == ()


def test_flags_outrank_the_environment(tmp_path: Path) -> None:
    """``--account`` and ``--token-file`` come before their variables."""
    token_file = tmp_path / "token"
    token_file.write_text("from-file\n")
    (account,) = configure(request(account="flag", token_file=token_file), ENVIRON, NOW).accounts
    assert account.id == "flag"
    assert isinstance(account.credentials, BearerToken)
    assert account.credentials.secret.reveal() == "from-file"


def test_file_says_what_flags_leave_out(file: Path) -> None:
    """With a file its accounts, patterns, kinds and interval count; its sinks are nobody's business here."""
    config = configure(request(config=file), ENVIRON, NOW)
    assert [account.id for account in config.accounts] == ["one", "two"]
    assert config.accounts[0].connectors == ("gw-*",)
    assert config.accounts[0].kinds == ("Leave",)
    assert config.polling.interval == 7.0


def test_flags_outrank_the_file(file: Path) -> None:
    """Words, kinds, interval and account that are typed replace those of the file."""
    typed = request(config=file, connectors=("oslo",), kinds=("Init",), interval=1.0, account="one")
    config = configure(typed, ENVIRON, NOW)
    (account,) = config.accounts
    assert (account.id, account.connectors, account.kinds) == ("one", ("oslo",), ("Init",))
    assert config.polling.interval == 1.0


def test_mistakes_name_the_flags() -> None:
    """Where there is no file, mistakes speak of flags and variables, not of tables."""
    with pytest.raises(ConfigError) as caught:
        configure(request(account="a/b", token_file=Path("/gone"), until="20m"), {}, NOW)
    assert [mistake.split(":")[0] for mistake in caught.value.mistakes] == [
        "--until",
        "--account",
    ]
    with pytest.raises(ConfigError, match=r"^--token-file: token file /gone can't be read"):
        configure(request(token_file=Path("/gone")), ENVIRON, NOW)
    with pytest.raises(ConfigError, match=r"^variable CLOUDFLARE_API_TOKEN is not set"):
        configure(request(), {"CLOUDFLARE_ACCOUNT_ID": "a"}, NOW)


@pytest.mark.parametrize(
    ("typed", "follow", "kind"),
    [
        ({}, False, None),
        ({"follow": True}, True, None),
        ({"until": "5m"}, False, None),
        ({"until": "2100-01-01"}, True, None),
        ({"kinds": ("Leave",)}, False, "Leave"),
        ({"kinds": ("Leave", "Init")}, False, None),
    ],
)
def test_what_is_asked_of_the_api(typed: dict[str, Any], follow: bool, kind: str | None) -> None:
    """One kind is asked of the API, several are filtered here; an end in the future is waited for."""
    ask = ask_of(request(**typed), NOW)
    assert (ask.start, ask.follow, ask.kind) == ("10m", follow, kind)


def test_details_outrank_the_file(tmp_path: Path) -> None:
    """What is typed takes the place of the file's patterns; nothing typed leaves them."""
    path = tmp_path / "tailer.toml"
    path.write_text('[[accounts]]\nid = "a"\n[polling]\ndetails = ["HaError"]\ndetails_wait = "3s"\n')
    plain = configure(request(config=path), ENVIRON, NOW).polling
    typed = configure(request(config=path, details=("*Failure",)), ENVIRON, NOW).polling
    assert (plain.details, plain.details_wait) == (("HaError",), 3.0)
    assert (typed.details, typed.details_wait) == (("*Failure",), 3.0)


@pytest.mark.parametrize(
    ("look", "is_terminal", "shown"),
    [
        (StdoutSink.Config(), True, ("e",)),
        (StdoutSink.Config(), False, ()),
        (StdoutSink.Config(format="pretty", show=("serial",)), False, ("serial", "e")),
        (StdoutSink.Config(show=("e", "serial")), True, ("e", "serial")),
        (StdoutSink.Config(format="csv"), True, ()),
        (StdoutSink.Config(template="{k}"), True, ()),
    ],
)
def test_details_that_are_asked_for_are_shown(
    look: StdoutSink.Config,
    is_terminal: bool,
    shown: tuple[str, ...],
) -> None:
    """Lines for people have them without being asked twice; other formats are what they were."""
    assert with_details(look, ("*Failure",), is_terminal=is_terminal).show == shown
    assert with_details(look, (), is_terminal=is_terminal) is look
