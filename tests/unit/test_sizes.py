"""How sizes that people write are read, and how sizes are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailer.core.sizes import MAX_SIZE, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10GiB", 10 * 2**30),
        ("500MB", 500_000_000),
        ("65536", 65_536),
        ("0", 0),
        ("1.5 GB", 1_500_000_000),
        ("0.1KiB", 102),
        ("7b", 7),
        ("2kb", 2_000),
        (" 1TIB\n", 2**40),
        ("1024TiB", MAX_SIZE),
    ],
)
def test_size_is_read(text: str, count: int) -> None:
    """A number with a unit, or of bytes, is read exactly, capitals or not."""
    assert parse_size(text) == count


@pytest.mark.parametrize(
    "text", ["", "GiB", "1.5", "10 000", "1G", "10Gib/s", "-1MB", "1e9", "1  MB", "x" * 999]
)
def test_no_size_is_refused_with_an_example(text: str) -> None:
    """What is no size is refused, and the message shows the text, cut, and a good one."""
    with pytest.raises(ValueError, match="is not a size; write for example '10GiB'") as caught:
        parse_size(text)
    assert str(caught.value).startswith(repr(text)[:40])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["1025TiB", "9999999999999999TB"])
def test_too_large_size_is_refused(text: str) -> None:
    """Above a pebibyte a size is refused and the bound is named."""
    with pytest.raises(ValueError, match=f"^'{text}' is more than 1024TiB, the most allowed$"):
        parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1536, "1.5KiB"),
        (500_000_000, "476.8MiB"),
        (10 * 2**30, "10GiB"),
        (3 * 2**50, "3072TiB"),
    ],
)
def test_size_is_written(count: int, text: str) -> None:
    """A size is written in the largest binary unit that it reaches, rounded to a tenth."""
    assert format_size(count) == text


@given(st.integers(min_value=0, max_value=MAX_SIZE))
def test_what_is_written_is_read_as_about_the_same(count: int) -> None:
    """A size that was written is read back with an error of a twentieth of its unit at most."""
    assert abs(parse_size(format_size(count)) - count) <= count * 0.05


@given(st.text(alphabet="0123456789.KMGTiB ", max_size=12) | st.text(max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    """Whatever is written, there is a size within bounds or a ``ValueError``."""
    try:
        count = parse_size(text)
    except ValueError as error:
        assert "is not a size" in str(error) or "the most allowed" in str(error)  # noqa: PT017 - both are right
    else:
        assert 0 <= count <= MAX_SIZE
