from __future__ import annotations

import asyncio

import aiomqtt
import pytest
from support.deadline import wait_until
from support.sessions import client, watching

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.broker import (
    find_local_settings,
    find_mosquitto,
    free_port,
    open_amqtt,
    open_broker,
    open_mosquitto,
    write_settings,
)


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
async def test_a_broker_of_ones_own_carries_messages(version):
    async with open_broker() as address:
        kind = "mosquitto" if find_mosquitto() else "amqtt"
        assert (address.host, address.kind) == ("127.0.0.1", kind)
        async with watching(address.port, "a/#", protocol=version) as watcher:
            async with client(address.port, protocol=version) as publisher:
                await publisher.publish("a/b", b"1", qos=1)
            await wait_until(lambda: watcher.messages)


async def test_amqtt_refuses_mqtt_5_at_once_and_speaks_3_1_1():
    async with open_amqtt() as address:
        will = aiomqtt.Will("a", b"offline", 1, True)
        async with asyncio.timeout(1):
            with pytest.raises(aiomqtt.MqttCodeError, match="Unsupported protocol version"):
                await client(address.port, protocol=aiomqtt.ProtocolVersion.V5, will=will).__aenter__()
        async with watching(address.port, "a/#") as watcher, client(address.port) as publisher:
            await publisher.publish("a/b", b"1", qos=1, retain=True)
            await wait_until(lambda: watcher.messages)
            async with watching(address.port, "a/#") as late:
                await wait_until(lambda: late.messages)


async def test_a_broker_is_gone_after_the_block_and_its_port_is_free_again():
    port = free_port()
    for open_one in (open_broker, open_amqtt, open_broker):
        async with open_one(port) as address:
            assert address.port == port
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("open_one", [open_broker, open_amqtt])
async def test_a_port_that_is_taken_is_told_in_one_sentence(open_one, mosquitto):
    with pytest.raises(BrokerUnavailableError, match=f"port {mosquitto.port}"):
        async with open_one(mosquitto.port):
            pass


async def test_a_broker_that_is_cancelled_leaves_no_process():
    async def hold(held):
        async with open_mosquitto(find_mosquitto(), find_local_settings()) as address:
            held.append(address)
            await asyncio.Event().wait()

    held = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hold(held))
        await wait_until(lambda: held)
        task.cancel()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", held[0].port)


def settings_of(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_fixtures_change_only_the_port_and_the_folder_of_the_projects_settings(tmp_path):
    local = find_local_settings()
    assert local is not None
    before = settings_of(local.read_text())
    after = settings_of(write_settings(local, tmp_path, 4711).read_text())
    changed = [new for old, new in zip(before, after, strict=False) if old != new]
    assert changed == ["listener 4711 127.0.0.1", f"persistence_location {tmp_path}/data/"]
    assert after[len(before) :] in ([], ["user root"])


def test_the_local_broker_listens_on_loopback_only():
    listeners = [line for line in settings_of(find_local_settings().read_text()) if line.startswith("listener")]
    assert listeners == ["listener 1883 127.0.0.1"]
