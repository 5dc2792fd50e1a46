"""A virtual device of another maker on a real broker, with a connection and a last will of its own."""

from __future__ import annotations

import time
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.simulate.relays import Device, Saying

_TICK_SECONDS = 0.02


class DeviceRig:
    """Connects a device; while `deaf` it hears nothing."""

    def __init__(self, port: int, device: Device) -> None:
        self.device, self.deaf = device, False
        self.heard: list[tuple[str, bytes]] = []
        self._lock, self._ended = Lock(), Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.will_set(device.will.topic, device.will.payload, qos=1, retain=device.will.retain)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._timer = Thread(target=self._run, daemon=True)
        self._timer.start()

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish beside the device, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def tell(self, sayings: Iterable[Saying]) -> None:
        """Publish what the device says."""
        for saying in sayings:
            self._client.publish(saying.topic, saying.payload, qos=0, retain=saying.retain)

    def close(self) -> None:
        self._ended.set()
        self._timer.join()
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()  # else those that it wakes itself with stay open until they are collected

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(topic, 1) for topic in self.device.topics])
        with self._lock:
            self.tell(self.device.connected())

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        if self.deaf:
            return
        self.heard.append((message.topic, message.payload))
        with self._lock:
            self.tell(self.device.receive(message.topic, message.payload, time.perf_counter()))

    def _run(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            with self._lock:
                self.tell(self.device.tick(time.perf_counter()))
