"""Where things happen: polls, the fleet of pollers, readers, delivery to sinks.

What is decided lives in `tailer.core`; here it is carried out, with a clock, a client, a journal and sinks
that come in as values. No sockets, files or SQL of its own. Every endless loop is three functions: for ever
(too simple to fail), one life, and one step (the tested one).
"""
