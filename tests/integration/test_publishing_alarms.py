"""Alarm states on a real broker, without those of a former life."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from support.deadline import wait_until
from support.processes import PLANT
from support.sessions import WILL, watching

from edge_agent.container.agent import open_agent
from edge_agent.model.alarms import AlarmKey
from edge_agent.mqtt.topics import Topics
from edge_agent.settings.agent import Settings
from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import aiomqtt
    from support.brokers import Mosquitto


TOPICS = Topics("water", "riverside", "gateway-1")
LIMIT = 'low  = { limit = 1.5, deadband = 0.2, priority = "high" }'
AT_ONCE = PLANT.replace("on_delay_seconds = 1, ", "")


@asynccontextmanager
async def whole_agent(folder: Path, port: int, plant: str = AT_ONCE) -> AsyncIterator[None]:
    """Run a whole agent in a folder, until it listens and beside the block."""
    file = folder / "plant.toml"
    file.write_text(plant, encoding="utf-8")
    told = {"mqtt": {"port": port}, "store": {"path": folder / "agent.db"}, "http": {"port": 0}}
    async with (
        open_agent(Settings.model_validate(told), load_plant(file)) as run,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(run.agent.run())
        try:
            await wait_until(lambda: run.session.connected)
            yield
        finally:
            run.agent.stop()


async def test_an_agent_on_a_new_card_clears_what_it_does_not_know(
    mosquitto: Mosquitto, publisher: aiomqtt.Client, tmp_path: Path
) -> None:
    gone = [TOPICS.alarm(AlarmKey("tank9", f"s{number}", "low")) for number in range(3000)]
    others = [Topics("water", "riverside", "gateway-2").alarm(AlarmKey("tank9", "s0", "low")), WILL.topic]
    for topic in [*gone, *others]:
        await publisher.publish(topic, b"{}", qos=1, retain=True)
    async with watching(mosquitto.port, "water/riverside/_agent/#") as seen:
        await wait_until(lambda: len(seen.messages) == 3002)
        async with whole_agent(tmp_path, mosquitto.port):
            await wait_until(lambda: sum(not message.payload for message in seen.messages) >= len(gone))
    last = seen.last
    assert not any(last[topic] for topic in gone)
    assert all(last[topic] for topic in others)


async def test_an_alarm_leaves_the_broker_with_its_threshold(
    mosquitto: Mosquitto, publisher: aiomqtt.Client, tmp_path: Path
) -> None:
    low = TOPICS.alarm(AlarmKey("tank1", "level", "low"))
    async with watching(mosquitto.port, TOPICS.alarms()) as seen:
        async with whole_agent(tmp_path, mosquitto.port):
            await publisher.publish(TOPICS.telemetry("tank1", "level"), b"1.0", qos=1)
            await wait_until(lambda: seen.last.get(low))
        assert LIMIT in AT_ONCE
        without = AT_ONCE.replace(LIMIT, "").replace("tank1/level:low", "tank1/level:high")
        async with whole_agent(tmp_path, mosquitto.port, without):
            await wait_until(lambda: seen.last[low] == b"")
