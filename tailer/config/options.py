"""Every option there is: its effect, its unit, what absence means and why the default is what it is.

An option has one name, here, in the TOML file and as a flag. Only options that are honoured are listed.
"""

from __future__ import annotations

import re
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from tailer.config.addresses import Address, is_loopback, read_address
from tailer.config.credentials import Credentials
from tailer.config.tables import Duration, Size
from tailer.core.alerts import AlertRules
from tailer.core.durations import Seconds, parse_time

BASE_URL: Final = "https://api.cloudflare.com/client/v4"
"""Cloudflare's API. Source: its documentation; every official SDK has the same default."""


def read_base_url(raw: object) -> str:
    """Check the address of an API.

    Returns:
        The address without a slash at its end.

    Raises:
        ValueError: It is no ``https://`` address (``http://`` only to this machine), or has a user, a query
            or a fragment. The message does not repeat it, as it might hold a password.
    """
    if not isinstance(raw, str):
        raise ValueError(f'must be an address such as "{BASE_URL}"')  # noqa: TRY004 - the reader's contract
    try:
        url = urlsplit(raw.strip())
        host, _ = url.hostname or "", url.port
    except ValueError as error:
        raise ValueError(f'is no valid address; write for example "{BASE_URL}"') from error
    if url.scheme not in {"https", "http"} or not host or re.search(r"[\s\x00-\x1f\x7f]", raw.strip()):
        raise ValueError(f'is not an https:// address; write for example "{BASE_URL}"')
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("must have no user, query or fragment; only https://host/path")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"plain http:// would send the token unencrypted to {host}; write https:// (http:// goes only to"
            " this machine, 127.0.0.1)"
        )
    return raw.strip().rstrip("/")


_FAR_AHEAD: Seconds = 86_400.0
"""No clock and no zone is wrong by more: it is a slip, and nothing would be read for long."""


def read_start(raw: object) -> str:
    """Check a time without resolving it: "1h" counts back from the moment of the start, not of the loading.

    TOML's own dates and times and whole epoch seconds are taken too.

    Raises:
        ValueError: It is no time, and the message shows a good one; or it lies far in the future.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | date):
        raise ValueError(f"must be {_A_TIME}")  # noqa: TRY004 - as above
    text = raw.isoformat() if isinstance(raw, date) else str(raw)
    now = time.time()
    if parse_time(text, now) > now + _FAR_AHEAD:
        raise ValueError(
            f"{text!r} lies in the future, and nothing would be read before; write for example 'now'"
        )
    return text


_A_TIME: Final = 'a time such as "now", "1h" (back from now) or "2026-08-01T12:00:00Z"'

BaseUrl: TypeAlias = Annotated[str, Meta(extra={"read": read_base_url, "expected": "an https:// address"})]
Time: TypeAlias = Annotated[str, Meta(extra={"read": read_start, "expected": _A_TIME})]
Word: TypeAlias = Annotated[str, Meta(min_length=1)]
ApiId: TypeAlias = Annotated[
    str,
    # It becomes part of a path: nothing that a URL would read as more than a name.
    Meta(pattern="^[A-Za-z0-9_-]{1,64}$", extra={"expected": "an id of letters, digits, - and _"}),
]
VariableName: TypeAlias = Annotated[
    str,
    Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", extra={"expected": "the name of an environment variable"}),
]
Listening: TypeAlias = Annotated[
    Address, Meta(extra={"read": read_address, "expected": 'an address such as "127.0.0.1:9464"'})
]
HeaderText: TypeAlias = Annotated[
    str, Meta(pattern="^[!-~]+$", extra={"expected": "an e-mail address without spaces"})
]


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an account is read.

    Attributes:
        id: Account id, the 32 characters in the dashboard's address. Required.
        connectors: Which connectors are read: ids, or shell patterns (``*``, ``?``, ``[...]``) over id,
            notes and serial number. By default all of them, those included that turn up later: an event
            of a connector that nobody listed must not be lost.
        exclude: Ids or patterns that are left out, though `connectors` names them. By default none.
        kinds: Kinds of events that are delivered; the journal gets all. By default, and when empty, all.
    """

    id: ApiId
    connectors: Annotated[tuple[Word, ...], Meta(min_length=1)] = ("*",)
    exclude: tuple[Word, ...] = ()
    kinds: tuple[Word, ...] = ()


class AccountTable(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[accounts]]`` table: what is read, and where its credentials are.

    Without any of the four credential keys, the variable CLOUDFLARE_API_TOKEN is used, and only when it is
    not set either, CLOUDFLARE_EMAIL with CLOUDFLARE_API_KEY.

    Attributes:
        token_env: Environment variable that holds an API token.
        token_file: File that holds an API token (a systemd credential, a container's secret). It is read
            again when the API refuses the token, so a token can be rotated without a restart.
        email: E-mail address of the older scheme; `key_env` goes with it.
        key_env: Environment variable that holds the global API key of the older scheme.
        principal: Name of the user or service behind the credentials. Cloudflare counts requests per user:
            accounts whose tokens belong to one user share one budget under one name. Absent: accounts with
            the same token share one budget, every other account has its own.
    """

    token_env: VariableName | None = None
    token_file: Path | None = None
    email: HeaderText | None = None
    key_env: VariableName | None = None
    principal: Word | None = None


class Account(Scope, frozen=True, kw_only=True):
    """An account, ready to be read.

    Attributes:
        credentials: The token or key itself, wrapped.
        principal: Whose budget its requests are counted in: the name that was written, else the id of the
            first account with the same credentials. Never empty, no secret.
    """

    credentials: Credentials
    principal: str


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the API's quota we may use. The quota is what the headers tell; 1200 per 5m until then.

    Attributes:
        share: The most we spend of it in any window, as a part of 1. The default leaves a fifth to the
            dashboard, Terraform and other clients of the same user: they are all counted together, and
            crossing the quota blocks them all for five minutes.
        reserve: Part of the quota that is left alone, whoever spent the rest: nothing more is sent once
            the remaining quota reaches it.
    """

    share: Annotated[float, Meta(gt=0, le=1)] = 0.8
    reserve: Annotated[float, Meta(ge=0, lt=1)] = 0.1


class ApiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[api]`` table: where the API is and how it is asked.

    Attributes:
        base_url: Address of the API. CLOUDFLARE_BASE_URL, else CLOUDFLARE_API_BASE_URL, outranks it.
        timeout: Longest time for one request with its whole answer, seconds. 30 s is half of what the
            official SDKs allow: a request that takes longer is better made anew, with a smaller window.
        page_limit: Events asked for per request. The API's own maximum is not documented; when it refuses
            this one, none is sent.
        budget: See `Budget`.
        ca_file: PEM file with the certificates to trust besides the system's, for a proxy that looks
            into TLS. Absent: none.
    """

    base_url: BaseUrl = BASE_URL
    timeout: Annotated[Duration, Meta(ge=0.1, le=600)] = 30.0
    page_limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    budget: Budget = Budget()
    ca_file: Path | None = None


class PollingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[polling]`` table: when each connector is read, and how far back.

    Attributes:
        interval: Shortest time between two polls of one connector, seconds. 5 s is what the budget allows
            16 connectors (960 requests in 5m); where there are more, those that report most come closest.
        max_interval: Longest time between two polls of one connector, seconds. Where the budget can't hold
            it, it is stretched for all, and said so. 5m is what the budget allows some 800 connectors.
        look_back: How far each poll reads back at least, seconds. "auto": four intervals, and while that
            costs no second page, as far as about 100 events.
        revisit_max: How far back the past is read again for events that became visible late, seconds;
            those that were at most three quarters of it late are found. 48h covers an appliance that was
            offline for a day and a half.
        settle: How long an event waits for others that sort before it, seconds. 2 s is what one poll's
            answer and the clocks' whole seconds may differ by.
        start: Where reading begins for the connectors of the very first listing: "now", a duration back
            from now, an ISO 8601 time (without a zone: local time) or epoch seconds. It is kept as text
            and resolved at the start. One that turns up later begins at the listing before.
        discover: Time between two listings of the connectors, seconds. 5m costs a request of 1200.
        concurrency: Requests in flight at once. More than 8 made things slower when it was measured. Up to
            four more fetch details.
        details: Kinds, or shell patterns over kinds, of the events whose payload is fetched too (`e`): a
            request each, within the budget. By default none.
        details_wait: How long an event may wait for its details, seconds. Then it goes on without them, for
            good. 10 s is what three tries of a request may take.
    """

    interval: Annotated[Duration, Meta(ge=0.1, le=3600)] = 5.0
    max_interval: Annotated[Duration, Meta(ge=0.1, le=86_400)] = 300.0
    look_back: Literal["auto"] | Duration = "auto"
    revisit_max: Duration = 172_800.0
    settle: Annotated[Duration, Meta(le=3600)] = 2.0
    start: Time = "now"
    discover: Annotated[Duration, Meta(ge=1, le=86_400)] = 300.0
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 8
    details: tuple[Word, ...] = ()
    details_wait: Annotated[Duration, Meta(ge=0.1, le=300)] = 10.0


class JournalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[journal]`` table: where events wait for the sinks.

    Attributes:
        path: SQLite file, made with mode 0600. ``":memory:"`` forgets everything with the process and
            must be written out, so that nobody gets it by leaving a line away. Absent: none was chosen,
            which is enough for `tail`, not for `run`.
        retain: How long events that every sink has taken are kept for replay, seconds.
        max_size: The most that the file's used part may take, bytes; the write-ahead log beside it comes on
            top (64 MiB as a rule). Above it taken events are dropped first, however young; if what is left
            still waits for a sink, polling pauses, says so, and goes on by itself once a tenth is free. By
            default 10 GiB, some 500 million events: weeks of a dead sink. In memory other bounds hold.
        max_keys: Events that are remembered at most, payload or not, so that none is journaled twice; each
            takes some 25 bytes of memory. As many are needed as come in `revisit_max`; where they are more,
            the connectors with the most of them are read again less far back, and the log and the status
            say so. By default 20 million, 500 MB: two days of 115 events a second.
        dead_letters: File of the events that a sink will never take, each with the reason; JSON Lines, mode
            0600. Absent: beside the journal, "tailer.dead.jsonl" for "tailer.db"; with a journal in memory
            there is none, and such events are only counted and reported.
    """

    path: Literal[":memory:"] | Path | None = None
    retain: Duration = 172_800.0
    # Below 64 MiB keys and checkpoints of a large fleet would leave no room for events.
    max_size: Annotated[Size, Meta(ge=64 * 2**20)] = 10 * 2**30
    max_keys: Annotated[int, Meta(ge=100_000, le=1_000_000_000)] = 20_000_000
    dead_letters: Path | None = None

    @property
    def dead_letters_path(self) -> Path | None:
        """Where dead letters lie; ``None``: nowhere."""
        if self.dead_letters is not None or not isinstance(self.path, Path):
            return self.dead_letters
        return self.path.with_suffix(".dead.jsonl")


class ServiceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[service]`` table: the daemon's own face.

    Attributes:
        log_format: How the program's own messages look on stderr: "text", "json" (one object a line), or
            "auto", text on a terminal and json elsewhere.
        listen: Where /healthz, /readyz, /status and /metrics are served, over plain HTTP, to be read only.
            There is no password: beyond loopback, whoever gets there can read names of connectors and
            sinks. Port 0 takes a free one, and the log names it. Absent: nothing listens. 9464 is what
            exporters of OpenTelemetry have made the usual one.
    """

    listen: Listening | None = None
    log_format: Literal["auto", "text", "json"] = "auto"


class CrashLoopOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a crash loop of a device's process.

    Attributes:
        starts: How many starts (``Init``). Two may be an upgrade and its reboot.
        within: In how long a time, seconds. Ten minutes hold three starts of a device that takes two minutes
            to boot, and a crash after each.
    """

    starts: Annotated[int, Meta(ge=2, le=100)] = 3
    within: Annotated[Duration, Meta(ge=1, le=86_400)] = 600.0


class AlertOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[alerts]`` table: events of our own, derived from those that are read. Without it there are none.

    Attributes:
        unfinished: How long an upgrade, an attestation or a rotation of keys may take, seconds; one that has
            begun and not ended by then is told as ``tailer.Unfinished...``. Absent: not looked for.
        silent: How long a device may give no sign of life (neither a heartbeat nor an event), seconds; then
            it is told as ``tailer.SilentConnector``. Below some minutes it would alarm about a lost line of
            sight: listings tell of heartbeats every half minute at best. Absent: not looked for.
        crash_loop: See `CrashLoopOptions`; told as ``tailer.CrashLoop``. Absent: not looked for.
    """

    unfinished: Annotated[Duration, Meta(ge=1)] | None = None
    silent: Annotated[Duration, Meta(ge=120)] | None = None
    crash_loop: CrashLoopOptions | None = None

    @property
    def rules(self) -> AlertRules:
        """The same for the core."""
        loop = self.crash_loop
        if loop is None:
            return AlertRules(self.unfinished, self.silent)
        return AlertRules(self.unfinished, self.silent, loop.within, loop.starts)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A whole configuration, checked but for the sinks.

    Attributes:
        accounts: At least one, no id twice.
        api: See `ApiOptions`; the environment's address is already in it.
        polling: See `PollingOptions`.
        journal: See `JournalOptions`.
        service: See `ServiceOptions`.
        alerts: See `AlertOptions`.
        sinks: ``[[sinks]]`` as they were written; the sinks' registry knows what may be in them.
        folder: What relative paths count from: the file's folder.
    """

    accounts: tuple[Account, ...]
    api: ApiOptions = ApiOptions()
    polling: PollingOptions = PollingOptions()
    journal: JournalOptions = JournalOptions()
    service: ServiceOptions = ServiceOptions()
    alerts: AlertOptions = AlertOptions()
    sinks: tuple[dict[str, Any], ...] = ()
    folder: Path
