from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loguru import logger
from support.deadline import wait_until
from support.noderig import START, contents, make_rig, statuses

from edge_agent.errors import BrokerUnavailableError, SimulationError
from edge_agent.model.inbox import Kind
from edge_agent.model.time import Moment
from edge_agent.simulate.faults import Fault
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.live import run_live
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.outbox import SendQueue
from edge_agent.simulate.plant import PlantSimulation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.nodewire import Outgoing

RIVERSIDE = Path(__file__).parents[3] / "config" / "riverside.inp"


@dataclass
class HandClock:
    """Time that passes when a test says so."""

    seconds: float = 0.0
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    def now(self) -> Moment:
        return Moment(START + round(self.seconds * 1_000_000), self.seconds)

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds
        async with self._moved:
            await self._moved.wait_for(lambda: self.seconds >= until)

    async def pass_(self, seconds: float) -> None:
        async with self._moved:
            self.seconds += seconds
            self._moved.notify_all()


class Link:
    def __init__(self, bus: FakeBus, node: str) -> None:
        self._bus, self._node = bus, node
        self.orders: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()

    async def publish(self, message: Outgoing) -> None:
        if self._bus.away:
            raise BrokerUnavailableError("away")
        self._bus.published.append(message)

    async def commands(self) -> AsyncIterator[tuple[str, bytes]]:
        while (order := await self.orders.get()) is not None:
            yield order


class FakeBus:
    """A broker in memory: what was published, who is connected, and with which will."""

    def __init__(self) -> None:
        self.published: list[Outgoing] = []
        self.links: dict[str, Link] = {}
        self.connections: list[str] = []
        self.wills: dict[str, Outgoing] = {}
        self.away = False

    @asynccontextmanager
    async def connect(self, node: str, will: Outgoing) -> AsyncIterator[Link]:
        if self.away:
            raise BrokerUnavailableError("away")
        self.connections.append(node)
        self.wills[node] = will
        self.links[node] = link = Link(self, node)
        try:
            yield link
        finally:
            del self.links[node]

    def statuses(self, node: str) -> list[bytes]:
        return [m.payload for m in self.published if m.route.kind is Kind.STATUS and m.route.node == node]


@pytest.fixture
def simulation(riverside: PlantFile) -> Iterator[PlantSimulation]:
    with Hydraulics(RIVERSIDE) as water:
        yield PlantSimulation(water, parse_mapping(riverside.simulation, "plant.toml"), riverside.plant)


@asynccontextmanager
async def living(simulation: PlantSimulation, bus: FakeBus, clock: HandClock) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run_live(simulation, bus, clock, reconnect_seconds=0.01))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_every_node_connects_by_itself_with_its_last_will(simulation: PlantSimulation) -> None:
    bus = FakeBus()
    async with living(simulation, bus, HandClock()):
        await wait_until(lambda: len(bus.published) >= 3 + 2 + 8)
        assert sorted(bus.connections) == ["district", "station", "tank1"]
        assert {node: will.payload for node, will in bus.wills.items()} == dict.fromkeys(bus.links, b"offline")
        assert bus.statuses("station") == [b"online"]


async def test_a_plant_that_is_stopped_leaves_no_node_online(simulation: PlantSimulation) -> None:
    bus = FakeBus()
    async with living(simulation, bus, HandClock()):
        await wait_until(lambda: len(bus.published) >= 3 + 2 + 8)
    assert not bus.links
    assert [bus.statuses(node)[-1] for node in simulation.nodes] == [b"offline"] * 3


async def test_time_brings_the_next_readings(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        bus.published.clear()
        await clock.pass_(10)
        await wait_until(lambda: len(bus.published) == 4)  # level, suction, discharge, flow
        assert [reading["seq"] for reading in contents(bus.published, Kind.TELEMETRY)] == [2, 2, 2, 2]


async def test_a_command_is_answered_without_waiting_for_the_clock(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        bus.published.clear()
        bus.links["station"].orders.put_nowait(("pump1", make_rig().command(site="riverside")))
        await wait_until(lambda: len(bus.published) == 3)
        assert [message.route.kind for message in bus.published] == [Kind.ACK, Kind.STATE, Kind.ACK]
        assert statuses(bus.published) == ["accepted", "done"]


async def test_a_lost_broker_is_found_again_at_once_and_the_states_are_told_anew(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        bus.away = True
        bus.links["station"].orders.put_nowait(None)  # the stream of commands ends with the connection
        await wait_until(lambda: "station" not in bus.links)
        bus.published.clear()
        bus.away = False
        await wait_until(lambda: len(bus.published) == 3)
        assert [message.route.kind for message in bus.published] == [Kind.STATUS, Kind.STATE, Kind.STATE]
        await clock.pass_(10)
        await wait_until(lambda: len([m for m in bus.published if m.route.node == "station"]) == 6)


async def test_a_broker_that_is_away_is_told_once_and_its_return_too(simulation: PlantSimulation) -> None:
    bus = FakeBus()
    bus.away = True
    told: list[tuple[str, str]] = []
    sink = logger.add(lambda message: told.append((message.record["level"].name, message.record["message"])))
    async with living(simulation, bus, HandClock()):
        await wait_until(lambda: len([level for level, _ in told if level == "DEBUG"]) >= 3)
        bus.away = False
        await wait_until(lambda: told[-1] == ("INFO", "All nodes have their broker again"))
    logger.remove(sink)
    assert [text for level, text in told if level == "WARNING"] == ["A node has no broker; it tries again"]


async def test_a_node_that_goes_offline_while_the_broker_is_lost_says_only_that(simulation: PlantSimulation) -> None:
    simulation.faults.faults.append(Fault("station", "offline", start=10))
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        bus.away = True
        bus.links["station"].orders.put_nowait(None)
        await wait_until(lambda: "station" not in bus.links)
        await clock.pass_(10)
        await wait_until(lambda: not simulation.nodes["station"].online)
        bus.published.clear()
        bus.away = False
        await wait_until(lambda: bus.statuses("station") == [b"offline"] and "station" not in bus.links)
        assert len([m for m in bus.published if m.route.node == "station"]) == 1


async def test_what_was_said_while_the_broker_was_away_is_not_lost(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    bus.away = True
    async with living(simulation, bus, clock):
        await wait_until(lambda: simulation.nodes["tank1"].online)
        for seconds in (10, 20, 30):
            await clock.pass_(10)
            await wait_until(lambda until=seconds: simulation.next_event() > until)
        bus.away = False
        await wait_until(lambda: len([m for m in bus.published if m.route.name == "level"]) == 4)
        levels = [m for m in bus.published if m.route.name == "level"]
        assert [reading["seq"] for reading in contents(levels, Kind.TELEMETRY)] == [1, 2, 3, 4]


async def test_a_node_that_goes_offline_says_so_leaves_and_comes_back(simulation: PlantSimulation) -> None:
    simulation.faults.faults.append(Fault("station", "offline", start=10, end=20))
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        await clock.pass_(10)
        await wait_until(lambda: "station" not in bus.links)
        assert bus.statuses("station") == [b"online", b"offline"]
        assert {"tank1", "district"} == set(bus.links)
        await clock.pass_(10)
        await wait_until(lambda: bus.statuses("station")[-1] == b"online")
        assert bus.connections.count("station") == 2


async def test_stopping_while_the_broker_is_lost_stops(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    async with asyncio.timeout(5), living(simulation, bus, clock):
        await wait_until(lambda: len(bus.published) >= 13)
        bus.away = True
        for link in bus.links.values():
            link.orders.put_nowait(None)  # seen in the same round of the event loop as the cancellation
    assert not bus.links


async def test_the_broker_can_be_lost_any_number_of_times(simulation: PlantSimulation) -> None:
    bus, clock = FakeBus(), HandClock()
    async with living(simulation, bus, clock):
        for times in (1, 2, 3, 4):
            await wait_until(lambda: "tank1" in bus.links)
            assert bus.connections.count("tank1") == times
            await wait_until(lambda times=times: len(bus.statuses("tank1")) == times)
            bus.links["tank1"].orders.put_nowait(None)
            await wait_until(lambda times=times: bus.connections.count("tank1") > times)


async def test_a_network_that_cannot_be_calculated_ends_the_run(simulation: PlantSimulation) -> None:
    simulation.hydraulics.close()
    with pytest.raises(ExceptionGroup) as caught:
        await run_live(simulation, FakeBus(), HandClock())
    assert caught.group_contains(SimulationError)


def test_a_full_outbox_loses_the_oldest_and_counts_it() -> None:
    box, message = SendQueue(capacity=2), make_rig().node.will
    box.put([message, message, message])
    assert len(box) == 2
    assert box.dropped == 1


async def test_a_message_stays_until_it_is_removed() -> None:
    box, rig = SendQueue(), make_rig()
    first, second = rig.node.will, rig.node.announce(HandClock().now())[0]
    box.put([first, second])
    assert await box.first() is first
    assert await box.first() is first
    box.remove(second)
    assert await box.first() is first
    box.remove(first)
    assert await box.first() is second
