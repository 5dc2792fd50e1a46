"""A fast publisher with a ledger: numbered readings at QoS 1 over a bare socket, MQTT 3.1.1, in a thread of its own."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

from support.deadline import block_until

from edge_agent.mqtt.broker import LOOPBACK

#: Its sensors: numbered readings, bare numbers (the value is the number), and what moves the pump.
LOAD, BARE, LEVEL = "load/s0", "load/s1", "tank1/level"
LOW_LEVEL, HIGH_LEVEL = 1.0, 5.5

_names = count()
_PUBACK, _DUP = 0x40, 0x08
_RETRY_SECONDS = 0.05


class _Sent(NamedTuple):
    sensor: str
    number: int
    packet: bytes


class Flood:
    """Publishes as fast as the broker takes it, or at `rate` messages a second, `window` of them unacknowledged.

    Every `level_every`-th message moves `tank1/level` from low to high or back (0: none), every `bare_every`-th is a
    bare number without time and `seq`. `acknowledged` is the ledger: by sensor the numbers (`seq`, or the value of a
    bare number) that the broker has acknowledged. When the connection ends it comes again and repeats, marked as
    such, what was not acknowledged. `port` may be changed while it is away.
    """

    def __init__(
        self, port: int, *, level_every: int = 300, bare_every: int = 0, window: int = 200, rate: float | None = None
    ) -> None:
        self.port = port
        self.level_every, self.bare_every, self.rate = level_every, bare_every, rate
        self.acknowledged: dict[str, set[int]] = {sensor: set() for sensor in (LOAD, BARE, LEVEL)}
        #: Number of the newest message of LOAD that was acknowledged; -1 where there is none.
        self.newest = -1
        self.connections = 0
        self._window = window
        self._wanted = self._made = 0
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._packet = self._last_at = 0
        self._unacknowledged: dict[int, _Sent] = {}
        self._tokens = self._filled_at = 0.0
        self._ended = False
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="flood", daemon=True)
        self._thread.start()

    @property
    def published(self) -> int:
        """How many messages the broker has acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    @property
    def outstanding(self) -> int:
        """How many messages that were asked for are not acknowledged yet."""
        return self._wanted - self.published

    def publish(self, count: int) -> None:
        """Let so many more messages go out, and return at once."""
        self._wanted += count
        self._wake.send(b"!")

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until everything that was asked for is acknowledged."""
        block_until(lambda: self.outstanding <= 0, timeout=timeout)

    def hold(self) -> None:
        """Take back what was asked for and is not on its way yet."""
        self._wanted = self._made

    def close(self) -> None:
        self._ended = True
        self._wake.send(b"!")
        self._thread.join(timeout=10)
        self._wake.close()
        self._woken.close()

    # What follows runs in the thread.

    def _run(self) -> None:
        name = f"flood-{next(_names)}"
        while not self._ended:
            with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=5) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(_connect(name))
                if connection.recv(4)[:1] == b"\x20":
                    self.connections += 1
                    self._serve(connection)
            time.sleep(_RETRY_SECONDS)

    def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        outgoing = bytearray(b"".join(_repeated(sent.packet) for sent in self._unacknowledged.values()))
        incoming = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._ended:
                outgoing += self._more()
                if outgoing:
                    with suppress(BlockingIOError):
                        del outgoing[: connection.send(outgoing)]
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if outgoing else 0)
                selector.modify(connection, events)
                for key, mask in selector.select(0.005 if self._hungry else 1.0):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                    elif mask & selectors.EVENT_READ:
                        data = connection.recv(65536)
                        if not data:
                            return
                        incoming += data
                        self._take(incoming)

    @property
    def _hungry(self) -> bool:
        return self._made < self._wanted and len(self._unacknowledged) < self._window

    def _take(self, incoming: bytearray) -> None:
        """Take whole PUBACKs, of four bytes each; there is nothing else that the broker has to say."""
        whole = len(incoming) // 4 * 4
        for start in range(0, whole, 4):
            if incoming[start] == _PUBACK:
                sent = self._unacknowledged.pop(int.from_bytes(incoming[start + 2 : start + 4]), None)
                if sent is not None:
                    self.acknowledged[sent.sensor].add(sent.number)
                    if sent.sensor == LOAD:
                        self.newest = max(self.newest, sent.number)
        del incoming[:whole]

    def _more(self) -> bytes:
        """Make what may go out now."""
        room = min(self._wanted - self._made, self._window - len(self._unacknowledged), self._allowed())
        return b"".join(self._message() for _ in range(room))

    def _allowed(self) -> int:
        if self.rate is None:
            return self._window
        now = time.perf_counter()
        self._tokens = min(self._tokens + (now - self._filled_at) * self.rate, self.rate / 50 + 1)
        self._filled_at = now
        return int(self._tokens)

    def _message(self) -> bytes:
        self._made += 1
        self._tokens -= 1
        while not self._packet or self._packet in self._unacknowledged:
            self._packet = self._packet % 65535 + 1
        if self.level_every and self._made % self.level_every == 0:
            sensor = LEVEL
        else:
            sensor = BARE if self.bare_every and self._made % self.bare_every == 0 else LOAD
        number = self._numbers[sensor]
        self._numbers[sensor] += 1
        packet = _publish(_topic(sensor), self._packet, self._payload(sensor, number))
        self._unacknowledged[self._packet] = _Sent(sensor, number, packet)
        return packet

    def _payload(self, sensor: str, number: int) -> bytes:
        if sensor == BARE:
            return b"%d" % number
        # Of now, so that it is not late, and later than the one before.
        self._last_at = max(time.time_ns() // 1000, self._last_at + 1)
        ts = datetime.fromtimestamp(self._last_at / 1e6, UTC).isoformat(timespec="microseconds")
        if sensor == LEVEL:
            return b'{"value":%.1f,"unit":"m","ts":"%s","seq":%d}' % (
                HIGH_LEVEL if number % 2 else LOW_LEVEL,
                ts.encode(),
                number,
            )
        return b'{"value":%.2f,"unit":"bar","ts":"%s","seq":%d}' % (3 + number % 100 / 100, ts.encode(), number)


def _topic(sensor: str) -> bytes:
    node, _, name = sensor.partition("/")
    return f"water/riverside/{node}/telemetry/{name}".encode()


def _connect(name: str) -> bytes:
    """Write CONNECT: MQTT 3.1.1, a clean session, no keepalive, so that a broker may be frozen."""
    identity = name.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(identity)) + identity
    return b"\x10" + _length(len(body)) + body


def _publish(topic: bytes, packet: int, payload: bytes) -> bytes:
    body = b"".join((struct.pack(">H", len(topic)), topic, struct.pack(">H", packet), payload))
    return b"\x32" + _length(len(body)) + body


def _repeated(packet: bytes) -> bytes:
    return bytes((packet[0] | _DUP,)) + packet[1:]


def _length(number: int) -> bytes:
    """Write a remaining length of up to two bytes."""
    return bytes((number,)) if number < 128 else bytes((number % 128 | 128, number // 128))
