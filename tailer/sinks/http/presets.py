"""Makes the preset that a configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from tailer.sinks.formats.chosen import ChosenField
from tailer.sinks.http.config import HttpConfig
from tailer.sinks.http.datadog import DatadogPreset
from tailer.sinks.http.elasticsearch import ElasticsearchPreset
from tailer.sinks.http.loki import LokiPreset
from tailer.sinks.http.plain import PlainPreset
from tailer.sinks.http.preset import Preset
from tailer.sinks.http.splunk import SplunkPreset
from tailer.sinks.http.webhook import LINE, WebhookPreset


def make_preset(config: HttpConfig, fields: Sequence[ChosenField] = ()) -> Preset:
    """Make the preset of a sink; `fields` are what its records have, empty: all."""
    match config.preset:
        case "none":
            return PlainPreset(
                config.body,
                template=config.template or "",
                single=config.per == "event",
                begin=config.begin,
                separator=config.separator,
                end=config.end,
                fields=fields,
            )
        case "splunk":
            return SplunkPreset(config.index, config.labels, fields, config.template)
        case "elasticsearch":
            return ElasticsearchPreset(config.index or "", fields)
        case "loki":
            return LokiPreset(config.labels, fields, config.template)
        case "datadog":
            return DatadogPreset(config.labels, fields, config.template)
        case "webhook":
            return WebhookPreset(config.template or LINE)
        case _:
            assert_never(config.preset)
