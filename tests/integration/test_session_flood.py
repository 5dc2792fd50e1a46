"""A flood comes whole and in order, over every kind of connection."""

from __future__ import annotations

import asyncio
import json

import pytest
from support.deadline import wait_until
from support.flood import Flood
from support.sessions import WILL, Agent, running

from edge_agent.mqtt.clients import MQTT_3_1_1, MQTT_5
from edge_agent.mqtt.connection import ConnectionSettings
from edge_agent.mqtt.driver import Link

EVENT_LOOPS = ("asyncio", "uvloop")
COUNT = 20_000
LOAD = "water/riverside/load/telemetry/s0"


class Taker:
    """Takes messages, acknowledges them in groups, and is paused again and again."""

    def __init__(self, settings, version):
        self.numbers, self.unacknowledged, self.largest = [], [], 0
        self.link = Link(settings, version, WILL, self.take, generation=7)

    def take(self, messages):
        assert all(message.topic == LOAD for message in messages)
        self.numbers += [json.loads(message.payload)["seq"] for message in messages]
        self.unacknowledged += [message.receipt for message in messages if message.receipt]
        self.largest = max(self.largest, len(messages))
        if len(self.unacknowledged) >= 400:
            self.link.pause()

    async def acknowledge(self):
        while True:
            await asyncio.sleep(0.001)
            receipts, self.unacknowledged = self.unacknowledged, []
            assert all(receipt.generation == 7 for receipt in receipts)
            self.link.acknowledge([receipt.packet for receipt in receipts])
            self.link.resume()


async def take_flood(taker, broker):
    await taker.link.open()
    try:
        await taker.link.subscribe(["water/#"])
        taker.link.ready()
        with Flood(broker.port, count=COUNT) as flood:
            async with asyncio.TaskGroup() as group:
                acknowledging = group.create_task(taker.acknowledge())
                flood.go()
                await wait_until(lambda: len(taker.numbers) >= COUNT, timeout=30)
                acknowledging.cancel()
    finally:
        await taker.link.close()
    assert taker.numbers == list(range(COUNT))
    assert taker.largest > 1


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
async def test_over_tcp(mosquitto, version):
    await take_flood(Taker(ConnectionSettings("127.0.0.1", mosquitto.port, "gateway-1"), version), mosquitto)


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
async def test_over_tls(secured, certificate, version):
    broker, port = secured
    await take_flood(Taker(ConnectionSettings("127.0.0.1", port, "gateway-1", tls=certificate), version), broker)


async def test_through_a_network_that_cuts_packets_anywhere(mosquitto, proxy):
    await take_flood(Taker(ConnectionSettings("127.0.0.1", proxy.port, "gateway-1"), MQTT_5), mosquitto)


async def test_after_connections_that_broke_in_the_middle_nothing_is_missing(mosquitto, proxy):
    async with running(Agent(proxy.port)) as agent:
        with Flood(mosquitto.port, count=5_000, rate=5_000) as flood:
            flood.go()
            acknowledged = 0
            for broken in (1_000, 2_000, 3_000, 5_000):
                while len({message.payload for message in agent.messages}) < broken:
                    await asyncio.sleep(0.001)
                    fresh, acknowledged = agent.messages[acknowledged:], len(agent.messages)
                    agent.session.acknowledge([message.receipt for message in fresh])
                proxy.drop()
    numbers = [json.loads(message.payload)["seq"] for message in agent.messages]
    assert set(numbers) == set(range(5_000))
    assert agent.session.generation >= 4
