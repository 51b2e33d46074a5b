"""Any struct can be read from a table with the same good messages, third-party ones included."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from tailer.config.tables import Duration, Size, convert_table
from tailer.config.words import describe
from tailer.errors import ConfigError

FOLDER = Path("/etc/tailer")


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """A table in a table."""

    depth: int = 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a third party might want."""

    url: str
    wait: Annotated[Duration, Meta(gt=0, lt=60)] = 1.0
    pause: Duration | None = None
    room: Annotated[Size, Meta(ge=1024)] = 2048
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    paths: list[Path] = []
    few: Annotated[list[int], Meta(max_length=2)] = []
    labels: dict[str, str] = {}
    ratio: float = 1.0
    mode: Literal["fast"] = "fast"
    renamed: bool = msgspec.field(default=False, name="other-name")
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        """Compare two fields, as msgspec structs do."""
        if self.low > self.high:
            raise ValueError("low must not exceed high")


def convert(**table: Any) -> Options:
    """Read a table whose required key is there."""
    return convert_table({"url": "u"} | table, Options, "sinks[0]", FOLDER)


def mistakes_of(**table: Any) -> tuple[str, ...]:
    """Read a table that is wrong."""
    with pytest.raises(ConfigError) as caught:
        convert(**table)
    return caught.value.mistakes


def test_all_kinds_of_fields_are_read() -> None:
    """Tables, lists of tables, paths, durations, sizes and renamed keys come out as the struct's types."""
    options = convert(
        wait="500ms",
        pause="2m",
        room="1.5MiB",
        inner={"depth": 3},
        many=[{}, {"depth": 2}],
        paths=["a", "/b"],
        few=[1, 2],
        labels={"x": "y"},
        ratio=2,
        **{"other-name": True},
    )
    assert options == Options(
        url="u",
        wait=0.5,
        pause=120.0,
        room=3 * 2**19,
        inner=Inner(depth=3),
        many=(Inner(), Inner(depth=2)),
        paths=[FOLDER / "a", Path("/b")],
        few=[1, 2],
        labels={"x": "y"},
        ratio=2.0,
        renamed=True,
    )


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that begins with a tilde counts from the home folder."""
    monkeypatch.setenv("HOME", "/home/noc")
    assert convert(paths=["~/x"]).paths == [Path("/home/noc/x")]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"wait": "0s"},
            'sinks[0].wait: must be a duration such as "90s" or "1h30m", above 0s, below 1m, not "0s"',
        ),
        ({"pause": "90"}, "sinks[0].pause: '90' has no unit; for seconds write '90s'"),
        (
            {"room": "1kB"},
            'sinks[0].room: must be a size such as "10GiB" or "500MB", at least 1KiB, not "1kB"',
        ),
        ({"room": True}, 'sinks[0].room: must be a size such as "10GiB" or "500MB", not true'),
        ({"room": 1.5}, 'sinks[0].room: must be a size such as "10GiB" or "500MB", not 1.5'),
        ({"inner": 3}, "sinks[0].inner: must be a table, not 3"),
        ({"inner": {"dpth": 3}}, 'sinks[0].inner.dpth: is no option; did you mean "depth"?'),
        ({"many": [{}, {"depth": "x"}]}, "sinks[0].many[1].depth: must be a whole number, not text"),
        ({"many": {}}, "sinks[0].many: must be a list (each item: a table), not a table"),
        ({"paths": [1.5]}, "sinks[0].paths[0]: must be a path, not 1.5"),
        ({"few": [1, 2, 3]}, "sinks[0].few: must be a list (each item: a whole number), at most 2"),
        ({"few": [1, True]}, "sinks[0].few[1]: must be a whole number, not true"),
        ({"labels": {"x": 1}}, "sinks[0].labels: must be a table (each value: text)"),
        ({"ratio": "1"}, "sinks[0].ratio: must be a number, not text"),
        ({"mode": "slow"}, 'sinks[0].mode: must be "fast"'),
        ({"other-name": 1}, "sinks[0].other-name: must be true or false, not 1"),
        ({"other_name": True}, 'sinks[0].other_name: is no option; did you mean "other-name"?'),
        ({"url": ["secret"]}, "sinks[0].url: must be text, not a list"),
        ({"low": 10}, "sinks[0]: low must not exceed high"),
    ],
)
def test_mistakes_have_path_and_hint(table: dict[str, Any], said: str) -> None:
    """Each wrong value is told by its path and by what it must be."""
    assert mistakes_of(**table) == (said,)


def test_text_is_not_repeated() -> None:
    """A text in the wrong place is not quoted, for it might be a secret."""
    (said,) = mistakes_of(ratio="hunter2")
    assert "hunter2" not in said


def test_missing_key_is_described() -> None:
    """A required key that is missing is told with what it must be."""
    with pytest.raises(ConfigError) as caught:
        convert_table({}, Options, "sinks[0]", FOLDER)
    assert caught.value.mistakes == ("sinks[0].url: is missing; it must be text",)


def test_keys_beside_are_proposed_but_not_taken() -> None:
    """A key that somebody else reads from the same table is a good hint for a misspelt one."""
    with pytest.raises(ConfigError) as caught:
        convert_table({"url": "u", "odrer": 1, "order": 2}, Options, "sinks[0]", FOLDER, beside=["order"])
    assert caught.value.mistakes[0] == 'sinks[0].odrer: is no option; did you mean "order"?'
    assert caught.value.mistakes[1].startswith("sinks[0].order: is no option")


def test_type_without_words_of_its_own_is_still_described() -> None:
    """A type that nobody thought of gets a message all the same."""
    assert describe(bytes) == "of another type"
