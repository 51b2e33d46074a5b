"""Options of the sink `http`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from tailer.config.tables import Duration
from tailer.sinks.formats.choice import Template
from tailer.sinks.http.target import check_headers, check_name, read_target
from tailer.sinks.secrets import check_pair
from tailer.sinks.tls import Timeout, TlsOptions, check_tls

PresetName = Literal["none", "splunk", "elasticsearch", "loki", "datadog", "webhook"]

_WITH_INDEX = frozenset({"splunk", "elasticsearch"})
_WITH_LABELS = frozenset({"splunk", "loki", "datadog"})
_Text = Annotated[str, Meta(min_length=1)]


class HttpConfig(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options; those of TLS are at `tailer.sinks.tls.TlsOptions`.

    Attributes:
        url: Where to send. Without a path it gets the preset's. http:// is good for this machine only, unless
            `plain_http`. Redirects are not followed.
        url_env: The variable that holds it, where the address itself is a secret, as a webhook's is.
        url_file: ... or the file.
        preset: What the counterpart is. "none": it takes a `body` and tells by its status what it thinks.
        method: Of requests.
        headers: More of them, without secrets, such as {"X-Scope-OrgID" = "noc"}.
        token_env: The variable that holds the secret: a token, an API key, a password. It goes as a bearer
            token, or as the preset wants it.
        token_file: ... or the file; it is read again after each failure.
        token_header: Carries the token, and nothing but it. Absent: the usual header.
        user: Sends the token as the password of this user (basic authentication).
        body: Without a preset. "jsonl": a record a line; "json": an array of records; "template".
        per: Without a preset. "batch", or "event": each has a request of its own, and an object of "json".
        template: What an event looks like, for `body` "template" and for preset "webhook"; times are UTC.
        begin: What a template's body begins with ...
        separator: ... what stands between two events ...
        end: ... and what it ends with.
        index: For "splunk": the index, absent: the token's. For "elasticsearch": index or data stream,
            required.
        labels: Constants for "loki" (labels), "datadog" (tags) and "splunk" (indexed fields).
        compress: "gzip" compresses bodies.
        timeout: For one request with its whole answer, seconds.
        min_interval: Shortest time between two requests, seconds. Absent: none; "webhook": one second.
        plain_http: Whether http:// may lead to another machine; whoever is on the way reads along.
    """

    url: _Text | None = None
    url_env: _Text | None = None
    url_file: Path | None = None
    preset: PresetName = "none"
    method: Annotated[str, Meta(pattern="^[A-Z]{1,20}$")] = "POST"
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each its own
    token_env: _Text | None = None
    token_file: Path | None = None
    token_header: _Text | None = None
    user: _Text | None = None
    body: Literal["jsonl", "json", "template"] = "jsonl"
    per: Literal["batch", "event"] = "batch"
    template: Template | None = None
    begin: str = ""
    separator: str = "\n"
    end: str = "\n"
    index: _Text | None = None
    labels: dict[str, str] = {}  # noqa: RUF012 - as above
    compress: Literal["none", "gzip"] = "none"
    timeout: Timeout = 30.0
    min_interval: Annotated[Duration, Meta(le=3600)] | None = None
    plain_http: bool = False

    def __post_init__(self) -> None:
        """Compare options; raises ``ValueError``."""
        if sum(one is not None for one in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("one of url, url_env and url_file says where to send; write exactly one")
        if self.url is not None:
            try:
                read_target(self.url, plain_http=self.plain_http)
            except ValueError as error:
                raise ValueError(f"url {error}") from error
        check_pair("token", self.token_env, self.token_file)
        check_headers(self.headers)
        check_name(self.token_header)
        _check_login(self)
        _check_body(self)
        _check_preset(self)
        check_tls(self)


def _check_login(config: HttpConfig) -> None:
    """Compare the options that say how the token goes out."""
    if config.token_env is None and config.token_file is None:
        idle = [name for name in ("user", "token_header") if getattr(config, name) is not None]
        if idle:
            raise ValueError(f"{idle[0]} has no effect without token_env or token_file; add one")
    if config.user is not None and config.token_header is not None:
        raise ValueError("user and token_header exclude each other; keep one way to sign in")
    if config.user is not None and (":" in config.user or not config.user.isascii()):
        raise ValueError("user can't hold a colon or letters beyond ASCII: basic authentication has none")


def _check_body(config: HttpConfig) -> None:
    """Compare the options of the body with each other."""
    takes_template = config.preset == "webhook" or (config.preset == "none" and config.body == "template")
    if config.template is not None and not takes_template:
        raise ValueError('template is for body = "template" and for preset = "webhook"')
    if config.template is None and takes_template and config.preset == "none":
        raise ValueError('body = "template" needs a template, such as {time} {name} {k}')
    if config.preset != "none" and (config.body, config.per) != ("jsonl", "batch"):
        raise ValueError(f"body and per have no effect with preset {config.preset!r}; remove them")
    if (config.begin, config.separator, config.end) != ("", "\n", "\n") and config.body != "template":
        raise ValueError('begin, separator and end are for body = "template"; remove them')


def _check_preset(config: HttpConfig) -> None:
    """Compare the options that only some presets have."""
    if config.preset == "elasticsearch" and config.index is None:
        raise ValueError("index is missing; it must name the index or data stream")
    if config.index is not None and config.preset not in _WITH_INDEX:
        raise ValueError('index is for preset = "splunk" and "elasticsearch"; remove it')
    if config.labels and config.preset not in _WITH_LABELS:
        raise ValueError('labels are for preset = "splunk", "loki" and "datadog"; remove them')
