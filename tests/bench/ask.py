"""Asks a peer over MQTT how many messages it has handled."""

from __future__ import annotations

import queue

import paho.mqtt.client as paho
from support.deadline import block_until


class Asker:
    """Publishes on `bench/{site}/ask` and gets the count on `bench/{site}/count`."""

    def __init__(self, port: int, site: str) -> None:
        self._site = site
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._subscribed = False
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"ask-{site}")
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"bench/{site}/count")
        self._client.loop_start()
        block_until(lambda: self._subscribed)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        self._answers.put(int(float(message.payload)))

    def ask(self, timeout: float = 30.0) -> int | None:
        """Get the count; None where no answer comes in time. An answer waits until what came before is handled."""
        while not self._answers.empty():
            self._answers.get()
        self._client.publish(f"bench/{self._site}/ask", "1")
        try:
            return self._answers.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
