"""For tests of code that uses `tailer`: fakes, and the suites that every journal and every sink passes.

Shipped, so that a third party's journal or sink is held to the same sentences as ours. This room may use
pytest; nothing outside of it and of ``tests/`` does. A fake keeps the contract of what it replaces.

Import the module that owns a name; this file re-exports nothing.
"""
