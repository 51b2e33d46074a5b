"""An operator, its accounts and a user of NATS, as ``nsc`` would make them."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from typing import Any, NamedTuple

import nkeys

_UNLIMITED = dict.fromkeys(("conn", "data", "imports", "exports", "leaf", "payload", "subs"), -1)
_STREAMS = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)  # not for the system


class Realm(NamedTuple):
    """What a server and a user need to know of each other.

    Attributes:
        config: Lines of the server's configuration.
        credentials: The user's ``.creds``.
    """

    config: str
    credentials: str


def make_realm() -> Realm:
    """Make one user of an account with JetStream."""
    operator_key, system_key, account_key, user_key = (
        _make_key(kind)
        for kind in (
            nkeys.PREFIX_BYTE_OPERATOR,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_USER,
        )
    )
    system = _sign(operator_key, system_key, "account", limits=_UNLIMITED)
    account = _sign(operator_key, account_key, "account", limits={**_UNLIMITED, **_STREAMS})
    user = _sign(account_key, user_key, "user", subs=-1, data=-1, payload=-1)
    lines = [
        f"operator: {_sign(operator_key, operator_key, 'operator')}",
        f"system_account: {_name(system_key)}",
        "resolver: MEMORY",
        f"resolver_preload: {{ {_name(system_key)}: {system}, {_name(account_key)}: {account} }}",
    ]
    seed = user_key.seed.decode()
    credentials = (
        f"-----BEGIN NATS USER JWT-----\n{user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    return Realm("\n".join([*lines, ""]), credentials)


def _make_key(kind: int) -> nkeys.KeyPair:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(secrets.token_bytes(32), kind)))


def _name(key: nkeys.KeyPair) -> str:
    return str(key.public_key.decode())


def _sign(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, kind: str, **facts: Any) -> str:
    """Make a JWT."""
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    claims = {
        "jti": secrets.token_hex(16),
        "iat": 1_700_000_000,
        "iss": _name(issuer),
        "name": kind,
        "sub": _name(subject),
        "nats": {"type": kind, "version": 2, **facts},
    }
    body = ".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
    return f"{body}.{_encode(issuer.sign(body.encode()))}"


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
