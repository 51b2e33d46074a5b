"""What is sent: where, and proven how."""

import pytest
from yarl import URL

from tailer.api.credentials import headers_of, masked
from tailer.api.protocol import connectors_url, event_url, events_url
from tailer.api.route import BASE_URL, parse_base_url
from tailer.config.credentials import BearerToken, GlobalKey, Secret
from tailer.config.proxies import find_proxy
from tailer.errors import ConfigError
from tailer.model import EventsRequest, Key

TOKEN = "planted-token-0123456789abcdefghijklmnop"
LIST = "https://api.cloudflare.com/client/v4/accounts/acc/magic/connectors"


def test_connectors_are_listed_under_their_account() -> None:
    """The list of connectors lives at the documented path."""
    assert connectors_url(BASE_URL, "acc") == LIST


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ((1_785_585_600, 7), "1785585600.7"),
        ((1_785_585_600, 2**60 + 1), "1785585600.1152921504606846977"),
        ((1_785_585_600.25, 0), "1785585600.25.0"),
        ((-1, 1e22), "-1.1e%2B22"),
    ],
)
def test_an_event_is_addressed_exactly(key: Key, address: str) -> None:
    """Time and number go into the path with all their digits, whole ones as such."""
    assert event_url(BASE_URL, "acc", "con", key) == f"{LIST}/con/telemetry/events/{address}"


@pytest.mark.parametrize(
    ("request_", "query"),
    [
        (EventsRequest(10, 20), "from=10&to=20"),
        (EventsRequest(10, 20, limit=1000), "from=10&to=20&limit=1000"),
        (EventsRequest(-1, 0, kind="Init"), "from=-1&to=0&k=Init"),
        (
            EventsRequest(10, 20, "a+b/c=&d e", "x&y", 5),
            "from=10&to=20&limit=5&k=x%26y&cursor=a%2Bb%2Fc%3D%26d%20e",
        ),
        (EventsRequest(10, 20, cursor="é\n"), "from=10&to=20&cursor=%C3%A9%0A"),
    ],
)
def test_events_are_asked_for_exactly(request_: EventsRequest, query: str) -> None:
    """Whole numbers go out as such, nothing unasked for is sent, and a cursor survives any character."""
    url = events_url(BASE_URL, "acc", "con", request_)
    assert url == f"{LIST}/con/telemetry/events?{query}"
    if request_.cursor is not None:
        assert URL(url, encoded=True).query["cursor"] == request_.cursor


def test_ids_cannot_leave_their_place() -> None:
    """An id with a slash or a question mark stays one segment of the path."""
    url = events_url(BASE_URL, "a/b", "c?d#e%", EventsRequest(1, 2))
    assert "/accounts/a%2Fb/magic/connectors/c%3Fd%23e%25/telemetry/events?from=1&to=2" in url


def bearer(text: str) -> BearerToken:
    """Make credentials of a token."""
    return BearerToken(secret=Secret(text), origin="a test")


def pair(key: str) -> GlobalKey:
    """Make credentials of the older scheme."""
    return GlobalKey(email="me@example.com", secret=Secret(key), origin="a test")


def test_one_scheme_is_sent() -> None:
    """A token goes as bearer and alone, the legacy pair as its two headers and alone."""
    assert headers_of(bearer(TOKEN)) == {"Authorization": f"Bearer {TOKEN}"}
    assert headers_of(pair("k" * 37)) == {"X-Auth-Email": "me@example.com", "X-Auth-Key": "k" * 37}


def test_an_echoed_secret_is_masked() -> None:
    """A body that repeats our secret loses it; one that merely has a short word in common stays whole."""
    body = f'{{"message":"bad {TOKEN}"}}'.encode()
    assert masked(body, bearer(TOKEN)) == b'{"message":"bad [redacted]"}'
    assert masked(body, pair(TOKEN)) == b'{"message":"bad [redacted]"}'
    assert masked(body, bearer("bad")) == body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://api.cloudflare.com/client/v4/", BASE_URL),
        (" https://api.cloudflare.com/client/v4", BASE_URL),
        ("https://gateway.example:8443", "https://gateway.example:8443"),
        ("http://127.0.0.1:80/client/v4//", "http://127.0.0.1/client/v4"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_a_base_url_is_taken(text: str, expected: str) -> None:
    """Encrypted anywhere and plain to loopback are good, with or without a slash at the end."""
    assert str(parse_base_url(text)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a URL"),
        ("api.cloudflare.com/client/v4", "not a URL"),
        ("ftp://api.cloudflare.com", "not a URL"),
        ("https://", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://host:port/", "not a URL"),
        ("http://api.cloudflare.com/client/v4", "write https://"),
        ("http://127.0.0.1.example.com/", "write https://"),
        (f"https://me:{TOKEN}@api.cloudflare.com/", "does not belong"),
        (f"https://api.cloudflare.com/?token={TOKEN}", "does not belong"),
        ("https://api.cloudflare.com/#x", "does not belong"),
    ],
)
def test_a_bad_base_url_is_refused(text: str, words: str) -> None:
    """A base URL that would fail or betray the credentials is refused with its place in the file."""
    with pytest.raises(ConfigError, match=words) as caught:
        parse_base_url(text)
    assert str(caught.value).startswith("[api] base_url: ")
    assert TOKEN not in str(caught.value)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take every proxy variable out of the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def test_without_a_proxy_we_go_straight(bare_environment: pytest.MonkeyPatch) -> None:
    """No variable, or one for the other scheme, means no proxy."""
    bare_environment.setenv("HTTP_PROXY", "http://proxy:3128")
    assert find_proxy(URL(BASE_URL)) is None


@pytest.mark.parametrize(
    ("text", "url", "headers"),
    [
        ("http://proxy:3128", "http://proxy:3128", {}),
        ("proxy:3128", "http://proxy:3128", {}),
        ("http://me:p%40ss@proxy:3128", "http://proxy:3128", {"Proxy-Authorization": "Basic bWU6cEBzcw=="}),
        ("http://me@proxy", "http://proxy", {"Proxy-Authorization": "Basic bWU6"}),
    ],
)
def test_the_environments_proxy_is_found(
    bare_environment: pytest.MonkeyPatch, text: str, url: str, headers: dict[str, str]
) -> None:
    """The proxy's address and its user are told apart, so that no error shows the password."""
    bare_environment.setenv("HTTPS_PROXY", text)
    proxy = find_proxy(URL(BASE_URL))
    assert proxy is not None
    assert (proxy.url, proxy.headers) == (URL(url), headers)


def test_no_proxy_is_respected(bare_environment: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY names is reached straight."""
    bare_environment.setenv("HTTPS_PROXY", "http://proxy:3128")
    bare_environment.setenv("NO_PROXY", "example.com,.cloudflare.com")
    assert find_proxy(URL(BASE_URL)) is None


def test_loopback_needs_no_proxy(bare_environment: pytest.MonkeyPatch) -> None:
    """Plain HTTP stays on this machine, whatever the variables say."""
    bare_environment.setenv("http_proxy", "http://proxy:3128")
    bare_environment.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert find_proxy(URL("http://127.0.0.1:8080/client/v4")) is None


@pytest.mark.parametrize("text", ["socks5://proxy:1080", "http://", f"http://me:{TOKEN}@host:port"])
def test_another_kind_of_proxy_is_refused(bare_environment: pytest.MonkeyPatch, text: str) -> None:
    """A proxy that does not speak HTTP is refused by the variable's name, not by its value."""
    bare_environment.setenv("HTTPS_PROXY", text)
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY: ") as caught:
        find_proxy(URL(BASE_URL))
    assert TOKEN not in str(caught.value)
