"""Sinks that send batches over HTTP: what a request holds, what an answer means, and the way there.

May live here: `connection`, the only module with a socket; `answers` and `parts`, which decide what becomes
of each event; one module a preset, pure: how events become a body, and how an answer of that counterpart is
read; `requests`, which puts them together, for `sink` here and for `tailer.sinks.otlp`.
"""
