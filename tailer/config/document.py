"""A configuration as a whole: from a file, from a text, or from the environment alone.

Flags outrank the environment, the environment outranks the file, the file outranks the defaults.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tailer.config.credentials import (
    EMAIL_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    Credentials,
    GlobalKey,
    Secret,
    read_key,
    read_token_file,
    read_variable,
)
from tailer.config.options import (
    Account,
    AccountTable,
    AlertOptions,
    ApiOptions,
    Config,
    JournalOptions,
    PollingOptions,
    ServiceOptions,
    read_base_url,
)
from tailer.config.tables import TableReader
from tailer.config.words import quoted
from tailer.core.durations import format_duration
from tailer.errors import ConfigError

ACCOUNT_VARIABLE = "CLOUDFLARE_ACCOUNT_ID"

BASE_URL_VARIABLES = ("CLOUDFLARE_BASE_URL", "CLOUDFLARE_API_BASE_URL")
"""The first that is set counts. Source: the official SDKs and Terraform; wrangler."""


class _Document(msgspec.Struct):
    """The top level of a file; its tables are read one by one, so that each tells its own mistakes."""

    accounts: Annotated[
        tuple[dict[str, Any], ...],
        Meta(min_length=1, extra={"expected": "a list of [[accounts]] tables"}),
    ]
    api: dict[str, Any] = {}
    polling: dict[str, Any] = {}
    journal: dict[str, Any] = {}
    service: dict[str, Any] = {}
    alerts: dict[str, Any] = {}
    sinks: Annotated[
        tuple[dict[str, Any], ...],
        Meta(extra={"expected": "a list of [[sinks]] tables"}),
    ] = ()


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration file.

    Args:
        path: The TOML file. Its folder is what relative paths in it count from.
        environ: Environment variables.

    Raises:
        ConfigError: It can't be read, or holds mistakes: all of them, each with path and hint.
    """
    return from_document(read_document(path), path.absolute().parent, environ)


def read_document(path: Path) -> dict[str, Any]:
    """Read a file's TOML, whatever is in it.

    Raises:
        ConfigError: It can't be read, or is no TOML: one mistake, with line and column.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return _parse_toml(text, str(path))


def parse(text: str, source_name: str, environ: Mapping[str, str]) -> Config:
    """Read a configuration from its text.

    Args:
        text: TOML.
        source_name: Path of the text, for messages; relative paths count from its folder, the present one
            if it has none.
        environ: Environment variables.

    Raises:
        ConfigError: All mistakes, each with path and hint. A TOML mistake comes alone, with line and column.
    """
    return from_document(_parse_toml(text, source_name), Path(source_name).absolute().parent, environ)


def _parse_toml(text: str, source_name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source_name}: is not valid TOML: {error}") from error


def config_from_environment(
    environ: Mapping[str, str],
    *,
    account: str | None = None,
    token_file: Path | None = None,
    connectors: Iterable[str] = ("*",),
) -> Config:
    """Make a configuration of one account without a file, as `tail` needs it.

    Args:
        environ: Environment variables.
        account: Account id; ``None``: CLOUDFLARE_ACCOUNT_ID.
        token_file: File with the token; ``None``: CLOUDFLARE_API_TOKEN, else CLOUDFLARE_EMAIL with
            CLOUDFLARE_API_KEY.
        connectors: Ids or patterns of the connectors to read.

    Raises:
        ConfigError: The account or its credentials are missing or malformed.
    """
    account = account or environ.get(ACCOUNT_VARIABLE, "").strip()
    if not account:
        raise ConfigError(
            f"account: is missing; export {ACCOUNT_VARIABLE}, name it with --account, or name a"
            " configuration file"
        )
    table: dict[str, Any] = {"id": account, "connectors": list(connectors)}
    if token_file is not None:
        table["token_file"] = str(token_file)
    return from_document({"accounts": [table]}, Path.cwd(), environ)


def from_document(document: dict[str, Any], folder: Path, environ: Mapping[str, str]) -> Config:
    """Read all tables, then refuse with all mistakes or give the whole.

    Args:
        document: What `read_document` gave.
        folder: What relative paths count from.
        environ: Environment variables.

    Raises:
        ConfigError: All mistakes, each with path and hint.
    """
    reader = TableReader(folder)
    tables = reader.fields(document, _Document, "")
    api = reader.table(tables.get("api", {}), ApiOptions, "api")
    polling = reader.table(tables.get("polling", {}), PollingOptions, "polling")
    if polling is not None and "max_interval" in tables.get("polling", {}):
        reader.mistakes += _contradiction(polling)
    journal = reader.table(tables.get("journal", {}), JournalOptions, "journal")
    if journal is not None and journal.dead_letters is not None and journal.dead_letters == journal.path:
        reader.mistakes.append("journal.dead_letters: is the journal itself; name a file of its own")
    service = reader.table(tables.get("service", {}), ServiceOptions, "service")
    alerts = reader.table(tables.get("alerts", {}), AlertOptions, "alerts")
    accounts = _read_accounts(tables.get("accounts", ()), reader, environ)
    sinks = tables.get("sinks", ())
    names = [sink.get("name", sink.get("type")) for sink in sinks]
    reader.mistakes += _twins("sinks", "name", names)
    base_url = _base_url_of(environ, reader.mistakes)
    if reader.mistakes or not (api and polling and journal and service and alerts):
        raise ConfigError(reader.mistakes)
    return Config(
        accounts=accounts,
        api=msgspec.structs.replace(api, base_url=base_url or api.base_url),
        polling=polling,
        journal=journal,
        service=service,
        alerts=alerts,
        sinks=sinks,
        folder=folder,
    )


def _contradiction(polling: PollingOptions) -> list[str]:
    """Say whether a longest time that was written is shorter than the shortest."""
    if polling.max_interval >= polling.interval:
        return []
    longest, shortest = format_duration(polling.max_interval), format_duration(polling.interval)
    told = f"{longest} is shorter than the interval of {shortest}; make it longer, or leave it out"
    return [f"polling.max_interval: {told}"]


def _base_url_of(environ: Mapping[str, str], mistakes: list[str]) -> str | None:
    """Read the API's address from the environment, ``None`` where it has none."""
    for name in BASE_URL_VARIABLES:
        if environ.get(name, "").strip():
            try:
                return read_base_url(environ[name])
            except ValueError as error:
                mistakes.append(f"{name}: {error}")
                return None
    return None


def _read_accounts(
    tables: Sequence[dict[str, Any]], reader: TableReader, environ: Mapping[str, str]
) -> tuple[Account, ...]:
    """Read each account with its credentials, and settle whose budget it shares."""
    ready: list[tuple[str, AccountTable, Credentials]] = []
    for i, raw in enumerate(tables):
        path = f"accounts[{i}]"
        table = reader.table(raw, AccountTable, path)
        if table is None:
            continue
        wrong = _clash(table, path)
        if wrong:
            reader.mistakes.append(wrong)
            continue
        try:
            ready.append((path, table, _find_credentials(table, environ)))
        except ValueError as error:
            written = [
                key for key in ("token_file", "token_env", "key_env") if getattr(table, key) is not None
            ]
            reader.mistakes.append(f"{'.'.join([path, *written])}: {error}")
    reader.mistakes += _twins("accounts", "id", [raw.get("id") for raw in tables])
    principals = _principals_of(ready, reader.mistakes)
    return tuple(
        Account(
            id=table.id,
            connectors=table.connectors,
            exclude=table.exclude,
            kinds=table.kinds,
            credentials=credentials,
            principal=principals[_identity(credentials)],
        )
        for _, table, credentials in ready
    )


def _clash(table: AccountTable, path: str) -> str | None:
    """Say which credential keys don't go together."""
    token_keys = [key for key in ("token_env", "token_file") if getattr(table, key) is not None]
    key_keys = [key for key in ("email", "key_env") if getattr(table, key) is not None]
    if len(token_keys) > 1 or (token_keys and key_keys):
        return f"{path}: {' and '.join(token_keys + key_keys)} exclude each other; keep one way to sign in"
    if len(key_keys) == 1:
        missing = "key_env" if key_keys == ["email"] else "email"
        return f"{path}.{missing}: is missing; email and key_env go together"
    return None


def _find_credentials(table: AccountTable, environ: Mapping[str, str]) -> Credentials:
    """Find an account's token or key; raises ``ValueError`` with the variable's or file's name."""
    if table.token_file is not None:
        return read_token_file(table.token_file)
    if table.email is not None and table.key_env is not None:
        return read_key(table.email, table.key_env, environ)
    if table.token_env is not None:
        return read_variable(table.token_env, environ)
    # Container tools pass a variable on that is not set as an empty one: the other scheme may still count.
    email = environ.get(EMAIL_VARIABLE, "").strip()
    if not environ.get(TOKEN_VARIABLE) and email and environ.get(KEY_VARIABLE):
        return read_key(email, KEY_VARIABLE, environ)
    return read_variable(TOKEN_VARIABLE, environ)


def _identity(credentials: Credentials) -> tuple[str, Secret]:
    """Tell credentials apart by what they are, wherever they came from."""
    email = credentials.email if isinstance(credentials, GlobalKey) else ""
    return (email, credentials.secret)


def _principals_of(
    accounts: Sequence[tuple[str, AccountTable, Credentials]], mistakes: list[str]
) -> dict[tuple[str, Secret], str]:
    """Name the budget of each set of credentials: one token is one budget, whatever the accounts say."""
    named: dict[tuple[str, Secret], tuple[str, str]] = {}
    for path, table, credentials in accounts:
        if table.principal is None:
            continue
        first, name = named.setdefault(_identity(credentials), (path, table.principal))
        if name != table.principal:
            mistakes.append(
                f"{path}.principal: has the same token as {first}, whose principal is {quoted(name)};"
                " one token is one budget, so give both the same name"
            )
    principals = {identity: name for identity, (_, name) in named.items()}
    for _, table, credentials in accounts:
        principals.setdefault(_identity(credentials), table.id)
    return principals


def _twins(path: str, key: str, names: Sequence[object]) -> list[str]:
    """Give a mistake for every name that occurred before; what is no text is somebody else's mistake."""
    first: dict[str, int] = {}
    return [
        f"{path}[{i}].{key}: {quoted(name)} is already used by {path}[{first[name]}]; each needs its own"
        for i, name in enumerate(names)
        if isinstance(name, str) and first.setdefault(name, i) != i
    ]
