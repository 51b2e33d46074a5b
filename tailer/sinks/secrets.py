"""Secrets of sinks: named in the configuration by their variable or file, never written there.

A sink's ``Config`` has for each secret a pair of fields, ``token_env: str | None`` and ``token_file: Path |
None``, and calls `check_pair` in its ``__post_init__``. The sink makes a `SecretSource` of them when it is
built, and reads it in each ``open``, and after each refusal: so a file may get another secret at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio.to_thread

from tailer.config.credentials import Secret, checked, read_secret_file, shown_variable
from tailer.errors import ConfigError, SinkUnavailableError


def check_pair(option: str, variable: str | None, file: Path | None) -> None:
    """Make sure that a secret is named in one way; raises ``ValueError`` with one sentence.

    Args:
        option: What the two fields begin with: "token".
        variable: The value of ``token_env``.
        file: The value of ``token_file``.
    """
    if variable is not None and file is not None:
        raise ValueError(f"{option}_env and {option}_file exclude each other; keep one")


class SecretSource:
    """Where one secret of a sink comes from. Its ``repr`` shows neither the secret nor its place.

    Args:
        sink: The sink's name, for messages.
        option: What the two fields begin with: "token".
        variable: The value of ``token_env``; it outranks `file`.
        file: The value of ``token_file``.
        environ: Environment variables.
        any_text: Whether it may hold whatever UTF-8 can, as a password may; only line ends behind it are
            dropped then. Otherwise it must be visible ASCII, as headers need it.

    Raises:
        ConfigError: The variable is not set, or can't be what it is for: only another start could mend that.
    """

    def __init__(
        self,
        sink: str,
        option: str,
        variable: str | None,
        file: Path | None,
        environ: Mapping[str, str],
        *,
        any_text: bool = False,
    ) -> None:
        self._sink = sink
        self._option = option
        self._file = file
        self._any_text = any_text
        self._read: Secret | None = None
        if variable is not None:
            self._file = None
            self._read = self._from_variable(variable, environ)

    @property
    def is_given(self) -> bool:
        """Whether there is a secret at all."""
        return self._read is not None or self._file is not None

    async def read(self) -> Secret | None:
        """Read it, from its file each time; ``None``: none was configured.

        Raises:
            SinkUnavailableError: The file can't be read, or holds none; the message names it.
        """
        if self._file is None:
            return self._read
        return await anyio.to_thread.run_sync(self._from_file, self._file, abandon_on_cancel=True)

    def _from_variable(self, variable: str, environ: Mapping[str, str]) -> Secret:
        shown = shown_variable(variable)
        if variable not in environ:
            raise ConfigError(
                f"{self._option}_env of sink {self._sink!r}: variable {shown} is not set; export it, or name"
                f" a file with {self._option}_file"
            )
        try:
            return self._checked(environ[variable], f"variable {shown}")
        except ValueError as error:
            raise ConfigError(f"{self._option}_env of sink {self._sink!r}: {error}") from None

    def _from_file(self, file: Path) -> Secret:
        try:
            content = read_secret_file(file, self._option)
            # Latin-1 decodes any bytes; what is not ASCII is refused by the check.
            return self._checked(content.decode("utf-8" if self._any_text else "latin-1"), f"file {file}")
        except UnicodeDecodeError:
            raise SinkUnavailableError(f"Sink {self._sink!r}: file {file} is not UTF-8") from None
        except ValueError as error:
            raise SinkUnavailableError(f"Sink {self._sink!r}: {error}") from error

    def _checked(self, text: str, origin: str) -> Secret:
        if not self._any_text:
            return checked(text, origin, self._option)
        secret = text.rstrip("\r\n")
        if not secret:
            raise ValueError(f"{origin} is empty; put the {self._option} there")
        return Secret(secret)
