"""Which error an answer without a page is."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from tailer.api.protocol import decipher_connectors, decipher_event, decipher_events
from tailer.api.refusals import printable
from tailer.errors import (
    ApiError,
    AuthError,
    ConnectorGoneError,
    EventGoneError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)

HTML = b"<html><body>502 Bad Gateway</body></html>"
TEXT = b"error code: 522"
EMPTY = b""


def said(*errors: Any, result: Any = None) -> bytes:
    """Write Cloudflare's error envelope."""
    return json.dumps({"success": False, "errors": errors, "messages": [], "result": result}).encode()


def coded(code: Any, message: str = "words", chain: Any = None) -> dict[str, Any]:
    """Write one error of the envelope."""
    return {"code": code, "message": message} | ({"error_chain": chain} if chain is not None else {})


def refusal_of(status: int, body: bytes, **headers: str) -> ApiError:
    """Return the error that an answer of List Events is."""
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    with pytest.raises(ApiError) as caught:
        decipher_events(status, named, body, "acc", "con")
    return caught.value


CHAIN = said(coded(6003, "Invalid request headers", [coded(6111, "Invalid format for Authorization header")]))


@pytest.mark.parametrize(
    ("status", "body", "kind", "codes"),
    [
        # The status decides.
        (401, said(coded(10000, "Authentication error")), AuthError, (10000,)),
        (403, said(coded(10000, "Authentication error")), AuthError, (10000,)),
        (403, said(coded(9109)), AuthError, (9109,)),
        (403, said(coded(7003)), AuthError, (7003,)),
        (403, HTML, AuthError, ()),
        (401, EMPTY, AuthError, ()),
        (404, said(coded(7003), coded(7000)), ConnectorGoneError, (7003, 7000)),
        (404, said(coded(10000)), ConnectorGoneError, (10000,)),
        (404, HTML, ConnectorGoneError, ()),
        (429, said(coded(10000, "Rate limited")), RateLimitedError, (10000,)),
        (429, said(coded(971)), RateLimitedError, (971,)),
        (429, HTML, RateLimitedError, ()),
        (429, EMPTY, RateLimitedError, ()),
        *(
            (status, body, ServerError, ())
            for status in (408, 425, 500, 502, 503, 504)
            for body in (HTML, TEXT)
        ),
        *((status, HTML, ServerError, ()) for status in range(520, 531)),
        (500, said(coded(10000)), ServerError, (10000,)),
        (500, said(coded(7003)), ServerError, (7003,)),
        (408, said(coded(10000)), ServerError, (10000,)),
        (301, HTML, ServerError, ()),
        (302, EMPTY, ServerError, ()),
        (307, said(coded(10000)), ServerError, (10000,)),
        (405, EMPTY, ServerError, ()),
        (451, HTML, ServerError, ()),
        # 971 decides under any status, in a chain too.
        *(
            (status, said(coded(971)), RateLimitedError, (971,))
            for status in (200, 400, 401, 403, 404, 500, 503)
        ),
        (403, said(coded(10000, "no", [coded(971)])), RateLimitedError, (10000, 971)),
        # The codes decide under 400, under other refusals, and under 200 with success: false.
        *(
            (400, said(coded(code)), AuthError, (code,))
            for code in (10000, 9109, 9106, 9103, 6003, 6111, 6103)
        ),
        (400, CHAIN, AuthError, (6003, 6111)),
        (400, said(coded(1, "odd", [coded(6103)])), AuthError, (1, 6103)),
        (400, said(coded(7003)), ConnectorGoneError, (7003,)),
        (400, said(coded(7000)), ConnectorGoneError, (7000,)),
        (405, said(coded(9106)), AuthError, (9106,)),
        (200, said(coded(10000)), AuthError, (10000,)),
        (200, said(coded(7003)), ConnectorGoneError, (7003,)),
        (200, said(coded(1000)), ServerError, (1000,)),
        (200, said(), ServerError, ()),
        (200, b'{"success":false}', ServerError, ()),
        (200, said(coded(1), result={"items": [], "count": 0}), ServerError, (1,)),
        (200, said(coded(1), result=[]), ServerError, (1,)),
        (200, said(coded(971)).replace(b"null", b"1e999"), RateLimitedError, (971,)),
        # A plain refusal.
        (400, said(coded(1004, "range too wide")), RequestRefusedError, (1004,)),
        (400, said(), RequestRefusedError, ()),
        (400, HTML, RequestRefusedError, ()),
        (400, EMPTY, RequestRefusedError, ()),
        (414, HTML, RequestRefusedError, ()),
        (422, said(coded(5)), RequestRefusedError, (5,)),
        # Codes however they are written, and bodies that are no envelope.
        (400, said(coded("7003")), ConnectorGoneError, (7003,)),
        (400, said(coded(7003.0)), ConnectorGoneError, (7003,)),
        (400, said(coded(True), coded(None), coded("x"), coded(7.5), coded([7003])), RequestRefusedError, ()),
        (400, said("text", None, 7003), RequestRefusedError, ()),
        (400, b'{"errors":{"code":7003}}', RequestRefusedError, ()),
        (400, b'{"errors":null}', RequestRefusedError, ()),
        (400, b"[7003]", RequestRefusedError, ()),
        (400, b"[" * 100_000, RequestRefusedError, ()),
        (400, b'{"errors":[{"code":7003', RequestRefusedError, ()),
    ],
)
def test_an_answer_is_the_error_that_asks_for_the_right_reaction(
    status: int, body: bytes, kind: type[ApiError], codes: tuple[int, ...]
) -> None:
    """Status first, then codes: each refusal is the error whose reaction fits, with all codes in it."""
    error = refusal_of(status, body, cf_ray="8f2d3c1b4a5e6f70-FRA")
    assert type(error) is kind
    assert (error.status, error.ray_id, error.codes) == (status, "8f2d3c1b4a5e6f70-FRA", codes)
    assert f"HTTP {status}" in str(error)
    assert "connector con (account acc)" in str(error)
    assert "8f2d3c1b4a5e6f70-FRA" in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, said(coded(7003)), AuthError),
        (400, said(coded(7000)), AuthError),
        (403, said(coded(10000)), AuthError),
        (429, EMPTY, RateLimitedError),
        (400, EMPTY, RequestRefusedError),
        (503, EMPTY, ServerError),
    ],
)
def test_an_unknown_account_is_a_matter_of_credentials(
    status: int, body: bytes, kind: type[ApiError]
) -> None:
    """Where connectors are listed there is none to give up: an unknown account stops the account."""
    with pytest.raises(ApiError, match="connectors of account acc") as caught:
        decipher_connectors(status, CIMultiDict(), body, "acc")
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 500, 503])
def test_should_retry_outranks_our_judgement(status: int) -> None:
    """Where Cloudflare says that trying again helps, the failure is one that passes."""
    error = refusal_of(status, said(coded(10000)), x_should_retry="true", retry_after="3")
    assert isinstance(error, ServerError)
    assert (error.should_retry, error.retry_after) == (True, 3.0)


def test_should_retry_false_is_kept() -> None:
    """That trying again does not help is passed on, and turns no refusal into another."""
    error = refusal_of(503, HTML, x_should_retry="false")
    assert isinstance(error, ServerError)
    assert error.should_retry is False
    assert isinstance(refusal_of(403, HTML, x_should_retry="false"), AuthError)


@pytest.mark.parametrize("should_retry", ["true", "false"])
def test_a_rate_limit_stays_one(should_retry: str) -> None:
    """A rate limit pauses the principal whatever x-should-retry says."""
    error = refusal_of(429, EMPTY, x_should_retry=should_retry, retry_after="30")
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 30.0


def test_a_server_error_keeps_its_floor() -> None:
    """Retry-After of a passing failure is kept, a malformed one is none."""
    told, malformed = refusal_of(503, EMPTY, retry_after="7"), refusal_of(503, EMPTY, retry_after="9999")
    assert isinstance(told, ServerError)
    assert isinstance(malformed, ServerError)
    assert (told.retry_after, malformed.retry_after) == (7.0, None)


def test_the_apis_words_are_shown_whole_chain() -> None:
    """The API's own message and that of its chain are shown, in order."""
    text = str(refusal_of(400, CHAIN))
    assert '"Invalid request headers; Invalid format for Authorization header"' in text
    assert "code 6003, 6111" in text


def test_the_apis_words_are_tamed() -> None:
    """A long message is cut and control characters are escaped, so that no answer paints the terminal."""
    text = str(refusal_of(400, said(coded(1, "\x1b[31mred\r\n\u202e" + "x" * 5000))))
    assert text.isprintable()
    assert r"\x1b[31mred\r\n\u202e" in text
    assert len(text) < 500


def test_printable_text_is_cut_after_escaping() -> None:
    """Escapes count: what is shown never exceeds 200 characters."""
    assert printable("\n" * 300) == r"\n" * 100
    assert printable("plain") == "plain"


def test_a_flood_of_errors_is_cut() -> None:
    """An endless list of errors gives an error of a bounded size."""
    error = refusal_of(400, said(*(coded(code) for code in range(1, 5000))))
    assert len(error.codes) == 20


def test_an_endless_chain_is_cut() -> None:
    """Only the errors next to the outermost are of interest, and a deep chain does no harm."""
    error = coded(200)
    for code in range(199, 0, -1):
        error = coded(code, chain=[error])
    assert refusal_of(400, said(error)).codes == (1, 2, 3)


def test_ids_in_messages_are_tamed() -> None:
    """An id with control characters can't write to the terminal either."""
    with pytest.raises(ApiError) as caught:
        decipher_events(500, CIMultiDict(), EMPTY, "a\x1b", "c\n")
    assert str(caught.value).isprintable()


def test_a_redirect_is_explained() -> None:
    """Who is redirected learns that redirects are not followed, and where to look."""
    assert "redirects are not followed, check [api] base_url" in str(refusal_of(302, EMPTY))


@pytest.mark.parametrize(
    ("status", "body", "kind", "hint"),
    [
        (404, said(coded(1002, "event not found")), EventGoneError, "it may keep them no more"),
        (404, said(coded(7003)), EventGoneError, "it may keep them no more"),
        (400, said(coded(1001)), RequestRefusedError, "it may be the event's time or number"),
        (403, said(coded(10000)), AuthError, "Magic WAN Read"),
        (429, EMPTY, RateLimitedError, "requests wait"),
        (502, HTML, ServerError, "usually this passes"),
    ],
)
def test_a_single_event_is_refused_like_a_page(
    status: int, body: bytes, kind: type[ApiError], hint: str
) -> None:
    """Only what the API does not know is another thing: the event, not the connector."""
    with pytest.raises(ApiError, match=hint) as caught:
        decipher_event(status, CIMultiDict(), body, "acc", "con", key=(3, 2))
    assert type(caught.value) is kind
