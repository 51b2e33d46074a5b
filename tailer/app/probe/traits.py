"""What was measured of the API, as data and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from tailer.core.durations import format_duration

Value: TypeAlias = str | int | float | bool | None


class Trait(msgspec.Struct, frozen=True):
    """One trait of the API's behaviour.

    Attributes:
        name: The trait; those that ``tailer simulate`` can imitate have its option's name.
        value: What was found; ``None`` when it could not be told, or when there is no such limit.
        words: The same for people, or why it could not be told.
    """

    name: str
    value: Value
    words: str


TOO_FEW = "not enough events to tell"
TOO_MANY = "too many events at one time to tell"
NO_BUDGET = "not measured: all requests of this probe are spent"

NAMES: Final = (
    "rate_headers",
    "float_numbers",
    "order",
    "default_limit",
    "filter_on",
    "bounds",
    "no_cursor",
    "cursor_end",
    "empty_pages",
    "overlapping_pages",
    "count",
    "refuse_future",
    "unknown_kind",
    "unknown_connector",
    "over_limit",
    "max_limit",
    "retention",
    "max_width",
)
"""In the order in which they are told."""

_WORDS: Mapping[tuple[str, Value], str] = {
    ("rate_headers", False): "no Ratelimit headers: the documented 1200 requests in 5m are assumed",
    ("float_numbers", True): "whole numbers are written as 3.0",
    ("float_numbers", False): "whole numbers are written as 3",
    ("order", "asc"): "oldest first",
    ("order", "desc"): "newest first",
    ("order", "shuffled"): "neither oldest nor newest first",
    ("filter_on", "t"): "windows select by t, the time recorded",
    ("filter_on", "a"): "windows select by a, the time collected",
    ("bounds", "closed"): "an event at from and one at to are both inside",
    ("bounds", "open"): "an event at from and one at to are both outside",
    ("bounds", "half-open"): "an event at from is inside, one at to is outside",
    ("bounds", "half-open-end"): "an event at from is outside, one at to is inside",
    ("no_cursor", True): "a page has no cursor though there is more",
    ("no_cursor", False): "a page that is not all has a cursor",
    ("cursor_end", "absent"): "the last page has no cursor",
    ("cursor_end", "null"): "the last page's cursor is null",
    ("cursor_end", "empty"): "the last page's cursor is an empty text",
    ("cursor_end", "repeated"): "the last page repeats a cursor",
    ("empty_pages", True): "empty pages come before others with rows",
    ("empty_pages", False): "no empty page came before another",
    ("overlapping_pages", True): "rows of one page come again on the next",
    ("overlapping_pages", False): "no row came on two pages",
    ("count", "page"): "count is the rows of the page",
    ("count", "total"): "count is the rows of the whole window",
    ("count", "other"): "count is neither the page's rows nor the window's",
    ("refuse_future", True): "a window that ends in the future is refused",
    ("refuse_future", False): "a window may end in the future",
    ("unknown_kind", "empty"): "an unknown k finds nothing",
    ("unknown_kind", "refuse"): "an unknown k is refused",
    ("unknown_kind", "ignored"): "an unknown k is ignored: all kinds come",
    ("unknown_connector", "empty"): "an unknown connector has no events, and no error",
    ("over_limit", "lower"): "a limit that is too high is lowered",
    ("over_limit", "refuse"): "a limit that is too high is refused",
    ("over_limit", "refuse-all"): "any limit is refused",
    ("over_limit", "ignored"): "limit is ignored",
}


def trait(name: str, value: Value, words: str | None = None) -> Trait:
    """Make a trait; without `words` the usual ones for its value, or that it could not be told."""
    if words is None:
        words = TOO_FEW if value is None else _WORDS.get((name, value), str(value))
    return Trait(name, value, words)


def span_trait(name: str, value: float | None, words: str) -> Trait:
    """Make a trait that is a duration; `words` say what, with ``{}`` for it."""
    if value is None:
        return Trait(name, None, words)
    return Trait(name, value, words.format(format_duration(value)))
