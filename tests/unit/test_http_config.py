"""Options of `http` that make no sense are refused with one sentence, and no secret is shown."""

from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tailer.errors import ConfigError
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.target import origin_of, read_target, with_path
from tailer.sinks.registry import plan

SECRET = "T0K3N-hunter2"


def mistakes_of(**options: Any) -> str:
    """Check a table and give what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        plan({"type": "http", **options}, "sinks[0]", Path("/etc"))
    return str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://siem.example/in"},
        {"url": "http://127.0.0.1:9200", "preset": "elasticsearch", "index": "wan"},
        {"url": "http://loki:3100", "preset": "loki", "plain_http": True, "labels": {"job": "x"}},
        {"url_env": "HOOK", "preset": "webhook", "template": "{k}", "min_interval": "2s"},
        {"url": "https://x", "preset": "loki", "template": "{t:d} {n:>9} {k}"},
        {"url": "https://x", "preset": "loki", "template": "{json}"},
        {"url_file": "hook", "token_file": "t", "user": "me", "ca_file": "ca.pem", "method": "PUT"},
        {
            "url": "https://x",
            "body": "template",
            "template": "{k}",
            "begin": "[",
            "headers": {"X-Org": "noc"},
        },
        {"url": "https://x", "token_env": "T", "token_header": "X-Api-Key", "per": "event"},
    ],
)
def test_good_options_are_taken(options: dict[str, Any]) -> None:
    """What the README shows, and more."""
    assert plan({"type": "http", **options}, "sinks[0]", Path("/etc")).name == "http"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "write exactly one"),
        ({"url": "https://x", "url_env": "Y"}, "write exactly one"),
        ({"url": "x"}, "url is no address"),
        ({"url": f"https://me:{SECRET}@x"}, "url holds a user"),
        ({"url": f"https://x/#{SECRET}"}, "url holds a fragment"),
        ({"url": f"http://x.example/{SECRET}"}, "plain_http = true"),
        ({"url": "https://x", "token_env": "A", "token_file": "b"}, "exclude each other"),
        ({"url": "https://x", "user": "me"}, "user has no effect without token_env or token_file"),
        ({"url": "https://x", "token_header": "X"}, "token_header has no effect"),
        ({"url": "https://x", "token_env": "A", "user": "a", "token_header": "X"}, "exclude each other"),
        ({"url": "https://x", "token_env": "A", "user": "a:b"}, "user can't hold a colon"),
        ({"url": "https://x", "token_env": "A", "token_header": "a b"}, "token_header is no name"),
        ({"url": "https://x", "headers": {"Authorization": SECRET}}, "looks like a secret"),
        ({"url": "https://x", "headers": {"X-Api-Key": SECRET}}, "looks like a secret"),
        ({"url": "https://x", "headers": {"Host": "y"}}, "set by tailer itself"),
        ({"url": "https://x", "headers": {"A": f"b\r\nC: {SECRET}"}}, "is no header"),
        ({"url": "https://x", "template": "{k}"}, "template needs body"),
        (
            {"url": "https://x", "preset": "elasticsearch", "index": "x", "template": "{k}"},
            "document of elast",
        ),
        ({"url": "https://x", "preset": "loki", "template": "{k} {n}"}, "add id, or both t and n"),
        ({"url": "https://x", "preset": "loki", "template": "{id:.9} {t:g} {n}"}, "add id, or both t and n"),
        ({"url": "https://x", "body": "template"}, "needs a template"),
        ({"url": "https://x", "begin": "["}, "begin, separator and end are for"),
        ({"url": "https://x", "preset": "loki", "body": "json"}, "have no effect with preset 'loki'"),
        ({"url": "https://x", "preset": "elasticsearch"}, "index is missing"),
        ({"url": "https://x", "preset": "loki", "index": "x"}, "index is for"),
        ({"url": "https://x", "labels": {"a": "b"}}, "labels are for"),
        ({"url": "https://x", "method": "post it"}, "method: must be"),
        ({"url": "https://x", "timeout": "0s"}, "timeout: must be"),
        ({"url": "https://x", "key_file": "k"}, "key_file has no effect without cert_file"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], said: str) -> None:
    """Each mistake names its option; what may be a secret is not repeated."""
    told = mistakes_of(**options)
    assert said in told
    assert SECRET not in told
    assert told.startswith("sinks[0]")


def test_a_path_is_added_only_where_there_is_none() -> None:
    """The preset's path is for an address without one; a query of the address stays."""
    path = "/_bulk?filter_path=errors"
    assert str(with_path(URL("https://x:9200"), path)) == "https://x:9200/_bulk?filter_path=errors"
    assert str(with_path(URL("https://x/?pipeline=a"), "/in")) == "https://x/in?pipeline=a"
    assert str(with_path(URL("https://x/es/_bulk"), path)) == "https://x/es/_bulk"
    assert str(with_path(URL("https://x"), "")) == "https://x"


def test_only_the_origin_is_shown() -> None:
    """Path and query may be secrets."""
    assert origin_of(read_target(f"https://hooks.example:8443/{SECRET}?q={SECRET}")) == (
        "https://hooks.example:8443"
    )


def test_a_webhook_can_be_configured_without_showing_it() -> None:
    """What a configuration's repr shows has neither the address nor the token, only where they are."""
    shown = repr(HttpConfig(url_env="HOOK", token_file=Path("t")))
    assert "HOOK" in shown
    assert "hunter" not in shown
