"""Streams of MQTT packets, and what becomes of them: read by paho alone, and read by our intake before paho."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

from edge_agent.model.inbox import Kind, Route
from edge_agent.mqtt.intake import Found, Intake
from edge_agent.mqtt.packets import Splitter
from edge_agent.mqtt.private import PrivateSide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.inbox import Message

GENERATION = 3


def length(number: int) -> bytes:
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


def publish(
    topic: bytes, payload: bytes, *, flags: int = 0x2, packet_id: int = 1, properties: bytes | None = None
) -> bytes:
    """Encode PUBLISH; `properties` (without their length) only for MQTT 5."""
    body = struct.pack(">H", len(topic)) + topic
    if flags & 0x6:
        body += struct.pack(">H", packet_id)
    if properties is not None:
        body += length(len(properties)) + properties
    return packet(0x30 | flags, body + payload)


def route(topic: str) -> Route:
    """Any route, as long as it tells topics apart."""
    return Route(Kind.UNKNOWN, topic)


class Source:
    """A socket that gives what comes in these parts, and nothing after them."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = [part for part in parts if part]

    def recv(self, most: int) -> bytes:
        if not self.parts:
            raise BlockingIOError
        part = self.parts[0][:most]
        self.parts[0] = self.parts[0][most:]
        if not self.parts[0]:
            del self.parts[0]
        return part

    def fileno(self) -> int:
        return -1

    def close(self) -> None: ...


class Reading:
    """A paho client on such a socket, and what was made of it."""

    def __init__(self, version: int, parts: Iterable[bytes]) -> None:
        self.source = Source(parts)
        self.client: Any = paho.Client(paho.CallbackAPIVersion.VERSION2, "reader", protocol=version)
        self.client._sock = self.source
        self.client.manual_ack_set(True)
        self.client.on_socket_register_write = lambda *_: None
        self.client.on_message = self._on_message
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = lambda *event: self.events.append(("published", event[2], str(event[3])))
        self.client.on_subscribe = lambda *event: self.events.append(("subscribed", event[2], str(event[3])))
        self.client.on_connect = lambda *event: self.events.append(("connected", str(event[3])))
        self.messages: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []
        self.ended = False

    @property
    def outcome(self) -> tuple[Any, ...]:
        """Messages, all else that paho said, whether it ended the connection, and what it wants to send."""
        return self.messages, self.events, self.ended, [bytes(each["packet"]) for each in self.client._out_packet]

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "?"
        packet_id = message.mid if message.qos else 0
        self.take(topic, bytes(message.payload), packet_id, message.retain, message.dup)

    def take(self, *message: Any) -> None:
        self.messages.append(message)

    def _on_disconnect(self, *event: Any) -> None:
        self.ended = True
        self.events.append(("disconnected", str(event[3])))


def read_by_paho(version: int, parts: Iterable[bytes]) -> Reading:
    reading = Reading(version, parts)
    while reading.source.parts and not reading.ended:
        reading.client.loop_read()
    return reading


class Noting(PrivateSide):
    """Notes the first byte of whatever paho is fed."""

    def __init__(self, client: paho.Client) -> None:
        super().__init__(client)
        self.fed: list[int] = []

    def feed(self, data: bytes) -> None:
        self.fed += data[:1]
        super().feed(data)


class IntakeReading(Reading):
    """Our intake in front of paho. `pausing`: it is paused whenever messages have come; its pauses are counted."""

    def __init__(self, version: int, parts: Iterable[bytes], *, pausing: bool = False) -> None:
        super().__init__(version, parts)
        self.by_splitter = self.pauses = 0
        self.cut: list[str] = []
        self.paused, self._pausing = False, pausing
        self.inside = Noting(self.client)
        splitter = Splitter(route, GENERATION, properties=version == paho.MQTTv5)
        self.intake = Intake(self.inside, splitter, self._receive, lambda: not (self.paused or self.ended))

    def run(self) -> IntakeReading:
        """Read until nothing is left, and go on after each pause."""
        found = Found.ALL
        while not self.ended and (found is not Found.NOTHING or self.source.parts):
            self.paused = False
            found = self.intake.read()
        return self

    def _receive(self, messages: list[Message]) -> None:
        for message in messages:
            assert message.route == (Route(Kind.UNKNOWN) if message.cut == "topic_too_long" else route(message.topic))
            assert message.receipt is None or (message.receipt.generation == GENERATION and message.receipt.packet)
            packet_id = 0 if message.receipt is None else message.receipt.packet
            self.take(message.topic, message.payload, packet_id, message.retained, message.redelivered)
            if message.cut:
                self.cut.append(message.cut)
        self.by_splitter += len(messages)
        if self._pausing:
            self.paused = True
            self.pauses += 1


def read_by_intake(version: int, parts: Iterable[bytes], **how: Any) -> IntakeReading:
    return IntakeReading(version, parts, **how).run()
