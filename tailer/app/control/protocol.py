"""The words of the control socket: requests and answers as lines of JSON, without a socket.

1. A connection carries one request and one answer, each a JSON object on one line.
2. Both begin with the version of the protocol. A side that is asked in another version says so in its own,
   and names its program's version, so that people know which side is the older.
3. A request names a command and its arguments; an answer has a result or an error. An error names its family
   (`tailer.errors`), so that the command line ends with the same exit code as if it had met it itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tailer.errors import AuthError, ConfigError, ControlError, JournalError, SinkError, TailerError

VERSION = 1
"""Changes when an older side could misread a newer one; commands and arguments come and go without."""

MAX_REQUEST_BYTES = 64 * 1024
"""Longest line of a request: names, times and patterns, written by hand."""

MAX_ANSWER_BYTES = 256 * 2**20
"""Longest line of an answer: a status of a hundred thousand connectors with gaps has a fifth of it."""


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of a daemon.

    Attributes:
        version: Of the protocol; always written.
        command: Its name.
        arguments: By name.
    """

    version: int
    command: str
    arguments: dict[str, Any] = {}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a command was not done.

    Attributes:
        family: Class of the error, such as "ConfigError".
        messages: One sentence a mistake, at least one.
    """

    family: str
    messages: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon says.

    Attributes:
        version: Of the protocol.
        program: Version of the daemon's program.
        result: What the command gives; nothing where it failed.
        error: Why it failed; ``None``: it did not.
    """

    version: int
    program: str
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


class _Versioned(msgspec.Struct):
    """What every version of the protocol has."""

    version: int
    program: str = "of another version"


_FAMILIES = {kind.__name__: kind for kind in (AuthError, JournalError, SinkError, ControlError)}


def encode_request(command: str, arguments: Mapping[str, Any]) -> bytes:
    """Give the line of a request."""
    request = Request(version=VERSION, command=command, arguments=dict(arguments))
    return msgspec.json.encode(request) + b"\n"


def decode_request(line: bytes, program: str) -> Request:
    """Read the line of a request.

    Args:
        line: As it came, without its end or with it.
        program: Our own version, for those that ask in another one.

    Raises:
        ControlError: It is none, or one of another version.
    """
    try:
        version = msgspec.json.decode(line, type=_Versioned).version
        if version != VERSION:
            raise ControlError(
                f"this daemon (tailer {program}) speaks version {VERSION} of the control protocol and was"
                f" asked in version {version}: use the same tailer for both, or restart the daemon"
            )
        return msgspec.json.decode(line, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(f"that is no request of the control protocol: {error}") from error


def encode_answer(result: object, program: str) -> bytes:
    """Give the line of an answer to what was done."""
    raw = msgspec.Raw(msgspec.json.encode(result))
    return msgspec.json.encode(Answer(version=VERSION, program=program, result=raw)) + b"\n"


def encode_failure(error: TailerError, program: str) -> bytes:
    """Give the line of an answer to what was not done."""
    messages = error.mistakes if isinstance(error, ConfigError) else (str(error),)
    failure = Failure(family=_family_of(error), messages=messages)
    return msgspec.json.encode(Answer(version=VERSION, program=program, error=failure)) + b"\n"


def decode_answer(line: bytes) -> bytes:
    """Read the line of an answer; return its result as JSON.

    Raises:
        TailerError: What the daemon says instead, as one of the same family.
        ControlError: Also if the line is no answer of this version of the protocol.
    """
    try:
        told = msgspec.json.decode(line, type=_Versioned)
        if told.version != VERSION:
            raise ControlError(
                f"the daemon (tailer {told.program}) speaks version {told.version} of the control protocol,"
                f" this command version {VERSION}: use the same tailer for both, or restart the daemon"
            )
        answer = msgspec.json.decode(line, type=Answer)
    except msgspec.MsgspecError as error:
        raise ControlError(f"the daemon's answer can't be understood: {error}") from error
    if answer.error is not None:
        raise _error_of(answer.error)
    return bytes(answer.result)


def _family_of(error: TailerError) -> str:
    if isinstance(error, ConfigError):
        return ConfigError.__name__
    return next((name for name, kind in _FAMILIES.items() if isinstance(error, kind)), TailerError.__name__)


def _error_of(failure: Failure) -> TailerError:
    if failure.family == ConfigError.__name__:
        return ConfigError(failure.messages)
    kind = _FAMILIES.get(failure.family, TailerError)
    return kind("\n".join(failure.messages))
