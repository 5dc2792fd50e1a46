"""A look at what a broker has retained, over a connection of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import MQTT_3_1_1
from edge_agent.mqtt.driver import Link

if TYPE_CHECKING:
    from edge_agent.model.inbox import Message
    from edge_agent.mqtt.connection import ConnectionSettings

#: How long the whole look may take.
GLANCE_SECONDS = 1.5
#: Messages that are looked at, and the largest of them: a site has few agents, and what they say is short.
MOST_MESSAGES, LONGEST_PAYLOAD = 1_000, 4_096


async def retained(settings: ConnectionSettings, topic_filter: str) -> list[bytes]:
    """Return the payloads of the messages that are retained under a filter. Raises BrokerUnavailableError."""
    return [payload for _, payload in await retained_messages(settings, topic_filter)]


async def retained_messages(
    settings: ConnectionSettings, topic_filter: str, *, most: int = MOST_MESSAGES, seconds: float = GLANCE_SECONDS
) -> list[tuple[str, bytes]]:
    """Return topic and payload of the messages that are retained under a filter. Raises BrokerUnavailableError.

    What is larger than LONGEST_PAYLOAD is passed over, and what comes beyond so many.
    """
    found: list[tuple[str, bytes]] = []

    def receive(messages: list[Message]) -> None:
        fitting = [each for each in messages if each.cut is None and len(each.payload) <= LONGEST_PAYLOAD]
        found.extend((each.topic, each.payload) for each in fitting[: most - len(found)])

    # Not one name for all: two looks at once, of two agents with one id even, must not end each other's connection.
    settings = replace(settings, client_id=f"{settings.client_id}-glance-{token_hex(4)}")
    link = Link(settings, MQTT_3_1_1, None, receive)  # every broker speaks that
    try:
        async with asyncio.timeout(seconds):
            await link.open()
            await link.subscribe([topic_filter], qos=0)
            # The broker answers in order: when it confirms this one, it has sent what belongs to the one before.
            await link.subscribe([topic_filter], qos=0)
            sent = found.copy()  # the second one brings them once more
            await link.close()
    except (BrokerUnavailableError, TimeoutError) as error:
        raise BrokerUnavailableError(f"the broker cannot be asked: {str(error) or 'no answer in time'}") from error
    finally:
        link.drop()
    return sent
