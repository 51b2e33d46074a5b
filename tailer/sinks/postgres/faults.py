"""What PostgreSQL's error codes ask for: write again, set events aside, or wait.

Rules:

1. Data exceptions (class 22), broken constraints (23), an index row that is too long (54000) and what a
   trigger raises (P0001) are about single events: they are rejected.
2. That no partition takes a row (23514 without a constraint's name) is about the table, which lacks one.
3. A deadlock and a serialization failure pass when the transaction is repeated.
4. Everything else is about the server, the way there, the rights or the table: it is waited for, and nothing
   is set aside.

Source: PostgreSQL's manual, "PostgreSQL Error Codes" and "Serialization Failure Handling".
"""

from __future__ import annotations

import psycopg

from tailer.core.reasons import tidy

_REJECTING = ("22", "23", "54000", "P0001")
_PASSING = ("40001", "40P01")
_NO_PARTITION = "23514"
_FORBIDDEN = "42501"


def is_rejection(error: psycopg.Error) -> bool:
    """Tell whether some events can never be taken."""
    code = error.sqlstate or ""
    if code == _NO_PARTITION and error.diag.constraint_name is None:
        return False
    return code.startswith(_REJECTING)


def passes_by_itself(error: psycopg.Error) -> bool:
    """Tell whether the same transaction, repeated at once, would probably work."""
    return error.sqlstate in _PASSING


def reason_of(error: psycopg.Error) -> str:
    """Say what was wrong in the server's words, but for the rows, which its details quote."""
    words = error.diag.message_primary or str(error).partition("\n")[0]
    code = error.sqlstate
    if code == _NO_PARTITION and error.diag.constraint_name is None:
        words += "; make a default partition, for late events"
    if code == _FORBIDDEN:
        words += "; grant it"
    if words.startswith(("connection failed", "failed to resolve")):
        words += "; check dsn, password and the server"
    return tidy(f"{words} ({code})" if code else words)
