"""Syslog messages are RFC 5424's, whatever an event says."""

from pathlib import Path

import pytest

from tailer.errors import ConfigError
from tailer.model import Event, Source
from tailer.sinks.formats.chosen import read_fields
from tailer.sinks.registry import plan
from tailer.sinks.syslog.message import FACILITIES, SyslogFormat

SOURCE = Source("acc", "conn", "Oslo", "A1", 1_785_585_700.5)


def render(event: Event, **options: int) -> str:
    """Render a message."""
    message = SyslogFormat("local4", "tailer", "tailer@32473", options.get("most", 8192)).render(event)
    assert message is not None
    return message.decode()


def test_a_message_has_all_fields() -> None:
    """Priority, time, host, kind, every field of the record, and a text for people."""
    event = Event(1_785_585_600, 7, "HaError", 1_785_585_601.25, SOURCE, True, {"url": "x"})
    assert render(event) == (
        "<163>1 2026-08-01T12:00:00Z conn tailer - HaError"
        ' [tailer@32473 id="acc/conn/1785585600.7" account="acc" connector="conn" name="Oslo" serial="A1"'
        ' k="HaError" level="error" t="1785585600" n="7" a="1785585601.25" seen="1785585700.500" late="true"'
        ' e="{\\"url\\":\\"x\\"}"] HaError Oslo'
    )


def test_strange_texts_stay_within_their_field() -> None:
    """Quotes, brackets and backslashes are escaped, controls shown, kinds cut, UTF-8 is marked."""
    odd = Source("acc", "a b", 'Bü"r]o\\\n', "", 1.0)
    message = render(Event(10**15, 1, "Kind with\nlines" + "x" * 40, 1, odd))
    assert message.startswith("<165>1 - a_b tailer - Kind_with_linesxxxxxxxxxxxxxxxxx [tailer@32473 ")
    assert ' name="Bü\\"r\\]o\\\\\\\\u000a" ' in message
    assert "] \ufeffKind with\\u000alines" in message
    assert "\n" not in message


def test_a_long_message_goes_without_its_payload() -> None:
    """Details are left out where they do not fit; what still does not fit is no message."""
    event = Event(1, 1, "Init", 1, SOURCE, e={"x": "y" * 5000})
    assert ' e="' in render(event)
    assert ' e="' not in render(event, most=1000)
    assert SyslogFormat("user", "a", "b", 100).render(event) is None


def test_chosen_fields_are_the_parameters() -> None:
    """By the place's names and in its order; the text is what the template says, in one line."""
    chosen = read_fields({"when": "time", "more": "e", "a[b": "n"})
    format_ = SyslogFormat("user", "x", "el", 999, fields=chosen, template=r"{name}\n{k}")
    message = format_.render(Event(0.5, 7, "Init", 1, SOURCE, e={"x": 1}))
    assert message is not None
    assert message.decode().endswith(
        ' Init [el when="1970-01-01T00:00:00.5Z" more="{\\"x\\":1}" a[b="7"] Oslo\\u000aInit'
    )


def test_nothing_to_say_is_no_element() -> None:
    """Where the payload is all that is wanted, an event without one has no structured data."""
    message = SyslogFormat("user", "x", "el", 999, fields=read_fields(["e"])).render(
        Event(1, 1, "Init", 1, SOURCE)
    )
    assert message is not None
    assert message.endswith(b" x - Init - Init Oslo")


@pytest.mark.parametrize("name", ["x" * 33, "a b", 'a"', "a]", "a=", "ü"])
def test_what_can_be_no_parameter_is_refused(name: str, tmp_path: Path) -> None:
    """Before anything runs, with what a name may be."""
    table = {"type": "syslog", "host": "h", "fields": {name: "k"}}
    with pytest.raises(ConfigError, match=r"fields: .* is no parameter's name; write at most 32"):
        plan(table, "sinks[0]", tmp_path)


@pytest.mark.parametrize(("name", "number"), [("kern", 0), ("cron", 9), ("ftp", 11), ("local7", 23)])
def test_facilities_have_their_numbers(name: str, number: int) -> None:
    """As RFC 5424 numbers them."""
    assert FACILITIES.index(name) == number
