"""Brokers and clients for the integration tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.proxy import Proxy
from support.sessions import client

from edge_agent.mqtt.broker import open_amqtt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiomqtt
    from support.brokers import Mosquitto

    from edge_agent.mqtt.broker import Address


@pytest.fixture
async def amqtt_broker() -> AsyncIterator[Address]:
    """Run amqtt in the loop of the test."""
    async with open_amqtt() as address:
        yield address


@pytest.fixture
async def proxy(mosquitto: Mosquitto) -> AsyncIterator[Proxy]:
    """Stand between a client and the Mosquitto of the test."""
    async with Proxy(mosquitto.port) as between:
        yield between


@pytest.fixture
async def publisher(mosquitto: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    """Connect a plain client to the Mosquitto of the test."""
    async with client(mosquitto.port) as connected:
        yield connected
