"""Clients that only some sinks need come as extras of the package; here is what is said where one is missing.

A sink's module imports its client at its top, inside of `extra`; nothing else imports that module unless a
configuration names the sink::

    with extra("kafka"):
        import aiokafka
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tailer.errors import ConfigError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import packages of an extra.

    Args:
        name: The extra, as in ``cf-tailer[name]``.

    Raises:
        ConfigError: One is not installed; the rest of a sentence that the registry begins with the sink.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise ConfigError(
            f"needs the package {package}, which is not installed; run: pip install 'cf-tailer[{name}]'"
        ) from error
