"""What an answer means: a rejection sets an event aside for ever, so it takes an answer about its content."""

import pytest

from tailer.sinks.http.answers import Away, Refused, Taken, answer_of, describe, judge, words_of
from tailer.sinks.http.parts import Parts
from tailer.testing.sink_contract import make_batch

EVENTS = make_batch(0, 9).events


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_takes_all(status: int) -> None:
    """Any 2xx accepts every event."""
    assert judge(answer_of(status)) == Taken()


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_what_speaks_of_the_content_is_a_refusal(status: int) -> None:
    """The reason is the status with the counterpart's words."""
    assert judge(answer_of(status, b"no such\n field")) == Refused(f"HTTP {status}: no such field")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_passes_by_itself_is_waited_for(status: int) -> None:
    """The wait that is asked for is kept."""
    verdict = judge(answer_of(status, Retry_After="7"))
    assert isinstance(verdict, Away)
    assert verdict.retry_after == 7.0
    assert judge(answer_of(status)) == verdict._replace(retry_after=0.0)


@pytest.mark.parametrize("status", [401, 403, 407])
def test_credentials_are_the_operators(status: int) -> None:
    """A wrong token sets nothing aside, and the sentence says what to repair."""
    verdict = judge(answer_of(status, b"bad token"))
    assert isinstance(verdict, Away)
    assert verdict.reason == (
        f"refuses the credentials (HTTP {status}: bad token);"
        " repair the token, nothing is set aside meanwhile"
    )


@pytest.mark.parametrize(
    ("status", "said"), [(301, "redirects"), (308, "redirects"), (404, "address"), (405, "method"), (418, "")]
)
def test_a_wrong_address_sets_nothing_aside(status: int, said: str) -> None:
    """Redirects, a missing page and what nobody foresaw wait for an operator; no address is shown."""
    verdict = judge(answer_of(status, Location="https://else.example/secret"))
    assert isinstance(verdict, Away)
    assert said in verdict.reason
    assert "else.example" not in verdict.reason


def test_a_wait_that_is_no_wait_counts_as_none() -> None:
    """Nonsense and more than an hour are left to our own back-off; a date counts from the answer's own."""
    assert judge(answer_of(503, Retry_After="soon")) == judge(answer_of(503))
    assert judge(answer_of(503, Retry_After="86400")) == judge(answer_of(503))
    dated = judge(
        answer_of(503, Retry_After="Sat, 01 Aug 2026 12:01:00 GMT", Date="Sat, 01 Aug 2026 12:00:00 GMT")
    )
    assert isinstance(dated, Away)
    assert dated.retry_after == 60.0


def test_words_are_short_and_hold_no_secret() -> None:
    """A page of HTML says nothing, a long text is cut, and what is named as a secret is masked."""
    assert words_of(b" <html><body>nginx</body>") == ""
    assert words_of(b"") == ""
    assert len(words_of(b"x " * 1000)) <= 200
    assert words_of(b"token=abcdef") == "token=[redacted]"
    assert words_of(b"\xff\xfe") != ""
    assert describe(answer_of(500)) == "HTTP 500"


def test_parts_are_taken_in_their_order() -> None:
    """Parts of the asked size follow each other until all is settled."""
    parts = Parts(EVENTS)
    sent = []
    while part := parts.next(4):
        assert parts.next(4) == part
        sent.append(part)
        parts.settle(Taken())
    assert sent == [EVENTS[:4], EVENTS[4:8], EVENTS[8:]]
    assert parts.rejected == {}


def test_a_refusal_is_traced_to_its_event() -> None:
    """Halves are refused until the culprits are alone; all others are taken once, in their order."""
    parts = Parts(EVENTS)
    taken = []
    while part := parts.next(100):
        if any(event.n in {3, 7} for event in part):
            parts.settle(Refused(f"not {[event.n for event in part]}"))
        else:
            parts.settle(Taken())
            taken += [event.n for event in part]
    assert taken == [0, 1, 2, 4, 5, 6, 8, 9]
    assert parts.rejected == {3: "not [3]", 7: "not [7]"}


def test_nothing_changes_while_the_counterpart_is_away() -> None:
    """After a failure the same events are next, and what was accepted before is not."""
    parts = Parts(EVENTS)
    parts.next(4)
    parts.settle(Taken())
    parts.next(4)
    parts.settle(Away("away"))
    assert parts.next(4) == EVENTS[4:8]


def test_single_events_can_be_rejected_or_left() -> None:
    """What is left of a part comes next; indexes are those of the batch."""
    parts = Parts(EVENTS)
    parts.next(5)
    parts.settle(Taken({0: "bad"}, [2, 4]))
    assert parts.next(5) == [EVENTS[2], EVENTS[4]]
    parts.settle(Taken({1: "worse"}))
    assert parts.next(5) == EVENTS[5:]
    assert parts.rejected == {0: "bad", 4: "worse"}
