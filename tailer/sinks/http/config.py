"""Options of the sink `http`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from tailer.config.tables import Duration
from tailer.config.words import quoted
from tailer.sinks.formats.choice import Template
from tailer.sinks.formats.chosen import ChosenField, tells_apart
from tailer.sinks.formats.template import fields_in
from tailer.sinks.http import datadog, elasticsearch
from tailer.sinks.http.options import RequestOptions, Text, check_request

PresetName = Literal["none", "splunk", "elasticsearch", "loki", "datadog", "webhook"]

_OWN_FIELDS = {"datadog": datadog.OWN_FIELDS, "elasticsearch": elasticsearch.OWN_FIELDS}
_LOKI_NEEDS_ID = "loki drops a line that is equal to another of its time; add id, or both t and n"

_WITH_INDEX = frozenset({"splunk", "elasticsearch"})
_WITH_TEMPLATE = frozenset({"splunk", "loki", "datadog", "webhook"})
_WITH_LABELS = frozenset({"splunk", "loki", "datadog"})


class HttpConfig(RequestOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options; those of the way there are at `tailer.sinks.http.options.RequestOptions`.

    Attributes:
        preset: What the counterpart is. "none": it takes a `body` and tells by its status what it thinks.
        method: The method of requests.
        body: What a body is without a preset: "jsonl", a record a line; "json", an array of records;
            "template".
        per: What has a request of its own, without a preset: "batch", or "event", an object of "json".
        template: What an event looks like, for `body` "template", a line of "webhook" or "loki", an event of
            "splunk" or a message of "datadog"; times are UTC. See `tailer.sinks.formats.template`.
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
        if self.preset == "webhook":
            return "a message is text; write template instead"
        is_text = self.template is not None and self.preset != "datadog"
        return "have no effect beside template, which says what is sent; leave one out" if is_text else None

    @property
    def no_watermarks(self) -> str | None:
        """Why watermarks can't be passed on; ``None``: they can."""
        if self.preset == "none" and self.body != "template":
            return None
        return 'are records, for body = "jsonl" or "json" without a preset; leave it out'

    def why_unfit(self, fields: Sequence[ChosenField]) -> str | None:
        """Say why a preset can't do with these fields; ``None``: it can."""
        if self.preset == "loki" and not tells_apart(one.field for one in fields):
            return _LOKI_NEEDS_ID
        names = {one.name for one in fields}
        taken = [name for name in _OWN_FIELDS.get(self.preset, ()) if name in names]
        if taken:
            return f"preset {quoted(self.preset)} writes {quoted(taken[0])} by itself; leave it out"
        return None


def _check_body(config: HttpConfig) -> None:
    """Compare the options of the body with each other."""
    if config.preset == "none":
        _check_plain_body(config)
    elif config.template is not None and config.preset not in _WITH_TEMPLATE:
        raise ValueError("template is for texts, and a document of elasticsearch has fields; remove it")
    if config.preset == "loki" and config.template and not tells_apart(fields_in(config.template)):
        raise ValueError(f"template: {_LOKI_NEEDS_ID}")
    if config.preset != "none" and (config.body, config.per) != ("jsonl", "batch"):
        raise ValueError(f"body and per have no effect with preset {config.preset!r}; remove them")
    if (config.begin, config.separator, config.end) != ("", "\n", "\n") and config.body != "template":
        raise ValueError('begin, separator and end are for body = "template"; remove them')


def _check_plain_body(config: HttpConfig) -> None:
    """Make sure that a template is there where a body is made of one, and only there."""
    if config.body == "template" and config.template is None:
        raise ValueError('body = "template" needs a template, such as {time} {name} {k}')
    if config.body != "template" and config.template is not None:
        raise ValueError('template needs body = "template", or a preset that sends text; add one')


def _check_preset(config: HttpConfig) -> None:
    """Compare the options that only some presets have."""
    if config.preset == "elasticsearch" and config.index is None:
        raise ValueError("index is missing; it must name the index or data stream")
    if config.index is not None and config.preset not in _WITH_INDEX:
        raise ValueError('index is for preset = "splunk" and "elasticsearch"; remove it')
    if config.labels and config.preset not in _WITH_LABELS:
        raise ValueError('labels are for preset = "splunk", "loki" and "datadog"; remove them')
