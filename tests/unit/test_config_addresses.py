import re

import pytest

from tailer.config.addresses import Address, read_address
from tailer.config.document import parse
from tailer.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464, True),
        (" 127.0.0.1:9464 ", "127.0.0.1", 9464, True),
        ("[::1]:9464", "::1", 9464, True),
        ("localhost:0", "localhost", 0, True),
        ("192.0.2.1:65535", "192.0.2.1", 65535, False),
        ("[::]:9464", "::", 9464, False),
    ],
)
def test_address_is_read(text: str, host: str, port: int, is_loopback: bool) -> None:
    """Host and port are taken apart, brackets and all, and written back as they were."""
    address = read_address(text)
    assert address == Address(host, port)
    assert str(address) == text.strip()
    assert address.is_loopback is is_loopback


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (":9464", '"127.0.0.1:9464"'),
        ("9464", '"127.0.0.1:9464"'),
        (9464, '"127.0.0.1:9464"'),
        ("::1:9464", "brackets"),
        ("127.0.0.1", "write for example"),
        ("127.0.0.1:", "write for example"),
        ("127.0.0.1:http", "write for example"),
        ("127.0.0.1:70000", "65535"),
        ("example.com:9464", "IP address"),
        ("[fe80::1%eth0]:9464", "write for example"),
        ("[cafe]:9464", "IP address"),
        ("", "such as"),
        (True, "such as"),
        (["127.0.0.1:9464"], "such as"),
    ],
)
def test_address_that_is_none_is_explained(written: object, hint: str) -> None:
    """What can't be listened on is refused with a way out."""
    with pytest.raises(ValueError, match=re.escape(hint)):
        read_address(written)


def test_mistake_names_its_option() -> None:
    """In a file the mistake comes with its path."""
    text = '[[accounts]]\nid = "a"\n[service]\nlisten = ":9464"\n'
    with pytest.raises(ConfigError) as caught:
        parse(text, "tailer.toml", {"CLOUDFLARE_API_TOKEN": "t"})
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("service.listen: names no address")


def test_nothing_listens_unless_asked() -> None:
    """Without the option there is no service."""
    text = '[[accounts]]\nid = "a"\n'
    assert parse(text, "tailer.toml", {"CLOUDFLARE_API_TOKEN": "t"}).service.listen is None
