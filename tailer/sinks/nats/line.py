"""One connection to NATS, on which many messages are under way at a time and every wait ends.

The client's own ``publish_async`` waits for ever where the server answers with an error (nats.py#985), and
its ``publish`` costs a task a message. So answers come to an inbox of ours, numbered, with one deadline for
all that went out together. The client reconnects to nothing by itself: it would not know what was stored.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple, Self

import msgspec
from nats.aio.msg import Msg
from nats.errors import NoServersError
from nats.js.api import StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from tailer.core.durations import Seconds
from tailer.sinks.address import Address
from tailer.sinks.nats.faults import KNOWN, NOBODY, Refusal
from tailer.sinks.nats.login import Login
from tailer.sinks.nats.wire import Wire, WiredClient, WireError

_NO_RESPONDERS = "503"  # the status with which the server says that nobody is interested in a subject
_FAREWELL: Seconds = 1.0


class Message(NamedTuple):
    """One message.

    Attributes:
        id: What the stream knows it by, if it comes again; no line end in it.
        payload: Its content.
    """

    id: str
    payload: bytes


class _Error(msgspec.Struct):
    err_code: int = NOBODY
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Error | None = None


_DECODER = msgspec.json.Decoder(_Answer)


class _Round:
    """Messages that are under way together."""

    def __init__(self, first: int, messages: Sequence[Message], stored: set[str]) -> None:
        self.first = first
        self.messages = messages
        self.refusals: dict[int, Refusal] = {}
        self.done = asyncio.Event()
        self._stored = stored
        self._left = len(messages)

    def take(self, number: int, refusal: Refusal | None) -> None:
        """Note an answer; one of an earlier round is of no interest any more."""
        index = number - self.first
        if index < 0:
            return
        if refusal is None:
            self._stored.add(self.messages[index].id)
        else:
            self.refusals[index] = refusal
        self._left -= 1
        if not self._left:
            self.done.set()


class Line:
    """A connection, which ends with its first fault; `close` it.

    Args:
        wire: Its way.
        patience: Longest wait for answers. Each method that waits raises ``TimeoutError`` after it.
    """

    def __init__(self, wire: Wire, patience: Seconds) -> None:
        self._wire = wire
        self._client = WiredClient(wire)
        self._patience = patience
        self._limit: asyncio.Timeout | None = None
        self._fault: Exception | None = None
        self._inbox = ""
        self._round = _Round(0, (), set())

    @classmethod
    async def connect(
        cls, address: Address, login: Login, patience: Seconds, trust: ssl.SSLContext | None
    ) -> Self:
        """Connect to one server.

        Args:
            address: Where it is, and the user.
            login: What is shown to be let in.
            patience: Longest wait for the connection, and for answers.
            trust: What TLS goes by; ``None``: no TLS.

        Raises:
            OSError, nats.errors.Error: It can't be done.
        """
        line = cls(Wire(is_secret=trust is not None), patience)
        try:
            async with line._limited():
                await line._begin(address, login, trust)
        except BaseException:
            await line.close()
            raise
        return line

    @property
    def version(self) -> tuple[int, int, int]:
        """The server's."""
        found = self._client.connected_server_version
        return found.major, found.minor, found.patch

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be done with it."""
        return self._fault is not None

    def room(self, message_id: str, stream: str) -> int:
        """Tell the longest payload that the server lets in beside a message's headers."""
        headers = f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\nNats-Expected-Stream: {stream}\r\n\r\n"
        return int(self._client.max_payload) - len(headers.encode())

    async def find(self, stream: str) -> StreamInfo | None:
        """Look for a stream; ``None``: there is none of that name."""
        async with self._limited():
            try:
                return await self._client.jetstream(timeout=self._patience).stream_info(stream)
            except NotFoundError:
                return None

    async def make(self, wanted: StreamConfig) -> StreamInfo:
        """Make a stream."""
        async with self._limited():
            return await self._client.jetstream(timeout=self._patience).add_stream(wanted)

    async def publish(
        self, subject: str, stream: str, messages: Sequence[Message], stored: set[str]
    ) -> dict[int, Refusal]:
        """Send messages to a stream, in their order, and wait for all answers.

        Args:
            subject: Where to.
            stream: The stream that must take them, and no other.
            messages: At least one.
            stored: Gets the id of each that is stored, now or before, also where this method raises.

        Returns:
            Why each of the others is not, by its index.

        Raises:
            OSError, nats.errors.Error: The connection has ended, or answers are missing.
        """
        this = self._round = _Round(self._round.first + len(self._round.messages), messages, stored)
        headers = {"Nats-Msg-Id": "", "Nats-Expected-Stream": stream}
        async with self._limited():
            for number, message in enumerate(messages, this.first):
                headers["Nats-Msg-Id"] = message.id
                reply = f"{self._inbox}.{number}"
                await self._client.publish(subject, message.payload, reply=reply, headers=headers)
            await this.done.wait()
        return this.refusals

    async def close(self) -> None:
        """Hang up at once; what was not answered may be stored or not."""
        await self._end()
        self._wire.cut()
        with suppress(Exception):  # it is the last thing done with it, and may fail in any way
            async with asyncio.timeout(_FAREWELL):
                await self._client.close()

    async def _begin(self, address: Address, login: Login, trust: ssl.SSLContext | None) -> None:
        password, token, credentials = login
        try:
            await self._client.connect(
                f"{address.scheme}://{address.where}",
                name="tailer",
                user=address.user or None,
                password=None if password is None else password.reveal(),
                token=None if token is None else token.reveal(),
                user_jwt_cb=None if credentials is None else credentials.jwt,
                signature_cb=None if credentials is None else credentials.sign,
                tls=trust,
                connect_timeout=round(self._patience) + 1,  # ours is the one that counts
                allow_reconnect=False,
                max_reconnect_attempts=1,  # less would mean for ever
                reconnect_time_wait=0,
                pending_size=0,  # publishing waits for nothing: it could not be cancelled there
                skip_subject_validation=True,
                error_cb=self._note,
                disconnected_cb=self._end,
                closed_cb=self._end,
            )
        except NoServersError as error:
            raise self._wire.fault or error from None
        if not self._client.is_connected:
            raise WireError("it does not speak the protocol of NATS")
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._take)

    async def _note(self, error: Exception) -> None:
        """Take what the client reports beside what it raises: nothing after it can be relied on."""
        if self._inbox:
            await self._end(error)

    async def _end(self, error: Exception | None = None) -> None:
        """Make all waits end."""
        if self._fault is None:
            self._fault = error or WireError("the connection has ended")
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """Let what is inside take as long as is allowed, and no longer than the connection is good."""
        if self._fault is not None:
            raise self._fault
        try:
            async with asyncio.timeout(self._patience) as self._limit:
                yield
        except KNOWN as error:
            raise self._cause(error) from None
        finally:
            self._limit = None

    def _cause(self, error: Exception) -> Exception:
        """Give what has ended the connection, or else what was raised."""
        return self._fault or error

    async def _take(self, message: Msg) -> None:
        """Take an answer."""
        self._round.take(int(message.subject.rpartition(".")[2]), _refusal_in(message))


def _refusal_in(message: Msg) -> Refusal | None:
    if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
        return Refusal(NOBODY, "no stream takes the subject")
    try:
        error = _DECODER.decode(message.data).error
    except msgspec.DecodeError:
        return Refusal(NOBODY, "the answer is not JetStream's")
    return None if error is None else Refusal(error.err_code, error.description)
