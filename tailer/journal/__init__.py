"""The journals: an append-only log of events with the checkpoints that they complete.

One file a purpose. `memory` and `sqlite` keep the contract of `tailer.interfaces.Journal`; everything else
here serves them. SQL, file locks and threads live in this room and nowhere above it: what leaves it are
entries, checkpoints, keys and the errors of `tailer.errors`.

Import the module that owns a name; this file re-exports nothing.
"""
