"""A publisher that does not limit: packets encoded beforehand, a raw socket, a process of its own.

`python tests/support/flood.py --port 1883 --count 20000` publishes telemetry at QoS 1 as fast as the broker takes it,
and prints one line of JSON at the end: how many were sent and confirmed, in how many seconds, and in how many seconds
of processor time. From a test: `Flood(port, count=20000)`, whose processor time is not that of who measures.

It speaks MQTT 3.1.1, keeps `--window` messages unconfirmed at most, and reads confirmations only to count them.
Message number n (from `--first`) is of topic n modulo all topics. Its time is the start plus n microseconds, so that no
reading is late and none is told twice; its `seq` is n divided by the number of topics.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT, _PUBLISH, _DISCONNECT = b"\x10", 0x30, b"\xe0\x00"
_CONNACK_BYTES = _PUBACK_BYTES = 4
_ACCEPTED = b"\x20\x02\x00\x00"
#: Packets that are handed to the socket at once, and encoded beforehand; more than that only where the count is known.
_BATCH, _AHEAD = 100, 200_000


def length(remaining: int) -> bytes:
    """Encode a remaining length."""
    encoded = bytearray()
    while True:
        remaining, digit = divmod(remaining, 128)
        encoded.append(digit | (0x80 if remaining else 0))
        if not remaining:
            return bytes(encoded)


def connect(client_id: str) -> bytes:
    """Encode CONNECT of MQTT 3.1.1: a clean session without a keepalive."""
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name
    return _CONNECT + length(len(body)) + body


def publish(topic: str, payload: bytes, qos: int, packet_id: int) -> bytes:
    """Encode PUBLISH of MQTT 3.1.1."""
    name = topic.encode()
    head = struct.pack(">H", len(name)) + name
    if qos:
        head += struct.pack(">H", packet_id)
    return bytes([_PUBLISH | qos << 1]) + length(len(head) + len(payload)) + head + payload


class Telemetry:
    """Builds message n: one reading, or all sensors of a node at once."""

    def __init__(self, options: argparse.Namespace) -> None:
        nodes = [f"load{node}" if options.nodes > 1 else "load" for node in range(options.nodes)]
        self._base, self._unit = f"{options.prefix}/{options.site}", options.unit
        self._sensors = [f"s{sensor}" for sensor in range(options.sensors)]
        self._topics = [f"{self._base}/{node}/telemetry" for node in nodes]
        self._whole = options.whole_nodes
        if not self._whole:
            self._topics = [f"{topic}/{sensor}" for topic in self._topics for sensor in self._sensors]
        self._start = datetime.now(UTC)  # noqa: TID251 - readings of now, so that they are not late

    def build(self, number: int) -> tuple[str, bytes]:
        """Tell topic and payload."""
        seq, place = divmod(number, len(self._topics))
        value = f"{3.0 + seq % 100 / 100:.2f}"
        ts = (self._start + timedelta(microseconds=number)).isoformat()
        if self._whole:
            readings = ",".join([f'"{sensor}":{value}' for sensor in self._sensors])
            text = f'{{"ts":"{ts}","seq":{seq},"readings":{{{readings}}}}}'
        else:
            text = f'{{"value":{value},"unit":"{self._unit}","ts":"{ts}","seq":{seq}}}'
        return self._topics[place], text.encode()


def packets(options: argparse.Namespace) -> Iterator[bytes]:
    """Encode message after message; all of them before the first is taken, where there are not too many."""
    telemetry = Telemetry(options)
    numbers = range(options.first, options.first + options.count if options.count else sys.maxsize)
    encoded = (publish(*telemetry.build(number), options.qos, number % 65_535 + 1) for number in numbers)
    return iter(list(encoded)) if 0 < options.count <= _AHEAD else encoded


class Publisher:
    """Hands packets to the broker: at most `window` unconfirmed, at most `rate` a second (0: no limit)."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._sock = socket.create_connection((options.host, options.port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(connect(f"flood-{time.time_ns()}"))
        assert self._sock.recv(_CONNACK_BYTES, socket.MSG_WAITALL) == _ACCEPTED, "the broker refused the flood"
        self._sock.setblocking(False)
        self._window, self._rate, self._qos = options.window, options.rate, options.qos
        self.sent = self._confirmed_bytes = 0

    @property
    def confirmed(self) -> int:
        return self._confirmed_bytes // _PUBACK_BYTES if self._qos else self.sent

    def run(self, source: Iterator[bytes]) -> None:
        """Send everything, and wait until it is confirmed."""
        start, unsent = time.monotonic(), b""  # noqa: TID251 - outside of the agent
        while True:
            if not unsent:
                due = self._due(start)
                batch = list(islice(source, due))
                unsent = b"".join(batch)
                self.sent += len(batch)
                if due and not batch:
                    break
            unsent = self._turn(unsent, start)
        while self.confirmed < self.sent:
            self._turn(b"", start)
        self._sock.setblocking(True)
        self._sock.sendall(_DISCONNECT)
        self._sock.close()

    @property
    def _room(self) -> int:
        return self._window - (self.sent - self.confirmed)

    def _due(self, start: float) -> int:
        """Tell how many messages may go out now."""
        most = min(_BATCH, self._room)
        if self._rate:
            most = min(most, int((time.monotonic() - start) * self._rate) + 1 - self.sent)  # noqa: TID251 - as above
        return max(most, 0)

    def _turn(self, unsent: bytes, start: float) -> bytes:
        """Read and write what can be; otherwise wait until something can be, or is due."""
        wait = 1.0
        if self._rate and not unsent and self._room:
            wait = max(0.0, start + self.sent / self._rate - time.monotonic())  # noqa: TID251 - as above
        writers = [self._sock] if unsent else []
        readable, writable, _ = select.select([self._sock], writers, [], wait)
        if readable:
            data = self._sock.recv(65_536)
            assert data, "the broker hung up on the flood"
            self._confirmed_bytes += len(data)
        if writable:
            unsent = unsent[self._sock.send(unsent) :]
        return unsent


class Flood:
    """The flood as a process: connects and encodes at once, sends after `go`. Options are those of the command line."""

    def __init__(self, port: int, **options: object) -> None:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--wait", f"--port={port}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect_line()  # encoded and connected

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, float]:
        """Wait for its end: `sent`, `confirmed`, `seconds`, `cpu_seconds`."""
        found: dict[str, float] = json.loads(self._expect_line())
        self._process.communicate()
        return found

    def close(self) -> None:
        """End it wherever it is."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _expect_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the flood ended early"
        return line


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--count", type=int, default=0, help="messages; 0: without end")
    parser.add_argument("--first", type=int, default=0, help="number of the first message")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; 0: no limit")
    parser.add_argument("--window", type=int, default=1000, help="messages unconfirmed at most")
    parser.add_argument("--qos", type=int, choices=(0, 1), default=1)
    parser.add_argument("--prefix", default="water")
    parser.add_argument("--site", default="riverside")
    parser.add_argument("--nodes", type=int, default=1, help="`load`, or `load0`, `load1` ... where there are several")
    parser.add_argument("--sensors", type=int, default=1, help="of each node: `s0`, `s1` ...")
    parser.add_argument("--whole-nodes", type=int, default=0, help="1: each message has all sensors of its node")
    parser.add_argument("--unit", default="bar")
    parser.add_argument("--wait", action="store_true", help="begin only when a line comes on standard input")
    return parser.parse_args(arguments)


def main() -> None:
    options = options_of()
    source, publisher = packets(options), Publisher(options)
    if options.wait:
        print("ready", flush=True)
        sys.stdin.readline()
    before, cpu_before = time.monotonic(), time.process_time()  # noqa: TID251 - outside of the agent
    publisher.run(source)
    seconds, cpu = time.monotonic() - before, time.process_time() - cpu_before  # noqa: TID251 - as above
    result = {"sent": publisher.sent, "confirmed": publisher.confirmed, "seconds": seconds, "cpu_seconds": cpu}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
