"""A look at what a broker has retained, over a connection of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

import aiomqtt

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import keeping_cancellation, passing_client

if TYPE_CHECKING:
    from edge_agent.mqtt.connection import ConnectionSettings

#: How long the whole look may take.
GLANCE_SECONDS = 1.5


async def retained(settings: ConnectionSettings, topic_filter: str) -> list[bytes]:
    """Return the payloads of the messages that are retained under a filter. Raises BrokerUnavailableError."""
    return [payload for _, payload in await retained_messages(settings, topic_filter)]


async def retained_messages(settings: ConnectionSettings, topic_filter: str) -> list[tuple[str, bytes]]:
    """Return topic and payload of the messages that are retained under a filter. Raises BrokerUnavailableError."""
    # Not one name for all: two looks at once, of two agents with one id even, must not end each other's connection.
    settings = replace(settings, client_id=f"{settings.client_id}-glance-{token_hex(4)}")
    try:
        return await keeping_cancellation(_look(settings, topic_filter))
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(f"the broker cannot be asked: {str(error) or 'no answer in time'}") from error


async def _look(settings: ConnectionSettings, topic_filter: str) -> list[tuple[str, bytes]]:
    async with asyncio.timeout(GLANCE_SECONDS), passing_client(settings, GLANCE_SECONDS) as client:
        await client.subscribe(topic_filter)
        # The broker answers in order: when it confirms this one, it has sent what belongs to the one before.
        await client.subscribe(topic_filter)
        messages = aiter(client.messages)
        found = [await anext(messages) for _ in range(len(client.messages))]
        return [(str(message.topic), bytes(message.payload)) for message in found]
