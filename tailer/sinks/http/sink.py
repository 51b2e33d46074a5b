"""The sink `http`: any server that takes batches over HTTP, and presets for some that many have."""

from __future__ import annotations

from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.presets import make_preset
from tailer.sinks.http.requests import RequestSink
from tailer.sinks.options import SinkContext


class HttpSink(RequestSink):
    """A server that takes batches over HTTP.

    Args:
        config: See `tailer.sinks.http.config.HttpConfig`.
        context: Its ``environ`` has the variables that the options name.

    Raises:
        ConfigError: A variable is not set.
    """

    Config = HttpConfig

    def __init__(self, config: HttpConfig, context: SinkContext) -> None:
        preset = make_preset(config, context.fields)
        super().__init__(config, preset, context, method=config.method, min_interval=config.min_interval)
