"""A template writes fields and can do nothing else; what is wrong with it is told when it is read."""

import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.model import Event, Source
from tailer.sinks.formats.fields import FIELDS
from tailer.sinks.formats.jsonl import JsonlFormat
from tailer.sinks.formats.template import TemplateFormat
from tailer.sinks.text import escaped

NOON = 1_785_585_600  # 2026-08-01T12:00:00Z
OSLO = timezone(timedelta(hours=2))
EVENT = Event(
    t=NOON, n=7, k="Leave", a=NOON + 75.5, source=Source("acc", "con", "Büro 支", "SN\n1", NOON + 80)
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.integers(-62_135_700_000, 253_402_400_000),
    st.floats(-1e18, 1e18).filter(lambda number: not number.is_integer()),
)
sources = st.builds(Source, texts, texts, texts, texts, st.floats(0, 4e9))
events = st.builds(Event, t=numbers, n=numbers, k=texts, a=numbers, source=sources, late=st.booleans())
names = st.sampled_from([*FIELDS, "json"])
specs = st.sampled_from(
    ["", "<20", ">8", "^9", ".3", "*^9.3", "d", ",", "05d", ".3f", "%H:%M", "%s%f%A", "%"]
)
fields = st.builds(
    lambda name, how, spec: f"{{{name}{how}:{spec}}}", names, st.sampled_from(["", "!c", "!j"]), specs
)


def shown(template: str, event: Event = EVENT, zone: timezone = UTC, color: bool = False) -> str:
    """Render one event."""
    return TemplateFormat(template, zone=zone, color=color).render([event]).decode()


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{k} {level} {name}", "Leave warning Büro 支"),
        ("{{{k}}}", "{Leave}"),
        (r"{k}\t{n}\n\\n", "Leave\t7\n\\n"),
        ("{serial}", "SN\\u000a1"),
        ("{id}|{account}|{connector}", f"acc/con/{NOON}.7|acc|con"),
        ("{name:<9}|{name:>9}|{name:^9}|{name:*<9}", "Büro 支  |  Büro 支| Büro 支 |Büro 支**"),
        ("{name:.5}|{name:.6}|{name:3}", "Büro |Büro  |Büro 支"),
        ("{t} {n:03d} {a} {a:,.1f}", f"{NOON} 007 {NOON + 75.5} 1,785,585,675.5"),
        ("{t:d} {a:d}", f"{NOON} {NOON + 75.5}"),
        ("{time}|{collected}", "2026-08-01T12:00:00Z|2026-08-01T12:01:15.500000Z"),
        ("{time:%H:%M:%S} {seen:%d.%m.%Y}", "12:00:00 01.08.2026"),
        ("{time:>22}", "  2026-08-01T12:00:00Z"),
        ("{lateness} {lateness:.1f} {lateness:>9}", "1m15.5s 75.5   1m15.5s"),
        ("[{late}] {late!j}", "[] false"),
        ('{{"k":{k!j},"s":{serial!j},"t":{time!j},"n":{n!j}}}', None),
    ],
)
def test_fields_are_written(template: str, line: str | None) -> None:
    """Fields, specs, escapes and braces do what Python's would; widths count the cells of a terminal."""
    written = shown(template)
    if line is None:
        assert json.loads(written) == {"k": "Leave", "s": "SN\n1", "t": "2026-08-01T12:00:00Z", "n": 7}
    else:
        assert written == f"{line}\n"


def test_json_is_the_record() -> None:
    """The field json is the whole record, as JSON Lines have it."""
    assert shown("> {json}") == f"> {JsonlFormat().render([EVENT]).decode()}"


def test_times_have_the_zone() -> None:
    """Times are those of the zone, and say so."""
    assert shown("{time} {time:%H%z}", zone=OSLO) == "2026-08-01T14:00:00+02:00 14+0200\n"


def test_time_beyond_the_calendar_is_its_number() -> None:
    """Where there is no date, the number is written; as JSON, null."""
    event = Event(t=10**12, n=1, k="Init", a=253_402_300_799, source=EVENT.source)
    template = "{time}|{time:%H}|{time!j}|{collected:%H}"
    assert shown(template, event, OSLO) == "1000000000000|1000000000000|null|253402300799\n"


def test_late_event_is_called_late() -> None:
    """The flag is a word that people read, or nothing."""
    event = Event(t=NOON, n=7, k="Leave", a=NOON, source=EVENT.source, late=True)
    assert shown("{late:>5} {late!j}", event) == " late true\n"


def test_colours_are_those_of_pretty_lines() -> None:
    """A conversion paints a field where there are colours, padded; elsewhere it does nothing."""
    template = "{name!c:<9}|{level!c}|{late!c}|{serial!c:.2}|{time!c:%H}|{lateness!c}"
    colored = shown(template, color=True)
    assert "Büro 支  \x1b[0m|\x1b[33mwarning\x1b[0m||" in colored
    assert "\x1b[2m12\x1b[0m" in colored
    assert shown(template) == "Büro 支  |warning||SN|12|1m15.5s\n"
    late = Event(t=NOON, n=7, k="Leave", a=NOON, source=EVENT.source, late=True)
    assert shown("{late!c}", late, color=True) == "\x1b[33mlate\x1b[0m\n"


@given(
    st.lists(
        fields | texts.map(lambda text: text.replace("{", "").replace("}", "").replace("\\", "")), max_size=5
    ),
    events,
)
def test_no_event_fails(pieces: list[str], event: Event) -> None:
    """A template that was read renders every event, and lets none of its control characters through."""
    try:
        format_ = TemplateFormat("".join(pieces), zone=OSLO)
    except ValueError:
        return
    format_.render([event])
    line = TemplateFormat("{name}{k}{serial:>9}{json}{id!j}").render([event]).decode()
    assert escaped(line[:-1]) == line[:-1]


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("", "it has no field, so all lines would be the same"),
        ("{{k}}", "it has no field"),
        ("{nme}", 'there is no field "nme"; did you mean "name"?'),
        ("{kind.real}", 'there is no field "kind.real"; '),
        ("{name.__class__}", 'there is no field "name.__class__"; known here: time'),
        ("{name[0]}", 'there is no field "name[0]"; did you mean "name"?'),
        ("{}", "a field has no name; known here: time, name"),
        ("{0}", 'there is no field "0"; known here'),
        ("{name", "a brace itself is written {{ or }}"),
        ("name}", "a brace itself is written {{ or }}"),
        ("{name!r}", "there is no conversion !r, only !c (colour) and !j (JSON)"),
        ("{name!}", "a brace itself is written"),
        ("{name:20d}", '"20d" is no format of a text; write for example <20'),
        ("{name:{n}}", "is no format of a text"),
        ("{n:.3d}", '".3d" is no format of a number; write for example'),
        ("{n:x}", "is no format of a number"),
        ("{name:>100000}", "is wider than 1000"),
        ("{n:>999999999}", "is wider than 1000"),
        (r"{k}\q", r'"\\q" means nothing, only \n, \t and \\ do'),
        ("{k}\\", "means nothing"),
        ("{k}\udcff", "it is not valid UTF-8"),
    ],
)
def test_mistakes_are_told_at_once(template: str, sentence: str) -> None:
    """What a template can't mean is refused with what is wrong and the nearest right thing."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
        TemplateFormat(template)
    assert sentence in str(caught.value)
