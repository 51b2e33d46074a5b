"""The sink `http`: any server that takes batches over HTTP, and presets for some that many have."""

from __future__ import annotations

from collections.abc import Sequence

from tailer.model import Watermark
from tailer.sinks.formats.watermarks import render_watermarks
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.plain import PlainPreset
from tailer.sinks.http.presets import make_preset
from tailer.sinks.http.requests import RequestSink
from tailer.sinks.options import SinkContext


class HttpSink(RequestSink):
    """A server that takes batches over HTTP; at least once, in an index of Elasticsearch exactly once.

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
        self._plain = preset if isinstance(preset, PlainPreset) else None

    async def mark(self, watermarks: Sequence[Watermark]) -> bytes | None:
        """Send watermarks as records, in requests of their own.

        Raises:
            SinkUnavailableError: The counterpart is away, or does not take them.
        """
        if self._plain is not None:  # with a preset, `Config` refuses watermarks
            await self.pass_on(self._plain.bodies_of(render_watermarks(watermarks).splitlines()))
        return None
