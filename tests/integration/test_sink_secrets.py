"""A sink's secrets come from where the configuration says, anew for each start, and are shown nowhere."""

from pathlib import Path

import pytest

from tailer.errors import ConfigError, SinkUnavailableError
from tailer.sinks.secrets import SecretSource, check_pair

TOKEN = "Zq3-made_up_token"


def source(
    variable: str | None = None,
    file: Path | None = None,
    environ: dict[str, str] | None = None,
    *,
    any_text: bool = False,
) -> SecretSource:
    """Make a source of a sink called siem."""
    return SecretSource("siem", "password", variable, file, environ or {}, any_text=any_text)


def test_a_secret_has_one_place() -> None:
    """A variable and a file for the same secret are a mistake; either alone is none, and neither too."""
    with pytest.raises(ValueError, match="token_env and token_file exclude each other"):
        check_pair("token", "X", Path("x"))
    check_pair("token", "X", None)
    check_pair("token", None, Path("x"))
    check_pair("token", None, None)


async def test_none_is_needed() -> None:
    """Without a place there is no secret, and that is said."""
    nothing = source()
    assert not nothing.is_given
    assert await nothing.read() is None


async def test_a_variable_is_read() -> None:
    """A variable's secret is given without the space around it."""
    found = await source("PW", environ={"PW": f" {TOKEN}\n"}).read()
    assert found is not None
    assert found.reveal() == TOKEN


async def test_a_password_may_be_any_text(tmp_path: Path) -> None:
    """Where no header has to carry it, a secret keeps its spaces and letters; only line ends are dropped."""
    file = tmp_path / "pw"
    file.write_text(" zwölf Bären \r\n", encoding="utf-8")
    found = await source(file=file, any_text=True).read()
    assert found is not None
    assert found.reveal() == " zwölf Bären "


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PW", None, "password_env of sink 'siem': variable PW is not set; .*password_file"),
        ("PW", "", "variable PW is empty; put the password there"),
        ("PW", f"{TOKEN} {TOKEN}", "so it is no password"),
        (TOKEN, None, "name not shown"),
    ],
)
def test_a_bad_variable_is_a_mistake(variable: str, value: str | None, said: str) -> None:
    """Only another start could mend it, so the sink can't be made; the secret is not told."""
    with pytest.raises(ConfigError, match=said) as caught:
        source(variable, environ={} if value is None else {variable: value})
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("any_text", [False, True])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "password file .* can't be read: No such file"),
        (b"", "is empty; put the password there"),
        (b"\xff\xfe", "UTF-8|no password"),
        (b"x" * 70_000, "too long to be a password file"),
    ],
)
async def test_a_bad_file_keeps_the_sink_waiting(
    tmp_path: Path, content: bytes | None, said: str, any_text: bool
) -> None:
    """A file can be mended while the sink waits; it is named, its content is not."""
    file = tmp_path / "pw"
    if content is not None:
        file.write_bytes(content)
    waiting = source(file=file, any_text=any_text)
    assert waiting.is_given
    with pytest.raises(SinkUnavailableError, match=said) as caught:
        await waiting.read()
    assert str(caught.value).startswith("Sink 'siem': ")
    assert str(file) in str(caught.value)
    file.write_text(TOKEN)
    found = await waiting.read()
    assert found is not None
    assert found.reveal() == TOKEN
    assert TOKEN not in f"{waiting!r}{vars(waiting)}"
