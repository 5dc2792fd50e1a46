"""A look at what a broker has retained, over a connection of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import aiomqtt

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import passing_client

if TYPE_CHECKING:
    from edge_agent.mqtt.connection import ConnectionSettings

#: How long the whole look may take.
GLANCE_SECONDS = 1.5


async def retained(settings: ConnectionSettings, topic_filter: str) -> list[bytes]:
    """Tell the payloads of the messages that are retained under a filter. Raises BrokerUnavailableError."""
    settings = replace(settings, client_id=f"{settings.client_id}-glance")
    try:
        async with asyncio.timeout(GLANCE_SECONDS), passing_client(settings, GLANCE_SECONDS) as client:
            await client.subscribe(topic_filter)
            # The broker answers in order: when it confirms this one, it has sent what belongs to the one before.
            await client.subscribe(topic_filter)
            messages = aiter(client.messages)
            return [bytes((await anext(messages)).payload) for _ in range(len(client.messages))]
    except (aiomqtt.MqttError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(f"the broker cannot be asked: {str(error) or 'no answer in time'}") from error
