"""A publisher that keeps a ledger of what the broker has acknowledged to it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from support.deadline import block_until

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW = 200


class LedgerPublisher:
    """Publishes numbered readings at QoS 1, so many unacknowledged at a time, in a thread of its own."""

    def __init__(self, port: int, topic: str = "water/riverside/load/telemetry/s0", unit: str = "bar") -> None:
        self.acknowledged: set[int] = set()
        self._topic, self._unit, self._numbers = topic, unit, {}
        self._slots = threading.Semaphore(_WINDOW)
        self._start = datetime.now(UTC)  # noqa: TID251 - readings of now, so that they are not late
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"ledger-{topic.rpartition('/')[2]}")
        self._client.max_inflight_messages_set(_WINDOW + 50)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_publish(self, _client, _userdata, mid, _reason, _properties):
        block_until(lambda: mid in self._numbers)
        self.acknowledged.add(self._numbers.pop(mid))
        self._slots.release()

    def publish(self, count: int, *, first: int = 0, at: Callable[[int], object] = lambda _: None) -> None:
        """Publish `count` readings with `seq` from `first`; `at` is called with each number before it goes out."""
        for number in range(first, first + count):
            at(number)
            self._slots.acquire(timeout=30)
            observed = self._start + timedelta(microseconds=number)
            reading = {"value": 3.0 + number % 100 / 100, "unit": self._unit, "ts": observed.isoformat(), "seq": number}
            self._numbers[self._client.publish(self._topic, json.dumps(reading), qos=1).mid] = number

    def settle(self) -> set[int]:
        """Wait until everything is acknowledged, and tell the numbers."""
        block_until(lambda: not self._numbers, timeout=60)
        return set(self.acknowledged)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
