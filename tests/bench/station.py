"""A pump station in one socket: publishes levels that decide, obeys commands at once, and takes the time between."""

from __future__ import annotations

import json
import socket
import struct
import time
from datetime import UTC, datetime
from typing import Any

from support.flood import connect, length, publish

_PUBLISH, _QOS_1, _PACKET_ID = 0x30, 0x02, 1

PLANT = """
[nodes.station.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 1
[nodes.station.sensors.level.quality]
gross_range = { fail = [0.0, 6.0], suspect = [0.1, 5.9] }
rate_of_change = { suspect = 1e9, fail = 2e9 }
flat_line = { tolerance = 0.001, suspect_seconds = 1800, fail_seconds = 3600 }
freshness = { suspect_seconds = 300, fail_seconds = 600 }
[nodes.station.sensors.level.thresholds]
high_high = { limit = 5.5 }
high = { limit = 4.0, deadband = 0.2 }
low = { limit = 1.0, deadband = 0.2 }
low_low = { limit = 0.2 }
[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
min_on_seconds = 0
min_off_seconds = 0
max_starts_per_hour = 0
[plans.fill]
when = ["station/level:low"]
do = [{ actuator = "station/pump1", action = "start" }]
[plans.full]
when = ["station/level:high"]
do = [{ actuator = "station/pump1", action = "stop" }]
"""


class Station:
    """The node `station` of a site, over MQTT 3.1.1 and a blocking socket, so that it waits in the kernel."""

    def __init__(self, port: int, site: str) -> None:
        self._base = f"water/{site}/station"
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.settimeout(30)
        self._in = self._sock.makefile("rb")
        self._seq = 0
        self._sock.sendall(connect(f"station-{site}"))
        assert self._packet() == (0x20, b"\x00\x00")
        name = f"{self._base}/command/+".encode()
        body = struct.pack(">HH", _PACKET_ID, len(name)) + name + b"\x01"
        self._sock.sendall(b"\x82" + length(len(body)) + body)
        assert self._packet()[0] == 0x90
        self._publish("status", b"online", retain=True)
        self._report("stopped")

    def reaction(self, level: float, action: str) -> float:
        """Publish a level; give the seconds until the command came that it must cause, having carried that out."""
        payload = json.dumps({"value": level, "ts": _now(), "seq": self._seq}).encode()
        self._seq += 1
        start = time.perf_counter()
        self._publish("telemetry/level", payload)
        command = self._command()
        seconds = time.perf_counter() - start
        assert command["action"] == action, f"{command['action']} came instead of {action}"
        for status in ("accepted", "done"):
            self._publish("ack/pump1", json.dumps({"id": command["id"], "status": status}).encode())
        self._report({"start": "running", "stop": "stopped"}[action])
        return seconds

    def close(self) -> None:
        self._sock.close()

    def _report(self, state: str) -> None:
        self._publish("state/pump1", json.dumps({"state": state, "ts": _now()}).encode(), retain=True)

    def _publish(self, rest: str, payload: bytes, *, retain: bool = False) -> None:
        packet = bytearray(publish(f"{self._base}/{rest}", payload, 1, _PACKET_ID))
        packet[0] |= retain
        self._sock.sendall(packet)

    def _command(self) -> dict[str, Any]:
        while True:
            kind, body = self._packet()
            if kind & 0xF0 != _PUBLISH:
                continue  # the broker confirms what was published
            (name,) = struct.unpack_from(">H", body)
            assert kind & _QOS_1
            self._sock.sendall(b"\x40\x02" + body[2 + name : 4 + name])
            command: dict[str, Any] = json.loads(body[4 + name :])
            return command

    def _packet(self) -> tuple[int, bytes]:
        (kind,) = self._read(1)
        remaining = shift = 0
        while True:
            (digit,) = self._read(1)
            remaining |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self._read(remaining)

    def _read(self, count: int) -> bytes:
        data = self._in.read(count)
        assert len(data) == count, "the broker hung up on the station"
        return data


def _now() -> str:
    return datetime.now(UTC).isoformat()  # noqa: TID251 - a reading of now
