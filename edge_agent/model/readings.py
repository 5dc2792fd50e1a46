"""Readings and what did not become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_agent.model.plant import Sensor
    from edge_agent.model.time import Instant

#: Largest payload that is looked at, in bytes.
MAX_PAYLOAD_BYTES = 64 * 1024
#: Every reason for which a message, or an element of one, is rejected.
REASONS = (
    "payload_too_large",
    "topic_too_long",
    "too_deep",
    "too_many_elements",
    "too_many_rejected",
    "invalid_json",
    "malformed",
    "value_missing",
    "value_nan",
    "value_infinite",
    "value_not_numeric",
    "timestamp_without_offset",
    "timestamp_invalid",
    "retained_without_timestamp",
    "seq_invalid",
    "unit_invalid",
    "unit_mismatch",
    "quality_not_good",
    "unknown_topic",
    "unknown_node",
    "unknown_sensor",
    "unknown_actuator",
    "status_invalid",
    "ack_invalid",
    "ack_mismatch",
    "state_invalid",
)
#: Longest topic that is looked at, in bytes: a prefix of 256 characters and the ids of site, node and sensor.
MAX_TOPIC_BYTES = 1024
#: How much of a rejected payload is kept, in bytes.
KEPT_PAYLOAD_BYTES = 1024
#: How many deliveries without an identity of their own a store keeps, at the least and at the most: packet ids are few.
KEPT_DELIVERIES = 2_000
MOST_DELIVERIES = 65_535
#: Brokers were seen to have so many times as much on its way as they had been allowed.
_BEYOND_WINDOW = 5


@dataclass(slots=True)
class Reading:
    """One value of one sensor at one instant, and the trust in it.

    `value` is in the sensor's unit. `flag` is the aggregate, `tests` the packed flags per test (see model.quality).
    Its identity is (sensor, observed_at, seq): the store keeps one row for it, however often it comes.
    A reading of a sensor with a spike test is unsettled (`not_evaluated`) until the next one judges it; the same
    object is then flagged anew, and given to the store again if it had been written meanwhile. `outlier`: the reading
    after it, where that is what it stands out from. `ahead`: the time it was judged by less the receipt,
    where the wall clock was not sure.
    """

    sensor: Sensor
    value: float
    observed_at: Instant
    received_at: Instant
    seq: int | None
    flag: int
    tests: int = 0
    late: bool = False
    settled: bool = True
    outlier: Reading | None = None
    ahead: Instant = 0


class DeadLetter(NamedTuple):
    """A message, or one element of it, that could not be used. `payload` is cut to KEPT_PAYLOAD_BYTES."""

    reason: str
    topic: str
    payload: bytes
    received_at: Instant


class Delivery(NamedTuple):
    """The broker's identity of a message that has none of its own: packet id and a digest of topic and payload.

    Kept with what was stored of it, so that a redelivery after a lost acknowledgement is told from a new message.
    """

    packet: int
    digest: bytes


def kept_deliveries(receive_maximum: int) -> int:
    """Return how many deliveries to keep for a start: a broker repeats at most what it had on its way."""
    return min(max(KEPT_DELIVERIES, _BEYOND_WINDOW * receive_maximum), MOST_DELIVERIES)
