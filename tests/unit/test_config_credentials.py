"""Secrets are found where they were said to be, and shown nowhere."""

import copy
import pickle
from pathlib import Path

import msgspec
import pytest

from tailer.config.credentials import BearerToken, GlobalKey, Secret, read_token_file
from tailer.config.document import parse
from tailer.errors import ConfigError

TOKEN = "Zq3-made_up_token"
ACCOUNT = '[[accounts]]\nid = "a"\n'


def mistake_of(text: str, environ: dict[str, str]) -> str:
    """Read a text with one mistake and give what is said about it."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "/nowhere/t.toml", environ)
    (mistake,) = caught.value.mistakes
    return mistake


def test_secret_shows_nothing() -> None:
    """Neither repr, text, format nor an error about a configuration shows a secret."""
    config = parse(ACCOUNT, "t.toml", {"CLOUDFLARE_API_TOKEN": TOKEN})
    secret = config.accounts[0].credentials.secret
    assert secret.reveal() == TOKEN
    shown = f"{secret}{secret!r}{secret!s}{config!r}{[secret]}"
    assert TOKEN not in shown
    assert "<secret>" in shown


def test_secret_can_not_be_stored() -> None:
    """Encoders, pickle and copies refuse a secret."""
    account = parse(ACCOUNT, "t.toml", {"CLOUDFLARE_API_TOKEN": TOKEN}).accounts[0]
    for store in (
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        pickle.dumps,
        copy.deepcopy,
    ):
        with pytest.raises(TypeError):
            store(account.credentials.secret)


def test_equal_secrets_are_equal() -> None:
    """Two secrets are one if they are the same text; no text equals a secret."""
    assert Secret("x") == Secret("x")
    assert {Secret("x"), Secret("x")} == {Secret("x")}
    assert Secret("x") != Secret("y")
    assert Secret("x") != "x"


def test_token_variable_comes_before_the_older_scheme() -> None:
    """Where a token and a global key are both in the environment, the token is used."""
    environ = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": "a@b.c", "CLOUDFLARE_API_KEY": "key"}
    credentials = parse(ACCOUNT, "t.toml", environ).accounts[0].credentials
    assert isinstance(credentials, BearerToken)
    assert credentials.origin == "variable CLOUDFLARE_API_TOKEN"


def test_older_scheme_where_no_token_is() -> None:
    """E-mail and key are used when the token's variable is missing or empty."""
    environ = {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_EMAIL": " a@b.c ", "CLOUDFLARE_API_KEY": "key"}
    credentials = parse(ACCOUNT, "t.toml", environ).accounts[0].credentials
    assert credentials == GlobalKey(email="a@b.c", secret=Secret("key"), origin="variable CLOUDFLARE_API_KEY")


@pytest.mark.parametrize(
    ("keys", "environ", "said"),
    [
        ("", {}, "accounts[0]: variable CLOUDFLARE_API_TOKEN is not set; export it, or name"),
        (
            "",
            {"CLOUDFLARE_EMAIL": "a@b.c"},
            "accounts[0]: variable CLOUDFLARE_API_TOKEN is not set; export it, or name",
        ),
        ("", {"CLOUDFLARE_API_TOKEN": " \n"}, "accounts[0]: variable CLOUDFLARE_API_TOKEN is empty; put"),
        ('token_env = "T"', {}, "accounts[0].token_env: variable T is not set; export it, or"),
        (
            'token_env = "T"',
            {"T": f"{TOKEN} x"},
            "accounts[0].token_env: variable T holds space, control or non-ASCII characters within, so it",
        ),
        (
            f'token_env = "{TOKEN.replace("-", "_")}"',
            {},
            "accounts[0].token_env: the variable it names is not set; write a variable's name there, not",
        ),
        (f'token_env = "{TOKEN}"', {}, "accounts[0].token_env: must be the name of an environment variable"),
        (
            'token_file = "none"',
            {},
            "accounts[0].token_file: token file /nowhere/none can't be read: No such file or directory",
        ),
        (
            'token_env = "T"\ntoken_file = "f"',
            {"T": TOKEN},
            "accounts[0]: token_env and token_file exclude each other; keep one way to sign in",
        ),
        (
            'token_env = "T"\nemail = "a@b.c"\nkey_env = "K"',
            {"T": TOKEN, "K": "key"},
            "accounts[0]: token_env and email and key_env exclude each other; keep one way to sign in",
        ),
        ('email = "a@b.c"', {}, "accounts[0].key_env: is missing; email and key_env go together"),
        ('key_env = "K"', {"K": "x"}, "accounts[0].email: is missing; email and key_env go together"),
        (
            'email = "a@b.c"\nkey_env = "K"',
            {},
            "accounts[0].key_env: variable K is not set; export it, or name a token_file",
        ),
        (f'token = "{TOKEN}"', {"CLOUDFLARE_API_TOKEN": TOKEN},
         'accounts[0].token: is no option; did you mean "token_env"?'),
    ],
)  # fmt: skip
def test_missing_and_malformed_secrets_are_named_without_their_value(
    keys: str, environ: dict[str, str], said: str
) -> None:
    """What is wrong with a credential is said by its key, variable or file, never by its value."""
    mistake = mistake_of(ACCOUNT + keys, environ)
    assert mistake.startswith(said)
    assert TOKEN not in mistake


def test_token_file_is_read_again(tmp_path: Path) -> None:
    """A token file that was rewritten gives the new token; what stands around it is no part of it."""
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN}\r\n")
    credentials = (
        parse(f'{ACCOUNT}token_file = "token"', str(tmp_path / "t.toml"), {}).accounts[0].credentials
    )
    assert isinstance(credentials, BearerToken)
    assert credentials.secret.reveal() == TOKEN
    file.write_text("renewed")
    assert credentials.renewed().secret.reveal() == "renewed"
    file.unlink()
    with pytest.raises(ConfigError, match="can't be read: No such file or directory"):
        credentials.renewed()


def test_token_of_a_variable_stays() -> None:
    """A token that has no file is what it is."""
    credentials = BearerToken(secret=Secret(TOKEN), origin="variable T")
    assert credentials.renewed() is credentials


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; put the token there"),
        (b"two\nlines", "holds space, control"),
        ("tök".encode(), "non-ASCII characters"),
        (b"\xff\xfe", "non-ASCII characters"),
        (b"x" * 70_000, "is too long to be a token file"),
    ],
)
def test_file_without_a_token_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """A file that can't be a token file is refused with its name and without its content."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_token_file(file)
    assert str(file) in str(caught.value)
