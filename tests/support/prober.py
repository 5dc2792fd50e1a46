"""Levels that come and go, and how long each takes from its publisher to the command it causes, at its node."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho

if TYPE_CHECKING:
    from types import TracebackType

_REST_SECONDS = 0.1
_PATIENCE_SECONDS = 20.0


class Prober:
    """Publishes a low and a high level in turn, each when the command for the one before has come.

    `seconds` are the times so far, as who stands at the pump feels them: the broker's two ways are a part of them.
    """

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "prober")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("water/riverside/station/command/pump1", 1)
        self._came, self._over = threading.Event(), threading.Event()
        self._action = ""
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
        self.seconds: list[float] = []

    def __enter__(self) -> Self:
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if json.loads(message.payload)["action"] == self._action:
            self._came.set()

    def _run(self) -> None:
        low = True
        while not self._over.is_set():
            self._action = "start" if low else "stop"
            self._came.clear()
            began = time.perf_counter()
            self._client.publish("water/riverside/tank1/telemetry/level", b"1.0" if low else b"6.0", qos=1)
            self._came.wait(_PATIENCE_SECONDS)
            self.seconds.append(time.perf_counter() - began)
            low = not low
            self._over.wait(_REST_SECONDS)
