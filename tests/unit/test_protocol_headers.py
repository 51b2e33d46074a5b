"""What is read from an answer's headers, and what is left alone."""

import pytest
from multidict import CIMultiDict

from tailer.api.headers import rate_policy, ray_id, retry_after, should_retry
from tailer.core.budget import RatePolicy
from tailer.core.httpdates import parse_date

DATE = "Sat, 01 Aug 2026 12:00:00 GMT"
NOON = 1_785_585_600.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DATE, NOON),
        ("Saturday, 01-Aug-26 12:00:00 GMT", NOON),
        ("Sat Aug  1 12:00:00 2026", NOON),
        ("Sat, 01 Aug 2026 14:00:00 +0200", NOON),
        ("Sat, 01 Aug 2026 12:00:00 -0000", NOON),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 1.0),
        (None, None),
        ("", None),
        ("now", None),
        ("nan", None),
        ("Sat, 99 Aug 2026 12:00:00 GMT", None),
        ("Sat, 01 Aug 99999999999 12:00:00 GMT", None),
        ("Sat, 01 Aug 2026 12:00:00 +9999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 253_402_387_139.0),
        ("\x00" * 50, None),
    ],
)
def test_a_date_is_read_or_left(text: str | None, expected: float | None) -> None:
    """A Date in any of HTTP's forms gives epoch seconds; a malformed one gives nothing and raises nothing."""
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", None),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sat, 01 Aug 2026 12:01:00 GMT", 60.0),
        ("Sat, 01 Aug 2026 11:00:00 GMT", 0.0),
        ("Sun, 02 Aug 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_malformed(text: str | None, expected: float | None) -> None:
    """Seconds and dates up to an hour ahead are taken; all else counts as not said."""
    headers = CIMultiDict({"Date": DATE})
    if text is not None:
        headers["retry-after"] = text
    assert retry_after(headers) == expected


def test_a_date_to_retry_after_needs_one_to_compare() -> None:
    """A Retry-After date in an answer without a Date is not guessed at."""
    assert retry_after(CIMultiDict({"Retry-After": DATE})) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("FALSE", False), (" true ", True), ("1", None), ("", None)],
)
def test_should_retry_is_true_false_or_silence(text: str, expected: bool | None) -> None:
    """Only the two words count."""
    assert should_retry(CIMultiDict({"X-Should-Retry": text})) is expected
    assert should_retry(CIMultiDict()) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8f2d3c1b4a5e6f70-FRA", "8f2d3c1b4a5e6f70-FRA"),
        ("8f2d3c1b4a5e6f70", "8f2d3c1b4a5e6f70"),
        ("", None),
        ("a b", None),
        ("a" * 33, None),
    ],
)
def test_a_ray_id_is_plain_or_none(text: str, expected: str | None) -> None:
    """What does not look like a ray id is not passed on."""
    assert ray_id(CIMultiDict({"cf-ray": text})) == expected


@pytest.mark.parametrize(
    ("policy", "level", "expected"),
    [
        ('"default";q=1200;w=300', '"default";r=50;t=30', RatePolicy(1200, 300, 50, 30)),
        ("default;q=1200;w=300", "default;r=50;t=30", RatePolicy(1200, 300, 50, 30)),
        ('"default"; w=300; q=1200', '"default" ;t=30 ;r=50', RatePolicy(1200, 300, 50, 30)),
        ('"default";q="1200";w="300"', "'default';r=50;t=30", RatePolicy(1200, 300, 50, 30)),
        ('"d";qu="x";q=10;pk=:a=:;w=1', '"d";r=0;t=0;z', RatePolicy(10, 1, 0, 0)),
        ('"d";q=10.0;w=0.5', '"d";r=3.0;t=1.5', RatePolicy(10, 0.5, 3, 1.5)),
        ('"a;b,c";q=10;w=1', '"a;b,c";r=5;t=1', RatePolicy(10, 1, 5, 1)),
        ('"d";q=1200;w=300', None, RatePolicy(1200, 300)),
        (None, '"d";r=5;t=1', RatePolicy(None, None, 5, 1)),
        (None, '"d";r=5', RatePolicy(None, None, 5)),
        (None, '"d";r=5;t=999999', RatePolicy(None, None, 5)),
        # Several: the slowest policy, and the level of its name.
        (
            '"burst";q=200;w=1, "slow";q=1200;w=300',
            '"burst";r=0;t=1, "slow";r=7;t=9',
            RatePolicy(1200, 300, 7, 9),
        ),
        ('"slow";q=1200;w=300', '"x";r=9;t=1, "y";r=4;t=2', RatePolicy(1200, 300, 4, 2)),
        # Nothing to rely on.
        ('"d";q=0;w=300', None, None),
        ('"d";q=10;w=0', None, None),
        ('"d";q=10;w=999999', None, None),
        ('"d";q=-1;w=300', '"d";r=-1', None),
        ('"d";q=10', '"d";t=30', None),
        ('"d";q=1e9;w=3x', None, None),
        ('"""', '",;=', None),
        ("", "", None),
        (None, None, None),
    ],
)
def test_the_quota_is_read_leniently(
    policy: str | None, level: str | None, expected: RatePolicy | None
) -> None:
    """Both headers are understood in every quoting and order, and garbage in them is as good as silence."""
    headers: CIMultiDict[str] = CIMultiDict()
    if policy is not None:
        headers["Ratelimit-Policy"] = policy
    if level is not None:
        headers["Ratelimit"] = level
    assert rate_policy(headers) == expected


def test_a_list_may_come_in_several_lines() -> None:
    """A header sent twice is one list."""
    headers = CIMultiDict(
        [
            ("Ratelimit-Policy", '"burst";q=200;w=1'),
            ("Ratelimit-Policy", '"slow";q=1200;w=300'),
            ("Ratelimit", '"burst";r=1;t=1'),
            ("Ratelimit", '"slow";r=800;t=30'),
        ]
    )
    assert rate_policy(headers) == RatePolicy(1200, 300, 800, 30)
