"""Whose connectors are meant: by a configuration file, or by flags and environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tailer.config.document import config_from_environment, load
from tailer.config.options import Config
from tailer.config.words import nearest_of, quoted
from tailer.errors import ConfigError


def load_accounts(
    path: Path | None, account: str | None, token_file: Path | None, environ: Mapping[str, str]
) -> Config:
    """Make the configuration that `tailer.cli.options.account_options` name.

    Args:
        path: Configuration file; ``None``: one account, by the other flags and the environment.
        account: Account id; of a file with several, the one that is meant.
        token_file: File with the token, where there is no configuration file.
        environ: Environment variables.

    Raises:
        ConfigError: All that is wrong with them; without a file the sentences name flags.
    """
    if path is None:
        return _load_without_file(account, token_file, environ)
    if token_file is not None:
        raise ConfigError(
            "--token-file: names the token of an account that --config has; give one of the two"
        )
    config = load(path, environ)
    if account is None:
        return config
    chosen = tuple(one for one in config.accounts if one.id == account)
    if not chosen:
        known = [one.id for one in config.accounts]
        raise ConfigError(f"--account: the file has no {quoted(account)}; {nearest_of(account, known)}")
    return msgspec.structs.replace(config, accounts=chosen)


def _load_without_file(account: str | None, token_file: Path | None, environ: Mapping[str, str]) -> Config:
    """Make the configuration of one account; mistakes name flags, for there is no table to look at."""
    try:
        return config_from_environment(environ, account=account, token_file=token_file)
    except ConfigError as error:
        flags = {
            "accounts[0].token_file: ": "--token-file: ",
            "accounts[0].id: ": "--account: ",
            "accounts[0]: ": "",
        }
        mistakes = []
        for mistake in error.mistakes:
            path = next((path for path in flags if mistake.startswith(path)), "")
            mistakes.append(flags.get(path, "") + mistake.removeprefix(path))
        raise ConfigError(mistakes) from error
