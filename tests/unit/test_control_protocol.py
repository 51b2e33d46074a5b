from __future__ import annotations

import msgspec
import pytest

from tailer.app.control.protocol import (
    VERSION,
    decode_answer,
    decode_request,
    encode_answer,
    encode_failure,
    encode_request,
)
from tailer.errors import (
    AuthError,
    ConfigError,
    ControlError,
    JournalError,
    JournalFullError,
    SinkUnavailableError,
    TailerError,
)


def test_a_request_comes_through() -> None:
    """Command and arguments arrive as they were given, on one line."""
    line = encode_request("dead.retry", {"sink": "archive", "text": "a\nb"})

    assert line.count(b"\n") == 1
    request = decode_request(line, "1.0")
    assert (request.command, request.arguments) == ("dead.retry", {"sink": "archive", "text": "a\nb"})


def test_a_result_comes_through() -> None:
    """What a command gives arrives as JSON."""
    line = encode_answer({"taken": 3, "note": "a\nb"}, "1.0")

    assert line.count(b"\n") == 1
    assert msgspec.json.decode(decode_answer(line)) == {"taken": 3, "note": "a\nb"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthError("refused", status=403), AuthError),
        (JournalFullError("no room"), JournalError),
        (SinkUnavailableError("away"), SinkUnavailableError.__mro__[1]),
        (ControlError("no"), ControlError),
        (TailerError("other"), TailerError),
    ],
)
def test_an_error_comes_through_as_one_of_its_family(error: TailerError, kind: type[TailerError]) -> None:
    """The command line ends as if it had met the error itself: same sentence, same exit code."""
    with pytest.raises(kind, match=str(error)) as caught:
        decode_answer(encode_failure(error, "1.0"))

    assert type(caught.value) is kind


def test_all_mistakes_of_a_configuration_come_through() -> None:
    """None is lost on the way."""
    with pytest.raises(ConfigError) as caught:
        decode_answer(encode_failure(ConfigError(["first", "second"]), "1.0"))

    assert caught.value.mistakes == ("first", "second")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello\n",
        b"[]\n",
        b'{"version": "1"}\n',
        b'{"version": 1}\n',
        b'{"version": 1, "command": 5}\n',
        b'{"version": 1, "command": "status", "arguments": []}\n',
        b'{"version": 1, "command": "sta',
        b'{"version": 1, "command": "\xff\xfe"}\n',
        b'{"version": 1, "command": ' + b"[" * 50_000,
        b"\x00" * 1000,
    ],
)
def test_rubbish_is_no_request(line: bytes) -> None:
    """Whatever is sent, it is answered with one sentence."""
    with pytest.raises(ControlError, match="that is no request of the control protocol"):
        decode_request(line, "1.0")


def test_a_request_of_another_version_is_told_so() -> None:
    """People learn which program is the older, and the way out; whatever else the request holds."""
    line = msgspec.json.encode({"version": VERSION + 1, "verb": "status"})

    with pytest.raises(ControlError, match=r"this daemon \(tailer 1.0\) speaks version 1 .* version 2"):
        decode_request(line, "1.0")


def test_an_answer_of_another_version_is_told_so() -> None:
    """The same on the other side."""
    line = msgspec.json.encode({"version": VERSION + 1, "program": "9.9", "value": 1})

    with pytest.raises(ControlError, match=r"the daemon \(tailer 9.9\) speaks version 2"):
        decode_answer(line)


@pytest.mark.parametrize("line", [b"HTTP/1.1 400 Bad Request\n", b"{}\n", b'{"version": 1, "result": 1}\n'])
def test_rubbish_is_no_answer(line: bytes) -> None:
    """Something else that listens there is not believed."""
    with pytest.raises(ControlError, match="answer can't be understood"):
        decode_answer(line)
