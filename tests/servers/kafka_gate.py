"""A gate in front of a Kafka broker, for what the stand-in can't do: know users, and look at what it is sent.

Records that are numbered must follow those before without a gap, and those that come again are known, as a
real broker has it.

Source: Kafka's documentation, "Protocol guide" (SaslHandshake, SaslAuthenticate, Produce) and "Record batch";
KIP-98; RFC 4616 and RFC 5802, whose server side scramp plays.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TypeAlias

import scramp
from aiokafka.protocol.admin import DescribeConfigsResponse_v0
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7

from tests.servers.listener import listening

_PRODUCE, _HANDSHAKE, _VERSIONS, _CONFIGURATION, _AUTHENTICATE = 0, 17, 18, 32, 36
_TOO_LARGE, _OUT_OF_ORDER, _INVALID_RECORD = 10, 45, 87

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gate:
    """A gate; without a user it lets everybody pass.

    Args:
        inner: The broker's port.
        user: Who has to say so, and with which password.

    Attributes:
        port: The gate's.
        poison: Ids of events; records in JSON that have one are refused, with all that come with them.
        largest: Most bytes of records that pass at once.
        is_mute: Whether records pass, but no answer to them.
        settings: What a broker says of its configuration; empty: nothing.
        known: Times that records were not passed on, for they had come before.
    """

    def __init__(self, inner: int, user: tuple[str, str] | None = None) -> None:
        self.port = 0
        self.poison: Collection[str] = ()
        self.largest = 2**31
        self.is_mute = False
        self.settings: dict[str, str] = {}
        self.known = 0
        self._inner = inner
        self._user = user
        self._places: dict[tuple[int, int], list[tuple[int, int]]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client until one of both hangs up, or it is not let in."""
        inner = await asyncio.open_connection("127.0.0.1", self._inner)
        try:
            await self._serve((reader, writer), inner)
        finally:
            inner[1].transport.abort()

    async def _serve(self, outer: _Streams, inner: _Streams) -> None:
        doorman = _Doorman(*self._user) if self._user is not None else None
        while True:
            request = await _read(outer)
            number, _, correlation, length = struct.unpack_from(">hhih", request)
            body = request[10 + length :]
            if number == _VERSIONS:
                answer = _with_ours(await _ask(inner, request))
            elif doorman is not None and number in {_HANDSHAKE, _AUTHENTICATE}:
                reply = doorman.listen(body) if number == _HANDSHAKE else doorman.judge(body)
                answer = struct.pack(">i", correlation) + reply
            elif doorman is not None and not doorman.is_content:
                return
            elif number == _CONFIGURATION:
                answer = struct.pack(">i", correlation) + self._configuration()
            elif number == _PRODUCE:
                answer = await self._produce(inner, request, body)
                if self.is_mute:
                    continue
            else:
                answer = await _ask(inner, request)
            _write(outer, answer)

    async def _produce(self, inner: _Streams, request: bytes, body: bytes) -> bytes:
        """Pass records on, if they may pass; give the answer."""
        [(topic, [(partition, records)])] = ProduceRequest_v7.decode(body).topics
        (producer,), place = struct.unpack_from(">q", records, 43), struct.unpack_from(">ii", records, 53)
        before = self._places.setdefault((producer, partition), [])
        code = 0
        if len(records) > self.largest:
            code = _TOO_LARGE
        elif any(f'"{one}"'.encode() in records for one in self.poison):
            code = _INVALID_RECORD
        elif place in before:
            self.known += 1
        elif producer >= 0 and place[0] != (sum(before[-1]) if before else 0):
            code = _OUT_OF_ORDER
        else:
            if producer >= 0:
                before.append(place)
            return await _ask(inner, request)
        answer: bytes = ProduceResponse_v7([(topic, [(partition, code, -1, -1, -1)])], 0).encode()
        return request[4:8] + answer

    def _configuration(self) -> bytes:
        entries = [(name, value, True, False, False) for name, value in self.settings.items()]
        answer: bytes = DescribeConfigsResponse_v0(0, [(0, None, 4, "1", entries)]).encode()
        return answer

    def forget(self) -> None:
        """Know nothing of what came before."""
        self._places.clear()


class _Doorman:
    """Listens to one who wants to pass."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._scram: scramp.ScramServer | None = None
        self._has_begun = False
        self.is_content = False

    def listen(self, body: bytes) -> bytes:
        """Hear by what somebody wants to say who it is."""
        mechanism = body[2:].decode()
        if mechanism.startswith("SCRAM") and mechanism in _MECHANISMS:
            scram = scramp.ScramMechanism(mechanism)
            known = {self._user: scram.make_auth_info(self._password)}
            self._scram = scram.make_server(known.__getitem__)
        names = b"".join(struct.pack(">h", len(one)) + one.encode() for one in _MECHANISMS)
        return struct.pack(">hi", 0 if mechanism in _MECHANISMS else 33, len(_MECHANISMS)) + names

    def judge(self, body: bytes) -> bytes:
        """Answer what somebody says."""
        try:
            answer = self._answer(body[4:])
        except (scramp.ScramException, KeyError):
            words = b"Authentication failed, invalid credentials"
            return struct.pack(">hh", 58, len(words)) + words + struct.pack(">i", 0)
        return struct.pack(">hhi", 0, -1, len(answer)) + answer

    def _answer(self, said: bytes) -> bytes:
        if self._scram is None:
            if said.split(b"\0")[1:] != [self._user.encode(), self._password.encode()]:
                raise KeyError
            self.is_content = True
            return b""
        if not self._has_begun:
            self._scram.set_client_first(said.decode())
            self._has_begun = True
            first: str = self._scram.get_server_first()
            return first.encode()
        self._scram.set_client_final(said.decode())
        self.is_content = True
        final: str = self._scram.get_server_final()
        return final.encode()


@asynccontextmanager
async def gate_before(port: int, user: tuple[str, str] | None = None) -> AsyncIterator[Gate]:
    """Stand in front of a broker."""
    gate = Gate(port, user)
    async with listening(gate.serve) as gate.port:
        yield gate


def _with_ours(versions: bytes) -> bytes:
    """Add to what requests a broker knows those that the gate answers."""
    (count,) = struct.unpack_from(">i", versions, 6)
    ours = struct.pack(">9h", _HANDSHAKE, 0, 1, _AUTHENTICATE, 0, 0, _CONFIGURATION, 0, 0)
    return versions[:6] + struct.pack(">i", count + 3) + ours + versions[10:]


async def _ask(inner: _Streams, request: bytes) -> bytes:
    _write(inner, request)
    return await _read(inner)


async def _read(streams: _Streams) -> bytes:
    (length,) = struct.unpack(">i", await streams[0].readexactly(4))
    return await streams[0].readexactly(length)


def _write(streams: _Streams, frame: bytes) -> None:
    streams[1].write(struct.pack(">i", len(frame)) + frame)
