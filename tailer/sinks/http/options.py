"""Options of all sinks that send requests: where to, who we are, and how long to wait."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from tailer.sinks.http.target import check_headers, check_name, read_target
from tailer.sinks.secrets import check_pair
from tailer.sinks.tls import Timeout, TlsOptions, check_tls

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
"""A field that is a text with something in it."""


class RequestOptions(TlsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way to a counterpart; its TLS is at `tailer.sinks.tls.TlsOptions`.

    Attributes:
        url: Where to send; an address without a path gets the usual one of the counterpart. http:// is good
            for this machine only, unless `plain_http`. Redirects are not followed.
        url_env: The variable that holds it, where the address itself is a secret, as a webhook's is.
        url_file: The file that holds it, for the same reason.
        headers: More headers, without secrets, such as {"X-Scope-OrgID" = "noc"}.
        token_env: The variable that holds the secret: a token, an API key, a password. It goes as a bearer
            token, or as the counterpart wants it.
        token_file: The file that holds the secret; it is read again after each failure.
        token_header: The header that carries the token, and nothing but it. Absent: the usual one.
        user: Whose password the token is (basic authentication).
        compress: What is done to bodies: "gzip", or "none".
        timeout: For one request with its whole answer, seconds.
        plain_http: Whether http:// may lead to another machine; whoever is on the way reads along.
    """

    url: Text | None = None
    url_env: Text | None = None
    url_file: Path | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each its own
    token_env: Text | None = None
    token_file: Path | None = None
    token_header: Text | None = None
    user: Text | None = None
    compress: Literal["none", "gzip"] = "none"
    timeout: Timeout = 30.0
    plain_http: bool = False


def check_request(options: RequestOptions) -> None:
    """Compare the options with each other; raises ``ValueError`` with one sentence."""
    if sum(one is not None for one in (options.url, options.url_env, options.url_file)) != 1:
        raise ValueError("one of url, url_env and url_file says where to send; write exactly one")
    if options.url is not None:
        try:
            read_target(options.url, plain_http=options.plain_http)
        except ValueError as error:
            raise ValueError(f"url {error}") from error
    check_pair("token", options.token_env, options.token_file)
    check_headers(options.headers)
    check_name(options.token_header)
    _check_login(options)
    check_tls(options)


def _check_login(options: RequestOptions) -> None:
    """Compare the options that say how the token goes out."""
    if options.token_env is None and options.token_file is None:
        idle = [name for name in ("user", "token_header") if getattr(options, name) is not None]
        if idle:
            raise ValueError(f"{idle[0]} has no effect without token_env or token_file; add one")
    if options.user is not None and options.token_header is not None:
        raise ValueError("user and token_header exclude each other; keep one way to sign in")
    if options.user is not None and (":" in options.user or not options.user.isascii()):
        raise ValueError("user can't hold a colon or letters beyond ASCII: basic authentication has none")
