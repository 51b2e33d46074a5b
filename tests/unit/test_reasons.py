import errno
import ssl

import pytest

from tailer.core.reasons import MAX_REASON, fault_of, tidy


def test_a_reason_becomes_one_line() -> None:
    """White space of every sort is one blank: a reason is a line in a log and in a list."""
    assert tidy("  400\n\tBad\r\n  Request ") == "400 Bad Request"


def test_no_reason_is_said_to_be_none() -> None:
    """A sink that says nothing does not leave an empty column."""
    assert tidy(" \n") == "no reason was given"


@pytest.mark.parametrize("length", [MAX_REASON + 1, 100 * MAX_REASON])
def test_a_page_is_cut(length: int) -> None:
    """A counterpart that answers with a page of HTML does not fill the disk with it."""
    cut = tidy("x" * length)
    assert len(cut) == MAX_REASON
    assert cut.endswith("x...")
    assert tidy("x" * MAX_REASON) == "x" * MAX_REASON


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("refused Authorization: Bearer abcdefgh12345678", "refused Authorization: [redacted] [redacted]"),
        ("header 'Splunk 0123456789ab-cdef' is wrong", "header 'Splunk [redacted]' is wrong"),
        ('{"api_key": "k-123", "field": "t"}', '{"api_key": [redacted], "field": "t"}'),
        ("?access_token=abc&level=info", "?access_token=[redacted]&level=info"),
        ("password='a b c' given", "password=[redacted] given"),
        ("https://user:pa:ss@host/path?x=1", "https://[redacted]@host/path?x=1"),
        ("Set-Cookie: session=1234; x", "Set-Cookie: [redacted]; x"),
    ],
)
def test_named_secrets_are_masked(told: str, kept: str) -> None:
    """What a counterpart quotes of our own request does not end in a file or a log."""
    assert tidy(told) == kept


@pytest.mark.parametrize(
    "reason", ["mapper_parsing_exception: field [t] of type date", "token expired", "value 12: too long"]
)
def test_ordinary_words_stay(reason: str) -> None:
    """A reason without secrets is kept as it is."""
    assert tidy(reason) == reason


def test_a_secret_at_the_cut_is_not_half_shown() -> None:
    """Masking comes before cutting."""
    told = "x" * (MAX_REASON - 20) + " token=" + "s" * 5 * MAX_REASON
    assert "sss" not in tidy(told)


def test_a_fault_is_told_in_its_own_words() -> None:
    """Of a wrapped error only the system's own words are told, of a nameless one its class."""
    wrapped = RuntimeError("10.0.0.1:443, ssl:default")
    wrapped.os_error = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 443)")  # type: ignore[attr-defined]
    assert fault_of(wrapped) == "Connection refused"
    assert fault_of(TimeoutError(errno.ETIMEDOUT, "timed out")) == "timed out"
    assert fault_of(ConnectionResetError()) == "ConnectionResetError"
    assert fault_of(RuntimeError("secret")) == "RuntimeError"
    plain = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    plain.reason = "WRONG_VERSION_NUMBER"
    assert fault_of(plain) == "what answers there does not speak TLS"
