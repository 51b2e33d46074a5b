"""What the program calls itself towards others."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    USER_AGENT = f"cf-tailer/{version('cf-tailer')}"
except PackageNotFoundError:  # a checkout that was never installed
    USER_AGENT = "cf-tailer"
"""Goes with every request."""
