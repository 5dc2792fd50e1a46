"""Listening in on a broker, over a connection of its own that leaves nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import MQTT_3_1_1
from edge_agent.mqtt.driver import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Message
    from edge_agent.mqtt.connection import ConnectionSettings


async def overhear(
    settings: ConnectionSettings,
    topic_filter: str,
    hear: Callable[[str, bytes], None],
    *,
    until: asyncio.Event,
    seconds: float | None = None,
) -> None:
    """Hand on topic and payload of what comes by under a filter, until told to end or the time is over.

    Raises BrokerUnavailableError where there is no connection, or it is lost.
    """

    def receive(messages: list[Message]) -> None:
        for each in messages:
            if each.cut is None:
                hear(each.topic, each.payload)

    settings = replace(settings, client_id=f"{settings.client_id}-listens-{token_hex(4)}")
    link = Link(settings, MQTT_3_1_1, None, receive)  # every broker speaks that
    try:
        await link.open()
        await link.subscribe([topic_filter], qos=0)
        link.ready()
        await _until_over(link, until, seconds)
        await link.close()
    finally:
        link.drop()


async def _until_over(link: Link, until: asyncio.Event, seconds: float | None) -> None:
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(link.lost(), name="the connection")
        told = group.create_task(until.wait(), name="the end")
        await asyncio.wait({lost, told}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        cause = lost.result() if lost.done() else ""
        lost.cancel()
        told.cancel()
    if cause:
        raise BrokerUnavailableError(f"the connection to the broker is lost: {cause}")
