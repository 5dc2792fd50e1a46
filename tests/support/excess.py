"""More than anybody should say at once: huge messages, endless topics, arrays of rubbish; and how an agent bears it."""

from __future__ import annotations

import resource
import socket
import threading
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho
from support.deadline import block_until

if TYPE_CHECKING:
    from types import TracebackType

    from support.processes import AgentProcess, Life

_BEAT_SECONDS = 0.005
_names = count()


class Shouter:
    """Publishes anything at QoS 1."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"shouter-{next(_names)}")
        self._client.max_inflight_messages_set(65_535)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._sent: list[paho.MQTTMessageInfo] = []

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._sent.append(self._client.publish(topic, payload, qos=1, retain=retain))

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until the broker has all of it."""
        block_until(lambda: all(info.is_published() for info in self._sent), timeout=timeout)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def buffered(number: int, size: int = 60_000) -> bytes:
    """An array of good readings that a node had kept, as many as fit."""
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + number * 10_000
    text = b""
    for place in range(2_000):
        reading = b'{"value":3.0,"unit":"bar","ts":%d,"seq":%d}' % (start + place, number * 10_000 + place)
        if len(text) + len(reading) + 2 > size:
            break
        text += b"," + reading
    return b"[" + text[1:] + b"]"


class Stalls:
    """How long an agent's event loop stands still, as who asks for its health sees it; and the machine's own stalls."""

    def __init__(self, agent: AgentProcess) -> None:
        self._port = agent.http
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._ask, self._stand_by)]
        self.answers = 0
        self.worst = self.bystander = 0.0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def short(self) -> bool:
        """Whether no answer took longer than it may: it takes three passes of the loop, and as many of who asks."""
        return self.worst < max(0.25, 6 * self.bystander)

    def __str__(self) -> str:
        own = f"the machine stalled a bystander for {1000 * self.bystander:.0f} ms"
        return f"{self.answers} answers, the slowest after {1000 * self.worst:.0f} ms; {own}"

    def _ask(self) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            with socket.create_connection(("127.0.0.1", self._port), timeout=30) as asking:
                asking.sendall(b"GET /health/live HTTP/1.1\r\n\r\n")
                while asking.recv(4096):
                    pass
            self.worst = max(self.worst, time.perf_counter() - began)
            self.answers += 1
            time.sleep(_BEAT_SECONDS)

    def _stand_by(self) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            time.sleep(_BEAT_SECONDS)
            self.bystander = max(self.bystander, time.perf_counter() - began - _BEAT_SECONDS)


def confine(process: Life, more_bytes: int) -> None:
    """Let a process have so much more memory than it has, and not a byte more."""
    held = int(Path(f"/proc/{process.pid}/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
    resource.prlimit(process.pid, resource.RLIMIT_AS, (held + more_bytes, resource.RLIM_INFINITY))
