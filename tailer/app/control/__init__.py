"""The control socket: how a running daemon is commanded from the command line of the same machine.

A Unix socket beside the journal, for its owner only (mode 0600). One line of JSON is a request, one line is
its answer; `protocol` says what is in them. What a command does is decided by whoever registers it with the
`server`; the `client` blocks and needs no event loop.

Import the module that owns a name; this file re-exports nothing.
"""
