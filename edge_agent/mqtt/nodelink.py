"""The connection of one simulated node: a clean session, its commands, its last will."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import MQTT_3_1_1, MQTT_5
from edge_agent.mqtt.connection import ConnectionSettings, Will
from edge_agent.mqtt.driver import Link
from edge_agent.mqtt.linkerrors import ProtocolRefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from edge_agent.model.inbox import Message

#: How long the broker may take to confirm what a node publishes.
PUBLISH_SECONDS = 5.0


class NodeConnection:
    """One connection of a node, from its beginning to its end."""

    def __init__(self, link: Link, received: asyncio.Queue[Message]) -> None:
        self._link, self._received = link, received

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1. Raises BrokerUnavailableError."""
        await self._link.publish(topic, payload, retain=retain, properties=None, timeout_seconds=PUBLISH_SECONDS)

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of what comes; each is acknowledged when the next is asked for.

        Raises BrokerUnavailableError when the connection is lost.
        """
        while True:
            message = await self._next()
            yield message.topic, message.payload
            if message.receipt is not None:
                self._link.acknowledge([message.receipt.packet])

    async def _next(self) -> Message:
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(self._fail_when_lost(), name="end of a node's connection")
            found = await self._received.get()
            lost.cancel()
        return found

    async def _fail_when_lost(self) -> None:
        raise BrokerUnavailableError(f"the connection to the broker is lost: {await self._link.lost()}")


@asynccontextmanager
async def open_node_link(
    settings: ConnectionSettings, commands: str, will: tuple[str, bytes]
) -> AsyncIterator[NodeConnection]:
    """Connect as a node and subscribe to its commands. Raises BrokerUnavailableError."""
    received: asyncio.Queue[Message] = asyncio.Queue()

    def receive(messages: list[Message]) -> None:
        for message in messages:
            received.put_nowait(message)

    # A node that was away must not be given what was meant for it then: its session ends with the connection.
    settings = replace(settings, session_expiry_seconds=0)
    link = Link(settings, MQTT_5, Will(*will), receive)
    try:
        await link.open()
    except ProtocolRefusedError:
        link = Link(settings, MQTT_3_1_1, Will(*will), receive)
        await link.open()
    try:
        await link.subscribe([commands])
        link.ready()
        yield NodeConnection(link, received)
    finally:
        await link.close()
