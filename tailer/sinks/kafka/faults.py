"""What Kafka's error codes ask for, and all that goes wrong on the way there, in words that say what to do.

Source: Kafka's documentation, "Protocol guide", "Error codes"; aiokafka has their names.
"""

from __future__ import annotations

from aiokafka.errors import (
    BrokerResponseError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    for_code,
)

from tailer.core.durations import Seconds
from tailer.core.reasons import fault_of, tidy

TAKEN = frozenset({0, 46})
"""The brokers have the records; 46: from an earlier try (DUPLICATE_SEQUENCE_NUMBER)."""

TOO_LARGE = frozenset({10, 18})
"""The records are more than one batch may be; one that is alone can never be taken."""

UNACCEPTABLE = frozenset({32, 87})
"""One of the records has a timestamp (INVALID_TIMESTAMP) or content (INVALID_RECORD) that is not allowed."""

FORGOTTEN = frozenset({45, 47, 49, 59, 90})
"""The brokers don't know our number, or expect another one of our batches: another number is needed.

OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_ID_MAPPING, UNKNOWN_PRODUCER_ID and
PRODUCER_FENCED."""

NO_TOPIC = 3
"""There is no such topic, or not yet."""

_UNAUTHENTICATED = 58

_MEANINGS = {
    NO_TOPIC: "there is no topic {topic}; create it, unless the brokers do (auto.create.topics.enable)",
    5: "a partition of the topic {topic} has no leader just now; that passes once its brokers are back",
    6: "the lead of a partition has moved; that passes by itself",
    7: "too few replicas had it in time; look at the brokers' load",
    10: "it is more than the topic takes (max.message.bytes)",
    17: "a topic can't be called {topic}; name another",
    18: "it is more than a segment of the topic takes (segment.bytes)",
    19: "too few replicas are in sync (min.insync.replicas of the topic {topic}); bring brokers back",
    20: "too few replicas are in sync (min.insync.replicas of the topic {topic}); bring brokers back",
    29: "this user may not write to the topic {topic}; allow it Write and Describe",
    31: "this user may not number its batches; allow it IdempotentWrite, or set idempotent = false",
    32: "the topic does not take its time (message.timestamp.before.max.ms and ...after.max.ms)",
    33: "it does not know this mechanism; choose another with mechanism",
    43: "the topic {topic} keeps records in a format without headers; upgrade it (message.format.version)",
    _UNAUTHENTICATED: "it refuses user or password; correct user, mechanism or the password",
    76: "the brokers can't read this compression; choose another",
    87: "the topic's rules refuse its content",
}


class KafkaFault(Exception):  # noqa: N818 - it is told by its words
    """Nothing can be sent just now; the message says why, and what to do."""


class UnknownRequestFault(KafkaFault):
    """A broker does not know a request, or none of its versions that aiokafka knows."""


def meaning_of(code: int, topic: str) -> str:
    """Say what an error code means, and what to do if that does not pass by itself.

    Args:
        code: As a broker answered.
        topic: Where the records go.
    """
    if code in _MEANINGS:
        return _MEANINGS[code].format(topic=topic)
    known = for_code(code)
    if known.errno != code:
        return f"it answers error {code}; the brokers' logs say more"
    return f"it answers {known.message} ({code}); the brokers' logs say more"


def fault_at(broker: object, error: Exception, patience: Seconds) -> KafkaFault:
    """Say why a broker gave no answer.

    Args:
        broker: Which one, for people.
        error: What aiokafka or the system raised.
        patience: How long was waited.
    """
    is_unknown = isinstance(error, IncompatibleBrokerVersion | NotImplementedError)
    kind = UnknownRequestFault if is_unknown else KafkaFault
    return kind(f"broker {broker}: {_reason_of(error, patience)}")


def dialing_fault_at(
    broker: object, error: Exception, patience: Seconds, *, encrypted: bool, advice: str
) -> KafkaFault:
    """Say why a broker can't be connected to, as `fault_at` does.

    Args:
        broker: Which one, for people.
        error: What aiokafka, the system or TLS raised.
        patience: How long was waited.
        encrypted: Whether we speak TLS.
        advice: What to look at if nobody is there.
    """
    if isinstance(error, KafkaConnectionError | ConnectionResetError | ConnectionAbortedError):
        wanted = "no TLS" if encrypted else "TLS (tls = true)"
        return KafkaFault(f"broker {broker} hangs up; perhaps it wants {wanted} or a user, or is no Kafka")
    if isinstance(error, OSError):
        return KafkaFault(f"broker {broker}: {_reason_of(error, patience)}; {advice}")
    if isinstance(error, ValueError | LookupError | AssertionError):
        # aiokafka trips over what a broker says when it refuses who we are.
        return KafkaFault(f"broker {broker}: {_MEANINGS[_UNAUTHENTICATED]}")
    return fault_at(broker, error, patience)


def _reason_of(error: Exception, patience: Seconds) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {patience:g}s"
    if isinstance(error, IncompatibleBrokerVersion):
        return "it is too old for aiokafka, or no Kafka"
    if isinstance(error, NotImplementedError):
        return "it is too new for aiokafka; upgrade that"
    if isinstance(error, BrokerResponseError) and error.errno in _MEANINGS:
        return _MEANINGS[error.errno]
    if isinstance(error, KafkaConnectionError):
        return "the connection broke"
    return tidy(str(error)) if isinstance(error, KafkaError) else fault_of(error)
