"""The composition root: builds the parts from a configuration, starts, drains and stops them.

Here and only here the rooms of the rim meet: API client, journal and sinks become one run. What a run decides
is decided elsewhere; what people type and see is in `tailer.cli`.
"""
