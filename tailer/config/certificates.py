"""Certificate authorities that are trusted besides the system's."""

from __future__ import annotations

import ssl
from pathlib import Path


def trusting(ca_file: str | Path | None) -> ssl.SSLContext:
    """Make a client's TLS settings that trust the system's authorities and those of a file; blocks.

    Args:
        ca_file: A PEM file; ``None``: the system's alone.

    Raises:
        ValueError: The file can't be read or holds no certificate; one sentence that names it.
    """
    context = ssl.create_default_context()
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        raise ValueError(
            f"{ca_file} holds no certificate that can be read; it has to be a PEM file"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{ca_file} can't be read: {reason}") from error
    return context
