import json
from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from tailer.api.tokens import TokenStatus, account_path, decipher_token
from tailer.errors import ApiError, AuthError, ServerError, WireFormatError

HEADERS: CIMultiDict[str] = CIMultiDict()


def test_status_and_end_are_read() -> None:
    """Of a verified token the status and its end are taken."""
    result = {"id": "x", "status": "active", "expires_on": "2027-01-01T00:00:00Z"}
    body = json.dumps({"success": True, "errors": [], "result": result}).encode()
    found = decipher_token(200, HEADERS, body, "acc")
    assert found == TokenStatus("active", datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}]}', AuthError),
        (200, b'{"success":false,"errors":[{"code":10000,"message":"no"}]}', AuthError),
        (500, b"<html>", ServerError),
        (200, b'{"success":true,"result":null}', WireFormatError),
        (200, b"<html>", WireFormatError),
    ],
)
def test_everything_else_is_an_error(status: int, body: bytes, error: type[ApiError]) -> None:
    """A refused token is told from an API that fails and from nonsense."""
    with pytest.raises(error):
        decipher_token(status, HEADERS, body, "acc")


def test_account_id_is_quoted() -> None:
    """Whatever stands in the configuration stays one part of the path."""
    assert account_path("a/b") == "/accounts/a%2Fb/tokens/verify"
