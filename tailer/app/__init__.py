"""The composition root: builds the parts from a configuration, starts, drains and stops them.

A package each: `run`, the `daemon` that is a sequence of runs, its `control` socket, the `status` that all of
them are shown by, `gaps`, `check` and `probe`. What is beside them is shared, or serves one command.

Here and only here the rooms of the rim meet: API client, journal and sinks become one run. What a run decides
is decided elsewhere; what people type and see is in `tailer.cli`.
"""
