"""Somebody on the broker who says what is not so: in an agent's status, as a command, as a node's reading."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import paho.mqtt.client as paho

if TYPE_CHECKING:
    from typing import Any

_PREFIX = "water/riverside"


class Forger:
    """A client of the broker that may publish anything; `close` it."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "forger")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, topic: str, payload: object, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it; what is no text or bytes goes as JSON."""
        told = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        self._client.publish(f"{_PREFIX}/{topic}", told, qos=1, retain=retain).wait_for_publish(10)

    def status(self, agent: str, payload: object) -> None:
        """Leave a status for an agent."""
        self.say(f"_agent/{agent}/status", payload, retain=True)

    def command(self, actuator: str, *, expires_in: float = 30.0, **members: Any) -> None:
        """Give a command that no agent has given."""
        node, _, name = actuator.partition("/")
        issued = time.time_ns() / 1e9
        order = {
            "id": f"forged-{time.time_ns()}",
            "site": "riverside",
            "node": node,
            "actuator": name,
            "action": "stop",
            "value": None,
            "issued_at": stamp(issued),
            "expires_at": stamp(issued + expires_in),
            "lease_seconds": 900,
            "epoch": 1,
            "counter": 1,
            "plan": None,
            "reason": "",
        }
        self.say(f"{node}/command/{name}", order | members)

    def reading(self, sensor: str, value: float, at: float | str, **members: Any) -> None:
        """Publish a reading, as of an instant in Unix seconds or as it is written."""
        node, _, name = sensor.partition("/")
        ts = at if isinstance(at, str) else stamp(at)
        self.say(f"{node}/telemetry/{name}", {"value": value, "ts": ts, **members})

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def stamp(seconds: float) -> str:
    """Write an instant as a node does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
