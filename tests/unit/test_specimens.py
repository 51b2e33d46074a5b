import pytest
from multidict import CIMultiDict

from tailer.api.specimens import Question, decipher_specimen, events_path
from tailer.core.budget import RatePolicy
from tailer.core.specimen import CursorForm, Specimen
from tailer.errors import AuthError

HEADERS = CIMultiDict({"Ratelimit": '"default";r=50;t=30', "Ratelimit-Policy": '"default";q=1200;w=300'})
RATE = RatePolicy(1200, 300.0, 50, 30.0)


def decipher(body: str, status: int = 200) -> Specimen:
    """Read an answer."""
    return decipher_specimen(status, HEADERS, body.encode(), "acc", "con")


@pytest.mark.parametrize(
    ("written", "form", "cursor"),
    [
        ("", "absent", None),
        (',"cursor":null', "null", None),
        (',"cursor":""', "empty", None),
        (',"cursor":"x"', "text", "x"),
    ],
)
def test_cursor_s_form_is_kept(written: str, form: CursorForm, cursor: str | None) -> None:
    """The four ways to have no next page, or one, stay apart."""
    found = decipher(f'{{"success":true,"result":{{"count":0,"items":[]{written}}}}}')
    assert (found.cursor_form, found.cursor, found.rate) == (form, cursor, RATE)


@pytest.mark.parametrize(("number", "told"), [("3", False), ("3.0", True), ("3.5", False)])
def test_points_are_noticed(number: str, told: bool) -> None:
    """A whole number that was written with a point is noticed, and is a whole number nevertheless."""
    row = f'{{"t":{number},"n":1,"k":"Init","a":4}}'
    found = decipher(f'{{"success":true,"result":{{"count":1,"items":[{row}]}}}}')
    assert found.has_points is told
    assert found.events[0].t == float(number)
    assert isinstance(found.events[0].t, float if number == "3.5" else int)


def test_plain_refusal_is_an_answer() -> None:
    """That something is not liked is what a probe wants to know; refused credentials are an error."""
    assert decipher('{"success":false,"errors":[{"code":1001,"message":"no"}]}', 400) == Specimen(
        refused=True, rate=RATE
    )
    with pytest.raises(AuthError):
        decipher('{"success":false,"errors":[{"code":10000,"message":"no"}]}', 403)


def test_path_holds_only_what_is_asked() -> None:
    """Fractions are written as they are, and all is quoted."""
    assert events_path("a/b", "c", Question(1.5, 2)) == (
        "/accounts/a%2Fb/magic/connectors/c/telemetry/events?from=1.5&to=2"
    )
    assert events_path("a", "c", Question(1, 2, 3, "K&", "x=")).endswith(
        "?from=1&to=2&limit=3&k=K%26&cursor=x%3D"
    )
