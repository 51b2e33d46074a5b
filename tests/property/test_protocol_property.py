"""What holds of deciphering whatever the bytes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tailer.api.headers import rate_policy, retry_after
from tailer.api.protocol import decipher_events
from tailer.core.httpdates import parse_date
from tailer.errors import ApiError

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["success", "result", "items", "count", "cursor", "errors", "code", "message", "t"]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)
rows = st.lists(
    st.fixed_dictionaries(
        {name: st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)) for name in "tna"}
        | {"k": st.text(max_size=5)}
    ),
    max_size=5,
)
texts = st.one_of(st.text(max_size=60), st.from_regex(r'"?[a-z]+"?;[qwrt]="?\d+"?(;[qwrt]=\d+)*,?'))


@given(
    status=st.integers(100, 599),
    body=st.one_of(st.binary(max_size=60), json_values.map(lambda value: json.dumps(value).encode())),
)
def test_any_answer_is_a_page_or_an_error_of_the_family(status: int, body: bytes) -> None:
    """No status and no body make deciphering raise anything but an ApiError, printable and bounded."""
    try:
        page = decipher_events(status, CIMultiDict(), body, "acc", "con")
    except ApiError as refusal:
        error = refusal
    else:
        assert json.loads(body)["success"] is True
        assert len(page.events) == len(json.loads(body)["result"]["items"])
        return
    assert str(error).isprintable()
    assert len(str(error)) < 1000


@given(items=rows)
def test_rows_arrive_unchanged(items: list[dict[str, Any]]) -> None:
    """Every row arrives once, in order, with equal values; whole ones as ints."""
    body = json.dumps({"success": True, "result": {"items": items, "count": len(items)}}).encode()
    page = decipher_events(200, CIMultiDict(), body, "acc", "con")
    assert [{"t": e.t, "n": e.n, "a": e.a, "k": e.k} for e in page.events] == items
    numbers = [number for event in page.events for number in (event.t, event.n, event.a)]
    assert not any(isinstance(number, float) and number.is_integer() for number in numbers)


@given(body=st.binary(min_size=1, max_size=40), cut=st.integers(0, 200))
def test_a_cut_page_is_never_shorter(body: bytes, cut: int) -> None:
    """No beginning of a page's body passes for a page with fewer events."""
    row = {"t": 1, "n": 1, "a": 1, "k": body.hex()}
    whole = json.dumps({"success": True, "result": {"count": 2, "items": [row, row]}}).encode()
    try:
        page = decipher_events(200, CIMultiDict(), whole[:cut], "acc", "con")
    except ApiError:
        assert cut < len(whole)
    else:
        assert len(page.events) == 2


@given(text=texts)
def test_any_header_is_read_or_left(text: str) -> None:
    """No header value makes reading raise, and what is read lies within its bounds."""
    headers = CIMultiDict({"Date": text, "Retry-After": text, "Ratelimit": text, "Ratelimit-Policy": text})
    parse_date(text)
    wait = retry_after(headers)
    assert wait is None or 0 <= wait <= 3600
    policy = rate_policy(headers)
    if policy is not None:
        assert policy.quota is None or policy.quota >= 1
        assert policy.window is None or 0 < policy.window <= 86_400
        assert policy.remaining is None or policy.remaining >= 0
        assert policy.reset is None or 0 <= policy.reset <= 86_400
