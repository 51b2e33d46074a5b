"""How OTLP over HTTP answers.

A request that was accepted in part (``partial_success``) tells how many records were refused, not which, and
must not be sent again. So that none is lost, all events of such a request are set aside, with that said; the
requests are short for this reason.

Source: OpenTelemetry, "OTLP/HTTP Response": 400 is for good; what else 4xx says of address and credentials is
the house's own judgement (`tailer.sinks.http.answers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailer.core.durations import Seconds
from tailer.core.reasons import tidy
from tailer.model import Event
from tailer.sinks.http.answers import Answer, Away, Taken, Verdict, judge
from tailer.sinks.http.preset import bearer
from tailer.sinks.otlp.encoding import Encoding


class OtlpPreset:
    """A receiver of OTLP logs.

    Args:
        encoding: How it is spoken to.
    """

    path = "/v1/logs"
    probe: str | None = None
    max_events = 1000
    max_bytes = 2_000_000  # receivers take 4 MB and more
    min_interval: Seconds = 0.0

    def __init__(self, encoding: Encoding) -> None:
        self.content_type = encoding.content_type
        self._encoding = encoding

    def authorization(self, secret: str) -> Mapping[str, str]:
        """Send a bearer token."""
        return bearer(secret)

    def render(self, events: Sequence[Event]) -> bytes:
        """Write a request."""
        return self._encoding.render(events)

    def judge(self, answer: Answer, count: int) -> Verdict:
        """Look for a partial success."""
        if not 200 <= answer.status < 300:
            return judge(self._readable(answer))
        try:
            told = self._encoding.read_success(answer.body)
        except ValueError:
            return Away("answers with what is no OTLP answer; check url")
        if told.rejected <= 0:
            return Taken()
        refused = min(told.rejected, count)
        reason = tidy(f"refused: {told.words}")
        if refused < count:
            reason = tidy(
                f"{refused} of the {count} events sent with this one were refused, the counterpart does not"
                f" say which: {told.words}"
            )
        return Taken(dict.fromkeys(range(count), reason))

    def _readable(self, answer: Answer) -> Answer:
        """Put the words of an answer's status in the place of its body."""
        try:
            words = self._encoding.read_failure(answer.body)
        except ValueError:
            return answer
        return answer._replace(body=words.encode())
