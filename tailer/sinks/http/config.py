"""Options of the sink `http`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tailer.config.tables import Duration
from tailer.sinks.formats.choice import Template
from tailer.sinks.http.options import RequestOptions, Text, check_request

PresetName = Literal["none", "splunk", "elasticsearch", "loki", "datadog", "webhook"]

_WITH_INDEX = frozenset({"splunk", "elasticsearch"})
_WITH_LABELS = frozenset({"splunk", "loki", "datadog"})


class HttpConfig(RequestOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options; those of the way there are at `tailer.sinks.http.options.RequestOptions`.

    Attributes:
        preset: What the counterpart is. "none": it takes a `body` and tells by its status what it thinks.
        method: The method of requests.
        body: What a body is without a preset: "jsonl", a record a line; "json", an array of records;
            "template".
        per: What has a request of its own, without a preset: "batch", or "event", an object of "json".
        template: What an event looks like, for `body` "template" and for preset "webhook"; times are UTC.
        begin: What a template's body begins with.
        separator: What a template's body has between two events.
        end: What a template's body ends with.
        index: Where "splunk" (absent: the token's) and "elasticsearch" (required) put events: an index, or a
            data stream.
        labels: Constants for "loki" (labels), "datadog" (tags) and "splunk" (indexed fields).
        min_interval: Shortest time between two requests, seconds; by default none, and for "webhook" 1s.
    """

    preset: PresetName = "none"
    method: Annotated[str, Meta(pattern="^[A-Z]{1,20}$")] = "POST"
    body: Literal["jsonl", "json", "template"] = "jsonl"
    per: Literal["batch", "event"] = "batch"
    template: Template | None = None
    begin: str = ""
    separator: str = "\n"
    end: str = "\n"
    index: Text | None = None
    labels: dict[str, str] = {}  # noqa: RUF012 - msgspec gives each its own
    min_interval: Annotated[Duration, Meta(le=3600)] | None = None

    def __post_init__(self) -> None:
        """Compare options; raises ``ValueError``."""
        check_request(self)
        _check_body(self)
        _check_preset(self)

    @property
    def no_fields(self) -> str | None:
        """Why fields can't be chosen; ``None``: they can."""
        if self.preset == "none" and self.body != "template":
            return None
        return 'are for preset "none" with body "jsonl" or "json"; leave them out'


def _check_body(config: HttpConfig) -> None:
    """Compare the options of the body with each other."""
    takes_template = config.preset == "webhook" or (config.preset == "none" and config.body == "template")
    if config.template is not None and not takes_template:
        raise ValueError('template is for body = "template" and for preset = "webhook"')
    if config.template is None and takes_template and config.preset == "none":
        raise ValueError('body = "template" needs a template, such as {time} {name} {k}')
    if config.preset != "none" and (config.body, config.per) != ("jsonl", "batch"):
        raise ValueError(f"body and per have no effect with preset {config.preset!r}; remove them")
    if (config.begin, config.separator, config.end) != ("", "\n", "\n") and config.body != "template":
        raise ValueError('begin, separator and end are for body = "template"; remove them')


def _check_preset(config: HttpConfig) -> None:
    """Compare the options that only some presets have."""
    if config.preset == "elasticsearch" and config.index is None:
        raise ValueError("index is missing; it must name the index or data stream")
    if config.index is not None and config.preset not in _WITH_INDEX:
        raise ValueError('index is for preset = "splunk" and "elasticsearch"; remove it')
    if config.labels and config.preset not in _WITH_LABELS:
        raise ValueError('labels are for preset = "splunk", "loki" and "datadog"; remove them')
